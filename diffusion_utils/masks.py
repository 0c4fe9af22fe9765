"""What is missing of a window of a series, by chance or on purpose: float32 (C, L), 1 where observed and 0 where missing."""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import whole_number

# Of the masks that a network learns from: missing at random; the last hours, a forecast; blocks or whole channels
SHARES = {"random": 0.5, "last": 0.35, "blocks": 0.075, "channels": 0.075}
FORECASTS = (24, 96)  # hours, of which a third of the forecasts each is


def random_entries(channels: int, length: int, share: float, generator: torch.Generator) -> Tensor:
    """Each value is missing with this probability, 0…1."""
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in 0…1, got {share}")
    return (torch.rand(channels, length, generator=generator) >= share).float()


def last_hours(channels: int, length: int, hours: int) -> Tensor:
    """The last hours of all channels are missing: a forecast."""
    hours = whole_number("hours", hours, 1, length)
    mask = torch.ones(channels, length)
    mask[:, length - hours:] = 0
    return mask


def gap(channels: int, length: int, start: int, hours: int) -> Tensor:
    """So many hours from `start` on are missing of all channels."""
    hours = whole_number("hours", hours, 1, length)
    start = whole_number("start", start, 0, length - hours)
    mask = torch.ones(channels, length)
    mask[:, start:start + hours] = 0
    return mask


def blocks(channels: int, length: int, generator: torch.Generator, longest: int = 48) -> Tensor:
    """In each channel a gap of 1…longest hours somewhere, for half of the channels at the same place."""
    hours = torch.randint(1, min(longest, length) + 1, (channels,), generator=generator)
    start = (torch.rand(channels, generator=generator) * (length - hours + 1)).long()
    shared = torch.rand(channels, generator=generator) < 0.5
    hours, start = (torch.where(shared, numbers[0], numbers)[:, None] for numbers in (hours, start))
    places = torch.arange(length)
    return ((places < start) | (places >= start + hours)).float()


def whole_channels(channels: int, length: int, generator: torch.Generator) -> Tensor:
    """One channel or more, but not all of them, is missing from end to end. A series of one channel loses it."""
    lost = int(torch.randint(1, max(2, channels), (1,), generator=generator))
    mask = torch.ones(channels, length)
    mask[torch.randperm(channels, generator=generator)[:lost]] = 0
    return mask


def draw_mask(channels: int, length: int, generator: torch.Generator) -> Tensor:
    """A mask as a network learns from: half are missing at random with a share U(0, 1), 35 % are forecasts of 24, of 96 or of
    any number of hours up to three quarters of the window, 15 % blocks or whole channels. At least one value is missing."""
    kind = list(SHARES)[int(torch.multinomial(torch.tensor(list(SHARES.values())), 1, generator=generator))]
    if kind == "random":
        mask = random_entries(channels, length, float(torch.rand(1, generator=generator)), generator)
    elif kind == "last":
        any_number = 1 + int(torch.randint(length * 3 // 4, (1,), generator=generator))
        choices = [hours for hours in FORECASTS if hours < length] + [any_number]
        mask = last_hours(channels, length, choices[int(torch.randint(len(choices), (1,), generator=generator))])
    elif kind == "blocks":
        mask = blocks(channels, length, generator)
    else:
        mask = whole_channels(channels, length, generator)
    if bool(mask.all()):
        mask[0, -1] = 0
    return mask
