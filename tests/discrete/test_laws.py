"""The laws of diffusion over classes, against the K × K matrices that they stand for."""

from __future__ import annotations

import math

import pytest
import torch
from tokens import LIMITS, SKEWED, K, every_limit, log_f, transition, uniforms

from diffusion_utils.discrete import belief, corrupt, draw, fresh, make_limit, marginal, renoise, reverse
from diffusion_utils.discrete.limits import Limit, absorbing, uniform
from diffusion_utils.schedules import cosine, straight

SCHEDULE = cosine(100)
EXACT = {"rtol": 0, "atol": 1e-14}  # a hundred roundings of numbers below 1
N = 200_000
CHANCE = 5 / math.sqrt(N)  # five standard deviations of a share, at most


def every_state(limit: Limit) -> torch.Tensor:
    """Each state once, as a batch of rows of one place, (S, 1); after it, at t = T of a mask, the mask alone is possible."""
    return torch.arange(limit.states)[:, None]


def on_states(limit: Limit, f: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.pad(f, (0, limit.states - K))


@pytest.mark.parametrize(**every_limit)
@pytest.mark.parametrize("t", [1, 30, 99])
def test_forward(limit, t):
    """eq-discrete-forward: the shares of what x_0 becomes are those of the matrix."""
    table = transition(limit, float(SCHEDULE.alpha_bar[t]))
    for c in range(K):
        x_t = corrupt(limit, SCHEDULE, torch.full((N,), c), t, uniforms(N))
        torch.testing.assert_close(torch.bincount(x_t, minlength=limit.states) / N, table[c].float(), rtol=0, atol=CHANCE)


def test_each_sample_has_its_own_time():
    x0, u = torch.zeros((3, 50_000), dtype=torch.int64), uniforms(3, 50_000)
    x_t = corrupt(absorbing(K), straight(10), x0, torch.tensor([0, 5, 10]), u)
    torch.testing.assert_close((x_t == K).double().mean(1), torch.tensor([0, 0.5, 1.0], dtype=torch.float64), rtol=0, atol=0.02)
    assert not (x_t[0] == K).any() and (x_t[2] == K).all()


@pytest.mark.parametrize(**every_limit)
def test_a_step_up(limit):
    """eq-discrete-step: the matrices of two steps make that of both; and `renoise` draws from it."""
    r = float(SCHEDULE.alpha_bar[60] / SCHEDULE.alpha_bar[30])
    both = transition(limit, float(SCHEDULE.alpha_bar[30])) @ transition(limit, r)
    torch.testing.assert_close(both, transition(limit, float(SCHEDULE.alpha_bar[60])), **EXACT)
    for y in range(limit.states):
        x_t = renoise(limit, SCHEDULE, torch.full((N,), y), 30, 60, uniforms(N))
        torch.testing.assert_close(torch.bincount(x_t, minlength=limit.states) / N, transition(limit, r)[y].float(), rtol=0,
                                   atol=CHANCE)


@pytest.mark.parametrize(**every_limit)
def test_belief(limit):
    """eq-discrete-belief: Bayes' rule, x_t given each x_0 by the matrix."""
    f = log_f(1, seed=2)
    for j in every_state(limit):
        wanted = on_states(limit, f.exp()) * transition(limit, float(SCHEDULE.alpha_bar[40]))[:, j].T
        torch.testing.assert_close(belief(limit, SCHEDULE, j, 40, f).exp(), wanted / wanted.sum(), **EXACT)


@pytest.mark.parametrize(**every_limit)
@pytest.mark.parametrize(("t", "s"), [(1, 0), (40, 39), (90, 20), (100, 99)])
def test_reverse(limit, t, s):
    """eq-discrete-reverse: the same as Σ_c π_c·q(x_s given x_t, x_0 = c), by the matrices."""
    f, kept = log_f(1, seed=3), SCHEDULE.alpha_bar
    for j in every_state(limit):
        pi = belief(limit, SCHEDULE, j, t, f).exp()[0]
        up, first = transition(limit, float(kept[t] / kept[s])), transition(limit, float(kept[s]))
        posteriors = torch.stack([first[c] * up[:, int(j)] / (first[c] @ up[:, int(j)]) for c in range(K) if pi[c] > 0])
        torch.testing.assert_close(reverse(limit, SCHEDULE, j, t, s, f).exp()[0], pi[:K][pi[:K] > 0] @ posteriors, **EXACT)


@pytest.mark.parametrize(**every_limit)
@pytest.mark.parametrize("schedule", [cosine(100), straight(100)], ids=lambda schedule: schedule.name)
def test_every_step_is_a_distribution_and_ends_in_a_class(limit, schedule):
    for t, s in [(100, 99), (100, 50), (50, 20), (20, 0), (1, 0)]:
        p = reverse(limit, schedule, every_state(limit), t, s, log_f(limit.states, 1)).exp()
        torch.testing.assert_close(p.sum(-1), torch.ones(limit.states, 1, dtype=torch.float64), **EXACT)
        if s == 0:
            assert float(p[..., K:].sum()) == 0, "a mask was left"


def test_a_mask_stays_one_with_the_same_chance_whatever_the_network_says_and_nothing_else_leaves_it():
    """What papers build in (carry-over, no mask predicted) follows, to the last bit: nothing is added to a zero."""
    p = reverse(absorbing(K), SCHEDULE, torch.tensor([[0, K]]), 70, 30, log_f(1, 2)).exp()
    stay = (1 - SCHEDULE.alpha_bar[30]) / (1 - SCHEDULE.alpha_bar[70])
    assert p[0, 0].tolist() == [1, 0, 0, 0]
    torch.testing.assert_close(p[0, 1, K], stay, **EXACT)
    assert belief(absorbing(K), SCHEDULE, torch.tensor([[2]]), 70, log_f(1, 1)).exp()[0, 0].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(**every_limit)
def test_fresh(limit):
    """eq-discrete-fresh: κ = 0 is the plain step, κ = 1 knows x_t by the belief alone; between them their mixture."""
    x, f = every_state(limit), log_f(limit.states, 1, seed=4)
    plain = reverse(limit, SCHEDULE, x, 60, 30, f)
    pi, kept = belief(limit, SCHEDULE, x, 60, f).exp(), float(SCHEDULE.alpha_bar[30])
    anew = kept * pi + (1 - kept) * limit.m
    assert torch.equal(fresh(limit, SCHEDULE, x, 60, 30, f, 0.0), plain)
    for kappa in (0.2, 1.0):
        torch.testing.assert_close(fresh(limit, SCHEDULE, x, 60, 30, f, kappa).exp(), (1 - kappa) * plain.exp() + kappa * anew,
                                   **EXACT)


def test_fresh_with_a_mask_is_remasking():
    """Wang et al. 2025, eq. 8, with σ = κ(1 − ᾱ_s): what is shown is hidden again with σ, what is hidden stays with
    (1 − ᾱ_s − σ·ᾱ_t)/(1 − ᾱ_t)."""
    a_t, a_s, kappa = float(SCHEDULE.alpha_bar[60]), float(SCHEDULE.alpha_bar[30]), 0.3
    sigma = kappa * (1 - a_s)
    p = fresh(absorbing(K), SCHEDULE, torch.tensor([[1, K]]), 60, 30, log_f(1, 2), kappa).exp()
    assert p[0, 0, K] == pytest.approx(sigma, abs=1e-14)
    assert p[0, 1, K] == pytest.approx((1 - a_s - sigma * a_t) / (1 - a_t), abs=1e-14)


def test_a_class_of_a_billionth_is_drawn_as_often_as_that():
    """In float32 a uniform number has steps of 6·10⁻⁸, and Gumbel's noise ends at 16.6: e^−16.6 is 60 times a billionth."""
    log_p = torch.tensor([1 - 1e-9, 1e-9], dtype=torch.float64).log()
    inside, outside = 1 - 0.5e-9, 1 - 1.5e-9
    assert draw(log_p.expand(2, 2), torch.tensor([outside, inside], dtype=torch.float64)).tolist() == [0, 1]


def test_draws_have_the_shares_asked_for_and_the_ends_are_safe():
    p = torch.tensor([0.0, 0.2, 0.5, 0.3, 0.0], dtype=torch.float64)
    x = draw(p.log().expand(N, 5), uniforms(N))
    torch.testing.assert_close(torch.bincount(x, minlength=5) / N, p.float(), rtol=0, atol=CHANCE)
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    for seed in range(200):  # sums that round to a little more or less than 1
        log_p = log_f(1, seed=seed).expand(2, K)
        low, high = draw(torch.nn.functional.pad(log_p, (1, 1), value=-math.inf), ends).tolist()
        assert 1 <= low and high <= K


def test_limits_are_made_by_name_and_what_is_no_distribution_is_refused():
    assert make_limit({"name": "absorbing", "classes": 4}).m.tolist() == [0, 0, 0, 0, 1]
    assert make_limit({"name": "marginal", "shares": [3, 1]}).m.tolist() == [0.75, 0.25]
    assert [limit.hides for limit in LIMITS] == [True, False, False, False]
    assert uniform(4).states == uniform(4).classes == 4 and absorbing(4).states == 5
    for bad in (lambda: Limit(torch.tensor([0.5, 0.6]), 2), lambda: marginal([1.0, -1.0]), lambda: marginal([0.0]),
                lambda: make_limit({"name": "absorbin", "classes": 4}), lambda: Limit(torch.tensor([1.0]), 2)):
        with pytest.raises(ValueError, match="must|Did you mean|sum to 1"):
            bad()


def test_steps_that_go_the_wrong_way_and_shares_beyond_one_are_refused():
    limit, x, f = marginal(SKEWED), torch.zeros((1, 1), dtype=torch.int64), log_f(1, 1)
    with pytest.raises(ValueError, match="s must lie below t"):
        reverse(limit, SCHEDULE, x, 3, 3, f)
    with pytest.raises(ValueError, match="s must lie below t"):
        renoise(limit, SCHEDULE, x, 4, 3, uniforms(1, 1))
    with pytest.raises(ValueError, match="kappa must lie in 0…1"):
        fresh(limit, SCHEDULE, x, 4, 3, f, 1.5)
