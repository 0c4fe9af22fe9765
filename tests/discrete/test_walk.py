"""Walks over classes: samples that depend on their seed alone, orders of showing, what is kept, and guidance."""

from __future__ import annotations

import pytest
import torch
from tokens import SKEWED, K, log_f, rng, uniforms

from diffusion_utils.discrete import (
    DiscreteDenoiser,
    DiscreteSampler,
    absorbing,
    belief_loss,
    corrupt,
    guided_log,
    hide,
    keep,
    marginal,
    masked_loss,
    masked_weight,
    prior_term,
    reverse,
    sample_discrete,
    uniform,
)
from diffusion_utils.discrete.bound import bound_term
from diffusion_utils.discrete.walk import show
from diffusion_utils.noise import SampleUniform
from diffusion_utils.recipes import get_recipe
from diffusion_utils.schedules import cosine, linear, straight

L = 6
SCHEDULE = straight(12)


def denoiser(x_t, t, cond=None):
    """A fixed ln f for each place, and another one where the row's first place is odd."""
    found = []
    for x in x_t:
        odd = (x.flatten(1)[:, 0] % 2 == 1).reshape(-1, *[1] * x.ndim)
        found.append(torch.where(odd, log_f(*x.shape[1:], seed=5), log_f(*x.shape[1:], seed=6)))
    return tuple(found)


def walked(limits, shapes, sampler=None, **how):
    return list(sample_discrete(denoiser, SCHEDULE, limits, shapes, sampler or DiscreteSampler(6), **how))


# --- Who draws what


def test_a_sample_depends_on_its_seed_and_number_and_not_on_its_batch():
    limits, shapes = (absorbing(K), marginal(SKEWED)), [(L,), (2, 2)]
    whole = walked(limits, shapes, batch=5)[-1].x_t
    part = walked(limits, shapes, indices=[3, 1])[-1].x_t
    other = walked(limits, shapes, batch=5, seed=1)[-1].x_t
    assert [tuple(x.shape) for x in whole] == [(5, L), (5, 2, 2)] and all(x.dtype == torch.int64 for x in whole)
    assert all(torch.equal(a[[3, 1]], b) for a, b in zip(whole, part, strict=True))
    assert not torch.equal(whole[0], other[0])


def test_uniform_numbers_are_float64_and_belong_to_their_sample():
    u = SampleUniform(7, range(4), (3,))
    first, second = u(), u()
    assert first.dtype == torch.float64 and not torch.equal(first, second)
    assert 0 <= float(first.min()) and float(first.max()) < 1
    assert torch.equal(SampleUniform(7, [2], (3,))()[0], first[2])
    assert bool((first * 2**53 % 2**20 != 0).any()), "numbers of float32 end in zeros"


@pytest.mark.parametrize("order", ["independent", "random", "confidence"])
def test_every_order_ends_without_a_mask_and_hides_nothing_again(order):
    states = [state.x_t[0] for state in walked((absorbing(K),), [(L,)], DiscreteSampler(5, order=order), batch=40)]
    assert int((states[0] == K).sum()) == 40 * L and int((states[-1] == K).sum()) == 0
    for before, after in zip(states, states[1:], strict=False):
        assert bool((after[before != K] == before[before != K]).all())


def test_one_place_is_shown_in_each_call_of_as_many_steps():
    states = list(sample_discrete(denoiser, straight(L), (absorbing(K),), [(L,)], DiscreteSampler(L, order="random"), batch=9))
    assert [(state.x_t[0] == K).sum(1).unique().tolist() for state in states] == [[L - k] for k in range(L + 1)]


@pytest.mark.parametrize(("name", "places"), [("shakespeare", 128), ("names", 16)])
def test_the_recipes_show_one_letter_in_each_step(name, places):
    """Exact in any order only so: no two letters may come together because t is a whole number."""
    def nothing(x_t, t, cond=None):
        return (torch.zeros((*x_t[0].shape, 2), dtype=torch.float64).log_softmax(-1),)

    recipe = get_recipe(name)
    walk = sample_discrete(nothing, recipe.make_schedule(), (absorbing(2),), [(places,)], DiscreteSampler(**recipe.sampling),
                           batch=20)
    assert [(state.x_t[0] == 2).sum(1).unique().tolist() for state in walk] == [[places - k] for k in range(places + 1)]


def test_what_is_due_is_shown_on_average_where_little_is_hidden():
    """Three places of which a tenth is due: 0.3 in the mean, and no row waits for the end."""
    n = 20_000
    x, f = torch.full((n, 3), K), log_f(n, 3)
    shown = show(absorbing(K), x, f, 0.9, "random", *(uniforms(n, 3, seed=k) for k in range(3)))
    # five standard deviations of a coin of 0.3
    assert float((shown != K).double().sum(1).mean()) == pytest.approx(0.3, abs=5 * (0.21 / n) ** 0.5)


def test_confidence_shows_the_surest_place_first_and_does_not_look_at_what_was_drawn():
    """At any temperature: the place is chosen by f, and the class drawn from f as it is."""
    n = 20_000
    f = torch.tensor([[0.5, 0.3, 0.2], [0.8, 0.1, 0.1], [0.4, 0.4, 0.2]]).double().log().expand(n, 3, K)
    shown = show(absorbing(K), torch.full((n, 3), K), f, 2 / 3, "confidence", *(uniforms(n, 3, seed=k) for k in range(3)))
    assert bool((shown[:, [0, 2]] == K).all())
    # five standard deviations of a share of 0.8
    assert float((shown[:, 1] == 0).double().mean()) == pytest.approx(0.8, abs=5 * (0.16 / n) ** 0.5)


def test_kappa_hides_again_what_was_shown():
    states = [state.x_t[0] for state in walked((absorbing(K),), [(L,)], DiscreteSampler(12, kappa=0.8), batch=200)]
    hidden_again = sum(int(((after == K) & (before != K)).sum()) for before, after in zip(states, states[1:], strict=False))
    assert hidden_again > 50 and int((states[-1] == K).sum()) == 0


def test_a_walk_may_go_up_again():
    for limit in (absorbing(K), marginal(SKEWED)):
        states = walked((limit,), [(L,)], times=[12, 6, 9, 3, 12, 0], batch=500)
        assert [state.t for state in states] == [12, 9, 12, 0]
        if limit.hides:
            share = (states[1].x_t[0] == K).double().mean()
            # nine of twelve steps: three quarters are hidden; five standard deviations of 3,000 places
            assert float(share) == pytest.approx(0.75, abs=5 * (0.1875 / 3000) ** 0.5)


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'random'"):
        DiscreteSampler(order="randon")
    with pytest.raises(ValueError, match="belongs to the order 'independent'"):
        DiscreteSampler(order="random", kappa=0.1)
    with pytest.raises(ValueError, match="kappa must lie in 0…1"):
        DiscreteSampler(kappa=1.1)
    with pytest.raises(ValueError, match="shows what a mask hides, and the limit is marginal"):
        walked((marginal(SKEWED),), [(L,)], DiscreteSampler(order="random"))
    assert DiscreteSampler(kappa=0.5).changed(order="random").kappa == 0 and DiscreteSampler(8).calls(2.0) == 16


# --- What is kept


def test_what_is_known_is_never_hidden_by_a_mask_and_noised_as_far_as_the_rest_by_others():
    known, where = torch.zeros((4000, 2), dtype=torch.int64), torch.tensor([True, False]).expand(4000, 2)
    other = torch.ones((4000, 2), dtype=torch.int64)
    (x,) = keep((absorbing(K),), SCHEDULE, (known,), (where,))((other,), 9)
    assert bool((x == torch.tensor([0, 1])).all())
    (x,) = keep((uniform(K),), SCHEDULE, (known,), (where,))((other,), 9)
    # a quarter is kept, and a third of the rest comes back: 0.5; five standard deviations of 4,000
    assert float((x[:, 0] == 0).double().mean()) == pytest.approx(0.5, abs=5 * (0.25 / 4000) ** 0.5)
    assert bool((x[:, 1] == 1).all())


def test_what_is_kept_depends_on_the_sample_and_not_on_its_batch():
    known, where = torch.zeros((6, L), dtype=torch.int64), torch.ones((6, L), dtype=torch.bool)
    args = (uniform(K),), SCHEDULE
    (whole,) = keep(*args, (known,), (where,))((known,), 9)
    (part,) = keep(*args, (known[:2],), (where[:2],), indices=[4, 5])((known[:2],), 9)
    assert torch.equal(whole[4:], part)


# --- Guidance


def told(x_t, t, cond=None):
    return tuple(log_f(*x.shape, seed=1 if cond is None else 2) for x in x_t)


def test_guidance_mixes_what_is_believed_and_leaves_the_pace_alone():
    """eq-discrete-guidance. w = 1 is conditional, w = 0 unconditional; for every w a mask stays with the same chance."""
    x, cond = torch.tensor([[K, K, 0]]), torch.ones(1)
    free, full = told((x,), 5)[0], told((x,), 5, cond)[0]
    assert torch.equal(guided_log(told, 1.0)((x,), 5, cond)[0], full)
    assert torch.equal(guided_log(told, 0.0)((x,), 5, cond)[0], free)
    for w in (0.5, 3.0):
        mixed = guided_log(told, w)((x,), 5, cond)[0]
        wanted = free.exp() ** (1 - w) * full.exp() ** w
        torch.testing.assert_close(mixed.exp(), wanted / wanted.sum(-1, keepdim=True), rtol=0, atol=1e-12)
        stay = reverse(absorbing(K), SCHEDULE, x, 8, 5, mixed).exp()[0, :2, K]
        torch.testing.assert_close(stay, torch.full((2,), 5 / 8, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(guided_log(told, torch.tensor([3.0]))((x,), 5, cond)[0], mixed, rtol=0, atol=1e-12)


# --- Losses and bounds


class Table(torch.nn.Module):
    """Logits for each place and state that is seen there."""

    def __init__(self, states: int):
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(L, states, K, generator=rng(3)))
        self.seen, self.times = [], []

    def forward(self, x, time, cond=None):
        self.seen.append(x)
        self.times.append(time)
        return self.table[torch.arange(L), x]


def test_hidden_places_are_as_many_as_asked_and_anywhere():
    n = torch.tensor([0, 1, 4, L]).repeat(3000)
    x_t, hidden = hide(torch.zeros((len(n), L), dtype=torch.int64), n, K, uniforms(len(n), L))
    assert torch.equal(hidden.sum(1), n) and torch.equal(x_t == K, hidden)
    # five standard deviations of a share of 1/6 among 3,000
    torch.testing.assert_close(hidden[n == 1].double().mean(0), torch.full((L,), 1 / L, dtype=torch.float64), rtol=0,
                               atol=5 * (5 / 36 / 3000) ** 0.5)


def test_the_loss_of_masks_is_the_mean_over_what_is_hidden_and_the_network_does_not_see_that():
    net, x0, n = Table(K + 1), torch.randint(0, K, (4, L), generator=rng()), torch.tensor([1, 2, 5, L])
    loss, u = masked_loss(net, absorbing(K), x0, n, uniforms(4, L)), uniforms(4, L)
    x_t, hidden = hide(x0, n, K, u)
    assert torch.equal(net.seen[0], x_t)
    wanted = 0.0
    for row in range(4):
        wanted += sum(-net.table[k, K].log_softmax(-1)[x0[row, k]] for k in range(L) if hidden[row, k]) / n[row] / 4
    torch.testing.assert_close(loss, wanted)


def test_the_loss_of_any_limit_is_the_cross_entropy_of_the_belief():
    limits, x0 = (uniform(K),), (torch.randint(0, K, (4, L), generator=rng()),)
    t = torch.tensor([1, 4, 9, 12])
    x_t = (corrupt(limits[0], SCHEDULE, x0[0], t, uniforms(4, L)),)
    logits = torch.randn(4, L, K, generator=rng(1), requires_grad=True)
    loss = belief_loss((logits,), limits, SCHEDULE, x0, x_t, t)
    kept = SCHEDULE.alpha_bar[t][:, None, None]
    p = logits.softmax(-1).double() * (kept * torch.nn.functional.one_hot(x_t[0], K) + (1 - kept) / K)
    wanted = -(p / p.sum(-1, keepdim=True)).log().gather(-1, x0[0][..., None]).mean()
    torch.testing.assert_close(loss.double(), wanted, rtol=1e-5, atol=1e-6)  # float32
    loss.backward()
    assert bool(logits.grad.isfinite().all())
    there = (torch.arange(L) < torch.tensor([1, 2, 3, 4])[:, None],)
    some = belief_loss((logits,), limits, SCHEDULE, x0, x_t, t, there)
    lost = -(p / p.sum(-1, keepdim=True)).log().gather(-1, x0[0][..., None])[..., 0]
    torch.testing.assert_close(some.double(), lost[there[0]].mean(), rtol=1e-5, atol=1e-6)  # float32


def test_a_term_of_the_bound_of_masks_is_a_weighted_cross_entropy():
    """eq-masked-bound."""
    schedule, x0, t = cosine(20, beta_max=1.0), torch.tensor([[0, 1, 2]]), torch.tensor([13])
    x_t, f = torch.tensor([[K, 1, K]]), log_f(1, 3)
    wanted = masked_weight(schedule, t) * -(f[0, 0, 0] + f[0, 2, 2])
    torch.testing.assert_close(bound_term(absorbing(K), schedule, x0, x_t, t, f), wanted, rtol=0, atol=1e-12)


def test_a_schedule_that_leaves_something_makes_the_bound_of_masks_infinite_and_is_refused():
    x0 = torch.zeros((2, L), dtype=torch.int64)
    with pytest.raises(ValueError, match="the bound is infinite.*straight"):
        prior_term(absorbing(K), cosine(100), x0)
    assert prior_term(absorbing(K), straight(100), x0).tolist() == [0, 0]
    shortened = linear(200, allow_signal_left=True)  # leaves 0.13
    left = float(shortened.alpha_bar[-1])
    m = torch.tensor(SKEWED, dtype=torch.float64)
    p = left * torch.tensor([1, 0, 0]).double() + (1 - left) * m
    found = prior_term(marginal(SKEWED), shortened, x0)
    torch.testing.assert_close(found, (L * p * (p / m).log()).sum().expand(2), rtol=0, atol=1e-14)


def test_a_network_is_told_a_thousand_times_t_by_T_and_gives_logarithms_of_float64():
    net = Table(K)
    (f,) = DiscreteDenoiser(net, SCHEDULE)((torch.zeros((2, L), dtype=torch.int64),), 3)
    assert net.times[0].tolist() == [250, 250] and f.dtype == torch.float64
    torch.testing.assert_close(f.exp().sum(-1), torch.ones(2, L, dtype=torch.float64), rtol=0, atol=1e-12)
