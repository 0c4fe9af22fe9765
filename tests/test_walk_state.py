"""What a walk begins with, what it forgets when it jumps up, and that any step can be taken, not only a Gaussian one."""

from __future__ import annotations

import pytest
import torch
from cases import VP, random
from torch import Tensor

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.noise import SampleNoise
from diffusion_utils.sampling import (
    GaussianStep,
    Sampler,
    State,
    posterior_std,
    sample,
    step_std,
    update,
    walk,
)

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


def test_the_border_of_two_etas_is_itself_little_noise() -> None:
    """The first η holds where SNR_t lies below the border, and at t = 500 it does not."""
    schedule = VP[0]
    how = {"x_start": random(5, 2), "times": [500, 100, 0]}
    plain = list(sample(DATA.denoiser(schedule), schedule, sampler=Sampler("ddim"), **how))
    for border, same in ((float(schedule.snr[500]), True), (float(schedule.snr[499]), False)):
        own = Sampler("ddpm", eta=(1.0, 0.0), eta_border=border)
        assert torch.equal(list(sample(DATA.denoiser(schedule), schedule, sampler=own, **how))[1].x_t, plain[1].x_t) == same


def test_a_border_of_zero_leaves_every_step_to_the_second_eta() -> None:
    """No SNR lies below 0."""
    start, denoise = random(5, 2), DATA.denoiser(VP[0])
    of_second, plain = ([state.x_t for state in sample(denoise, VP[0], x_start=start, sampler=how)]
                        for how in (Sampler("ddpm", 4, eta=(1.0, 0.0), eta_border=0), Sampler("ddim", 4)))
    assert all(map(torch.equal, of_second, plain))


def test_the_large_variance_holds_down_to_the_last_step_but_one() -> None:
    schedule, x = VP[0], random(5, 2)
    first, second, _ = sample(DATA.denoiser(schedule), schedule, x_start=x, sampler=Sampler("ddpm", variance="large"),
                              times=[5, 1, 0], seed=3)
    u, std, z = posterior_std(schedule, 5, 1), step_std(schedule, 5, 1), SampleNoise(3, range(5), (2,))()
    wanted = update(schedule, x, 5, 1, first.x0_hat, u=u, std=std, z=z)
    torch.testing.assert_close(second.x_t, wanted, rtol=0, atol=0)


def test_a_step_without_fresh_noise_draws_none() -> None:
    """So a walk whose first steps are deterministic has the same noise later as one that begins there."""
    def draw() -> Tensor:
        raise AssertionError("noise was drawn, and the step adds none")

    now = State(500, random(5, 2), random(5, 2))
    for name in ("ddim", "dpmpp_2m", "heun"):
        step = GaussianStep(DATA.denoiser(VP[0]), VP[0], Sampler(name))
        assert step.down(now, 100, None, draw).shape == (5, 2)


class Counter:
    """A step on integers, such as tokens are: what it did is written in the digits of x, and `asked` keeps what it was told."""

    def __init__(self):
        self.asked: list[tuple] = []

    def estimate(self, x_t: Tensor, t: int) -> Tensor:
        return x_t + t

    def down(self, now: State, s: int, before: State | None, draw) -> Tensor:
        self.asked.append((now.t, s, None if before is None else before.t))
        return 10 * now.x_t + s + draw()

    def up(self, x_t: Tensor, t: int, s: int, draw) -> Tensor:
        self.asked.append((t, s, "up"))
        return 100 * x_t + s


def test_a_walk_takes_any_step() -> None:
    """From 7 down to t = 2 and 1, up to 3 and down to 0, with 0 drawn each time."""
    step, start = Counter(), torch.tensor([7])
    states = list(walk(step, start, [4, 2, 1, 3, 0], draw=lambda: 0))
    assert step.asked == [(4, 2, None), (2, 1, 4), (1, 3, "up"), (3, 0, None)]  # after a jump there is no step before
    assert [state.t for state in states] == [4, 2, 3, 0]
    # 7·10 + 2 = 72, 72·10 + 1 = 721, 721·100 + 3 = 72103, 72103·10 + 0 = 721030
    assert [int(state.x_t) for state in states] == [7, 72, 72103, 721030]
    assert [int(state.x0_hat) for state in states] == [11, 74, 72106, 721030]
    assert {state.x_t.dtype for state in states} == {torch.int64}


def test_what_is_written_after_a_step_is_what_the_next_one_sees() -> None:
    """Not after a jump up: what is known is noised to the level of a step down."""
    seen = []

    def after_step(x_s: Tensor, s: int) -> Tensor:
        seen.append((int(x_s), s))
        return torch.full_like(x_s, s)

    states = list(walk(Counter(), torch.tensor([7]), [4, 2, 3, 0], draw=lambda: 1, after_step=after_step))
    assert seen == [(73, 2), (2031, 0)]  # 7·10 + 2 + 1; 2·100 + 3, and that ·10 + 0 + 1
    assert [int(state.x_t) for state in states] == [7, 203, 0]


def test_a_samplers_settings_can_be_changed_but_not_in_place() -> None:
    own = Sampler("ddpm", 20, "late", eta=(1.4, 0.5), eta_border=0.3)
    assert own.changed() == own.changed(steps=None, eta=None, sampler=None) == own.changed(sampler="ddpm") == own
    assert own.changed(steps=5, spacing=1.5) == Sampler("ddpm", 5, 1.5, eta=(1.4, 0.5), eta_border=0.3)
    assert own.changed(eta=0.5).shares == (0.5, 0.5)
    with pytest.raises(AttributeError):  # dataclasses.FrozenInstanceError is one
        own.steps = 5


def test_eta_and_its_border_belong_to_the_sampler_they_were_chosen_for() -> None:
    own = Sampler("ddpm", 20, "late", eta=(1.4, 0.5), eta_border=0.3)
    assert own.changed(sampler="ddim") == Sampler("ddim", 20, "late")
    assert own.changed(sampler="ddim", eta=0.5, eta_border=1) == Sampler("ddim", 20, "late", eta=0.5, eta_border=1)
    assert own.changed(sampler="heun").shares == (0, 0) and own.changed(sampler="dpmpp_2m_sde").shares == (1, 1)


@pytest.mark.parametrize(("given", "message"), [
    ({"sampler": "eular"}, "unknown sampler 'eular'"), ({"steps": 0}, "steps must be"),
    ({"variance": "small"}, "unknown variance 'small'"),
])
def test_a_change_to_what_there_is_not_is_refused(given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampler("ddpm", 20).changed(**given)
