"""Recipes of speech, small: what they learn from, what their checkpoints say, and waves that are drawn and filled."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cases import step_of

from diffusion_utils import checkpoints
from diffusion_utils.data.speech import LENGTH, NO_DIGIT, NO_SPEAKER, to_network
from diffusion_utils.data.speech.masks import gap
from diffusion_utils.generate import generate
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.speech_judge import covered, in_noise, tilted
from diffusion_utils.sound import active_rms
from diffusion_utils.speech import fill_waves
from diffusion_utils.training.distributed import Group

CPU = torch.device("cpu")


def loaded(runs: Path):
    return checkpoints.load(runs / "speech-waveform", "cpu")


# --- What is learnt


def test_each_label_is_hidden_for_a_tenth_and_both_together_for_a_twentieth_more():
    labels = {"digit": torch.full((20_000,), 3), "speaker": torch.full((20_000,), 2)}
    found = get_recipe("speech-waveform").hidden(labels, torch.Generator().manual_seed(0))
    gone = {"digit": found["digit"] == NO_DIGIT, "speaker": found["speaker"] == NO_SPEAKER}
    for entry in gone.values():
        assert float(entry.double().mean()) == pytest.approx(1 - 0.95 * 0.9, abs=0.01)
    assert float((gone["digit"] & gone["speaker"]).double().mean()) == pytest.approx(0.05 + 0.95 * 0.01, abs=0.006)
    assert set(found["digit"].tolist()) == {3, NO_DIGIT} and set(found["speaker"].tolist()) == {2, NO_SPEAKER}


class Watched(torch.nn.Module):
    """A network that remembers what it is told, and answers nothing."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, time, cond):
        self.x, self.cond = x, cond
        return 0 * x * self.weight


def test_a_quarter_of_a_batch_is_told_a_part_of_the_wave_and_never_what_is_missing(few):
    data, net, recipe = few, Watched(), get_recipe("speech-waveform")
    loss = recipe.loss_fn(data, CPU, Group())
    step = step_of(torch.arange(32))
    value = loss(net, step)
    mask, known = net.cond["mask"], net.cond["known"]
    told = mask.flatten(1).any(1)
    assert told.tolist() == [True] * 8 + [False] * 24 and bool((known[mask == 0] == 0).all())
    assert all(0 < float(share) < 1 for share in mask[:8].mean((1, 2)))
    assert 0.3 < float(value.detach()) < 3  # v has about the variance of the data, and nothing is answered


# --- Judges


def test_judges_learn_from_waves_that_are_as_loud_as_before(few):
    x, generator = few.placed(torch.arange(20)), torch.Generator().manual_seed(0)
    for change in (in_noise, tilted):
        changed = change(x, generator)
        assert changed.shape == x.shape and not torch.equal(changed, x)
        torch.testing.assert_close(active_rms(changed), active_rms(x), rtol=0.05, atol=0)
    spectra = torch.ones(50, 1, 32, 77)
    kept = covered(spectra, generator)
    assert 0.8 < float(kept.mean()) < 0.95 and float(kept.flatten(1).mean(1).min()) > 0.6


def test_the_card_of_a_judge_says_how_often_it_is_right(runs, few):
    card = checkpoints.read_card(runs / "speech-judge")
    assert {"digit_accuracy", "speaker_accuracy", "floor_test", "n_test", "left_out_train"} <= set(card["figures"])
    assert card["config"]["voices"][4] == "theo"
    assert checkpoints.read_tensors(runs / "speech-judge")["features.covariance"].shape == (64, 64)
    a, b = checkpoints.load(runs / "speech-judge", "cpu").net(few.placed(torch.arange(3)))
    assert a.shape == (3, 10) and b.shape == (3, 6)


def test_the_second_judge_has_heard_the_other_part():
    assert get_recipe("speech-judge-b").data == {"name": "speech", "swapped": True}


def test_shipped_judges_hear_real_words():
    """On recordings that they have not heard."""
    for name, least in (("speech-judge", 0.96), ("speech-judge-b", 0.85)):
        if name not in checkpoints.available():
            pytest.skip(f"{name} is not shipped yet")
        figures = checkpoints.read_card(name)["figures"]
        assert figures["digit_accuracy"] >= least and figures["speaker_accuracy"] >= least


# --- Waves


def test_the_card_says_what_a_wave_is_and_what_the_judge_heard_on_the_way(runs):
    card = checkpoints.read_card(runs / "speech-waveform")
    config = card["config"]
    assert config["kind"] == "speech" and config["sample"]["shape"] == [1, LENGTH]
    assert config["sample"]["clip"] is None, "peaks reach fifteen times the standard deviation"
    assert set(config["sample"]["condition"]) == {"digit", "speaker"} and config["guidance"] == 1.5
    assert [look["step"] for look in card["looks"]] == [2] and {"digit", "speaker", "worst_band_db"} <= set(card["looks"][0])
    snapshots = checkpoints.read_tensors(runs / "speech-waveform")["snapshots"]
    assert card["snapshot_steps"] == [2] and snapshots.dtype == torch.uint8 and snapshots.shape == (1, 15, LENGTH)
    assert card["speech"]["told"].endswith("longer than 0.768 s and left out")
    assert card["speech"]["std"] == pytest.approx(1, abs=0.2)  # of the 60; all 2,634 have 1.00


def test_waves_are_drawn_as_asked_and_do_not_depend_on_their_batch(runs):
    checkpoint = loaded(runs)
    cond = {"digit": torch.tensor([7, 7, 1]), "speaker": torch.tensor([4, 0, 4])}
    x = generate(checkpoint, 3, cond=cond, weight=1.5)
    assert x.shape == (3, 1, LENGTH) and x.dtype == torch.float32 and bool(x.isfinite().all())
    # bfloat16 may round otherwise in another batch: a few hundredths, where another noise would differ by about 1
    torch.testing.assert_close(generate(checkpoint, 3, cond=cond, weight=1.5, batch=2), x, rtol=0, atol=0.1)
    other = generate(checkpoint, 3, cond=cond | {"digit": torch.tensor([3, 7, 1])}, weight=1.5)
    assert not torch.equal(other[0], x[0])
    assert generate(checkpoint, 2).shape == (2, 1, LENGTH)
    with pytest.raises(ValueError, match="the condition of speech-waveform must be"):
        generate(checkpoint, 2, cond=torch.tensor([1, 2]))


def test_gaps_are_filled_and_what_is_known_stays_as_it_is_to_the_bit(runs, few):
    """Pitfall 12, end to end; and what is hidden changes nothing."""
    checkpoint, waves = loaded(runs), few.placed(torch.arange(2))[:, 0]
    mask = gap(LENGTH, 3000, 160)
    x = fill_waves(checkpoint, waves, mask, n=3)
    assert x.shape == (2, 3, LENGTH) and bool(x.isfinite().all())
    assert torch.equal(x[..., mask == 1], waves[:, None, mask == 1].expand(-1, 3, -1))
    assert float((x[:, 0] - x[:, 1]).abs()[..., mask == 0].max()) > 0, "n ways, and not one three times"
    hidden = torch.where(mask == 1, waves, 50.0)
    torch.testing.assert_close(fill_waves(checkpoint, hidden, mask, n=3)[..., mask == 0], x[..., mask == 0])
    for wrong in (waves[:, :-16], waves * float("nan")):
        with pytest.raises(ValueError, match="waves must be finite"):
            fill_waves(checkpoint, wrong, mask[:wrong.shape[1]])


def test_a_generator_needs_a_judge_before_its_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "available", dict)
    with pytest.raises(ValueError, match="weights of speech-judge are needed"):
        get_recipe("speech-waveform").check(tmp_path)


def test_what_the_network_sees_is_what_the_codec_undoes(runs, few):
    x = few.placed(torch.arange(4))
    torch.testing.assert_close(loaded(runs).codec.decode(to_network(x)), x, rtol=0, atol=1e-5)
