"""Where and in which precision to compute: chosen at run time from what the machine has."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import platform
import time

import torch

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # settings of mallopt, as glibc's malloc.h numbers them


def pick_device(name: str | None = None) -> torch.device:
    """The device asked for, or the best there is: CUDA, then Apple's MPS, then the CPU. Raises ValueError if it is absent."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' was asked for, but PyTorch sees no CUDA GPU here")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device 'mps' was asked for, but PyTorch sees no Apple GPU here")
    return device


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is done in hardware and pays: recent CUDA GPUs, and CPUs whose bfloat16 is faster than their float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and _cpu_gains_by_bf16()


@functools.cache
def _cpu_gains_by_bf16() -> bool:
    """Whether this CPU has instructions for bfloat16 (AVX512-BF16, AMX) and multiplies matrices faster with them.

    Some CPUs have them and are slower by them than in float32, so the product is timed, once in each process. A gain of
    less than a fifth does not count: it might be there today and not tomorrow, and a choice should last.
    """
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private, so absent means "not known": no
    if not any(getattr(torch.cpu, name, lambda: False)() for name in checks):
        return False
    seconds = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    for _ in range(10):  # they take turns, and the least disturbed of each counts
        for dtype in seconds:
            matrix = torch.ones(512, 512, dtype=dtype)
            started = time.perf_counter()
            matrix @ matrix
            seconds[dtype] = min(seconds[dtype], time.perf_counter() - started)
    return 1.2 * seconds[torch.bfloat16] < seconds[torch.float32]


def memory_format(device: torch.device) -> torch.memory_format:
    """The layout of pictures and convolutions in memory, by what it gains.

    Channels last on CUDA, whose matrix units read it, and on a CPU that computes in float32. The usual one on a CPU in
    bfloat16, where a training step gained nothing, and on other devices.
    Source: chapter 18, which measured one CPU of each kind and measures the reader's.
    """
    channels_last = device.type == "cuda" or (device.type == "cpu" and not has_fast_bf16(device))
    return torch.channels_last if channels_last else torch.contiguous_format


def autocast(device: torch.device, enabled: bool = True) -> contextlib.AbstractContextManager:
    """bfloat16 autocast where it is fast, else nothing. bfloat16 keeps float32's range, so no loss scaling is needed."""
    if enabled and has_fast_bf16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def keep_freed_memory() -> bool:
    """Let this process keep the memory of freed tensors for the next ones; returns whether its C library can be told so.

    A training step on a CPU makes and frees the same tensors again and again. glibc, the C library of most Linux systems,
    returns much of their memory to the kernel in each step, which fills it with zeros before it gives it out again. This
    holds for the whole process, which keeps what it has freed until it ends, tensors of more than 32 MiB excepted.
    Source: mallopt(3) in the Linux manual.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    largest = 32 * 2**20  # bytes: the most that the manual allows
    return bool(mallopt(MMAP_THRESHOLD, largest) and mallopt(TRIM_THRESHOLD, -1))  # −1: never


def describe(device: torch.device) -> str:
    """The hardware in words, for the records of a training run, e.g. 'CPU x86_64, 2 threads, bfloat16'."""
    precision = "bfloat16" if has_fast_bf16(device) else "float32"
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {precision}"
    if device.type == "mps":
        return f"Apple GPU (MPS), {precision}"
    return f"{_cpu_name()}, {torch.get_num_threads()} threads, {precision}"


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
