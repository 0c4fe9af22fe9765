"""A network may predict ε, x_0, v or the flow: the same network said in four ways gives the same samples, to rounding."""

from __future__ import annotations

import pytest
import torch
from cases import states_of
from torch import Tensor

from diffusion_utils.denoiser import PREDICTS, Denoiser, target
from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.sampling import SAMPLERS
from diffusion_utils.schedules import Schedule, cosine, flow, linear, sigmoid

SCHEDULES = [linear(1000), cosine(1000), sigmoid(1000), flow(1000)]
SETTINGS = [{"sampler": sampler} for sampler in SAMPLERS] + [{"sampler": "ddim", "eta": 0.5},
                                                             {"sampler": "ddpm", "variance": "large"}]
POINTS = torch.tensor([[-1.0, 0.2, 0.4], [0.7, 0.9, -0.8], [0.1, -0.6, 0.3]], dtype=torch.float64)


def network(schedule: Schedule, predicts: str):
    """The exact answer for three points, given as the target `predicts`."""
    exact = ExactDenoiser(POINTS, schedule)

    def net(x_t: Tensor, time: Tensor, cond=None) -> Tensor:
        t = round(float(time[0]) * schedule.T / 1000)
        return target(predicts, *exact(x_t, t)[:2], *schedule.at(t, like=x_t))

    return net


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_what_is_predicted_does_not_matter(schedule: Schedule, settings: dict) -> None:
    # From t = 950, since ε says nothing of x_0 where flow's signal is 0.
    x_start = torch.randn((50, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    walk = [950, 800, 620, 480, 350, 200, 110, 40, 7, 0]
    paths = {}
    for predicts in PREDICTS:
        denoiser = Denoiser(network(schedule, predicts), schedule, predicts)
        paths[predicts] = [state.x_t for state in states_of(denoiser, schedule, x_start=x_start, times=walk, **settings)]
    for predicts in PREDICTS[1:]:
        for one, other in zip(paths["eps"], paths[predicts], strict=True):
            # x̂₀ from ε is wrong by rounding/signal, 50 roundings here; where two points are about as likely the exact
            # denoiser enlarges a difference of x_t by up to ‖points‖²·signal/noise² ~ 10³ in the last few steps.
            torch.testing.assert_close(other, one, rtol=0, atol=1e-10)
