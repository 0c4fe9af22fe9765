"""Samples whose bands are too narrow are stretched about their middle, by a factor that validation chooses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from diffusion_utils.data.electricity import toy_transformer
from diffusion_utils.data.windows import DAY, WINDOW, windows_of
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.forecast import frame_of, stretched, walk
from diffusion_utils.recipes.stretch import CHOICES, chosen_stretch
from diffusion_utils.sampling import Sampler
from diffusion_utils.schedules import cosine

SCHEDULE = cosine(1000)
WALK = Sampler("dpmpp_2m", steps=12, spacing="log_snr")


class Sure(nn.Module):
    """Believes that each state is N(mean, std²), independent of all others: x̂₀ of the exact posterior."""

    conditional = True

    def __init__(self, std: float, mean: float = 0.0):
        super().__init__()
        self.std = nn.Parameter(torch.tensor(std))
        self.mean = mean

    def forward(self, x, time, cond=None):
        signal, noise = SCHEDULE.at(time.round().long(), like=x)
        return self.mean + signal * self.std**2 / (signal**2 * self.std**2 + noise**2) * (x - signal * self.mean)


def denoiser(std: float, mean: float = 0.0) -> Denoiser:
    return Denoiser(Sure(std, mean), SCHEDULE, "x0")


def test_a_stretch_of_one_changes_nothing_and_of_two_doubles_the_distance() -> None:
    x, middle = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0])
    assert stretched(x, middle, 1.0) is x
    assert torch.equal(stretched(x, middle, 2.0), torch.tensor([0.0, 6.0]))


def test_a_walk_stretches_about_the_mean_and_not_about_nothing() -> None:
    n = 2000
    cond = {"known": torch.zeros(n, 1, 8), "mask": torch.zeros(n, 1, 8), "clock": torch.zeros(n, 4, 8)}

    @torch.no_grad()
    def drawn(by: float) -> torch.Tensor:
        return list(walk(denoiser(0.5, 3.0), SCHEDULE, cond, WALK, None, 0, range(n), by))[-1].x_t

    unit = float(frame_of(cond["known"][:1], cond["mask"][:1], cond["clock"][:1]).spread[0, 0, 0])
    plain, wide = drawn(1.0) / unit, drawn(1.4) / unit
    error = 0.5 / (8 * n) ** 0.5  # of the mean of so many
    assert float(plain.mean()) == pytest.approx(3.0, abs=5 * error + 0.005)  # and the steps of the solver
    assert float(wide.mean()) == pytest.approx(3.0, abs=1.4 * (5 * error + 0.005))
    assert float(wide.std() / plain.std()) == pytest.approx(1.4, abs=0.01)  # the same noise, so without chance


@pytest.mark.parametrize(("std", "factor"), [(1.0, 1.0), (1 / 1.3, 1.3)])
def test_the_choice_undoes_how_much_too_sure_a_network_is(std, factor) -> None:
    """Of white noise each value is N(0, 1) whatever is known; a network that draws N(0, 1/1.3²) asks for 1.3."""
    series = toy_transformer(hours=4000, channels=2)
    noise = replace(series, values=torch.randn(series.values.shape, generator=torch.Generator().manual_seed(0)))
    by = chosen_stretch(denoiser(std), WALK, None, windows_of(noise, "validation", stride=DAY, before=WINDOW - DAY))
    assert by in CHOICES
    # CRPS is flat about its best: one choice to either side
    assert by == pytest.approx(factor, abs=0.06)
