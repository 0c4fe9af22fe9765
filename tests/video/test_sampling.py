"""Schemes of sampling: who sees whom, what can be known by that, and that given frames stay as they are."""

from __future__ import annotations

import pytest
import torch
from cases import constant

from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.denoiser import Prediction
from diffusion_utils.metrics.video import long_videos
from diffusion_utils.metrics.video_ceiling import can_know, in_sight
from diffusion_utils.metrics.video_reading import read
from diffusion_utils.sampling import SAMPLERS, Sampler
from diffusion_utils.schedules import cosine
from diffusion_utils.video import MOST, REACH, SCHEMES, Call, autoregressive, checked, loop, sample_video, scheme_named

SCHEDULE = cosine(1000)
GIVEN = {"five": range(5), "none": [], "one": [0], "both ends": [0, -1], "every sixth": range(0, 60, 6), "last": [-1],
         "a gap": [0, 1, 2, 3, 4, 55, 56, 57, 58, 59]}


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("length", [60, 200])
def test_each_frame_once_from_finished_ones_and_few_enough_at_a_time(name, given, length) -> None:
    """Pitfall 13."""
    frames = sorted(frame % length for frame in GIVEN[given])
    done = set(frames)
    for call in SCHEMES[name](frames, length):
        assert set(call.observed) <= done and not set(call.latent) & done and 1 <= len(call.latent)
        assert len(call.observed) + len(call.latent) <= MOST
        assert max(call.latent) - min(call.latent) < REACH
        assert all(abs(a - b) < REACH for a in call.observed for b in call.latent)
        done |= set(call.latent)
    assert done == set(range(length))


@pytest.mark.parametrize("length", [1, 2, 3, 7, 11])
@pytest.mark.parametrize("name", SCHEMES)
def test_short_videos_are_not_sliced_backwards(name, length) -> None:
    """Pitfall 9 (g3an-project #5): a video shorter than a call is one call, or what is left of it."""
    for given in ([], [0], [length - 1]):
        calls = list(checked(SCHEMES[name](given, length), given, length))
        assert sorted(frame for call in calls for frame in call.latent) == [k for k in range(length) if k not in given]


def test_the_schemes_that_are_compared_cost_the_same() -> None:
    costs = {name: [len(call.observed) + len(call.latent) for call in scheme(range(5), 60)] for name, scheme in SCHEMES.items()}
    assert costs == dict.fromkeys(SCHEMES, [10] * 11)


@pytest.mark.parametrize(("name", "low", "high"), [("autoregressive", 0.06, 0.16), ("long-range", 1, 1), ("hierarchy-2", 1, 1)])
def test_what_a_scheme_can_know_of_who_comes_back(name, low, high) -> None:
    """A perfect network knows the digit where a frame that it sees, or makes with others, shows it; else it guesses."""
    data, rows = load_next_door("test"), torch.arange(300)
    shown = in_sight(data, rows, 60)
    assert low <= can_know(SCHEMES[name], shown) <= high
    frames, _ = long_videos(data, rows[:20])
    assert bool(read(frames).whole[shown[:20]].all()) and 0.2 < float(shown.float().mean()) < 0.3


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", SCHEMES)
def test_given_frames_come_back_to_the_bit_whatever_the_sampler(sampler, name) -> None:
    """Pitfalls 3 and 14; and what is not given is not looked at, be it NaN."""
    known = torch.rand(2, 14, 1, 4, 4) * 2 - 1
    given = [0, 5, 13]
    wild = known.clone()
    wild[:, [k for k in range(14) if k not in given]] = torch.nan
    plain = lambda x_t, t, cond=None: constant(torch.full_like(x_t, 0.3))(x_t, t)  # noqa: E731
    found = sample_video(plain, SCHEDULE, wild, given, SCHEMES[name], Sampler(sampler, steps=3))
    assert torch.equal(found[:, given], known[:, given])
    made = [k for k in range(14) if k not in given]
    torch.testing.assert_close(found[:, made], torch.full_like(found[:, made], 0.3))


class Spy:
    """Keeps what it was told; answers the noise that it was given at first, so that each frame shows its own."""

    def __init__(self):
        self.told = []

    def __call__(self, x_t, t, cond=None) -> Prediction:
        self.told.append(cond)
        return Prediction(x_t.clone(), torch.zeros_like(x_t))


def test_the_network_is_told_which_frames_it_sees_clean_and_what_they_are() -> None:
    """Pitfall 2: seen frames are clean, and it is said that they are (voicebox #39, FastGen #26)."""
    known, spy = torch.rand(1, 20, 1, 2, 2), Spy()
    sample_video(spy, SCHEDULE, known, range(5), autoregressive, Sampler("ddim", steps=1))
    cond = spy.told[0]
    assert cond["index"].tolist() == [list(range(10))]
    assert torch.equal(cond["known"][:, :5], known[:, :5]) and float(cond["known"][:, 5:].abs().max()) == 0
    assert torch.equal(cond["mask"][:, :, 0, 0, 0], (torch.arange(10) < 5).float()[None])
    assert spy.told[1]["index"].tolist() == [list(range(5, 15))]


def test_a_sample_depends_on_its_seed_and_number_and_each_call_has_noise_of_its_own() -> None:
    known = torch.zeros(5, 20, 1, 2, 2)

    def drawn(rows=5, **how):
        return sample_video(Spy(), SCHEDULE, known[:rows], [], autoregressive, Sampler("ddim", steps=1), **how)

    x = drawn()
    assert torch.equal(drawn(batch=2), x) and torch.equal(drawn(3), x[:3]) and not torch.equal(drawn(seed=1), x)
    noise = x.flatten(2)
    assert len({tuple(row.tolist()) for row in noise.flatten(0, 1)}) == 5 * 20  # no frame of any call repeats another


@pytest.mark.parametrize(("calls", "says"), [
    ([Call([], [0, 1]), Call([2], [3])], r"call 2 looks at \[2\], which are not finished"),
    ([Call([], [0, 1]), Call([0], [1])], "frames of 0…3 that are not there yet"),
    ([Call([], [0, 1])], "leaves out 2 frames, the first of them 2"),
    ([Call([], list(range(11)))], "at most 10"), ([Call([], [0, 0])], "each once"), ([Call([], [4])], "0…3"),
    ([Call([], [])], "at least one frame")])
def test_a_scheme_of_ones_own_is_told_what_is_wrong_with_it(calls, says) -> None:
    with pytest.raises(ValueError, match=says):
        list(checked(iter(calls), [], 4))


def test_a_scheme_is_found_by_name_and_a_loop_ends_as_it_begins() -> None:
    with pytest.raises(ValueError, match="unknown scheme 'hierarchy'. Did you mean 'hierarchy-2'"):
        scheme_named("hierarchy")
    known, given = loop(torch.rand(2, 1, 4, 4), 9)
    assert torch.equal(known[:, 0], known[:, 8]) and given == [0, 8] and known.shape == (2, 9, 1, 4, 4)
