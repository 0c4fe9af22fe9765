"""The article's experiment: its flaws are there and only where they are asked for; repaired, it is the package's own code."""

from __future__ import annotations

import math
import re
from dataclasses import asdict

import equations
import pytest
import torch
from cases import states_of
from project import ROOT

from diffusion_utils import checkpoints
from diffusion_utils.chapters.article import REPAIRS, Experiment, first_error, train, versions, walk
from diffusion_utils.chapters.article.listed_network import FlatMLP
from diffusion_utils.chapters.article.listed_training import batches, noised
from diffusion_utils.chapters.article.measure import loss_at_the_listings_levels, same_noise_level, sizes
from diffusion_utils.data import ImageData
from diffusion_utils.denoiser import Prediction, eps_from_x0
from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.schedules import cosine, linear

LINEAR = linear(1000)
POINTS = torch.tensor([[-0.9, 0.3], [0.2, 0.8], [0.5, -0.6]])
KNOWN = ExactDenoiser(POINTS, LINEAR)


def random_digits(n: int) -> ImageData:
    images = torch.randint(0, 256, (n, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return ImageData(images, torch.zeros(n, dtype=torch.int64), "random", "a test", "")


# The configuration


def test_each_repair_changes_what_no_other_does_and_together_they_change_all() -> None:
    changed = [setting for repair in REPAIRS for setting in repair.changes if setting != "step"]  # repaired three times
    assert len(changed) == len(set(changed))
    first, last = asdict(Experiment()), asdict(list(versions().values())[-1])
    assert all(first[setting] != last[setting] for setting in first)
    assert all(repair.symptom and repair.cause and repair.repair for repair in REPAIRS)


def test_each_section_of_the_chapter_sends_to_the_equation_of_its_repair() -> None:
    prose = equations.prose(ROOT / "notebooks/13_article_code.ipynb")
    sections = dict(re.findall(r"^### Repairs? (\d+)[^\n]*\n(.*?)(?=^##)", prose, re.MULTILINE | re.DOTALL))
    batch, = re.findall(r"^### Until a batch goes through\n(.*?)(?=^##)", prose, re.MULTILINE | re.DOTALL)
    sections |= dict.fromkeys("123", batch)  # they are told together
    for number, repair in enumerate(REPAIRS, start=1):
        assert f"*Look at:* {{eq}}`{repair.equation}`" in sections[str(number)], repair.name


def test_the_last_versions_are_set_as_the_books_model_is() -> None:
    config = checkpoints.read_card("mnist-unet")["config"]
    for experiment in (experiment for experiment in versions().values() if experiment.shipped):
        assert (experiment.schedule, experiment.predicts) == (config["schedule"]["name"], config["predicts"])
        assert experiment.make_schedule().T == config["schedule"]["T"]


@pytest.mark.parametrize(("setting", "value", "near"), [("step", "means", "mean"), ("network", "unit", "unet")])
def test_an_unknown_setting_is_answered_by_the_nearest(setting: str, value: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"Did you mean '{near}'"):
        Experiment(**{setting: value})


# Training


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA GPU is what the listing asks for")
def test_the_listing_asks_for_cuda() -> None:
    assert "Error" in first_error(Experiment())


def test_the_flaws_of_the_first_batch_raise_the_errors_they_are_said_to() -> None:
    found = {name: first_error(versions()[name], batch=8) for name in ("any device", "tensor table", "column", "U-Net")}
    assert found["any device"].startswith("TypeError")
    assert found["tensor table"].startswith("RuntimeError") and "784" in found["tensor table"]
    assert found["column"] is found["U-Net"] is None


def test_a_square_batch_hides_the_missing_column() -> None:
    x0, eps = torch.randn((2, 30, 30), generator=torch.Generator().manual_seed(0))
    t = torch.arange(30) * 30 + 1
    wrong = noised(versions()["tensor table"], LINEAR, x0, t, eps)
    # The factors lie along the pixels, so that the transposed data would have been noised rightly. ᾱ is cast to float32
    # before the root of 1 − ᾱ: 6e-8 of rounding over twice the root, 0.02 at t = 1, times an ε of 4 at most.
    torch.testing.assert_close(wrong.T, LINEAR.add_noise(x0.T, t, eps.T), rtol=0, atol=1.2e-5)
    assert float((wrong - LINEAR.add_noise(x0, t, eps)).abs().max()) > 0.5
    assert torch.equal(noised(versions()["column"], LINEAR, x0, t, eps), LINEAR.add_noise(x0, t, eps))


def test_each_epoch_goes_through_all_rows_once() -> None:
    rows = list(batches(300, 7, seed=1))
    assert [len(part) for part in rows] == [128, 128, 44, 128, 128, 44, 128]
    first, second = torch.cat(rows[:3]), torch.cat(rows[3:6])
    assert torch.equal(first.sort().values, torch.arange(300)) and torch.equal(second.sort().values, torch.arange(300))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", ["time", "steady"])
def test_a_short_training_lowers_the_loss(name: str) -> None:
    *_, last = train(versions()[name], random_digits(256), 100)
    assert last.step == last.history[-1][0] == 100
    # No answer at all has the loss 1, the variance of ε, measured on 10 million numbers. This is the mean over the run.
    assert last.loss < 0.97


def test_only_a_network_that_is_told_the_time_answers_to_it() -> None:
    x = torch.randn((2, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    for told in (False, True):
        net = FlatMLP(told_time=told)
        early, late = net(x, torch.full((2,), 10.0)), net(x, torch.full((2,), 900.0))
        assert early.shape == x.shape and torch.equal(early, late) is not told


# Sampling


@pytest.mark.parametrize("spacing", ["uniform", "late"])
@pytest.mark.parametrize(("step", "sampler"), [("posterior", "ddpm"), ("solver", "dpmpp_2m_sde")])
def test_the_repaired_steps_are_the_packages_sampler(step: str, sampler: str, spacing: str) -> None:
    settings = {"steps": 9, "spacing": spacing, "seed": 3, "indices": range(4, 9)}
    *_, ours = walk(step, KNOWN, LINEAR, (5, 2), **settings)
    package = states_of(KNOWN, LINEAR, (5, 2), sampler=sampler, **settings)[-1]
    assert torch.equal(ours.x_t, package.x_t)


def test_all_versions_start_from_the_same_noise() -> None:
    starts = [next(walk(step, KNOWN, LINEAR, (5, 2), steps=9, seed=3)).x_t
              for step in ("estimate", "mean", "posterior", "solver")]
    assert all(torch.equal(start, starts[0]) for start in starts)


def test_the_listings_step_hands_on_the_estimate() -> None:
    states = list(walk("estimate", KNOWN, LINEAR, (5, 2), steps=9))
    for now, then in zip(states[:-1], states[1:], strict=True):
        assert torch.equal(then.x_t, now.x0_hat)


def test_the_mean_is_that_of_the_textbook() -> None:
    now, then = list(walk("mean", KNOWN, LINEAR, (5, 2), steps=1000))[500:502]
    alpha, beta, alpha_bar = (float(table[now.t]) for table in (LINEAR.alpha, LINEAR.beta, LINEAR.alpha_bar))
    eps_hat = KNOWN(now.x_t, now.t).eps_hat
    mean = (now.x_t - beta / math.sqrt(1 - alpha_bar) * eps_hat) / math.sqrt(alpha)
    torch.testing.assert_close(then.x_t, mean, rtol=0, atol=1e-5)  # the same arithmetic in another order, in float32


def test_a_wrong_network_overflows_in_the_listings_walk_and_not_in_the_repaired_one() -> None:
    def denoiser(x_t, t, cond=None) -> Prediction:
        signal, noise = LINEAR.at(t, like=x_t)
        eps_hat = 0.5 * x_t  # takes half of what it sees for noise
        return Prediction((x_t - noise * eps_hat) / signal, eps_hat)

    def clipped(x_t, t, cond=None) -> Prediction:
        x0_hat = denoiser(x_t, t).x0_hat.clamp(-1, 1)
        return Prediction(x0_hat, eps_from_x0(x0_hat, x_t, *LINEAR.at(t, like=x_t)))

    followed, last = sizes(walk("estimate", denoiser, LINEAR, (4, 2)))
    assert not torch.isfinite(last).all() and followed[-1] == [0, None]
    followed, last = sizes(walk("posterior", clipped, LINEAR, (4, 2)))
    assert torch.isfinite(last).all() and all(size is not None for _, size in followed)


# Measuring


def test_the_same_noise_level_is_found_in_another_schedule() -> None:
    t = torch.arange(1, 1001)
    assert torch.equal(same_noise_level(LINEAR, t, LINEAR), t)
    there = same_noise_level(cosine(1000), t, LINEAR)
    # Neighbours of the cosine table differ by at most 0.7 in λ, at its first step; half of that.
    assert float((cosine(1000).log_snr[there] - LINEAR.log_snr[t]).abs().max()) < 0.35


def test_the_loss_of_no_answer_is_the_variance_of_the_noise() -> None:
    def silent(x_t, t, cond=None) -> Prediction:
        return Prediction(x_t, torch.zeros_like(x_t))

    loss = loss_at_the_listings_levels(silent, cosine(1000), torch.zeros(40, 1, 28, 28), batch=16)
    assert loss == pytest.approx(1, abs=5 * math.sqrt(2 / (40 * 784)))  # five standard errors of a mean of squares
