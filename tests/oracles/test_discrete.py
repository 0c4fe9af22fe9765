"""Diffusion over classes where everything is known: three places of three classes, one place, and places that know nothing of
each other. What the exact denoiser is scored is the entropy, and what is drawn with it has the distribution."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chi2
from tokens import SKEWED, Joint, K, every_limit, log_f, rng, uniforms

from diffusion_utils.discrete import (
    DiscreteSampler,
    absorbing,
    any_order,
    bound,
    bound_term,
    keep,
    marginal,
    prior_term,
    reverse,
    sample_discrete,
    uniform,
)
from diffusion_utils.schedules import cosine, straight

P = torch.rand((K, K, K), generator=rng(1), dtype=torch.float64) ** 3
N = 20_000


def exact_bound(joint: Joint) -> torch.Tensor:
    """The bound of each x_0 in nats, float64 (K^L,), every state of every t counted with its probability."""
    schedule, limit, states = joint.schedule, joint.limit, joint.states()
    total = prior_term(limit, schedule, joint.rows)
    for t in range(1, schedule.T + 1):
        (f,) = joint((states,), t)
        here, n = joint.forward(t), len(joint.rows)
        x0, x_t = joint.rows.repeat_interleave(len(states), 0), states.repeat(n, 1)
        f = f.nan_to_num(-math.inf).repeat(n, 1, 1)  # of states that cannot be, which are not counted
        terms = bound_term(limit, schedule, x0, x_t, torch.full((len(x_t),), t), f).view(n, -1)
        total += torch.where(here > 0, here * terms, 0.0).sum(1)
    return total


def mean_bound(joint: Joint) -> float:
    return float((joint.p.flatten() * exact_bound(joint)).sum())


# --- (a) Three places that depend on each other


def test_any_order_is_the_entropy_to_the_last_digit():
    """eq-any-order of the exact denoiser, every set of hidden places counted: −ln p(x_0) in the mean over all orders, so its
    mean over the data is the entropy."""
    joint = Joint(P, absorbing(K), straight(8))
    total = torch.zeros(len(joint.rows), dtype=torch.float64)
    for n in (1, 2, 3):
        sets = [h for h in torch.cartesian_prod(*[torch.tensor([False, True])] * 3) if int(h.sum()) == n]
        for hidden in sets:
            (f,) = joint((torch.where(hidden, K, joint.rows),), 1)
            lost = -f.gather(-1, joint.rows[..., None])[..., 0]
            total += 3 * (lost * hidden).sum(1) / n / len(sets) / 3
    assert float((joint.p.flatten() * total).sum()) == pytest.approx(joint.entropy, abs=1e-12)


def test_the_estimate_of_any_order_agrees():
    joint = Joint(P, absorbing(K), straight(8))
    rows = torch.multinomial(P.flatten(), 4000, replacement=True, generator=rng())
    found = any_order(joint, (joint.rows[rows],), joint.limit, 8, 12)
    assert float(found.mean()) == pytest.approx(joint.entropy, abs=4 * float(found.std()) / math.sqrt(4000))


@pytest.mark.parametrize("make", [straight, lambda T: cosine(T, beta_max=1.0)], ids=["straight", "cosine"])
def test_the_bound_falls_to_the_entropy_as_steps_get_shorter(make):
    """Steps that show several places at once cost something; what is left of that falls about as 1/T."""
    gaps = [mean_bound(joint := Joint(P, absorbing(K), make(T))) - joint.entropy for T in (1, 4, 16, 64)]
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3] > 0
    assert gaps[3] < 0.3 * gaps[2] < 0.1 * gaps[1]


def test_one_step_scores_places_that_know_nothing_of_each_other():
    joint = Joint(P, absorbing(K), straight(1))
    alone = sum(float(-(m := joint.p.sum([k for k in range(3) if k != i])) @ m.log()) for i in range(3))
    assert mean_bound(joint) == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize("limit", [uniform(K), marginal(SKEWED)], ids=lambda limit: limit.name)
def test_other_limits_come_near_the_entropy_from_above(limit):
    """What ᾱ_T = 10⁻⁷ leaves of the data is lost as well, and less than 10⁻⁶."""
    coarse, fine = (mean_bound(joint := Joint(P[:, :, 0], limit, cosine(T))) - joint.entropy for T in (8, 64))
    assert 0 < fine < 0.35 * coarse


def test_the_estimate_of_the_bound_agrees_with_the_sum_over_everything():
    joint = Joint(P[0], marginal(SKEWED), cosine(12))
    rows = torch.multinomial(P[0].flatten(), 3000, replacement=True, generator=rng())
    wanted = exact_bound(joint)[rows]
    found = bound(joint, (joint.limit,), joint.schedule, (joint.rows[rows],), 4)
    assert float((found - wanted).mean()) == pytest.approx(0, abs=4 * float((found - wanted).std()) / math.sqrt(3000))


# --- (b) One place: the bound is the truth


@pytest.mark.parametrize("T", [4, 30])
@pytest.mark.parametrize(("limit", "p"), [(absorbing(K), SKEWED), (uniform(K), [1 / 3] * 3), (marginal(SKEWED), SKEWED)],
                         ids=["absorbing", "uniform", "marginal"])
def test_of_one_place_the_bound_is_minus_ln_p(T, limit, p):
    """Whatever T: nothing is shown at the same time as something else. (Published code that puts the belief in the place of
    the network's output, and so counts x_t twice, finds half as much again.)"""
    joint = Joint(torch.tensor(p), limit, straight(T))
    torch.testing.assert_close(exact_bound(joint), -joint.p.log(), rtol=0, atol=1e-12)


def test_the_last_term_is_what_the_sampler_draws_from():
    """At t = 1 the divergence is −ln of the probability that the last step gives to x_0: no special case."""
    limit, schedule = marginal(SKEWED), cosine(20)
    x0, x1, f = torch.tensor([[0, 1, 2]]), torch.tensor([[0, 2, 2]]), log_f(1, 3)
    found = bound_term(limit, schedule, x0, x1, torch.tensor([1]), f)
    wanted = -reverse(limit, schedule, x1, 1, 0, f).gather(-1, x0[..., None]).sum()
    torch.testing.assert_close(found[0], wanted, rtol=0, atol=1e-12)


# --- (c) What is drawn


def drawn(joint: Joint, n: int, sampler: DiscreteSampler, seed: int = 0, **how) -> torch.Tensor:
    """x_0, int64 (n, L)."""
    *_, last = sample_discrete(joint, joint.schedule, (joint.limit,), [(joint.p.ndim,)], sampler, batch=n, seed=seed, **how)
    return last.x_t[0]


def surprise(x: torch.Tensor, p: torch.Tensor) -> float:
    """P(χ² at least as large) of the counts of rows."""
    place = torch.zeros(len(x), dtype=torch.int64)
    for column in x.T:
        place = place * K + column
    expected = len(x) * p.flatten() / p.sum()
    counts = torch.bincount(place, minlength=p.numel())
    assert int(counts[expected == 0].sum()) == 0
    real = expected > 0
    return float(chi2.sf(((counts - expected)[real] ** 2 / expected[real]).sum(), int(real.sum()) - 1))


@pytest.mark.parametrize("sampler", [DiscreteSampler(7), DiscreteSampler(7, kappa=0.4), DiscreteSampler(3, kappa=1.0)],
                         ids=["plain", "κ = 0.4", "κ = 1"])
@pytest.mark.parametrize(**every_limit)
def test_places_that_know_nothing_of_each_other_are_drawn_from_their_distribution(limit, sampler):
    """In any number of steps and for any κ: each of them is exact then."""
    p = torch.tensor([0.5, 0.3, 0.2]).double()
    joint = Joint(p[:, None] * p.flip(0), limit, straight(21))
    assert surprise(drawn(joint, 4000, sampler), joint.p) > 1e-4


@pytest.mark.parametrize("order", ["random", "confidence"])
def test_one_place_at_a_time_is_exact_in_any_order_that_does_not_look_at_what_is_drawn(order):
    joint = Joint(P, absorbing(K), straight(3))
    assert surprise(drawn(joint, 4000, DiscreteSampler(3, order=order)), joint.p) > 1e-4


def test_several_places_at_a_time_are_not():
    joint = Joint(P, absorbing(K), straight(1))
    assert surprise(drawn(joint, 4000, DiscreteSampler(1)), joint.p) < 1e-4


def test_the_end_is_drawn_like_every_other_step_and_not_the_likeliest_class():
    joint = Joint(torch.tensor([0.9, 0.08, 0.02]), uniform(K), straight(10))
    assert surprise(drawn(joint, 4000, DiscreteSampler(10)), joint.p) > 1e-4


# --- (d) What a mask makes needless, and what is known


def test_a_mask_tells_the_time():
    """The exact denoiser says the same at every t, so a network that is not told the time loses nothing; and with other
    limits it would."""
    x = torch.tensor([[K, 0, K], [1, K, K]])
    first, last = (Joint(P, absorbing(K), straight(50))((x,), t)[0] for t in (1, 50))
    torch.testing.assert_close(first, last, rtol=0, atol=1e-12)
    first, last = (Joint(P, uniform(K), straight(50))((x % K,), t)[0] for t in (1, 49))
    assert float((first.exp() - last.exp()).abs().max()) > 0.1


@pytest.mark.parametrize("limit", [absorbing(K), marginal(SKEWED)], ids=lambda limit: limit.name)
def test_what_is_kept_is_exact_and_the_rest_is_drawn_given_it(limit):
    """With a mask, whose known part is never hidden. In other limits it is noised along, and comes out as it was."""
    joint, known, where = Joint(P, limit, straight(12)), torch.tensor([[2, 0, 0]]), torch.tensor([[True, False, False]])
    n = 1500
    write = keep((limit,), joint.schedule, (known.expand(n, -1),), (where.expand(n, -1),))
    start = write((torch.full((n, 3), limit.states - 1),), 12) if limit.hides else None
    one_at_a_time = DiscreteSampler(12, order="random" if limit.hides else "independent")  # two places, twelve steps
    x = drawn(joint, n, one_at_a_time, x_start=start, after_step=write, indices=range(n))
    assert bool((x[:, 0] == 2).all())
    if limit.hides:
        wanted = torch.zeros((K, K, K), dtype=torch.float64)
        wanted[2] = P[2]
        assert surprise(x, wanted) > 1e-4


def test_the_estimates_do_not_depend_on_chance_beyond_their_seed():
    joint = Joint(P[0], absorbing(K), straight(5))
    x0 = (joint.rows,)
    assert torch.equal(bound(joint, (joint.limit,), joint.schedule, x0, 2), bound(joint, (joint.limit,), joint.schedule, x0, 2))
    assert not torch.equal(any_order(joint, x0, joint.limit, 5, 2), any_order(joint, x0, joint.limit, 5, 2, seed=1))
    assert uniforms(3).dtype == torch.float64
