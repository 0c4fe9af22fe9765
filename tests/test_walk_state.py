"""What a walk begins with, and what it forgets when it jumps up."""

from __future__ import annotations

import torch
from cases import VP, random

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.noise import SampleNoise
from diffusion_utils.sampling import Sampler, sample, update

DATA = GaussianMixture([[-0.7, 0.2], [0.6, 0.5]], [0.3, 0.2])


def test_a_walk_starts_at_the_noise_of_its_first_time() -> None:
    """Also one that does not begin at T: noise_300 is far from 1."""
    first = next(sample(DATA.denoiser(VP[0]), VP[0], (4, 2), times=[300, 100, 0], seed=6))
    wanted = float(VP[0].noise[300]) * SampleNoise(6, range(4), (2,))()
    torch.testing.assert_close(first.x_t, wanted, rtol=1e-6, atol=0)  # float32: one product, rounded


def test_a_jump_up_makes_the_two_step_solver_begin_again() -> None:
    """After a jump the step is of the first order: the estimate before it belongs to another x_t."""
    schedule, walk = VP[0], [600, 400, 200, 500, 300, 100, 0]
    states = sample(DATA.denoiser(schedule), schedule, x_start=random(5, 2), sampler=Sampler("dpmpp_2m"), times=walk)
    at = {state.t: state for state in states}
    first_order = update(schedule, at[500].x_t, 500, 300, at[500].x0_hat)
    torch.testing.assert_close(at[300].x_t, first_order, rtol=0, atol=0)
    plain = update(schedule, at[300].x_t, 300, 100, at[300].x0_hat)
    assert float((at[100].x_t - plain).abs().max()) > 1e-3, "the step after it is of the second order"
