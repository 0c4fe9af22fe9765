"""Many samples of any denoiser, in batches: each is that of its number, whatever batch it is in."""

from __future__ import annotations

import pytest
import torch
from cases import VP
from torch import Tensor

from diffusion_utils import drawing
from diffusion_utils.denoiser import Prediction
from diffusion_utils.drawing import draw
from diffusion_utils.guidance import guided
from diffusion_utils.sampling import Sampler, sample

SCHEDULE, SHAPE, HOW = VP[0], (2, 3), Sampler("ddpm", steps=4)


def drawn_to(x_t: Tensor, t: int, cond: Tensor | dict | None = None) -> Prediction:
    """A denoiser that knows what it is told: the point, (B,), or "place" and "size", or nothing, which is 0. Elementwise, so
    that its rounding knows no batch."""
    if isinstance(cond, dict):
        cond = cond["place"] * cond["size"]
    x0_hat = 0.1 * x_t + (0 if cond is None else cond[:, None, None].to(x_t))
    signal, noise = SCHEDULE.at(t, like=x_t)
    return Prediction(x0_hat, (x_t - signal * x0_hat) / noise)


POINTS = torch.tensor([-2.0, 0.5, 3.0, 1.0, -1.0])


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 250])
@pytest.mark.parametrize("cond", [None, POINTS, {"place": POINTS, "size": POINTS + 2}], ids=["nothing", "one", "two"])
def test_the_batch_changes_no_bit(batch: int, cond) -> None:
    together = draw(drawn_to, SCHEDULE, 5, SHAPE, HOW, cond=cond, seed=3, batch=batch)
    *_, wanted = sample(drawn_to, SCHEDULE, (5, *SHAPE), HOW, cond=cond, seed=3)
    assert torch.equal(together, wanted.x_t) and together.shape == (5, 2, 3)


def test_the_number_of_samples_changes_no_bit() -> None:
    assert torch.equal(draw(drawn_to, SCHEDULE, 5, SHAPE, HOW)[:3], draw(drawn_to, SCHEDULE, 3, SHAPE, HOW))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_each_sample_has_its_own_weight(batch: int) -> None:
    weights = [0.0, 1.0, 3.0, 0.5, 7.0]
    together = draw(drawn_to, SCHEDULE, 5, SHAPE, HOW, cond=POINTS, weight=weights, batch=batch)
    for i, weight in enumerate(weights):
        *_, alone = sample(guided(drawn_to, SCHEDULE, weight), SCHEDULE, (1, *SHAPE), HOW, cond=POINTS[i:i + 1], indices=[i])
        # the blend rounds where one of its ends is not asked at all: a few 2⁻²⁴ of values up to 7·3, over four steps
        torch.testing.assert_close(together[i:i + 1], alone.x_t, rtol=0, atol=4 * 4 * 21 * 2**-24)


def test_the_clip_is_that_of_the_guided_estimate() -> None:
    wide = draw(drawn_to, SCHEDULE, 5, SHAPE, HOW, cond=POINTS, weight=3.0)
    clipped = draw(drawn_to, SCHEDULE, 5, SHAPE, HOW, cond=POINTS, weight=3.0, clip=(-1, 1))
    assert float(wide.abs().max()) > 5 and float(clipped.abs().max()) <= 1, "nothing is clipped unless it is asked for"


@pytest.mark.parametrize(("how", "weight"), [(HOW, 1.0), (HOW, 3.0), (Sampler("heun", steps=4), 1.0)],
                         ids=["one call", "guided", "heun"])
def test_the_progress_bar_counts_steps_however_many_calls_they_take(how: Sampler, weight: float, monkeypatch) -> None:
    """It moves by as many steps as there are samples in the batch, and is full at the end."""
    seen = []

    class Seen(drawing.tqdm):
        def update(self, n: int = 1) -> None:
            super().update(n)
            seen.append(self.n / self.total)

    monkeypatch.setattr(drawing, "tqdm", Seen)
    draw(drawn_to, SCHEDULE, 3, SHAPE, how, cond=torch.ones(3), weight=weight, batch=2, progress=True)
    assert sorted(set(seen)) == [count / 12 for count in (2, 4, 6, 8, 9, 10, 11, 12)]


@pytest.mark.parametrize(("change", "message"), [
    ({"n": 0}, "n must be an integer ≥ 1, got 0"), ({"batch": 0}, "batch must be an integer ≥ 1, got 0"),
    ({"weight": [1.0, 2.0]}, "weight must be one number or 5 of them, got 2"),
    ({"cond": POINTS[:4]}, r"cond must be a tensor for each of 5 samples, \(5, …\), got \(4,\)"),
    ({"cond": {"place": POINTS, "size": POINTS[:1]}}, r"size must be .* got \(1,\)"),
], ids=str)
def test_what_does_not_fit_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(drawn_to, SCHEDULE, **({"n": 5, "shape": SHAPE, "sampler": HOW} | change))
