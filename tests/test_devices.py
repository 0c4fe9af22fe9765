"""What devices chooses for the machine at hand."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from diffusion_utils import devices

GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library takes no such settings")
# New pages in ten rounds of 128 MiB made and freed, in a process of its own, since the setting holds for a whole one.
COUNT = """
import resource, torch
from torch import nn
from diffusion_utils.devices import keep_freed_memory
from diffusion_utils.training import TrainConfig, fit

def pages():
    before = 0
    for turn in range(15):
        if turn == 5:  # the first rounds fill the store, in which other things may leave gaps at first
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        made = [torch.ones(4 * 2**20) for _ in range(8)]
        del made
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
"""


def printed(code: str) -> list[int]:
    """The numbers that a new process prints."""
    usual = {key: value for key, value in os.environ.items()  # without another allocator, or settings of this one
             if key not in ("LD_PRELOAD", "GLIBC_TUNABLES") and not key.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", COUNT + code], capture_output=True, text=True, check=True, env=usual)
    return [int(line) for line in done.stdout.split()]


@GLIBC
@pytest.mark.parametrize("keep", ["assert keep_freed_memory()", """
loss = lambda net, rows, generator: net(torch.ones(len(rows), 1)).mean()
list(fit(nn.Linear(1, 1), loss, 8, TrainConfig(steps=1, batch=2)))
"""], ids=["asked to", "training"])
def test_kept_memory_needs_no_new_pages(keep: str) -> None:
    returned, kept = printed(f"print(pages())\n{keep}\nprint(pages())")
    if returned < 100:  # huge pages: 64 a round, small ones: 32,768
        pytest.skip("no new pages before, either: not counted here, or something small lay behind what was freed")
    assert kept < 0.2 * returned, "the memory is there already"


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))  # as on macOS and Windows
    assert not devices.keep_freed_memory()


@pytest.fixture
def choice(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool, torch.dtype | None], bool]]:
    """choice(instructions, slow): has_fast_bf16 of a CPU with or without them, whose products in `slow` take 50 ms longer.

    Products in bfloat16 are computed in float32, since on a CPU without it they would take a quarter of a second.
    """
    plain = torch.Tensor.__matmul__

    def chosen(instructions: bool, slow: torch.dtype | None = None) -> bool:
        def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            if a.dtype == slow:
                time.sleep(0.05)
            return plain(a.float(), b.float()).bfloat16() if a.dtype == torch.bfloat16 else plain(a, b)

        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: instructions, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
        monkeypatch.setattr(torch.Tensor, "__matmul__", product)
        devices._cpu_gains_by_bf16.cache_clear()
        return devices.has_fast_bf16(torch.device("cpu"))

    yield chosen
    devices._cpu_gains_by_bf16.cache_clear()


def test_a_cpu_computes_in_bfloat16_only_where_that_is_faster(choice: Callable[..., bool]) -> None:
    assert choice(instructions=True, slow=torch.float32)
    assert not choice(instructions=True, slow=torch.bfloat16), "the instructions are there, and slower"
    assert not choice(instructions=False, slow=torch.float32), "bfloat16 would be emulated"


def test_autocast_and_the_description_follow_the_choice(choice: Callable[..., bool]) -> None:
    cpu = torch.device("cpu")
    for slow, precision in ((torch.float32, "bfloat16"), (torch.bfloat16, "float32")):
        choice(instructions=True, slow=slow)
        with devices.autocast(cpu):
            assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype == getattr(torch, precision)
        assert devices.describe(cpu).endswith(precision)


def test_channels_come_last_where_that_is_faster(choice: Callable[..., bool]) -> None:
    cpu = torch.device("cpu")
    choice(instructions=True, slow=torch.float32)
    assert devices.memory_format(cpu) == torch.contiguous_format, "bfloat16"
    choice(instructions=False)
    assert devices.memory_format(cpu) == torch.channels_last, "float32"
    assert devices.memory_format(torch.device("cuda")) == torch.channels_last
    assert devices.memory_format(torch.device("mps")) == torch.contiguous_format


def test_apples_gpu_computes_in_float32() -> None:
    assert not devices.has_fast_bf16(torch.device("mps"))
