"""Simple methods that fill windows of a series, each fitted on the train part: what a network has to beat.

All are told windows in train-std units, (B, C, L) with a mask, and answer quantiles at `LEVELS`, (Q, B, C, L).
Sources: Hyndman & Athanasopoulos 2021, section 5.2 (seasonal naive); Hoerl & Kennard 1970 (ridge); Koenker & Bassett 1978
(regression of quantiles).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .data.windows import DAY, WINDOW, Series, SeriesData, scale_of, windows_of
from .forecast import frame_of
from .metrics.series import UNIT
from .networks.window_gaussian import WindowGaussian

LEVELS = (torch.arange(39) + 0.5) / 39  # of the quantiles: equally many samples lie between two of them
FARTHEST = 12  # hours: gaps whose nearest observed value is farther away are taken for alike

Filler = Callable[[Tensor, Tensor], Tensor]  # (known, mask) -> quantiles


# --- A value for each gap, and quantiles of how far it was off in training


def seasonal_naive(known: Tensor, mask: Tensor) -> Tensor:
    """What was observed a day before, or two, or as many as it takes: (B, C, L). Where nothing was, the window's level."""
    filled, there = (mask * known).clone(), mask.clone()
    level, _ = scale_of(known, mask)
    for _ in range(known.shape[-1] // DAY):
        before = torch.nn.functional.pad(filled, (DAY, 0))[..., :-DAY]
        seen = torch.nn.functional.pad(there, (DAY, 0))[..., :-DAY]
        filled = torch.where((there == 0) & (seen > 0), before, filled)
        there = torch.maximum(there, seen)
    return torch.where(there > 0, filled, level)


def neighbours(mask: Tensor) -> tuple[Tensor, Tensor]:
    """For each hour the observed hour before it or at it, −1 where there is none, and the one after it, L: int64 (B, C, L)."""
    hours = torch.arange(mask.shape[-1], device=mask.device).expand(mask.shape)
    before = torch.where(mask > 0, hours, -1).cummax(-1).values
    after = torch.where(mask > 0, hours, mask.shape[-1]).flip(-1).cummin(-1).values.flip(-1)
    return before, after


def interpolated(known: Tensor, mask: Tensor) -> Tensor:
    """On the straight line between the two observed neighbours; at the ends the nearest one; else the window's level."""
    length, (before, after) = mask.shape[-1], neighbours(mask)
    left, right = known.gather(-1, before.clamp(min=0)), known.gather(-1, after.clamp(max=length - 1))
    hours = torch.arange(length, device=mask.device)
    share = (hours - before) / (after - before).clamp(min=1)
    line = left + share * (right - left)
    line = torch.where(before < 0, right, torch.where(after >= length, left, line))
    level, _ = scale_of(known, mask)
    return torch.where((before < 0) & (after >= length), level, line)


def with_residuals(point: Callable[[Tensor, Tensor], Tensor], data: SeriesData, mask: Tensor, stride: int = 5) -> Filler:
    """A value and the quantiles of its errors in training: for each channel and hour of a forecast; elsewhere for each channel
    and distance to the nearest observed hour. mask: (C, L), that of the task."""
    rows = torch.arange(0, len(data), stride)
    x, masks = data.x0(rows), mask.expand(len(rows), -1, -1)
    off = x - point(masks * x, masks)
    kind = _kinds(mask)
    errors = torch.zeros(len(LEVELS), *mask.shape)
    for c in range(len(mask)):
        for k in kind[c].unique():
            places = kind[c] == k
            errors[:, c, places] = quantiles(off[:, c, places].flatten())[:, None]
    return lambda known, mask: point(known, mask) + (1 - mask) * errors[:, None]


def _kinds(mask: Tensor) -> Tensor:
    """Places of a mask (C, L) whose errors are counted together: int64 (C, L)."""
    length = mask.shape[-1]
    before, after = neighbours(mask)
    hours = torch.arange(length).expand(mask.shape)
    behind = torch.where(before < 0, length, hours - before)
    nearest = torch.minimum(behind, torch.where(after >= length, length, after - hours))
    forecast = (after >= length) & (before >= 0)
    return torch.where(forecast, FARTHEST + hours, nearest.clamp(max=FARTHEST))


def quantiles(values: Tensor) -> Tensor:
    """Of numbers (N,) at `LEVELS`: (Q,)."""
    ordered = values.sort().values
    return ordered[(LEVELS * len(values)).long().clamp(max=len(values) - 1)]


# --- Regression of the future on the past, both in units of the window


def lags(known: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a forecast looks at: the observed past of each channel in units of its window, (B, C, past + 1) with a one; and mean
    and standard deviation of the window, (B, C, 1)."""
    mean, std = scale_of(known, mask)
    past = int(mask[0, 0].sum())
    return torch.nn.functional.pad((known[..., :past] - mean) / std, (0, 1), value=1.0), mean, std


def ridge(data: SeriesData, mask: Tensor, penalty: float, stride: int = 1) -> Filler:
    """For each channel the weights W of its own past with the least ‖y − W·x‖² + penalty·n·‖W‖², and its errors' quantiles."""
    inputs, targets = _past_and_future(data, mask, stride)
    weights, errors = [], []
    for c in range(len(mask)):
        x, y = inputs[:, c].cpu().double(), targets[:, c].cpu().double()
        gram = x.T @ x + penalty * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
        weights.append(torch.linalg.solve(gram, x.T @ y).float())
        off = (targets[:, c] - inputs[:, c] @ weights[-1]).sort(0).values
        errors.append(off[(LEVELS * len(off)).long().clamp(max=len(off) - 1)])  # (Q, future)
    weights, errors = torch.stack(weights), torch.stack(errors, 1)
    return _regressed(lambda x: torch.einsum("bcp,cpf->bcf", x, weights)[None] + errors[:, None])


def quantile_regression(data: SeriesData, mask: Tensor, epochs: int = 8, rate: float = 3e-3, penalty: float = 1e-3,
                        seed: int = 0) -> Filler:
    """Linear weights of the past for each quantile and hour of the future, shared by the channels, and an offset for each.

    They minimise the pinball loss max(q·e, (q − 1)·e), e = y − ŷ, by Adam, begun at the window's own level.
    """
    inputs, targets = _past_and_future(data, mask, 1)
    past, future, channels, q = inputs.shape[-1], targets.shape[-1], len(mask), len(LEVELS)
    weights = torch.zeros(past, q * future, requires_grad=True)
    offset = torch.zeros(channels, q * future, requires_grad=True)
    optimiser = torch.optim.AdamW([weights, offset], lr=rate, weight_decay=penalty)
    generator, batch = torch.Generator().manual_seed(seed), 64
    steps = epochs * len(inputs) // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)

    def answer(x: Tensor) -> Tensor:  # (B, C, past) -> (Q, B, C, future)
        return (x @ weights + offset).unflatten(-1, (q, future)).movedim(-2, 0)

    for _ in range(steps):
        rows = torch.randint(len(inputs), (batch,), generator=generator)
        loss = pinball(answer(inputs[rows]), targets[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    weights, offset = weights.detach(), offset.detach()
    return _regressed(lambda x: answer(x).sort(0).values)  # quantiles that crossed change places


def _past_and_future(data: SeriesData, mask: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """(N, C, past + 1) and (N, C, future), both in units of the window's past."""
    rows = torch.arange(0, len(data), stride)
    x, masks = data.x0(rows), mask.expand(len(rows), -1, -1)
    inputs, mean, std = lags(masks * x, masks)
    return inputs, ((x - mean) / std)[..., inputs.shape[-1] - 1:]


def _regressed(answer: Callable[[Tensor], Tensor]) -> Filler:
    @torch.no_grad()
    def fill(known: Tensor, mask: Tensor) -> Tensor:
        inputs, mean, std = lags(known, mask)
        future = mean + std * answer(inputs)
        out = known.expand(len(LEVELS), *known.shape).clone()
        out[..., inputs.shape[-1] - 1:] = future
        return out

    return fill


# --- The Gaussian


def gaussian_filler(gaussian: WindowGaussian) -> Filler:
    """The quantiles of its exact conditional, in the spread of the window (see `forecast.frame_of`)."""
    normal = torch.special.ndtri(LEVELS.cpu().double()).float()

    def fill(known: Tensor, mask: Tensor) -> Tensor:
        frame = frame_of(known, mask, known.new_zeros(len(known), 4, known.shape[-1]), gaussian)
        return frame.centre + (1 - mask) * frame.spread * normal[:, None, None, None]

    return fill


# --- How good they are


def pinball(predicted: Tensor, truth: Tensor) -> Tensor:
    """max(q·e, (q − 1)·e) of e = truth − predicted: quantiles (Q, …) at `LEVELS` and truth (…) -> (…), the mean over quantiles.

    Twice it is the CRPS, up to what lies between two levels (Gneiting & Ranjan 2011, eq. 13).
    """
    error = truth - predicted
    q = LEVELS.view(-1, *(1,) * truth.ndim)
    return torch.maximum(q * error, (q - 1) * error).mean(0)


def filler_figures(predicted: Tensor, truth: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Of each window over what is missing, from quantiles (Q, B, C, L): name → (B,), as `metrics.series.window_figures`."""
    missing = 1 - mask
    count = missing.sum((1, 2))

    def mean(entry: Tensor) -> Tensor:
        return (missing * entry).sum((1, 2)) / count

    def within(share: float) -> Tensor:
        low, high = (_at(predicted, q) for q in ((1 - share) / 2, (1 + share) / 2))
        return ((low <= truth) & (truth <= high)).float()

    return {f"crps_{UNIT}": mean(2 * pinball(predicted, truth)),
            f"median_mae_{UNIT}": mean((_at(predicted, 0.5) - truth).abs()),
            "coverage_50": mean(within(0.5)), "coverage_90": mean(within(0.9))}


def _at(predicted: Tensor, q: float) -> Tensor:
    """The quantile q, between those of two levels on a straight line."""
    place = q * len(LEVELS) - 0.5
    low = int(place)
    return predicted[low] + (place - low) * (predicted[min(low + 1, len(LEVELS) - 1)] - predicted[low])


def measured_windows(series: Series, part: str, task: str, stride: int = 25) -> SeriesData:
    """The windows that a task is measured on, 25 hours apart, so that forecasts begin at every hour of the day. What is to be
    forecast lies in the part as a whole; what comes before it may not."""
    hours = int(task.removeprefix("forecast_").removesuffix("h")) if task.startswith("forecast") else None
    data = windows_of(series, part, before=0 if hours is None else WINDOW - hours)
    return SeriesData(data.values, data.first_hour, data.starts[::stride], data.name, data.source, data.sha256)
