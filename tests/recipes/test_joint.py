"""The recipe of the joint embedding, small: captions are drawn anew, the grammar says what fits, and it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import step_of

from diffusion_utils import checkpoints
from diffusion_utils.data import TensorData
from diffusion_utils.data.scenes import load_scenes, words_of
from diffusion_utils.data.scenes.facts import fits
from diffusion_utils.metrics.joint import images_of, retrieval, texts_of
from diffusion_utils.networks import JointEmbedding
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.joint import SameDigits, captioned
from diffusion_utils.training.distributed import Group

SMALL = {"channels": [8, 16, 16], "dim": 16, "layers": 1, "size": 16}


def small(**train):
    recipe = get_recipe("scenes-clip")
    return replace(recipe, network=recipe.network | SMALL, train=replace(recipe.train, log_every=1, **train))


def test_a_caption_fits_every_scene_of_which_it_is_true():
    facts = np.array([[1, -1, 3, 0, 0, 0, -1, -1, -1, -1], [1, -1, 3, 0, 1, 1, -1, -1, -1, -1],
                      [2, 0, 3, 0, 0, 0, 7, 1, 0, 0]])
    asked = facts.copy()
    asked[0, 4:6] = -1  # "a red 3"
    assert fits(asked, facts).tolist() == [[True, True, False], [False, True, False], [False, False, True]]


def test_captions_of_a_batch_fit_their_own_scenes_and_some_fit_others():
    scenes = load_scenes("test", 60)
    facts = torch.cat([scenes.facts, scenes.facts[:3]])  # three scenes twice: duplicates are positives
    tokens, right = captioned(facts, torch.Generator().manual_seed(0))
    assert right.diagonal().all() and right[:3, 60:].diagonal().all() and right[60:, :3].diagonal().all()
    assert len(tokens) == 63 and all(words_of(row) for row in tokens)
    assert int(right.sum()) > 63 + 6  # with words left out, also scenes that are not the same


def test_it_learns_which_caption_belongs_to_which_picture():
    """Sixteen scenes by heart, in a few steps: and the loss falls."""
    scenes, recipe = load_scenes("test", 16), small()
    torch.manual_seed(0)
    net, loss = recipe.build(), recipe.loss_fn(scenes, torch.device("cpu"), Group())
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for number in range(40):
        found = loss(net, step_of(torch.arange(16), seed=number))
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
        losses.append(float(found.detach()))
    assert losses[-1] < 0.8 * losses[0]
    scores = texts_of(net, scenes.condition(torch.arange(16))) @ images_of(net, scenes, 16).T
    unrelated = scores[~torch.eye(16, dtype=torch.bool)]
    assert float(scores.diagonal().mean() - unrelated.mean()) > 0.1  # DALLE2-pytorch #29


def test_scenes_alike_show_the_same_digits_and_are_drawn_anew():
    scenes = load_scenes("test", 200)
    same, rows = SameDigits(scenes.facts), torch.arange(40)
    found = same.rows(rows, 4, torch.Generator().manual_seed(0))
    digits = scenes.facts[found][:, [2, 6]].sort(1).values.reshape(10, 4, 2)
    assert torch.equal(digits, digits[:, :1].expand(-1, 4, -1)) and torch.equal(found[::4], rows[::4])
    assert len(found.unique()) > 20 and not torch.equal(found, same.rows(rows, 4, torch.Generator().manual_seed(1)))
    assert torch.equal(same.rows(rows, 1, torch.Generator()), rows)
    with pytest.raises(ValueError, match="alike must be at least 1 and divide the batch of 256, got 3"):
        replace(get_recipe("scenes-clip"), alike=3).check_data(scenes)


def test_the_scale_is_held_before_each_step():
    scenes, recipe = load_scenes("test", 4), small()
    net = recipe.build()
    with torch.no_grad():
        net.log_scale.fill_(20.0)
    recipe.loss_fn(scenes, torch.device("cpu"), Group())(net, step_of(torch.arange(4)))
    assert float(net.log_scale.detach()) == pytest.approx(np.log(100))


def test_its_card_says_how_well_captions_and_pictures_find_each_other(tmp_path, monkeypatch):
    recipe = small(steps=2, batch=4)
    monkeypatch.setattr("diffusion_utils.recipes.joint.MEASURED", 100)
    card = checkpoints.read_card(recipe.run(tmp_path, device="cpu", data=load_scenes("test", 8)))
    figures = card["figures"]
    assert figures["n"] == figures["among"] == 100
    assert figures["full, text to picture"]["share"] < 0.2 < 0.8 < figures["left out, text to picture"]["ceiling"] < 1
    assert figures["full, text to picture"]["ceiling"] > figures["left out, text to picture"]["ceiling"]
    assert isinstance(checkpoints.load(tmp_path / "scenes-clip", "cpu").net, JointEmbedding)


def test_retrieval_counts_the_own_one_alone():
    """An embedding that knows the number of a scene finds all; one that is told another's finds none."""
    scenes = load_scenes("test", 100)

    class Knows(torch.nn.Linear):
        """Vectors of pictures and of captions, in the order asked."""

        shift = 0

        def image(self, x):
            return torch.eye(100)[len(x) * 0:len(x)]

        def text(self, tokens):
            return torch.eye(100).roll(self.shift, 0)[:len(tokens)]

    net = Knows(1, 1)
    assert retrieval(net, scenes, 100)["full, picture to text"]["share"] == 1
    net.shift = 1
    assert retrieval(net, scenes, 100)["left out, text to picture"]["share"] == 0
    assert images_of(net, scenes, 100).shape == texts_of(net, torch.zeros(100, 14, dtype=torch.int64)).shape


def test_a_batch_of_one_and_what_are_no_scenes_are_refused():
    recipe = small(batch=1)
    with pytest.raises(ValueError, match="the contrastive loss of one pair is 0"):
        recipe.check_data(load_scenes("test", 2))
    with pytest.raises(ValueError, match="scenes-clip needs scenes"):
        small().check_data(TensorData(torch.zeros(4, 3, 64, 64)))
