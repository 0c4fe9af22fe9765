"""The Gaussian of a window of a stationary series, and what it says of the values that are missing, exactly, for any mask.

Source: Bishop 2006, eqs 2.81-2.82 (the conditional of a Gaussian); Brockwell & Davis 1991, section 11.2 (autocovariances).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

BRIDGED = 6  # hours: a shorter gap of a series to learn from is taken for a straight line
KEPT = 512  # masks whose conditional is kept, about a megabyte each, since the next windows often have the same


class Conditional(NamedTuple):
    """Of one mask, over the flattened window: weights of the mean, float32 (missing, observed); std (missing,); and the places,
    int64, that are observed and missing."""

    weights: Tensor
    std: Tensor
    observed: Tensor
    missing: Tensor


class WindowGaussian(nn.Module):
    """Windows (C, L) of a Gaussian series whose covariance depends on the distance in time alone, and whose level is unknown.

    lags: (C, C, 2L − 1), the covariance of channel i at time t + h and channel j at time t, h = −(L−1)…L−1, in train-std units
    typical: (C,), the usual standard deviation of a window, see `data.windows.scale_of`
    level: variance of each channel's own level, which a window is told by its observed values alone
    nugget: variance of what has no covariance with anything, not even with the next hour
    """

    def __init__(self, channels: int, length: int, level: float = 4.0, nugget: float = 0.01):
        super().__init__()
        self.channels, self.length, self.level, self.nugget = channels, length, level, nugget
        self.register_buffer("lags", torch.zeros(channels, channels, 2 * length - 1))
        self.register_buffer("typical", torch.ones(channels))
        self._kept: dict[bytes, Conditional] = {}
        self._whole: Tensor | None = None

    @torch.no_grad()
    def learn(self, values: Tensor, typical: Tensor) -> None:
        """Take the autocovariances of a series (C, N) in train-std units, NaN where missing, whose mean is 0.

        Σ_t x_i(t + h)·x_j(t)/N, divided by N at every h: so the matrix of all covariances has no negative eigenvalue. A gap
        counts as 0, and each channel is divided by the root of the share that is there, lest it seem to vary less than it does.
        """
        known = bridged(values.cpu().double())
        share = (~known.isnan()).double().mean(1, keepdim=True).clamp(min=1 / values.shape[1])
        known = known.nan_to_num(nan=0.0) / share.sqrt()
        n = values.shape[1]
        size = 2 * max(n, self.length)  # beyond the ends there is nothing to meet: no time is counted in a circle
        waves = torch.fft.rfft(known, size)
        products = torch.fft.irfft(waves[:, None] * waves[None].conj(), size) / n
        h = torch.arange(1 - self.length, self.length)
        self.lags.copy_(products[..., h % size])
        self.typical.copy_(typical)
        self._forget()

    def load_state_dict(self, *args, **kwargs):
        """As every module; what followed from other covariances is forgotten."""
        self._forget()
        return super().load_state_dict(*args, **kwargs)

    def _forget(self) -> None:
        self._kept.clear()
        self._whole = None

    def covariance(self) -> Tensor:
        """Of a flattened window, float64 (C·L, C·L)."""
        if self._whole is None:
            self._whole = self._covariance()
        return self._whole

    def _covariance(self) -> Tensor:
        time = torch.arange(self.length)
        h = time[:, None] - time[None, :] + self.length - 1
        own = self.level * torch.eye(self.channels, dtype=torch.float64)[:, :, None, None]
        blocks = self.lags.cpu().double()[:, :, h] + own
        size = self.channels * self.length
        matrix = blocks.permute(0, 2, 1, 3).reshape(size, size)
        return (matrix + matrix.T) / 2 + self.nugget * torch.eye(size, dtype=torch.float64)

    def conditional(self, mask: Tensor) -> Conditional:
        """What the observed values of a mask (C, L) say of each missing one.

        The mean is K_mo·K_oo⁻¹·x_o and the covariance K_mm − K_mo·K_oo⁻¹·K_om, with m for missing and o for observed.
        """
        key = mask.cpu().bool().numpy().tobytes()
        if key not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            whole, cross, weights, observed, missing = self._solved(mask)
            left = whole.diagonal()[missing] - (weights * cross).sum(1)
            self._kept[key] = Conditional(weights.float(), left.clamp(min=1e-12).sqrt().float(), observed, missing)
        return self._kept[key]

    def covariance_left(self, mask: Tensor) -> Tensor:
        """Of the missing values of a mask (C, L) given the observed ones, float64 (missing, missing)."""
        whole, cross, weights, _, missing = self._solved(mask)
        return whole[missing][:, missing] - weights @ cross.T

    def _solved(self, mask: Tensor) -> tuple[Tensor, ...]:
        """K, K_mo and K_mo·K_oo⁻¹, with the places that are observed and missing."""
        with no_autocast(self.lags):
            whole, flat = self.covariance(), mask.cpu().flatten()
            observed, missing = flat.nonzero()[:, 0], (flat == 0).nonzero()[:, 0]
            columns = whole[:, observed]
            root, cross = torch.linalg.cholesky(columns[observed]), columns[missing]
            return whole, cross, torch.cholesky_solve(cross.T, root).T, observed, missing

    def fill(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each value given the observed ones, whose own is 0: (B, C, L) each.

        values: deviations from the level that the observed values show, in train-std units; mask: (B, C, L).
        """
        mean, std = (mask * values).flatten(1), torch.zeros_like(values).flatten(1)
        for rows, one in alike(mask):
            told = Conditional(*(entry.to(values.device) for entry in self.conditional(one)))
            rows = torch.tensor(rows, device=values.device)[:, None]
            with no_autocast(values):
                mean[rows, told.missing] = (mean[rows, told.observed] @ told.weights.T.to(mean)).to(mean)
            std[rows, told.missing] = told.std.to(std).expand(len(rows), -1)
        return mean.view_as(values), std.view_as(values)


def bridged(values: Tensor) -> Tensor:
    """A series (C, N) with straight lines in its gaps of at most BRIDGED hours; NaN stays in the others.

    A single lost value in place of which 0 stood would look like noise that no hour knows of another.
    """
    filled, hours = values.numpy().copy(), np.arange(values.shape[1])
    for row in filled:
        there = hours[~np.isnan(row)]
        if len(there) < 2:
            continue
        after = there.searchsorted(hours).clip(1, len(there) - 1)
        short = (there[after] - there[after - 1] <= BRIDGED + 1) & (hours >= there[0]) & (hours <= there[-1])
        row[short] = np.interp(hours[short], there, row[there])
    return torch.from_numpy(filled)


def no_autocast(like: Tensor) -> torch.autocast:
    """Within it everything is computed in the precision it has: in bfloat16 no system of equations is solved."""
    return torch.autocast(like.device.type, enabled=False)


def alike(mask: Tensor) -> list[tuple[list[int], Tensor]]:
    """The rows of a batch of masks (B, C, L) that share one, and that one."""
    groups: dict[bytes, list[int]] = {}
    for row, one in enumerate(mask.cpu().bool().numpy()):
        groups.setdefault(one.tobytes(), []).append(row)
    return [(rows, mask[rows[0]]) for rows in groups.values()]
