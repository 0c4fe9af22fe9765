"""Guidance as a wrapper; inpainting and editing as walks. Tests named test_eq_… check the equation of that label."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from cases import generator, step_of

from diffusion_utils.data import ImageData
from diffusion_utils.denoiser import Prediction
from diffusion_utils.exact import ExactDenoiser, GaussianMixture
from diffusion_utils.guidance import guided, leaving_out
from diffusion_utils.networks import Network
from diffusion_utils.networks.embedding import ConditionEmbedding, sinusoidal
from diffusion_utils.recipes.mnist_unet_base import MNIST_UNET_BASE
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import cosine, flow
from diffusion_utils.training.distributed import Group

SCHEDULE = cosine(1000)
TIMES = (1, 100, 500, 900, 1000)


def labelled_points() -> ExactDenoiser:
    """Sixty points in the plane, ten of each of six labels: an exact conditional and unconditional denoiser in float64."""
    points = torch.randn(60, 2, generator=generator(1), dtype=torch.float64)
    return ExactDenoiser(points, SCHEDULE, labels=torch.arange(60) % 6)


def noised(n: int = 32, seed: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    x_t = torch.randn(n, 2, generator=generator(seed), dtype=torch.float64)
    return x_t, torch.arange(n) % 6


def count_calls(denoiser):
    """The same denoiser, and the list of the conditions that it was called with."""
    seen = []

    def counting(x_t, t, cond=None) -> Prediction:
        seen.append(cond)
        return denoiser(x_t, t, cond)

    return counting, seen


# --- guidance ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("t", TIMES)
def test_weight_one_is_the_conditional_model_to_the_bit_with_one_call(t):
    denoiser, (x_t, cond) = labelled_points(), noised()
    counting, seen = count_calls(denoiser)
    got, wanted = guided(counting, SCHEDULE, 1)(x_t, t, cond), denoiser(x_t, t, cond)
    assert torch.equal(got.x0_hat, wanted.x0_hat) and torch.equal(got.eps_hat, wanted.eps_hat)
    assert len(seen) == 1 and seen[0] is cond


@pytest.mark.parametrize("t", TIMES)
def test_weight_zero_is_the_unconditional_model_to_the_bit_with_one_call(t):
    denoiser, (x_t, cond) = labelled_points(), noised()
    counting, seen = count_calls(denoiser)
    got, wanted = guided(counting, SCHEDULE, 0)(x_t, t, cond), denoiser(x_t, t)
    assert torch.equal(got.x0_hat, wanted.x0_hat) and torch.equal(got.eps_hat, wanted.eps_hat)
    assert seen == [None]


def test_other_weights_call_twice_and_once_where_there_is_no_condition():
    (x_t, cond) = noised()
    counting, seen = count_calls(labelled_points())
    guided(counting, SCHEDULE, 3)(x_t, 500, cond)
    assert len(seen) == 2 and seen[0] is None and seen[1] is cond
    counting, seen = count_calls(labelled_points())
    guided(counting, SCHEDULE, 3)(x_t, 500, None)
    assert seen == [None]


def eps_tolerance(t: int) -> float:
    """ε̂ = (x_t − signal·x̂₀)/noise divides rounding errors of size 2⁻⁵² of values below 32 by noise; 16 operations."""
    return 16 * 32 * 2**-52 / float(SCHEDULE.noise[t])


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("weight", [0.5, 3.0, 7.5])
def test_eq_guidance(t, weight):
    denoiser, (x_t, cond) = labelled_points(), noised()
    got = guided(denoiser, SCHEDULE, weight)(x_t, t, cond)
    eps_c, eps_u = denoiser(x_t, t, cond).eps_hat, denoiser(x_t, t).eps_hat
    assert (got.eps_hat - (eps_u + weight * (eps_c - eps_u))).abs().max() < weight * eps_tolerance(t)


@pytest.mark.parametrize("t", TIMES)
def test_eq_guidance_paper(t):
    """(1 + w′)·ε_c − w′·ε_u of the paper, with w′ = 2, is w = 3 here."""
    denoiser, (x_t, cond) = labelled_points(), noised()
    got = guided(denoiser, SCHEDULE, 3)(x_t, t, cond)
    wanted = 3 * denoiser(x_t, t, cond).eps_hat - 2 * denoiser(x_t, t).eps_hat
    assert (got.eps_hat - wanted).abs().max() < 3 * eps_tolerance(t)


@pytest.mark.parametrize("t", TIMES)
def test_eq_guidance_x0(t):
    denoiser, (x_t, cond) = labelled_points(), noised()
    x0_c, x0_u = denoiser(x_t, t, cond).x0_hat, denoiser(x_t, t).x0_hat
    got = guided(denoiser, SCHEDULE, 3)(x_t, t, cond).x0_hat
    torch.testing.assert_close(got, x0_u + 3 * (x0_c - x0_u), rtol=0, atol=16 * 32 * 2**-52)


def test_the_clipped_estimate_and_its_noise_still_explain_x_t():
    denoiser, (x_t, cond) = labelled_points(), noised()
    got = guided(denoiser, SCHEDULE, 7, clip=(-1, 1))(x_t, 500, cond)
    assert got.x0_hat.abs().max() == 1  # the weight is large enough for the clip to act
    signal, noise = SCHEDULE.at(500, like=x_t)
    torch.testing.assert_close(signal * got.x0_hat + noise * got.eps_hat, x_t, rtol=0, atol=1e-14)


def test_guidance_needs_no_division_by_signal():
    """At the end of the flow schedule signal = 0, where x̂₀ cannot be had from ε̂."""
    points = torch.randn(6, 2, generator=generator(), dtype=torch.float64)
    denoiser = ExactDenoiser(points, flow(10), labels=torch.arange(6) % 2)
    x_t, cond = noised(4)
    got = guided(denoiser, flow(10), 3)(x_t, 10, cond % 2)
    # At pure noise x_t says nothing, so both estimates are means of points.
    means = torch.stack([points[k::2].mean(0) for k in range(2)])
    wanted = points.mean(0) + 3 * (means[cond % 2] - points.mean(0))
    torch.testing.assert_close(got.x0_hat, wanted, rtol=0, atol=1e-13)


MIXTURE = GaussianMixture(torch.tensor([[-1.0, 0.0], [1.0, 0.5], [0.0, 2.0]]), torch.tensor([0.3, 0.5, 0.4]))
CLASSES = {0: [0], 1: [1, 2]}


def mixture_denoiser(x_t, t, cond=None):
    """The exact denoiser of the mixture, or of one class of it."""
    return (MIXTURE if cond is None else MIXTURE.given(CLASSES[cond])).denoiser(SCHEDULE)(x_t, t)


def log_posterior(x_t: torch.Tensor, t: int, label: int) -> torch.Tensor:
    """ln p(label given x_t), from the densities alone: Bayes' rule on the noised mixture."""
    signal, noise = float(SCHEDULE.signal[t]), float(SCHEDULE.noise[t])
    prior = float(MIXTURE.mix[CLASSES[label]].sum())
    inside = MIXTURE.given(CLASSES[label]).marginal(signal, noise).log_density(x_t)
    return math.log(prior) + inside - MIXTURE.marginal(signal, noise).log_density(x_t)


@pytest.mark.parametrize("t", [50, 500, 900])
@pytest.mark.parametrize("label", [0, 1])
def test_eq_implicit_classifier(t, label):
    """ε_u − ε_c = noise·∇ ln p(c given x_t), the gradient taken by automatic differentiation of the densities."""
    x_t = noised()[0].requires_grad_()
    gradient, = torch.autograd.grad(log_posterior(x_t, t, label).sum(), x_t)
    x_t = x_t.detach()
    difference = mixture_denoiser(x_t, t).eps_hat - mixture_denoiser(x_t, t, label).eps_hat
    torch.testing.assert_close(difference, float(SCHEDULE.noise[t]) * gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("t", [50, 500, 900])
def test_eq_guidance_tilt(t):
    """Guidance follows ∇ [ln p(x_t) + w·ln p(c given x_t)], for the exact mixture."""
    weight, label = 3.0, 1
    x_t = noised()[0].requires_grad_()
    signal, noise = float(SCHEDULE.signal[t]), float(SCHEDULE.noise[t])
    tilted = MIXTURE.marginal(signal, noise).log_density(x_t) + weight * log_posterior(x_t, t, label)
    score, = torch.autograd.grad(tilted.sum(), x_t)
    got = guided(mixture_denoiser, SCHEDULE, weight)(x_t.detach(), t, label)
    torch.testing.assert_close(got.eps_hat, -noise * score, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weight", [1, 3])
def test_eq_guidance_gaussian(weight):
    """With Gaussian data the deterministic sampler narrows the samples to aʷ·b¹⁻ʷ, b of all data, a of the label."""
    n, everything, one = 1000, GaussianMixture([[0.0]], [2.0]), GaussianMixture([[1.0]], [1.0])

    def line(x_t, t, cond=None):
        return (everything if cond is None else one).denoiser(SCHEDULE)(x_t, t)

    *_, last = sample(guided(line, SCHEDULE, weight), SCHEDULE, (n, 1), Sampler(steps=500), cond=0)
    # five standard deviations of a standard deviation, 1/√(2n), and 1 % for the 500 finite steps
    assert abs(float(last.x_t.std()) * 2.0 ** (weight - 1) - 1) < 5 / math.sqrt(2 * n) + 0.01


def test_given_keeps_the_proportions_of_the_components():
    mixture = GaussianMixture(torch.zeros(3, 1), torch.ones(3), torch.tensor([0.5, 0.3, 0.2]))
    torch.testing.assert_close(mixture.given([1, 2]).mix, torch.tensor([0.6, 0.4]).double())
    for wrong in ([], [3], [-1]):
        with pytest.raises(ValueError, match="0…2"):
            mixture.given(wrong)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_a_weight_that_is_negative_or_not_finite_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        guided(labelled_points(), SCHEDULE, weight)


@pytest.mark.parametrize("weight", [[-0.1, 1.0], [math.nan, 1.0], [[1.0, 2.0]], []])
def test_weights_of_each_sample_are_looked_at(weight):
    with pytest.raises(ValueError, match=r"weight must be a finite number ≥ 0 .* or one for each sample, \(B,\); got "):
        guided(labelled_points(), SCHEDULE, torch.tensor(weight))


@pytest.mark.parametrize("shape", ["points", "pictures"])
@pytest.mark.parametrize("form", [list, torch.tensor, lambda w: torch.tensor(w, dtype=torch.float64)])
def test_each_sample_may_have_its_own_weight(shape, form):
    """Also as many as there are columns, along which PyTorch would multiply."""
    size = (2,) if shape == "points" else (1, 2, 4)
    points = torch.randn(60, *size, generator=generator(1), dtype=torch.float64)
    denoiser = ExactDenoiser(points, SCHEDULE, labels=torch.arange(60) % 6)
    weights = [0.0, 1.0, 3.0, 0.5][:4 if shape == "pictures" else 2]
    n = len(weights)
    x_t, cond = torch.randn(n, *size, generator=generator(2), dtype=torch.float64), torch.arange(n)
    together = guided(denoiser, SCHEDULE, form(weights))(x_t, 500, cond)
    for i, weight in enumerate(weights):
        row = slice(i, i + 1)
        alone = guided(denoiser, SCHEDULE, weight)(x_t[row], 500, cond[row])
        torch.testing.assert_close(together.x0_hat[row], alone.x0_hat, rtol=0, atol=16 * 32 * 2**-52)
        torch.testing.assert_close(together.eps_hat[row], alone.eps_hat, rtol=0, atol=3 * eps_tolerance(500))


def test_another_number_of_weights_than_of_samples_is_refused():
    x_t, cond = noised(4)
    for count in (1, 2, 5):
        with pytest.raises(ValueError, match=f"weight must be one number or one for each of 4 samples, got {count}"):
            guided(labelled_points(), SCHEDULE, torch.full((count,), 3.0))(x_t, 500, cond)


def test_a_clip_turned_round_is_refused():
    with pytest.raises(ValueError, match=r"low < high, got \(1.0, -1.0\)"):
        guided(labelled_points(), SCHEDULE, 3.0, clip=(1.0, -1.0))


def test_a_weaker_denoiser_is_moved_away_from_even_without_a_condition():
    """Autoguidance: weights 0 and 1 are the two denoisers themselves, with one call each."""
    strong, weak = (GaussianMixture([[0.0, 0.3]], [std]).denoiser(SCHEDULE) for std in (0.5, 0.8))
    x_t = noised()[0]
    for cond in (None, torch.arange(len(x_t))):
        for weight, wanted in ((1, strong), (0, weak)):
            (of_strong, of_weak), calls = (count_calls(one) for one in (strong, weak)), []
            got = guided(of_strong[0], SCHEDULE, weight, weaker=of_weak[0])(x_t, 500, cond)
            calls = of_strong[1] + of_weak[1]
            assert torch.equal(got.x0_hat, wanted(x_t, 500).x0_hat) and len(calls) == 1 and calls[0] is cond
        got = guided(strong, SCHEDULE, 2.5, weaker=weak)(x_t, 500, cond).eps_hat
        wanted = weak(x_t, 500).eps_hat + 2.5 * (strong(x_t, 500).eps_hat - weak(x_t, 500).eps_hat)
        assert (got - wanted).abs().max() < 2.5 * eps_tolerance(500)


PARTS = {"column": {0: [0, 2], 1: [1, 2]}, "row": {0: [0, 1], 1: [2]}}  # what an entry leaves of the mixture's components


def told(x_t, t, cond=None):
    """The exact denoiser of a condition of two entries, each one number for all samples."""
    left = [set(PARTS[name][int(entry[0])]) for name, entry in (cond or {}).items()]
    return MIXTURE.given(sorted(set.intersection({0, 1, 2}, *left))).denoiser(SCHEDULE)(x_t, t)


@pytest.mark.parametrize("t", [50, 500, 900])
def test_a_part_of_the_condition_can_be_what_guidance_counts(t):
    """With the row dropped the score is ∇ [ln p(x_t, column) + w·ln p(row given x_t, column)], for the exact mixture."""
    weight, x_t = 3.0, noised()[0].requires_grad_()
    cond = {"column": torch.ones(len(x_t), dtype=torch.int64), "row": torch.zeros(len(x_t), dtype=torch.int64)}
    signal, noise = float(SCHEDULE.signal[t]), float(SCHEDULE.noise[t])
    column, both = (MIXTURE.given(rows).marginal(signal, noise).log_density(x_t) for rows in ([1, 2], [1]))
    score, = torch.autograd.grad((column + weight * (both - column)).sum(), x_t)
    got = guided(told, SCHEDULE, weight, weaker=leaving_out(told, "row"))(x_t.detach(), t, cond)
    torch.testing.assert_close(got.eps_hat, -noise * score, rtol=1e-9, atol=1e-9)


def test_what_is_left_out_is_not_told():
    counting, seen = count_calls(told)
    x_t = noised()[0]
    cond = {"column": torch.zeros(len(x_t)), "row": torch.ones(len(x_t))}
    leaving_out(counting, "row")(x_t, 500, cond)
    leaving_out(counting, "row", "column")(x_t, 500, cond)
    assert [None if one is None else list(one) for one in seen] == [["column"], None] and seen[0]["column"] is cond["column"]
    assert list(cond) == ["column", "row"], "the caller's own condition stays whole"
    with pytest.raises(ValueError, match="words cannot be left out of a condition that is of column, row"):
        leaving_out(told, "words")(x_t, 500, cond)


# --- the label, in the network and in training ------------------------------------------------------------------------

def test_eq_label_embedding():
    embed = ConditionEmbedding(32, num_classes=10)
    time, label = torch.tensor([1.0, 500.0, 1000.0]), torch.tensor([0, 9, 10])
    wanted = torch.nn.functional.silu(embed.mlp(sinusoidal(time, 32)) + embed.table.weight[label])
    assert torch.equal(embed(time, label), wanted)
    assert torch.equal(embed(time, None)[2], wanted[2])  # no label is row num_classes


class Watched(Network):
    """A network that keeps the conditions it was given."""

    num_classes = 10

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x, time, cond):
        self.seen.append(cond)
        return torch.zeros_like(x)


def test_eq_label_dropout():
    """Of forty blank images whose label is their row number modulo ten."""
    digits = ImageData(torch.zeros(40, 1, 28, 28, dtype=torch.uint8), torch.arange(40) % 10, "blank", "made here", "")
    loss = replace(MNIST_UNET_BASE, dropout=0.1).loss_fn(digits, torch.device("cpu"), Group())
    net, rows = Watched(), torch.arange(40).repeat(5)
    for k in range(50):
        loss(net, step_of(rows, seed=k))
    seen = torch.stack(net.seen)
    dropped = seen == 10
    # 10,000 labels dropped with probability 0.1: the standard deviation of the share is √(0.09/10000) = 0.003
    assert abs(float(dropped.double().mean()) - 0.1) < 5 * 0.003
    assert bool((seen == digits.labels[rows])[~dropped].all())


@pytest.mark.parametrize("t", TIMES)
def test_eq_teacher(t):
    denoiser = labelled_points()
    x_t = 3 * torch.randn(50, 2, generator=generator(), dtype=torch.float64)
    weights, labels = denoiser.weights(x_t, t), denoiser.labels
    chance = torch.stack([weights[:, labels == c].sum(1) for c in range(6)], 1)  # p(c given x_t), (50, 6)
    given_label = torch.stack([denoiser(x_t, t, torch.full((50,), c)).eps_hat for c in range(6)], 1)  # (50, 6, 2)
    torch.testing.assert_close((chance[:, :, None] * given_label).sum(1), denoiser(x_t, t).eps_hat, rtol=1e-9, atol=1e-9)
