"""How fast each solver comes to the exact solution of the probability-flow ODE: first order for DDIM, second for the others.

Measured between two noise levels inside the schedule, in equal steps of λ, where the theory of Karras et al. 2022 and
Lu et al. 2022b speaks of: at the ends all of them take a first-order step, and σ is infinite at one, 0 at the other.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import Schedule

ORDERS = {"ddim": 1, "heun": 2, "dpmpp_2m": 2}
FIRST, LAST, FEW = 1290, 10, 20                 # from t = 1290 to t = 10 in 20, 40, 80, 160 steps, which divide 1280


def even_in_lambda(T: int = 1300) -> Schedule:
    """Variance preserving, λ = 4 − 8·(t − 1)/(T − 1) for t ≥ 1."""
    squared = torch.sigmoid(2 * torch.linspace(4, -4, T, dtype=torch.float64))  # ᾱ = σ(2λ)
    one = torch.ones(1, dtype=torch.float64)
    return Schedule(torch.cat([one, squared.sqrt()]), torch.cat([0 * one, (1 - squared).sqrt()]), "even in λ")


SCHEDULE = even_in_lambda()
LINE = GaussianMixture([[-1.0], [0.2], [0.9]], [0.3, 0.3, 0.3])
CLOUD = GaussianMixture(torch.linspace(-1, 1, 16)[None], [0.6])


def levels(t: int) -> tuple[float, float]:
    return float(SCHEDULE.signal[t]), float(SCHEDULE.noise[t])


def on_a_line() -> tuple[Tensor, Tensor]:
    """Start and exact end of 64 points of the mixture: in one dimension the ODE keeps quantiles."""
    crowd = (torch.arange(64, dtype=torch.float64) + 0.5) / 64
    return LINE.marginal(*levels(FIRST)).quantile(crowd), LINE.marginal(*levels(LAST)).quantile(crowd)


def in_a_cloud() -> tuple[Tensor, Tensor]:
    """In 16 dimensions, of one Gaussian: x − mean grows in proportion to the standard deviation."""
    start, end = CLOUD.marginal(*levels(FIRST)), CLOUD.marginal(*levels(LAST))
    x = start.draw(64, torch.Generator().manual_seed(0))
    return x, end.means + (x - start.means) * end.stds / start.stds


CASES = {"mixture, 1-d": (LINE, on_a_line), "Gaussian, 16-d": (CLOUD, in_a_cloud)}


@pytest.mark.parametrize(("data", "exact"), CASES.values(), ids=CASES)
@pytest.mark.parametrize(("sampler", "order"), ORDERS.items())
def test_the_order_of_convergence(data: GaussianMixture, exact, sampler: str, order: int) -> None:
    start, end = exact()

    def error(steps: int) -> float:
        stride = (FIRST - LAST) // steps
        walk = [*range(FIRST, LAST - 1, -stride), 0]
        states = sample(data.denoiser(SCHEDULE), SCHEDULE, x_start=start, sampler=Sampler(sampler), times=walk)
        reached = next(state.x_t for state in states if state.t == LAST)
        return float((reached - end).square().mean().sqrt())

    errors = [error(FEW * 2**k) for k in range(4)]
    found = [math.log2(few / many) for few, many in zip(errors[:-1], errors[1:], strict=True)]
    # The next term of the error is smaller by one more factor of the step: it halves with each doubling, and so do the
    # deviations of the measured orders. At 160 steps (h = 0.05) it is a few per cent.
    assert found[-1] == pytest.approx(order, abs=0.1), found
