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
from torch import nn

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
loss = lambda net, step: net(torch.ones(len(step.rows), 1)).mean()
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


# Which device


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """machine(gpus, capability, compiled, mps): what PyTorch says of the machine and of itself."""
    def set_up(gpus: int = 0, capability: tuple[int, int] = (8, 6), compiled: str = "sm_80 sm_90", mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: compiled.split())
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    monkeypatch.delenv("DIFFUSION_DEVICE", raising=False)
    set_up()
    yield set_up
    devices._notice_once.cache_clear()


@pytest.mark.parametrize(("there", "best"), [({}, "cpu"), ({"mps": True}, "mps"), ({"gpus": 1}, "cuda"),
                                             ({"gpus": 1, "mps": True}, "cuda")])
def test_the_best_device_is_picked(machine: Callable[..., None], there: dict, best: str) -> None:
    machine(**there)
    assert devices.pick_device() == torch.device(best)


def test_the_environment_names_the_device_where_the_code_does_not(machine: Callable[..., None],
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    machine(gpus=2)
    for name in ("cpu", "cuda:1"):
        monkeypatch.setenv("DIFFUSION_DEVICE", name)
        assert devices.pick_device() == torch.device(name)
        assert devices.pick_device("cuda:0") == torch.device("cuda:0"), "asked for by name"
    monkeypatch.setenv("DIFFUSION_DEVICE", "")
    assert devices.pick_device() == torch.device("cuda"), "empty is as if it were not set"


@pytest.mark.parametrize(("name", "answer"), [
    ("gpu", "unknown DIFFUSION_DEVICE 'gpu'. Did you mean 'cuda'? Allowed: cpu, cuda, cuda:0, mps"),
    ("cuda:2", "DIFFUSION_DEVICE 'cuda:2' was asked for, but PyTorch counts CUDA GPUs from 0 and sees 2 here. "
               "Allowed: cpu, cuda, cuda:0, cuda:1"),
    ("mps", "DIFFUSION_DEVICE 'mps' was asked for, but PyTorch sees no Apple GPU here. Allowed: cpu, cuda, cuda:0, cuda:1"),
])
def test_a_bad_value_in_the_environment_is_answered_with_the_variables_name(
        machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch, name: str, answer: str) -> None:
    machine(gpus=2)
    monkeypatch.setenv("DIFFUSION_DEVICE", name)
    with pytest.raises(ValueError) as error:
        devices.pick_device()
    assert str(error.value) == answer


@pytest.mark.parametrize(("name", "nearest"), [("gpu", "cuda"), ("0", "cuda:0"), ("7", "cuda:7"), ("CUDA", "cuda"),
                                               ("Metal", "mps"), ("cuda0", "cuda:0"), ("xpu", "cpu")])
def test_a_name_that_is_none_is_answered_by_the_nearest(machine: Callable[..., None], name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"unknown device '{name}'. Did you mean '{nearest}'[?] Allowed: cpu, cuda, "):
        devices.pick_device(name)


@pytest.mark.parametrize("name", ["cuda:", "cuda:x", "cuda:-1", "cpu:1:0", "meta", ""])
def test_what_is_no_device_of_the_books_is_refused(machine: Callable[..., None], name: str) -> None:
    machine(gpus=1)
    with pytest.raises(ValueError, match="Allowed: cpu, cuda, cuda:0, mps"):
        devices.pick_device(name)


@pytest.mark.parametrize("name", ["cpu:0", "mps:0", "mps", "cpu"])
def test_the_name_that_a_tensor_gives_its_device_is_one(machine: Callable[..., None], name: str) -> None:
    machine(mps=True)
    assert devices.pick_device(torch.device(name)) == torch.device(name)


@pytest.mark.parametrize(("capability", "compiled", "runs"), [
    ((6, 1), "sm_75 sm_80 sm_90 compute_90", False),  # older than all
    ((7, 0), "sm_75 sm_80", False),
    ((8, 9), "sm_75 sm_80", True),                    # what is compiled for 8.0 runs on 8.9
    ((8, 0), "sm_86", False),                         # and not the other way round
    ((12, 0), "sm_80 sm_90", False),                  # newer than all, and nothing to compile from
    ((12, 0), "sm_80 compute_90", True),
    ((10, 3), "sm_90 sm_100f sm_120", True),
    ((9, 4), "gfx90a gfx942", True),                  # AMD's, which nothing is known of
    ((9, 0), "", True),
])
def test_a_gpu_that_this_pytorch_was_not_built_for_is_not_picked(
        machine: Callable[..., None], capsys: pytest.CaptureFixture, capability: tuple[int, int], compiled: str,
        runs: bool) -> None:
    machine(gpus=1, capability=capability, compiled=compiled)
    assert [devices.pick_device().type for _ in range(2)] == 2 * ["cuda" if runs else "cpu"]
    said = capsys.readouterr().err
    assert said.count("Notice:") == (0 if runs else 1), "said once"
    if runs:
        assert devices.pick_device("cuda").type == "cuda"
    else:
        assert "Some GPU" in said and f"capability {capability[0]}.{capability[1]}" in said and "The CPU is used" in said
        with pytest.raises(ValueError, match="device 'cuda' was asked for, but this PyTorch was not built for Some GPU"):
            devices.pick_device("cuda")


class Film(nn.Module):
    """A network of pictures in time: convolutions of one, two and three axes."""

    def __init__(self):
        super().__init__()
        self.space, self.film, self.sound = nn.Conv2d(2, 4, 3), nn.Conv3d(2, 4, 3), nn.Conv1d(2, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.film(x).sum() + self.space(x[:, :, 0]).sum() + self.sound(x[:, :, 0, 0]).sum()


def test_only_convolutions_of_pictures_are_laid_out_by_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch refuses to lay out a network so that holds weights of five axes."""
    monkeypatch.setattr(devices, "memory_format", lambda device: torch.channels_last)
    torch.manual_seed(0)
    net, x = Film(), torch.randn(2, 2, 4, 6, 6)
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    wanted = net(x)
    placed = devices.place(net, torch.device("cpu"))
    assert placed is net and net.space.weight.is_contiguous(memory_format=torch.channels_last)
    assert net.film.weight.is_contiguous() and net.sound.weight.is_contiguous()
    assert all(torch.equal(weight, before[name]) for name, weight in net.state_dict().items())
    # sums of 2·27 products, in another order: a few 2⁻²⁴ of their size
    torch.testing.assert_close(net(x), wanted, rtol=1e-4, atol=1e-4)
    net(x).backward()
    with pytest.raises(RuntimeError, match="required rank 4"):
        Film().to(memory_format=torch.channels_last)
