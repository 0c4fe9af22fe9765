"""The planted mistakes: without one, the code is the package's own; with one, its symptom is there, in direction and size.

The recorded runs (benchmarks/bugs.py) are held to what the chapter says of them.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diffusion_utils.chapters import bugs
from diffusion_utils.chapters.bugs import BUGS, of_family, symptoms
from diffusion_utils.chapters.bugs import wrong_training as training
from diffusion_utils.chapters.bugs.record import RIGHT, load_measured, load_points
from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.guidance import guided
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import cosine, linear

SCHEDULE = cosine(1000)
POINTS = torch.tensor([[-0.9, 0.3], [0.2, 0.8], [0.5, -0.6]])
KNOWN = ExactDenoiser(POINTS, SCHEDULE, labels=torch.arange(3))


# Without a mistake


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("steps", [1, 7, 20])
def test_the_walk_without_a_mistake_is_the_packages_sampler(eta: float, steps: int) -> None:
    *_, ours = bugs.walk(KNOWN, SCHEDULE, (6, 2), steps=steps, eta=eta, seed=3)
    *_, package = sample(KNOWN, SCHEDULE, (6, 2), Sampler("ddim", steps=steps, eta=eta), seed=3)
    # The same arithmetic in another order: a few float32 roundings a step.
    torch.testing.assert_close(ours.x_t, package.x_t, rtol=0, atol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_guidance_without_a_mistake_is_the_packages(weight: float) -> None:
    x_t, labels = torch.randn((5, 2), generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 1, 0])
    ours = bugs.guided(KNOWN, SCHEDULE, weight)(x_t, 400, labels)
    package = guided(KNOWN, SCHEDULE, weight, clip=(-1, 1))(x_t, 400, labels)
    torch.testing.assert_close(ours.x0_hat, package.x0_hat, rtol=0, atol=1e-6)
    torch.testing.assert_close(ours.eps_hat, package.eps_hat, rtol=0, atol=1e-5)


def test_the_training_parts_without_a_mistake_are_the_packages() -> None:
    assert torch.equal(training.make_schedule().signal, linear(1000).signal)
    x0, t = training.make_data(8), torch.arange(8) * 100 + 1
    eps = training.make_noise(x0.shape, torch.Generator().manual_seed(1))
    assert torch.equal(eps, torch.randn(x0.shape, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(training.add_noise(linear(1000), x0, t, eps), linear(1000).add_noise(x0, t, eps))


def test_a_short_run_without_a_mistake_learns() -> None:
    run = bugs.train(steps=100, batch=64, n=256)
    # The network starts at a loss of about 1, the variance of ε, and the noise of large t is learnt at once.
    assert run.history[-1][1] < 0.5 < run.history[0][1]


# With one


def test_there_are_a_dozen_and_more_and_each_says_where_it_was_seen() -> None:
    assert len(BUGS) >= 12
    assert {bug.family for bug in BUGS.values()} == {"walk", "guidance", "training"}
    for bug in BUGS.values():
        assert bug.wrong and bug.seen and bug.symptom in symptoms.SYMPTOMS


def is_near(value: float, tolerance: float):
    return pytest.approx(value, abs=tolerance)


N = symptoms.DRAWS
KURTOSIS = 5 * math.sqrt(24 / N)  # five standard errors of the kurtosis of N Gaussian numbers
LEVEL = 5 / math.sqrt(2 * N)  # five standard errors of a standard deviation of at most 1
EXPECTED = {  # name → (the right code's number, with tolerance; least distance of the wrong one's from it)
    "leading-spacing": (is_near(1, 0), 0.15),  # five steps start at 801
    "stops-early": (is_near(0, LEVEL), 0.2),  # the noise of t = 200 is 0.32
    "last-noise": (is_near(0, LEVEL), 0.2),
    "stale-eps": (is_near(0, 1e-5), 0.1),  # float32 rounding, divided by the smallest noise
    "uniform-stride": (is_near(0, LEVEL), 0.05),
    "estimate-as-state": (is_near(0, LEVEL), 0.5),  # no noise at t = 800, but twice the signal
    "beta-for-root": (is_near(0, LEVEL), 0.05),
    "double-noise": (is_near(3, KURTOSIS), 4.0),  # 9, measured with a standard error of some tenths
    "shared-generator": (is_near(0, 0), 0.01),
    "weight-convention": (is_near(0, 1e-12), 0.1),
    "guidance-swapped": (is_near(0, 1e-12), 0.1),
    "short-schedule": (is_near(0.0064, 1e-4), 0.7),
    "squared-twice": (is_near(0.0064, 1e-4), 0.99),
    "uniform-noise": (is_near(3, KURTOSIS), 1.1),  # 1.8
    "noise-scale": (is_near(1, 5 * math.sqrt(2 / N)), 0.2),
    "no-time": (is_near(0.036, 0.02), 0.01),  # other seeds of the fresh network: from 0.017 on
    "unit-time": (is_near(0.036, 0.02), 0.01),
    "frozen-average": (is_near(1, 0.1), 0.8),  # the young average follows the weights closely
    "data-range": (is_near(0.95, 0.05), 0.4),
}


@pytest.mark.parametrize("name", BUGS)
def test_the_symptom_is_there_and_only_there(name: str) -> None:
    right, wrong = symptoms.compare(name)
    wanted, apart = EXPECTED[name]
    assert right == wanted
    assert abs(wrong - right) > apart


def test_without_a_clock_the_answer_does_not_change_with_time_and_with_a_slow_one_hardly() -> None:
    assert symptoms.compare("no-time")[1] == 0
    # From t/T = 0 to 1 the fastest sine goes through one radian and most through next to nothing; from 0 to 1000 a good part
    # of them goes through whole turns.
    right, slow = symptoms.compare("unit-time")
    assert 0 < slow < right / 5


def test_a_short_schedule_draws_the_rare_too_often() -> None:
    # One in ten of 2,000: a standard error of 0.007; 50 steps add an error of their own, of the size of a step's share.
    assert symptoms.share_of_the_rare() == pytest.approx(0.1, abs=5 * 0.007)
    assert symptoms.share_of_the_rare("short-schedule") > 0.15


@pytest.mark.parametrize("name", of_family("walk"))
def test_no_mistake_raises_an_error_or_leaves_the_finite_numbers(name: str) -> None:
    *_, last = bugs.walk(KNOWN, SCHEDULE, (4, 2), steps=5, bug=name)
    assert last.t == 0 and torch.isfinite(last.x_t).all()


@pytest.mark.parametrize("family", ["walk", "guidance", "training"])
def test_an_unknown_mistake_is_answered_by_the_nearest(family: str) -> None:
    name = of_family(family)[0]
    calls = {"walk": lambda bug: next(bugs.walk(KNOWN, SCHEDULE, (1, 2), bug=bug)),
             "guidance": lambda bug: bugs.guided(KNOWN, SCHEDULE, 1.0, bug=bug), "training": lambda bug: bugs.train(bug)}
    with pytest.raises(ValueError, match=f"Did you mean '{name}'"):
        calls[family](name[:-1])


def test_kurtosis_of_known_distributions() -> None:
    def measured(z: Tensor) -> float:
        return symptoms.kurtosis(z)

    levels = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    assert measured(levels) == pytest.approx(1.8, abs=1e-3)  # flat; the grid's error is of the order of 1/n²
    assert measured(torch.special.ndtri(levels)) == pytest.approx(3, abs=1e-2)  # the tails beyond 1/2n are missing
    assert measured(torch.tensor([-1.0, 1.0])) == pytest.approx(1)


# The recorded runs


def test_the_record_is_complete() -> None:
    record, points = load_measured(), load_points()
    names = {RIGHT, *of_family("training")}
    assert record["training"].keys() == names == points.keys()
    assert all(x.shape == (1000, 2) and torch.isfinite(x).all() for x in points.values())
    if "digits" in record:
        assert record["digits"].keys() == {RIGHT, "right, guided", *of_family("walk"), *of_family("guidance")}


def test_no_loss_of_the_recorded_runs_is_alarming_but_their_samples_are_wrong() -> None:
    runs = load_measured()["training"]
    # Scatter 1 is the data's own. The median of 1,000 points has a standard error of 2.7 % of a Rayleigh median, and the
    # network is not perfect; every mistake is to stand far outside that.
    assert runs[RIGHT]["scatter"] == pytest.approx(1, abs=0.15) and runs[RIGHT]["on_target"] > 0.85
    for name in of_family("training"):
        first, last = runs[name]["history"][0][1], runs[name]["history"][-1][1]
        assert last < first or name == "squared-twice", f"{name}: the loss gives it away"
        if name != "short-schedule":  # the ring looks the same from all sides, and so does the noise: no harm is seen there
            assert abs(runs[name]["scatter"] - 1) > 0.3, name


def test_the_losses_lie_as_the_chapter_says() -> None:
    last = {name: run["history"][-1][1] for name, run in load_measured()["training"].items()}
    assert last["frozen-average"] == last[RIGHT]  # the very same training
    assert last["uniform-noise"] < last[RIGHT] / 2
    assert last["no-time"] > 1.1 * last[RIGHT] and last["squared-twice"] == pytest.approx(1, abs=0.1)


def test_the_yardsticks_say_what_the_chapter_says() -> None:
    """Of 1,000 digits each: what chance does to a distance near 0.3 is a few hundredths; two mistakes please a classifier."""
    digits = load_measured()["digits"]
    right = digits[RIGHT]
    for name in ("last-noise", "stops-early", "estimate-as-state"):
        assert digits[name]["fd"] > 5 * right["fd"]
    for name in ("leading-spacing", "stale-eps", "uniform-stride", "double-noise", "shared-generator"):
        assert abs(digits[name]["fd"] - right["fd"]) < 0.03
    for name in ("beta-for-root", "estimate-as-state"):
        assert digits[name]["fd"] > 2 * right["fd"]
    # Clearly more are recognised: by two standard errors, √(p(1 − p)/n), of the right code's share.
    scatter = math.sqrt(right["accuracy"] * (1 - right["accuracy"]) / load_measured()["n"])
    pleasing = {name for name in of_family("walk") if digits[name]["accuracy"] > right["accuracy"] + 2 * scatter}
    assert pleasing == {"beta-for-root", "estimate-as-state"}
    steered = digits["right, guided"]
    assert digits["guidance-swapped"]["accuracy"] < 0.1 < steered["accuracy"]  # a guess would be right once in ten
    assert digits["weight-convention"]["fd"] == pytest.approx(steered["fd"], rel=0.1)
