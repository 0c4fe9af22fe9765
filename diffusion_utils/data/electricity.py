"""ETTh1: seven series of an electricity transformer, hour by hour over two years. With neither folder nor network, a series
that is made up, of which everything is known.

Source of the data: Zhou et al. 2021; CC BY-ND 4.0. Six useful and useless loads (high, middle, low; HUFL … LULL) and the oil
temperature (OT).
"""

from __future__ import annotations

import hashlib
import math
import os
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..masks import last_hours, random_entries
from ..notices import notice
from .download import fetch_file
from .mnist import DataError, cache_folder
from .windows import DAY, WEEK, WINDOW, Series, SeriesData, standard_parts, windows_of

COLUMNS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
FILE, SHA256 = "ETTh1.csv", "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"
ADDRESS = f"https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/{FILE}"
# The usual split: 12, 4 and 4 months of 30 days; what comes later is left out, as everyone does
PARTS = {"train": range(8640), "validation": range(8640, 11_520), "test": range(11_520, 14_400)}
MONDAY = datetime(2016, 6, 27)  # a Monday before the data begin
DRAWS = 16  # samples of each test window that `evaluate` asks for: a fair CRPS needs several


def load_electricity() -> Series:
    """ETTh1: from the folder ett in DIFFUSION_DATA, where that is set; else downloaded once; else `toy_transformer`, with a
    notice.

    Raises DataError for a file that is truncated or altered, and where DIFFUSION_DATA has no such file.
    """
    return _load(os.environ.get("DIFFUSION_DATA") or None, cache_folder())


@lru_cache(maxsize=2)
def _load(folder: str | None, cache: Path) -> Series:
    if folder is not None:
        paths = [Path(folder).expanduser() / inner for inner in (f"ett/{FILE}", FILE)]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise DataError(f"{FILE} is missing under DIFFUSION_DATA={folder}: expected {paths[0]}. "
                            "Unset DIFFUSION_DATA to download it instead")
        return parse(path.read_bytes(), f"DIFFUSION_DATA={folder}")
    path = cache / "ett" / FILE
    problem = None if path.is_file() else fetch_file(ADDRESS, path, SHA256, "ETTh1 (2.6 MB)")
    if problem is None:
        return parse(path.read_bytes(), "download")
    notice(f"ETTh1 is not at hand (DIFFUSION_DATA is not set; download: {problem}). Using a series that is made up: fine for "
           "trying things out, but figures will differ from the book's.")
    return toy_transformer()


def parse(content: bytes, source: str) -> Series:
    """The series of the bytes of ETTh1.csv. Raises DataError for other bytes."""
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise DataError(f"{FILE} from {source} is truncated or altered ({len(content)} bytes, SHA-256 {found[:12]}… instead of "
                        f"{SHA256[:12]}…) and was not used. Delete it and fetch it again")
    lines = content.decode().splitlines()[1:]
    first = datetime.fromisoformat(lines[0].split(",", 1)[0])
    values = np.array([line.split(",")[1:] for line in lines], np.float32).T[:, :PARTS["test"].stop]
    return Series(torch.from_numpy(values.copy()), round((first - MONDAY).total_seconds() / 3600), COLUMNS,
                  "ETTh1's own units; °C for OT", PARTS, "etth1", source, found)


def load_etth1(split: str) -> SeriesData:
    """'train': all windows of the train part. 'validation', 'test': windows a day apart, each of them 16 times, since what is
    missing is judged by several samples. The first is a forecast of 24 hours, then comes one of 96, then three with 10, 50 and
    90 % missing at random, and so on. A window may begin in the part before, as far as a forecast of 24 hours looks back."""
    series = load_electricity()
    if split == "train":
        return windows_of(series, "train")
    if split not in series.parts:
        raise ValueError(f"split must be 'train', 'validation' or 'test', got {split!r}")
    data = windows_of(series, split, stride=DAY, before=WINDOW - 24)
    return repeated(data, torch.stack(list(task_masks(len(series.columns)).values())), DRAWS)


def task_masks(channels: int, length: int = WINDOW, seed: int = 0) -> dict[str, Tensor]:
    """The tasks that are measured: name → mask, float32 (channels, length)."""
    masks = {f"forecast_{hours}h": last_hours(channels, length, hours) for hours in (24, 96)}
    generator = torch.Generator().manual_seed(seed)
    for percent in (10, 50, 90):
        masks[f"missing_{percent}"] = random_entries(channels, length, percent / 100, generator)
    return masks


def repeated(data: SeriesData, masks: Tensor, draws: int) -> SeriesData:
    """Each window `draws` times in a row, all with one mask, and the masks taking turns from window to window."""
    starts = data.starts.repeat_interleave(draws)
    return SeriesData(data.values, data.first_hour, starts, data.name, data.source, data.sha256,
                      masks.repeat_interleave(draws, 0), data.length)


# --- A series of which everything is known

CYCLES = (DAY, DAY / 2, WEEK, math.inf)  # hours of a turn; the last does not turn, and wanders
MEMORY = (0.998, 0.99, 0.998, 0.97)  # the share of a cycle that is left after an hour, in the mean
NOISE = 0.05  # variance of what no hour knows of another


def toy_factors(channels: int = 7, seed: int = 0) -> Tensor:
    """How much of each cycle a channel has: float64 (4, channels, 2). Two of each kind of cycle, so that channels differ."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.tensor([0.6, 0.3, 0.3, 0.6], dtype=torch.float64)[:, None, None]
    return size * torch.randn(4, channels, 2, generator=generator, dtype=torch.float64)


def toy_lags(length: int = WINDOW, channels: int = 7, seed: int = 0) -> Tensor:
    """The exact covariances of `toy_transformer`, without its noise: float64 (C, C, 2·length − 1), h = 1−length…length−1.

    Σ_k B_k·B_kᵀ·ρ_k^|h|·cos(2π·h/period_k): a turning cycle that forgets.
    """
    factors, h = toy_factors(channels, seed), torch.arange(1 - length, length, dtype=torch.float64)
    waves = [rho ** h.abs() * torch.cos(2 * math.pi * h / period) for rho, period in zip(MEMORY, CYCLES, strict=True)]
    return torch.einsum("kif,kjf,kh->ijh", factors, factors, torch.stack(waves))


def toy_transformer(seed: int = 0, hours: int = 14_400, channels: int = 7) -> Series:
    """A made-up transformer: daily and weekly cycles that lose their phase with time, slow wanderings, and noise.

    All of it is linear and Gaussian, so that a `WindowGaussian` with `toy_lags` knows the exact answer for every mask.
    """
    rng = np.random.default_rng(seed)
    factors, values = toy_factors(channels).numpy(), np.zeros((channels, hours))
    for factor, rho, period in zip(factors, MEMORY, CYCLES, strict=True):
        turn = rho * np.exp(2j * math.pi / period) if math.isfinite(period) else rho
        kicks = rng.normal(size=(hours, 2, 2)) @ np.array([1, 1j])
        state, kept = kicks[0], np.empty((hours, 2))
        for t in range(hours):
            state = turn * state + math.sqrt(1 - rho**2) * kicks[t] if t else state
            kept[t] = state.real
        values += factor @ kept.T
    values += math.sqrt(NOISE) * rng.normal(size=values.shape)
    values = torch.from_numpy(values).float()
    names = COLUMNS if channels == len(COLUMNS) else tuple(f"series {i + 1}" for i in range(channels))
    parts = PARTS if hours == PARTS["test"].stop else standard_parts(hours)
    return Series(values, 0, names, "made up, without unit", parts, "toy-transformer", f"made up, seed {seed}",
                  hashlib.sha256(values.numpy().tobytes()).hexdigest())
