"""Editing by the walk: what is known is kept, a walk goes up again, a drawing is noised and denoised."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from cases import generator

from diffusion_utils.denoiser import Prediction
from diffusion_utils.exact import ExactDenoiser, GaussianMixture
from diffusion_utils.guidance import keep_known, repaint_times, sdedit_start
from diffusion_utils.sampling import Sampler, renoise, sample, timesteps
from diffusion_utils.schedules import cosine

SCHEDULE = cosine(1000)


# --- inpainting -------------------------------------------------------------------------------------------------------

KNOWN = torch.linspace(-1, 1, 8 * 16).reshape(8, 1, 4, 4)
MASK = (torch.arange(16).reshape(4, 4) % 3 > 0).float()


@pytest.mark.parametrize("mask", [MASK, MASK.bool(), MASK.expand(8, 1, 4, 4), MASK.long(), MASK[None], MASK.double(),
                                  MASK.half(), MASK.to(torch.uint8), MASK.numpy()])
def test_known_pixels_are_exact_at_the_end_and_the_others_untouched_throughout(mask):
    after_step = keep_known(SCHEDULE, KNOWN, mask)
    x_s = torch.randn(8, 1, 4, 4, generator=generator())
    where = MASK.bool().expand(8, 1, 4, 4)
    for s in (999, 300, 1, 0):
        got = after_step(x_s, s)
        assert torch.equal(got[~where], x_s[~where])
    assert torch.equal(got[where], KNOWN[where])


@pytest.mark.parametrize("s", [1, 400, 950])
def test_eq_keep_known(s):
    """What is written in has mean signal·known and variance noise², and is fresh each time."""
    n = 200
    known = torch.full((n, 1, 10, 10), 0.7)
    after_step = keep_known(SCHEDULE, known, torch.ones(10, 10), seed=3)
    first, second = ((after_step(torch.zeros_like(known), s) - SCHEDULE.signal[s] * 0.7) / SCHEDULE.noise[s] for _ in range(2))
    count = first.numel()
    # Of standard Gaussian numbers the mean has standard deviation 1/√n, the variance √(2/n), the fourth moment √(96/n),
    # and the product of two independent ones 1/√n; five of them each.
    assert abs(float(first.mean())) < 5 / math.sqrt(count)
    assert abs(float(first.var()) - 1) < 5 * math.sqrt(2 / count)
    assert abs(float(first.pow(4).mean()) - 3) < 5 * math.sqrt(96 / count)
    assert abs(float((first * second).mean())) < 5 / math.sqrt(count)


def test_what_is_written_in_belongs_to_the_sample_not_to_its_batch():
    x_s = torch.zeros_like(KNOWN)
    whole = keep_known(SCHEDULE, KNOWN, MASK, seed=1)(x_s, 500)
    part = keep_known(SCHEDULE, KNOWN[5:], MASK, seed=1, indices=range(5, 8))(x_s[5:], 500)
    assert torch.equal(whole[5:], part)


WALK = {"sampler": Sampler("ddpm"), "times": repaint_times(SCHEDULE, steps=10, jump=2, repeats=2)}


def test_a_second_walk_with_the_same_known_pixels_is_the_same():
    """Also after a walk that was left in the middle, and beside one that is still under way."""
    denoiser, after_step = ExactDenoiser(KNOWN, SCHEDULE), keep_known(SCHEDULE, KNOWN, MASK)
    first = list(sample(denoiser, SCHEDULE, KNOWN.shape, after_step=after_step, **WALK))
    left = sample(denoiser, SCHEDULE, KNOWN.shape, after_step=after_step, **WALK)
    assert all(torch.equal(next(left).x_t, first[k].x_t) for k in range(4))
    again = list(sample(denoiser, SCHEDULE, KNOWN.shape, after_step=after_step, **WALK))
    assert all(torch.equal(a.x_t, b.x_t) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(state.x_t, first[4 + k].x_t) for k, state in enumerate(left))


def test_a_walk_with_known_pixels_does_not_depend_on_its_batch():
    denoiser, part = ExactDenoiser(KNOWN, SCHEDULE), [6, 1]
    *_, whole = sample(denoiser, SCHEDULE, KNOWN.shape, after_step=keep_known(SCHEDULE, KNOWN, MASK), **WALK)
    *_, alone = sample(denoiser, SCHEDULE, (2, 1, 4, 4), indices=part, **WALK,
                       after_step=keep_known(SCHEDULE, KNOWN[part], MASK, indices=part))
    torch.testing.assert_close(alone.x_t, whole.x_t[part], rtol=0, atol=1e-4)  # float32 sums of other batches, 14 steps


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_known_pixels_leave_the_precision_of_the_walk_alone(dtype):
    known = KNOWN.to(dtype)
    states = list(sample(ExactDenoiser(KNOWN, SCHEDULE), SCHEDULE, KNOWN.shape, **WALK,
                         after_step=keep_known(SCHEDULE, known, MASK.to(dtype))))
    assert {state.x_t.dtype for state in states} == {torch.float32}
    where = MASK.bool().expand(8, 1, 4, 4)
    assert torch.equal(states[-1].x_t[where], known.float()[where])


def test_known_pixels_of_another_batch_are_refused():
    """One picture would be written, with one noise, into every sample."""
    after_step = keep_known(SCHEDULE, KNOWN[:1], MASK)
    with pytest.raises(ValueError, match=r"x_s must have the shape of known \(1, 1, 4, 4\), got \(8, 1, 4, 4\)"):
        after_step(KNOWN, 500)
    with pytest.raises(ValueError, match="indices must be one for each of 8 samples, got 1"):
        keep_known(SCHEDULE, KNOWN, MASK, indices=[3])


def test_known_data_that_is_no_data_is_refused():
    holes = KNOWN.clone()
    holes[0, 0, 0, 0] = math.nan  # a mask does not hide it: 0·NaN is NaN
    with pytest.raises(ValueError, match="known must be finite, got NaN or infinity in 1 of 128 numbers"):
        keep_known(SCHEDULE, holes, MASK)
    with pytest.raises(TypeError, match="known must be floating point.* got torch.uint8"):
        keep_known(SCHEDULE, KNOWN.to(torch.uint8), MASK)


RGB = torch.zeros(3, 3, 4, 4)


def test_a_mask_that_may_be_for_samples_or_for_channels_is_refused():
    """Three masks for three pictures of three channels were taken for one mask of three channels."""
    masks = torch.stack([torch.zeros(4, 4), torch.ones(4, 4), MASK])
    with pytest.raises(ValueError, match=r"3 samples or for the 3 channels: say which by \(3, 1, 4, 4\) or \(1, 3, 4, 4\)"):
        keep_known(SCHEDULE, RGB, masks)
    with pytest.raises(ValueError, match=r"say which by \(4, 1\) or \(1, 4\)"):
        keep_known(SCHEDULE, torch.zeros(4, 4), torch.ones(4))


def test_a_mask_says_whom_it_is_for_by_its_axes():
    x_s, masks = torch.full_like(RGB, 9.0), torch.stack([torch.zeros(4, 4), torch.ones(4, 4), MASK])
    for mask, whole in ((masks[:, None], masks[:, None].expand_as(RGB)), (masks[None], masks.expand_as(RGB)),
                        (MASK, MASK.expand_as(RGB)), (MASK[None], MASK.expand_as(RGB))):
        found = keep_known(SCHEDULE, RGB, mask)(x_s, 0)
        assert torch.equal(found == 0, whole == 1)
    two = keep_known(SCHEDULE, RGB[:2], masks)(x_s[:2], 0)  # three masks cannot be meant for two pictures
    assert torch.equal(two == 0, (masks == 1).expand(2, 3, 4, 4))


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_sampler_ends_with_the_known_pixels_exactly(repeats):
    denoiser = ExactDenoiser(KNOWN, SCHEDULE)
    *_, last = sample(denoiser, SCHEDULE, KNOWN.shape, Sampler("ddpm"), after_step=keep_known(SCHEDULE, KNOWN, MASK),
                      times=repaint_times(SCHEDULE, steps=10, jump=2, repeats=repeats))
    where = MASK.bool().expand(8, 1, 4, 4)
    assert torch.equal(last.x_t[where], KNOWN[where])
    assert not torch.equal(last.x_t[~where], KNOWN[~where])  # those were not given


@pytest.mark.parametrize("mask", [MASK * 0.5, -MASK, MASK + 1, MASK * math.nan])
def test_a_mask_of_anything_but_zeros_and_ones_is_refused(mask):
    with pytest.raises(ValueError, match="mask must hold 1"):
        keep_known(SCHEDULE, KNOWN, mask)


@pytest.mark.parametrize("shape", [(3, 4), (1, 8, 1, 4, 4), (2, 1, 4, 4)])
def test_a_mask_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match="does not fit"):
        keep_known(SCHEDULE, KNOWN, torch.ones(shape))


@pytest.mark.parametrize(("steps", "jump", "repeats"), [(50, 5, 3), (12, 5, 2), (10, 1, 4), (7, 3, 10)])
def test_repaint_walks_each_stretch_so_often_and_reaches_the_data_once(steps, jump, repeats):
    grid = timesteps(SCHEDULE, steps)
    walk = repaint_times(SCHEDULE, steps, jump, repeats)
    pairs = list(zip(walk[:-1], walk[1:], strict=True))
    assert walk[0] == SCHEDULE.T and walk[-1] == 0 and walk.count(0) == 1
    down, up = [p for p in pairs if p[1] < p[0]], [p for p in pairs if p[1] > p[0]]
    last_stretch = (steps - 1) // jump  # the one that ends at the data is walked once
    for k, step in enumerate(zip(grid[:-1], grid[1:], strict=True)):
        assert down.count(step) == (repeats if k // jump < last_stretch else 1)
    assert len(down) == repeats * last_stretch * jump + steps - last_stretch * jump
    jumps = [(grid[k + jump], grid[k]) for k in range(0, last_stretch * jump, jump)]
    assert Counter(up) == Counter({step: repeats - 1 for step in jumps})


@pytest.mark.parametrize("jump", [1, 4, 20])
def test_without_repeats_the_walk_is_the_plain_one(jump):
    assert repaint_times(SCHEDULE, 20, jump, repeats=1) == timesteps(SCHEDULE, 20)


@pytest.mark.parametrize(("steps", "jump", "repeats"), [(10, 0, 2), (10, 2, 0), (10, 10, 2), (10, 20, 2), (0, 1, 1)])
def test_walks_that_make_no_sense_are_refused(steps, jump, repeats):
    with pytest.raises(ValueError):
        repaint_times(SCHEDULE, steps, jump, repeats)


@pytest.mark.parametrize(("t", "s"), [(800, 900), (100, 200), (300, 600)])
def test_eq_repaint_jump(t, s):
    """Noised to t and then by the kernel from t up to s, x_0 has the distribution of x_s: signal_s·x_0, variance noise_s²."""
    n, x0 = 400_000, 0.6
    eps, z = torch.randn(2, n, generator=generator(5), dtype=torch.float64)
    x_t = SCHEDULE.add_noise(torch.full((n,), x0, dtype=torch.float64), t, eps)
    x_s = renoise(SCHEDULE, x_t, t, s, z)
    noise = float(SCHEDULE.noise[s])
    # five standard deviations of a mean, noise/√n, and of a variance, noise²·√(2/n)
    assert abs(float(x_s.mean()) - float(SCHEDULE.signal[s]) * x0) < 5 * noise / math.sqrt(n)
    tolerance = 5 * noise**2 * math.sqrt(2 / n)
    assert abs(float(x_s.var()) - noise**2) < tolerance
    # The test can fail: subtracting standard deviations in place of variances, a published mistake, misses by more.
    kept = float(SCHEDULE.signal[s] / SCHEDULE.signal[t] * SCHEDULE.noise[t])
    assert abs(kept**2 + (noise - kept) ** 2 - noise**2) > 2 * tolerance


def test_walking_up_and_down_brings_the_fill_into_agreement_with_what_is_known():
    """Two blobs in four dimensions, one number known: the other three can only be in the same blob (to 0.4 %)."""
    n, blobs = 600, GaussianMixture(torch.tensor([[-0.5] * 4, [0.5] * 4]), torch.tensor([0.3, 0.3]))
    share = {}
    for repeats in (1, 5):
        *_, last = sample(blobs.denoiser(SCHEDULE), SCHEDULE, (n, 4), Sampler("ddpm"),
                          times=repaint_times(SCHEDULE, 40, jump=5, repeats=repeats),
                          after_step=keep_known(SCHEDULE, torch.full((n, 4), 0.5), torch.tensor([1, 0, 0, 0])))
        share[repeats] = float((last.x_t[:, 1:].mean(1) > 0).double().mean())
    # The standard deviation of the difference of two shares is at most √(2·0.25/n) = 0.029.
    assert share[5] > share[1] + 4 * 0.029


# --- editing ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("strength", [0.001, 0.3, 0.5, 1.0])
def test_an_edit_is_denoised_from_the_time_it_was_noised_to(strength):
    x0 = torch.full((400, 1, 10, 10), 0.5)
    x_start, times = sdedit_start(SCHEDULE, x0, strength, steps=20)
    assert times[0] == round(strength * SCHEDULE.T) and times[-1] == 0
    assert len(times) - 1 == max(1, round(strength * 20))
    signal, noise = float(SCHEDULE.signal[times[0]]), float(SCHEDULE.noise[times[0]])
    eps = (x_start - signal * x0) / noise
    # five standard deviations, as above; float32 rounding of x_start, divided by the noise, is below 1e-4
    assert abs(float(eps.mean())) < 5 / math.sqrt(eps.numel()) + 1e-4
    assert abs(float(eps.var()) - 1) < 5 * math.sqrt(2 / eps.numel()) + 1e-4


def test_eq_sdedit_start():
    x0 = torch.rand(3, 1, 4, 4, generator=generator()) * 2 - 1
    first, times = sdedit_start(SCHEDULE, x0, 0.4, steps=10, seed=7)
    second, _ = sdedit_start(SCHEDULE, torch.zeros_like(x0), 0.4, steps=10, seed=7)  # the same noise alone
    signal = SCHEDULE.signal[400].float()
    torch.testing.assert_close(first - second, signal * x0, rtol=0, atol=4 * 2**-22)
    assert times == timesteps(SCHEDULE, 4, start=400)


def test_the_noise_of_an_edit_is_not_that_of_the_walk_that_follows():
    """Equal seeds must not make the sampler repeat the noise that the start already holds."""
    zeros = torch.zeros(1, 1, 50, 50)
    x_start, times = sdedit_start(SCHEDULE, zeros, 0.5, steps=4, seed=0)
    eps = x_start / SCHEDULE.noise[times[0]]

    def denoiser(x_t, t, cond=None):
        return Prediction(torch.zeros_like(x_t), x_t)

    states = list(sample(denoiser, SCHEDULE, x_start=x_start, times=times, sampler=Sampler("ddpm"), seed=0))
    quiet = list(sample(denoiser, SCHEDULE, x_start=x_start, times=times, sampler=Sampler("ddpm"), seed=1))
    fresh = states[1].x_t - quiet[1].x_t  # the difference of two walks' noise; the start cancels
    correlation = torch.corrcoef(torch.stack([eps.flatten(), fresh.flatten()]))[0, 1]
    assert abs(float(correlation)) < 5 / math.sqrt(2500)


def test_an_edit_depends_on_its_number_and_not_on_its_batch():
    x0 = torch.rand(4, 1, 4, 4, generator=generator()) * 2 - 1
    whole, times = sdedit_start(SCHEDULE, x0, 0.5, 10, seed=3)
    part, _ = sdedit_start(SCHEDULE, x0[2:], 0.5, 10, seed=3, indices=range(2, 4))
    assert torch.equal(part, whole[2:])
    with pytest.raises(ValueError, match="indices must be one for each of 4 samples, got 2"):
        sdedit_start(SCHEDULE, x0, 0.5, 10, indices=[0, 1])


@pytest.mark.parametrize(("dtype", "kept"), [(torch.float16, torch.float32), (torch.float64, torch.float64)])
def test_an_edit_starts_in_single_precision_at_least(dtype, kept):
    x0 = torch.rand(2, 1, 4, 4, generator=generator()).to(dtype)
    assert torch.equal(sdedit_start(SCHEDULE, x0, 0.5, 10)[0], sdedit_start(SCHEDULE, x0.to(kept), 0.5, 10)[0])
    assert sdedit_start(SCHEDULE, x0, 0.5, 10)[0].dtype == kept


def test_an_edit_of_no_picture_is_refused():
    with pytest.raises(ValueError, match="x0 must be finite"):
        sdedit_start(SCHEDULE, KNOWN * math.inf, 0.5, 10)
    with pytest.raises(ValueError, match=r"x0 must be \(B, …\) with B ≥ 1, got \(0, 1, 4, 4\)"):
        sdedit_start(SCHEDULE, KNOWN[:0], 0.5, 10)
    with pytest.raises(ValueError, match="steps must be an integer ≥ 1, got 0"):  # was one step
        sdedit_start(SCHEDULE, KNOWN, 0.5, 0)


@pytest.mark.parametrize("strength", [0.0, -0.5, 1.01, math.nan])
def test_a_strength_outside_0_to_1_is_refused(strength):
    with pytest.raises(ValueError, match="strength"):
        sdedit_start(SCHEDULE, KNOWN, strength, steps=10)
