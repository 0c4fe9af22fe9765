"""The labelled equations of chapter 9, each under its label's name: the package against matrices, sums and exact denoisers."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from tokens import SKEWED, Joint, K, every_limit, log_f, no_or_on, transition, uniforms

from diffusion_utils.discrete import (
    DiscreteSampler,
    absorbing,
    any_order,
    belief,
    bound,
    bound_term,
    corrupt,
    fresh,
    marginal,
    masked_weight,
    renoise,
    reverse,
    sample_discrete,
    uniform,
)
from diffusion_utils.metrics.ngram import NGram, discounts
from diffusion_utils.schedules import cosine, straight

SCHEDULE = cosine(100)
N = 40_000
CHANCE = 5 / math.sqrt(N)  # five standard deviations of a share, at most


def on_states(limit, f: torch.Tensor) -> torch.Tensor:
    """The distribution of classes among all states: a mask has none of it."""
    return torch.nn.functional.pad(f, (0, limit.states - K))


def states(limit) -> torch.Tensor:
    return torch.arange(limit.states)[:, None]


def shares(x: torch.Tensor, limit) -> torch.Tensor:
    return torch.bincount(x, minlength=limit.states).double() / len(x)


@pytest.mark.parametrize(**every_limit)
def test_eq_discrete_forward(limit) -> None:
    for t in (1, 40, 99):
        table = transition(limit, float(SCHEDULE.alpha_bar[t]))
        for c in range(K):
            x_t = corrupt(limit, SCHEDULE, torch.full((N,), c), t, uniforms(N))
            assert float((shares(x_t, limit) - table[c]).abs().max()) < CHANCE


@pytest.mark.parametrize(**every_limit)
def test_eq_discrete_step(limit) -> None:
    """The step draws from its row, and the steps from 0 to 30 and from 30 to 60 make that from 0 to 60."""
    kept = SCHEDULE.alpha_bar
    step = transition(limit, float(kept[60] / kept[30]))
    both = transition(limit, float(kept[30])) @ step
    torch.testing.assert_close(both, transition(limit, float(kept[60])), rtol=0, atol=1e-14)
    for y in range(limit.states):
        x_t = renoise(limit, SCHEDULE, torch.full((N,), y), 30, 60, uniforms(N))
        assert float((shares(x_t, limit) - step[y]).abs().max()) < CHANCE


@pytest.mark.parametrize(**every_limit)
def test_eq_discrete_belief(limit) -> None:
    """Bayes' rule: what the others say, times how likely each letter would have become what is seen."""
    f = log_f(1, seed=2)
    for j in states(limit):
        seen = transition(limit, float(SCHEDULE.alpha_bar[40]))[:, int(j)]
        wanted = on_states(limit, f[0].exp()) * seen
        found = belief(limit, SCHEDULE, j, 40, f).exp()[0]
        torch.testing.assert_close(found, wanted / wanted.sum(), rtol=0, atol=1e-14)


@pytest.mark.parametrize(**every_limit)
@pytest.mark.parametrize(("t", "s"), [(1, 0), (40, 39), (90, 20)])
def test_eq_discrete_reverse(limit, t: int, s: int) -> None:
    """Both forms: the product of two factors written out, and the sum over x_0 of belief times posterior, by matrices. With the
    belief in the place of f it is something else, unless noise is a mask."""
    f, kept = log_f(1, seed=3), SCHEDULE.alpha_bar
    up, first = transition(limit, float(kept[t] / kept[s])), transition(limit, float(kept[s]))
    for j in states(limit):
        found = reverse(limit, SCHEDULE, j, t, s, f).exp()[0]
        written = up[:, int(j)] * (on_states(limit, f[0].exp()) @ first)
        torch.testing.assert_close(found, written / written.sum(), rtol=0, atol=1e-14)
        pi = belief(limit, SCHEDULE, j, t, f)
        summed = sum(pi[0, c].exp() * first[c] * up[:, int(j)] / (first[c] @ up[:, int(j)])
                     for c in range(K) if float(pi[0, c]) > -math.inf)
        torch.testing.assert_close(found, summed, rtol=0, atol=1e-14)
        twice = reverse(limit, SCHEDULE, j, t, s, pi).exp()[0]
        assert float(limit.m[j]) in (0, 1) or t == 1 or float((twice - found).abs().max()) > 1e-3


@pytest.mark.parametrize("limit", [absorbing(K), uniform(K), marginal(SKEWED)], ids=lambda limit: limit.name)
def test_eq_discrete_bound(limit) -> None:
    """One letter of known distribution: nothing is shown at the same time as something else, and the bound is −ln p exactly,
    the term of t = 1 among the others. What x_T keeps is nothing."""
    p = torch.tensor(SKEWED if limit.name == "marginal" else [0.5, 0.2, 0.3])
    joint = Joint(p, limit, straight(12))
    total = torch.zeros(K, dtype=torch.float64)
    for t in range(1, 13):
        here, seen = joint.forward(t), joint.states()
        (f,) = joint((seen,), t)
        for x0 in range(K):
            terms = bound_term(limit, joint.schedule, torch.full_like(seen, x0), seen, torch.full((len(seen),), t),
                               f.nan_to_num(-math.inf))
            total[x0] += torch.where(here[x0] > 0, here[x0] * terms, 0.0).sum()
    torch.testing.assert_close(total, -joint.p.log(), rtol=0, atol=1e-12)


def test_eq_masked_bound() -> None:
    schedule, x0, t = cosine(20, beta_max=1.0), torch.tensor([[0, 1, 2]]), torch.tensor([13])
    x_t, f = torch.tensor([[K, 1, K]]), log_f(1, 3)
    kept = schedule.alpha_bar
    weight = float((kept[12] - kept[13]) / (1 - kept[13]))
    assert float(masked_weight(schedule, t)) == pytest.approx(weight, abs=1e-14)
    found = bound_term(absorbing(K), schedule, x0, x_t, t, f)
    assert float(found) == pytest.approx(-weight * float(f[0, 0, 0] + f[0, 2, 2]), abs=1e-12)


def test_eq_any_order() -> None:
    """Of three places that depend on each other: the mean over all sets of hidden places is the entropy, and the sum over t
    comes down to it, whatever the schedule."""
    p = uniforms(K, K, K, seed=1) ** 3
    joint = Joint(p, absorbing(K), straight(8))
    total = torch.zeros(len(joint.rows), dtype=torch.float64)
    for n in (1, 2, 3):
        sets = [h for h in torch.cartesian_prod(*[torch.tensor([False, True])] * 3) if int(h.sum()) == n]
        for hidden in sets:
            (f,) = joint((torch.where(hidden, K, joint.rows),), 1)
            total += (-f.gather(-1, joint.rows[..., None])[..., 0] * hidden).sum(1) / n / len(sets)  # × L = 3, over 3 numbers
    assert float((joint.p.flatten() * total).sum()) == pytest.approx(joint.entropy, abs=1e-12)
    rows = joint.rows[torch.multinomial(joint.p.flatten(), 600, replacement=True, generator=torch.Generator().manual_seed(0))]
    estimate = any_order(joint, (rows,), joint.limit, 8, 9)
    fine = [bound(Joint(p, absorbing(K), schedule), (joint.limit,), schedule, (rows,), 6)
            for schedule in (straight(200), cosine(200, beta_max=1.0))]
    # four standard errors of the difference, and what 200 steps cost by showing two places at once, less than 0.02
    for found in fine:
        gap = found - estimate
        assert float(gap.mean()) == pytest.approx(0, abs=4 * float(gap.std()) / math.sqrt(600) + 0.02)


@pytest.mark.parametrize(**every_limit)
def test_eq_discrete_fresh(limit) -> None:
    """The mixture written out; with masks, Wang et al. 2025, whose σ is κ·(1 − ᾱ_s)."""
    x, f, kappa = states(limit), log_f(limit.states, 1, seed=4), 0.3
    kept = float(SCHEDULE.alpha_bar[30])
    pi = belief(limit, SCHEDULE, x, 60, f).exp()
    wanted = (1 - kappa) * reverse(limit, SCHEDULE, x, 60, 30, f).exp() + kappa * (kept * pi + (1 - kept) * limit.m)
    found = fresh(limit, SCHEDULE, x, 60, 30, f, kappa).exp()
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-14)
    if limit.hides:
        assert float(found[0, 0, K]) == pytest.approx(kappa * (1 - kept), abs=1e-14)


@pytest.mark.parametrize("T", [1, 3, 10])
def test_eq_two_at_once(T: int) -> None:
    """Both letters are shown in the same step with the chance 1/T: then half of the words are wrong, and a bit is lost."""
    limits, n = (absorbing(2),), 1500
    *_, last = sample_discrete(no_or_on, straight(T), limits, [(2,)], DiscreteSampler(T), batch=n)
    x = last.x_t[0]
    wrong = float((x[:, 0] == x[:, 1]).double().mean())
    assert wrong == pytest.approx(1 / (2 * T), abs=5 * math.sqrt(0.25 / n))
    words = torch.tensor([[0, 1], [1, 0]]).repeat(500, 1)
    found = bound(no_or_on, limits, straight(T), (words,), 8) / math.log(2)
    assert float(found.mean()) == pytest.approx(1 + 1 / T, abs=5 * float(found.std()) / math.sqrt(len(words)) + 1e-9)
    free = any_order(no_or_on, (words,), limits[0], T)
    assert float(free.mean()) == pytest.approx(math.log(2), abs=5 * math.log(2) / math.sqrt(8 * len(words)))  # 8 draws each


@pytest.mark.parametrize(("T", "L"), [(10, 5), (64, 128)])
def test_eq_distinct_calls(T: int, L: int) -> None:
    """How many of T steps show anything at all, counted in walks of masks each for itself."""
    def nothing(x_t: tuple, t: object, cond: None = None) -> tuple[torch.Tensor]:
        return (torch.zeros((*x_t[0].shape, 2), dtype=torch.float64).log_softmax(-1),)

    n = 60
    walk = [state.x_t[0] for state in sample_discrete(nothing, straight(T), (absorbing(2),), [(L,)], DiscreteSampler(T),
                                                      batch=n)]
    changes = sum(((after != before).any(1)).double() for before, after in zip(walk, walk[1:], strict=False))
    wanted = T * (1 - (1 - 1 / T) ** L)
    assert float(changes.mean()) == pytest.approx(wanted, abs=5 * float(changes.std()) / math.sqrt(n))


def test_eq_text_judge() -> None:
    """Written out for one letter after one beginning, from counts of counts."""
    tokens = np.random.default_rng(0).choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])
    pairs = {tuple(tokens[i:i + 2]) for i in range(299)}
    own = Counter(tuple(tokens[i:i + 2]) for i in range(299))  # the highest order counts how often
    below = Counter(b for _, b in pairs)  # the lower one, after how many different letters
    D1, D2 = discounts(np.array(list(below.values()))), discounts(np.array(list(own.values())))
    h, a = 1, 2

    def p1(letter: int) -> float:
        left = sum(D1[min(c, 3)] for c in below.values()) / len(pairs)
        return max(below[letter] - D1[min(below[letter], 3)], 0) / len(pairs) + left / 4

    total = sum(c for pair, c in own.items() if pair[0] == h)
    left = sum(D2[min(c, 3)] for pair, c in own.items() if pair[0] == h) / total
    wanted = max(own[h, a] - D2[min(own[h, a], 3)], 0) / total + left * p1(a)
    assert NGram(tokens, 4, 2).probabilities(np.array([[h]]))[0, a] == pytest.approx(wanted, abs=1e-12)
