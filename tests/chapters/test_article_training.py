"""The article's experiment, repaired, trains as the package does; and each repair is there where the version says so."""

from __future__ import annotations

import pytest
import torch
from cases import step_of
from torch import Tensor

from diffusion_utils.chapters.article import Experiment, versions
from diffusion_utils.chapters.article.listed_training import draw_times, make_loss, train_as_listed
from diffusion_utils.chapters.article.measure import live_units
from diffusion_utils.data import to_model
from diffusion_utils.losses import diffusion_loss

IMAGES = torch.randint(0, 256, (8, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def net(x: Tensor, time: Tensor, cond: None) -> Tensor:
    return 0.5 * x + time[:, None, None, None] / 1000


@pytest.mark.parametrize("name", ["column", "schedule"])
def test_the_repaired_loss_is_the_packages(name: str) -> None:
    """With the listing's schedule and target as with the last ones."""
    version = versions()[name]
    rows, generator = torch.tensor([5, 0, 3, 6]), torch.Generator().manual_seed(1)
    t = draw_times(version, 4, 1000, generator)
    eps = torch.randn((4, 1, 28, 28), generator=generator)
    package = diffusion_loss(net, version.make_schedule(), version.predicts, to_model(IMAGES[rows]), t, eps)
    ours = make_loss(version, IMAGES, torch.device("cpu"))(net, step_of(rows, seed=1))
    assert float(ours) == pytest.approx(float(package), rel=1e-6)  # the same squares, added in another order in float32


@pytest.mark.parametrize("name", ["as listed", "steady"])
def test_every_time_from_1_to_T_is_drawn_and_no_other(name: str) -> None:
    counts = torch.bincount(draw_times(versions()[name], 2000, 10, torch.Generator().manual_seed(0)), minlength=11)
    assert counts[0] == 0 and len(counts) == 11
    # Binomial counts of 200 on average; the spread ones vary less. Five standard deviations of √(2000·0.1·0.9).
    assert all(abs(int(count) - 200) < 5 * 180**0.5 for count in counts[1:])


def test_what_is_clipped_and_how_long_the_walk_is() -> None:
    found = versions()
    assert found["column"].clip_range is None and found["clamp"].clip_range == found["longer"].clip_range == (-1, 1)
    assert found["steady"].steps == 1000 and found["solver"].steps == 20


def test_versions_that_differ_in_sampling_alone_share_a_network() -> None:
    found = versions()
    assert {found[name].run for name in ("as listed", "column", "clamp", "mean", "noise")} == {"mlp-blind"}
    assert [found[name].run for name in ("steady", "time", "solver", "U-Net", "schedule", "longer")] == [
        "mlp-blind-steady", "mlp-told-steady", "mlp-told-steady", "unet-eps", "unet-v", "mnist-unet"]


def test_dead_units_are_counted() -> None:
    net, x0 = Experiment().make_net(), to_model(IMAGES)
    with torch.no_grad():
        net.hidden.bias[:300] = -1e6  # below 0 for any input
        net.hidden.bias[300:] = 1e6
    assert live_units(net, Experiment().make_schedule(), x0) == 700


def test_the_listings_first_steps_kill_units_and_a_warm_up_keeps_them() -> None:
    """Random pictures do as well as digits: it is the size of Adam's first steps."""
    listed, images = versions()["noise"], torch.randint(0, 256, (640, 1, 28, 28), generator=torch.Generator().manual_seed(2))
    images = images.to(torch.uint8)
    alive = {}
    for warmup in (0, 100):
        net, loss = listed.make_net(), make_loss(listed, images, torch.device("cpu"))
        *_, last = train_as_listed(net, loss, len(images), 30, warmup=warmup)
        alive[warmup] = live_units(net, listed.make_schedule(), to_model(images))
    assert last.lr == pytest.approx(1e-3 * 30 / 100)
    assert alive[0] < 800 and alive[100] > 950  # of 1000


def test_the_first_weights_depend_on_the_seed_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (Experiment().make_net(seed).read.weight for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
