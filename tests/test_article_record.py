"""The recorded versions of the article's experiment (benchmarks/article.py), held to what chapter 13 says of them."""

from __future__ import annotations

import equation_tests
import pytest
import torch
from project import ROOT

from diffusion_utils.article import REPAIRS, versions
from diffusion_utils.article.record import load_measured, load_samples
from diffusion_utils.records import load_record

RECORD = load_measured()
FOUND = RECORD["versions"]
ERRORS = ["as listed", "any device", "tensor table"]


def fd(name: str) -> float:
    return FOUND[name]["fd"]


def test_the_record_is_complete() -> None:
    assert FOUND.keys() == versions().keys() and RECORD["n"] >= 1000
    assert RECORD["runs"].keys() == {"mlp-blind", "mlp-told", "mlp-steady", "unet-eps", "unet-v"}
    samples = load_samples()
    assert samples.keys() == FOUND.keys() - set(ERRORS)
    assert all(x.shape == (16, 1, 28, 28) and x.dtype == torch.uint8 for x in samples.values())


def test_the_listings_network_was_trained_for_fifty_epochs_of_all_digits() -> None:
    for run in ("mlp-blind", "mlp-told", "mlp-steady"):
        assert RECORD["runs"][run]["steps"] == 50 * 469  # 60,000 digits are 469 batches of 128 or fewer


def test_three_versions_raise_an_error_and_no_other() -> None:
    assert [name for name, entry in FOUND.items() if "error" in entry] == ERRORS
    assert FOUND["any device"]["error"].startswith("TypeError")
    assert "(128)" in FOUND["tensor table"]["error"] and "(784)" in FOUND["tensor table"]["error"]


def test_the_listings_walk_overflows_and_only_the_clamp_makes_it_finite() -> None:
    assert FOUND["column"]["finite"] < 1 and fd("column") is None
    # Its training is in order all the same: the loss of no answer at all is 1.
    assert FOUND["column"]["loss"] < 0.2
    for name in list(versions())[4:]:
        assert FOUND[name]["finite"] == 1, name


def test_repairs_of_the_walk_leave_the_loss_alone() -> None:
    assert len({FOUND[name]["loss"] for name in ("column", "clamp", "mean", "noise")}) == 1
    assert FOUND["steady"]["loss"] == FOUND["solver"]["loss"]
    assert FOUND["longer"]["loss"] == FOUND["late strides"]["loss"]


def test_without_fresh_noise_the_states_are_too_small_and_with_it_they_are_not() -> None:
    mean, noise = (dict(FOUND[name]["sizes"]) for name in ("mean", "noise"))
    # At t = 700 the right state is noise of size 1 and a signal of 0.08. Whatever the network answers in [−1, 1], a walk
    # without fresh noise has at most the starved noise, 0.075, and that signal: 0.16 together.
    assert mean[700] < 0.17 and noise[700] == pytest.approx(1, abs=0.1)


def test_the_solver_asks_a_fiftieth_of_the_calls() -> None:
    assert (FOUND["steady"]["calls"], FOUND["solver"]["calls"]) == (1000, 20)
    assert {FOUND[name]["calls"] for name in list(versions())[list(versions()).index("solver"):]} == {20}


def test_each_network_is_better_than_the_one_before() -> None:
    """By the loss at equal noise levels."""
    losses = [FOUND[name]["loss"] for name in ("noise", "steady", "U-Net", "longer")]
    assert losses == sorted(losses, reverse=True)
    assert FOUND["U-Net"]["loss"] < 0.95 * FOUND["solver"]["loss"]


def test_the_way_leads_from_no_digits_to_digits() -> None:
    # As many real test digits are at RECORD["floor"], well below 1.
    assert fd("late strides") < fd("longer") < 5 < 20 < fd("noise")
    assert fd("U-Net") < fd("solver") / 2
    assert fd("schedule") < fd("U-Net") and fd("longer") < fd("schedule")
    assert fd("steady") < fd("noise")


@pytest.mark.parametrize(("name", "sampler"), [("longer", "dpmpp_2m_sde"), ("late strides", "dpmpp_2m_sde-late")])
def test_the_books_model_scores_what_it_does_in_chapter_4(name: str, sampler: str) -> None:
    other = load_record("quality_vs_calls")
    assert RECORD["sha256"] == other["sha256"]
    same = next(point for point in other["points"] if (point["name"], point["steps"]) == (sampler, 20))
    # The same seeds, drawn a second time. Of another number of samples the distance holds more or less of chance, as that of
    # real digits does.
    chance = 0 if RECORD["n"] == same["n"] else 2 * max(RECORD["floor"], other["floor"])
    assert fd(name) == pytest.approx(same["fd"], abs=0.02 + chance)


def test_the_large_variance_costs_most_where_steps_are_few() -> None:
    """Chapter 4 says why; here it answers the article's note on the variance."""
    at = {name: dict(entries) for name, entries in RECORD["variance"].items()}
    assert at["large"][20] > 1.2 * at["posterior"][20]
    assert at["none"][1000] > 1.2 * at["posterior"][1000]
    assert at["posterior"][1000] == fd("steady")  # the same samples


def test_longer_training_helped_this_network_at_first() -> None:
    for run in ("mlp-told", "mlp-steady"):
        looks = RECORD["runs"][run]["passes"]
        assert looks[-1][0] == 50 and looks[-1][1] < looks[0][1]


def test_each_repair_names_an_equation_of_the_book() -> None:
    labels = {label for page in equation_tests.pages(ROOT) for _, label in equation_tests.displays(equation_tests.prose(page))}
    assert {repair.equation for repair in REPAIRS} - labels == set()
