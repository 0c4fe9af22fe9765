"""What the video recipe learns from, and what its checkpoint does."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cases import step_of

from diffusion_utils import checkpoints
from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.generate import generate
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.video import draw_count, draw_task, spread_frames
from diffusion_utils.training import TrainConfig
from diffusion_utils.training.distributed import Group

SMALL = {"kind": "video-unet", "channels": [8, 16], "emb_dim": 16}


def small(**changes):
    how = {"network": SMALL, "snapshots": (2,), "sampling": {"sampler": "ddim", "steps": 2},
           "train": TrainConfig(steps=2, batch=4, lr=1e-3, warmup=1, ema=0.5, log_every=2, optimiser="muon")}
    return replace(get_recipe("next-door-fdm"), **(how | changes))


def test_every_number_of_seen_frames_is_trained_and_no_sample_lacks_a_frame() -> None:
    """Pitfall 4 (VDT #9): none and one included."""
    generator = torch.Generator().manual_seed(0)
    counts = Counter(draw_count(10, generator) for _ in range(400))
    assert set(counts) == set(range(2, 11)) and 0.4 < counts[10] / 400 < 0.6
    seen = Counter()
    for _ in range(600):
        index, is_seen = draw_task(10, 120, generator)
        assert len(index) == 10 == len(set(index.tolist())) and 0 <= int(index.min()) <= int(index.max()) < 120
        assert bool((index.diff() > 0).all()) and not bool(is_seen.all())
        seen[int(is_seen.sum())] += 1
    assert set(seen) == set(range(10)) and seen[1] > 5
    assert 180 < seen[0] < 420  # nothing seen in about half of the tasks: of each later group a coin says whether it is
    assert draw_task(2, 120, generator)[0].shape == (2,)


def test_groups_are_evenly_spaced_and_near_ones_are_as_common_as_far_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    steps = [index[1] - index[0] for index in (spread_frames(5, 120.0, generator) for _ in range(500))]
    assert min(steps) == 1 and max(steps) <= 30 and 0.25 < sum(step <= 3 for step in steps) / 500 < 0.55
    for count in range(1, 11):
        index = spread_frames(count, 12.0, generator)
        assert len(index) == count and 0 <= index[0] and index[-1] <= 11 and sorted(set(index)) == index


class Spy(torch.nn.Module):
    """Keeps what it was given, and answers nothing, but wildly where a frame was seen."""

    conditional = True

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, time, cond=None):
        self.seen = x, cond
        return x * self.weight + 100 * cond["mask"]


@pytest.mark.parametrize("seed", range(4))
def test_the_loss_counts_latent_frames_alone_and_seen_ones_are_clean(seed) -> None:
    """Pitfalls 2, 7 and 8."""
    recipe, net, data = small(), Spy(), load_next_door("train", 40)
    found = float(recipe.loss_fn(data, torch.device("cpu"), Group())(net, step_of(torch.arange(4), seed)).detach())
    x_t, cond = net.seen
    assert 0.3 < found < 2  # |v|² is about 1, and 10,000 of a seen frame would show
    assert x_t.shape == cond["known"].shape == cond["mask"].shape and x_t.shape[2:] == (1, 32, 32)
    real = data.frames(torch.arange(4), cond["index"])
    assert torch.equal(cond["known"], real * cond["mask"])
    assert torch.equal(cond["mask"].amin((2, 3, 4)), cond["mask"][:, :, 0, 0, 0])


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Path:
    """A checkpoint of two steps."""
    return small().run(tmp_path_factory.mktemp("runs"), device="cpu", data=load_next_door("train", 40))


def test_the_card_says_what_a_video_is_and_how_it_was_learnt(card) -> None:
    found = checkpoints.read_card(card)
    assert found["config"]["kind"] == "video" and (found["config"]["most"], found["config"]["reach"]) == (10, 120)
    assert found["config"]["sample"] == {"shape": [60, 1, 32, 32], "clip": [-1.0, 1.0], "condition": {
        "known": {"shape": [60, 1, 32, 32], "dtype": "float32"}, "seen": {"shape": [60], "dtype": "bool"}}}
    assert [line["step"] for line in found["error_over_training"]] == [2]
    assert checkpoints.read_tensors(card)["snapshots"].shape == (1, 4, 5, 1, 32, 32)


def test_a_checkpoint_goes_on_with_what_is_given(card) -> None:
    checkpoint, data = checkpoints.load(card, "cpu"), load_next_door("test", 3)
    cond = data.condition(torch.arange(3))
    x = generate(checkpoint, 3, cond=cond, steps=1)
    assert x.shape == (3, 60, 1, 32, 32) and torch.equal(x[:, :5], cond["known"][:, :5]) and bool(x.isfinite().all())
    with pytest.raises(ValueError, match="no guidance"):
        generate(checkpoint, 3, cond=cond, weight=2.0, steps=1)
    other = cond | {"seen": torch.arange(60) < torch.tensor([5, 5, 6])[:, None]}
    with pytest.raises(ValueError, match="the same frames must be given"):
        generate(checkpoint, 3, cond=other, steps=1)
