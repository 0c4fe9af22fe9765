"""Many samples from a checkpoint: what is refused, and that a sample does not depend on the batch it is in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffusion_utils.checkpoints import Checkpoint, CheckpointError, load
from diffusion_utils.data import ImageData
from diffusion_utils.devices import has_fast_bf16
from diffusion_utils.generate import generate
from diffusion_utils.networks import UNet
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.training import TrainConfig

STEPS = 4


def checkpoint(num_classes: int) -> Checkpoint:
    """A small network that was never trained. Its zero-initialised layers are filled, or it would ignore its input."""
    network = {"kind": "unet", "patch": 2, "channels": [16, 32], "blocks": 1, "emb_dim": 32, "num_classes": num_classes}
    generator = torch.Generator().manual_seed(0)
    net = UNet(**{k: v for k, v in network.items() if k != "kind"}).eval().requires_grad_(False)
    for parameter in net.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    condition = {"shape": [], "dtype": "int64"} if num_classes else None
    config = {"network": network, "schedule": {"name": "cosine", "T": 1000}, "predicts": "v",
              "sampling": {"sampler": "dpmpp_2m", "steps": STEPS},
              "sample": {"shape": [1, 28, 28], "clip": [-1.0, 1.0], "condition": condition}}
    return Checkpoint("tiny", {"name": "tiny", "config": config}, net)


PLAIN, LABELLED = checkpoint(0), checkpoint(10)


def changed(given: Checkpoint, **entries: dict) -> Checkpoint:
    """The same with other settings in the entries of its card's "config"."""
    config = given.card["config"]
    config = config | {name: config[name] | settings for name, settings in entries.items()}
    return replace(given, card=given.card | {"config": config})


# Convolutions of other batch sizes may add in another order. In float32 each step's rounding is about 1e-6 of values
# near 1, and a network with random weights may enlarge it step by step: 1e-3 leaves three decades. In bfloat16, with
# 8 bits of mantissa, the rounding is 2⁻⁹ an operation, so the samples agree to a tenth of their range on average.
BF16 = has_fast_bf16(torch.device("cpu"))


def assert_same(a: torch.Tensor, b: torch.Tensor) -> None:
    if BF16:
        assert float((a - b).abs().mean()) < 0.1
    else:
        assert float((a - b).abs().max()) < 1e-3


def test_the_samples_are_images_in_range_on_the_cpu():
    x = generate(PLAIN, 3)
    assert x.shape == (3, 1, 28, 28) and x.dtype == torch.float32 and x.device.type == "cpu"
    assert float(x.abs().max()) <= 1 and float(x.std()) > 0


def test_sample_i_depends_neither_on_n_nor_on_the_batch():
    labels = torch.arange(7) % 10
    whole = generate(LABELLED, 7, cond=labels, weight=2)
    for n, batch in ((7, 1), (7, 3), (4, 250)):
        assert_same(generate(LABELLED, n, cond=labels[:n], weight=2, batch=batch), whole[:n])
    # That the comparison can fail: neighbouring samples differ by far more than the tolerance.
    assert float((whole[1:] - whole[:-1]).abs().mean()) > 0.2


def test_the_spacing_is_the_cards_unless_given():
    late = changed(PLAIN, sampling={"spacing": "late"})
    assert torch.equal(generate(late, 2), generate(PLAIN, 2, spacing="late"))
    assert torch.equal(generate(late, 2, spacing="uniform"), generate(PLAIN, 2))  # a card from before knows no spacing
    assert not torch.equal(generate(late, 2), generate(PLAIN, 2))


def test_the_seed_and_the_label_matter():
    first = generate(LABELLED, 4, cond=3)
    assert torch.equal(first, generate(LABELLED, 4, cond=torch.full((4,), 3)))
    assert not torch.equal(first, generate(LABELLED, 4, cond=3, seed=1))
    assert not torch.equal(first, generate(LABELLED, 4, cond=4))


@pytest.mark.parametrize("labels", [[3, 0, 9], np.array([3, 0, 9]), np.array([3, 0, 9], np.uint8),
                                    torch.tensor([3, 0, 9], dtype=torch.int32),
                                    torch.tensor([3, 0, 9], dtype=torch.uint8)], ids=repr)
def test_labels_of_each_sample_may_be_integers_of_any_kind(labels):
    wanted = generate(LABELLED, 3, cond=torch.tensor([3, 0, 9]))
    assert torch.equal(generate(LABELLED, 3, cond=labels), wanted)
    assert torch.equal(generate(LABELLED, np.int64(3), cond=labels, steps=np.int64(STEPS), batch=torch.tensor(250)), wanted)


def test_generate_takes_a_weight_for_each_sample():
    weights = [0.0, 1.0, 3.0, 0.5, 7.0]
    together = generate(LABELLED, 5, cond=torch.arange(5), weight=weights, batch=2)
    for i, weight in enumerate(weights):
        assert_same(together[i], generate(LABELLED, 5, cond=torch.arange(5), weight=weight, batch=5)[i])
    assert float((together[1] - generate(LABELLED, 5, cond=torch.arange(5), weight=3.0)[1]).abs().mean()) > 0.01
    for wrong in ([3.0] * 4, [3.0] * 6, [1.0]):
        with pytest.raises(ValueError, match=f"weight must be one number or 5 of them, got {len(wrong)}"):
            generate(LABELLED, 5, cond=0, weight=wrong)


def test_a_checkpoint_that_is_no_diffusion_model_is_named():
    config = {"network": {"kind": "classifier"}}
    judge = Checkpoint("judge", {"name": "judge", "config": config}, torch.nn.Linear(2, 2))
    for call in (lambda: generate(judge, 2), lambda: judge.sampler, lambda: judge.denoiser, lambda: judge.schedule,
                 lambda: judge.shape, lambda: judge.clip, lambda: judge.condition):
        with pytest.raises(CheckpointError, match=r"judge is not a diffusion model: its card has no '\w+' \(it has network\)"):
            call()


def test_samples_have_the_shape_that_the_card_says():
    assert generate(changed(PLAIN, sample={"shape": [1, 8, 16]}), 2, batch=1).shape == (2, 1, 8, 16)


@pytest.mark.parametrize("shape", [(1, 16, 24), (3, 8, 8)])
def test_samples_have_the_shape_of_what_was_trained_on(tmp_path, shape):
    """Of pictures of 32×32 a model drew 28×28, since all sizes are alike to a network of convolutions."""
    images = torch.randint(0, 256, (8, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = ImageData(images, torch.zeros(8, dtype=torch.int64), "own", "made up", "0" * 64)
    recipe = DiffusionRecipe("own", {"kind": "unet", "in_channels": shape[0], "channels": [8], "emb_dim": 16},
                             TrainConfig(steps=2, batch=4, log_every=1), schedule={"name": "cosine", "T": 100},
                             sampling={"sampler": "ddim", "steps": 2})
    card = recipe.run(tmp_path, data=data, device="cpu", log=lambda line: None)
    assert generate(load(card, "cpu"), 2).shape == (2, *shape)


def test_a_card_that_does_not_say_what_a_sample_is_is_refused():
    config = {name: entry for name, entry in PLAIN.card["config"].items() if name != "sample"}
    old = replace(PLAIN, card=PLAIN.card | {"config": config})
    with pytest.raises(CheckpointError, match=r"tiny is not a diffusion model: its card has no 'sample' \(it has network, "):
        generate(old, 2)


def test_weight_zero_is_the_model_without_a_label():
    assert torch.equal(generate(LABELLED, 4, cond=3, weight=0), generate(LABELLED, 4))


@pytest.mark.parametrize(("labels", "message"), [
    (10, "0…9"), (-1, "0…9"), (torch.tensor([0, 10]), "0…9"),
    (torch.tensor([0, 1, 2]), "labels must be"), (torch.tensor([[0, 1]]), "labels must be"),
    (torch.tensor([0.0, 1.0]), "labels must be"), (1.5, "labels must be"), (True, "labels must be"),
    ([0, 1, 2], "labels must be"), (np.array([0.0, 1.0]), "labels must be"), ([], "labels must be"),
    ([[0], [1]], "labels must be"),
])
def test_wrong_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        generate(LABELLED, 2, cond=labels)


def test_guidance_without_labels_is_refused():
    for given in (PLAIN, LABELLED):
        with pytest.raises(ValueError, match="guidance needs a condition, such as labels"):
            generate(given, 2, weight=3)


def test_labels_for_an_unconditional_checkpoint_are_refused():
    with pytest.raises(ValueError, match="tiny is unconditional"):
        generate(PLAIN, 2, cond=0)


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_wrong_weight_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        generate(LABELLED, 2, cond=0, weight=weight)


@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_fewer_than_one_sample_is_refused(n):
    with pytest.raises(ValueError, match="n must be an integer ≥ 1"):
        generate(PLAIN, n)


@pytest.mark.parametrize("batch", [0, -5, 1.5])
def test_a_batch_below_one_is_refused(batch):
    with pytest.raises(ValueError, match="batch"):
        generate(PLAIN, 2, batch=batch)


def test_the_checkpoints_eta_goes_with_its_sampler():
    own = changed(PLAIN, sampling={"sampler": "ddpm", "eta": [1.5, 0.5], "eta_border": 0.3})
    assert torch.equal(generate(own, 2), generate(PLAIN, 2, sampler="ddpm", eta=(1.5, 0.5), eta_border=0.3))
    assert torch.equal(generate(own, 2, eta=1), generate(PLAIN, 2, sampler="ddpm"))
    assert torch.equal(generate(own, 2, sampler="dpmpp_2m"), generate(PLAIN, 2, sampler="dpmpp_2m"))


@pytest.mark.parametrize(("sampler", "steps", "eta"), [("dppm", 4, None), ("ddim", 0, None), ("ddim", 4, -1.5), ("heun", 4, 1)])
def test_a_wrong_sampler_is_refused(sampler, steps, eta):
    with pytest.raises(ValueError):
        generate(PLAIN, 2, sampler=sampler, steps=steps, eta=eta)
