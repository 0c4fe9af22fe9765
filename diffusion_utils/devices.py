"""Where and in which precision to compute: chosen at run time from what the machine has."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import re
import time

import torch
from torch import nn

from .errors import unknown_name
from .notices import notice

DEVICES = ("cpu", "cuda", "cuda:0", "mps")  # and cuda:1, … where there are several
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # settings of mallopt, as glibc's malloc.h numbers them


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """The device asked for, else the one that the environment variable DIFFUSION_DEVICE names, else the best there is.

    name: 'cpu', 'cuda', 'cuda:1' and so on, or 'mps'. The best is CUDA, then Apple's MPS, then the CPU; a GPU that this
    PyTorch was not built for does not count, which a notice says once.
    Raises ValueError for a device that there is not, or that this PyTorch cannot use.
    """
    if name is not None:
        return _named(str(name), "device")
    if wanted := os.environ.get("DIFFUSION_DEVICE"):
        return _named(wanted, "DIFFUSION_DEVICE")
    if torch.cuda.is_available():
        why_not = _why_not(torch.device("cuda"))
        if why_not is None:
            return torch.device("cuda")
        _notice_once(f"{why_not}. The CPU is used")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _named(name: str, what: str) -> torch.device:
    """what: says in an error where the name comes from, 'device' or the name of the environment variable."""
    kind, _, number = name.partition(":")
    if kind not in DEVICES or not re.fullmatch(r"(:\d+)?", name.removeprefix(kind)):
        raise _unknown(name, what)
    count = {"cpu": 1, "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
             "mps": int(torch.backends.mps.is_available())}[kind]
    gpu = {"cuda": "CUDA GPU", "mps": "Apple GPU"}.get(kind, "CPU")
    if count == 0:
        raise ValueError(f"{what} {name!r} was asked for, but PyTorch sees no {gpu} here. Allowed: {_there()}")
    if int(number or 0) >= count:
        raise ValueError(f"{what} {name!r} was asked for, but PyTorch counts {gpu}s from 0 and sees {count} here. "
                         f"Allowed: {_there()}")
    device = torch.device(name)
    if kind == "cuda" and (why_not := _why_not(device)):
        raise ValueError(f"{what} {name!r} was asked for, but {why_not}. Allowed: cpu")
    return device


def _unknown(name: str, what: str) -> ValueError:
    """The nearest name by its meaning, else by its letters, by which 'gpu' would be 'cpu'."""
    meant = {"gpu": "mps" if torch.backends.mps.is_available() else "cuda", "metal": "mps"}.get(name.lower())
    if name.isdecimal():
        meant = f"cuda:{name}"
    elif name.lower() in DEVICES:
        meant = name.lower()
    if meant is None:
        return unknown_name(what, name, DEVICES)
    return ValueError(f"unknown {what} {name!r}. Did you mean {meant!r}? Allowed: {', '.join(DEVICES)}")


def _there() -> str:
    """The devices of this machine, for an error message."""
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ", ".join(["cpu"] + ["cuda"] * bool(gpus) + gpus + ["mps"] * torch.backends.mps.is_available())


def _why_not(device: torch.device) -> str | None:
    """Why this PyTorch cannot compute on a CUDA GPU that it sees: it holds no program for a GPU as old, or as new. Or None.

    What was compiled for sm_86 runs on GPUs of capability 8.6 and above, up to 8.9; what was kept as compute_90 is compiled
    when it is needed, for any GPU from 9.0 on (CUDA C++ programming guide, "Application compatibility").
    """
    compiled = torch.cuda.get_arch_list()
    if not any(name.startswith("sm_") for name in compiled):  # AMD's GPUs have other names; none: nothing is known
        return None
    capability = torch.cuda.get_device_capability(device)
    for kind, major, minor in re.findall(r"(sm|compute)_(\d+)(\d)", " ".join(compiled)):
        built_for = int(major), int(minor)
        if built_for <= capability and (kind == "compute" or built_for[0] == capability[0]):
            return None
    return (f"this PyTorch was not built for {torch.cuda.get_device_name(device)}, a GPU of capability "
            f"{'.'.join(map(str, capability))} (only for {', '.join(compiled)})")


@functools.cache
def _notice_once(text: str) -> None:
    notice(text)


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
    channels_last = device.type == "cuda" or (
        device.type == "cpu" and not has_fast_bf16(device))
    return torch.channels_last if channels_last else torch.contiguous_format


def place(net: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, its convolutions of pictures laid out as `memory_format` says; others know one layout."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            layer.to(memory_format=memory_format(device))
    return net.to(device)


def autocast(device: torch.device,
             enabled: bool = True) -> contextlib.AbstractContextManager:
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
    return bool(mallopt(MMAP_THRESHOLD, largest)
                and mallopt(TRIM_THRESHOLD, -1))  # −1: never


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
