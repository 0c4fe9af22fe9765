"""The recipe of a series, small: what it learns from, what its checkpoint says, and how it fills windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cases import step_of

from diffusion_utils import checkpoints
from diffusion_utils.data.electricity import toy_transformer
from diffusion_utils.data.windows import known_and_mask, windows_of
from diffusion_utils.forecast import fill, gaussian_band, gaussian_fill
from diffusion_utils.generate import generate
from diffusion_utils.masks import last_hours
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.series import SeriesRecipe, series_recipe
from diffusion_utils.training import TrainConfig
from diffusion_utils.training.distributed import Group

SMALL = {"kind": "series-unet", "series": 3, "side": 10, "channels": [8, 16], "emb_dim": 16}
TRAIN = TrainConfig(steps=4, batch=8, lr=1e-3, warmup=1, ema=0.5, log_every=2, optimiser="muon")


def small(**changes) -> SeriesRecipe:
    series = toy_transformer(hours=2200, channels=3)
    how = {"network": SMALL, "masks": 4, "groups": 2, "validate_every": 2, "sampling": {"sampler": "ddim", "steps": 2}}
    return series_recipe("toy", 3, series=series, train=TRAIN, **(how | changes))


@pytest.fixture(scope="module", params=[True, False], ids=["residual", "plain"])
def card(request, tmp_path_factory) -> Path:
    """A checkpoint of four steps."""
    network = SMALL | {"side": 10 if request.param else 4}
    return small(residual=request.param, network=network).run(tmp_path_factory.mktemp("runs"), device="cpu",
                                                              data=windows_of(small().series, "train"))


def a_case(b: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Windows in the series' own units, the mask of a forecast, and their hours."""
    series = small().series
    starts = torch.arange(b) * 24 + series.parts["test"].start
    values = torch.stack([series.values[:, start:start + 192] for start in starts])
    return values, last_hours(3, 192, 24), starts + series.first_hour


def test_the_card_says_what_a_series_is(card) -> None:
    series, found = small().series, checkpoints.read_card(card)
    assert found["config"]["kind"] == "series" and found["config"]["sample"]["clip"] is None  # pitfall 10
    assert set(found["config"]["sample"]["condition"]) == {"known", "mask", "clock"}
    about = found["series"]
    assert about["columns"] == list(series.columns) and about["window"] == 192
    torch.testing.assert_close(torch.tensor(about["std"]), series.std)
    over = found["validation_over_training"]
    assert [line["step"] for line in over] == [2, 4] and set(over[0]) >= {"forecast_24h", "missing_90", "mean"}
    assert found["step_chosen"] == min(over, key=lambda line: line["mean"])["step"]


def test_the_weights_are_those_that_did_best_on_validation(card) -> None:
    found = checkpoints.read_tensors(card)
    best = checkpoints.safetensors.load((card.parent / "best.safetensors").read_bytes())
    assert all(torch.equal(found[name], value) for name, value in best.items())


def test_samples_are_each_a_path_and_keep_what_is_observed(card) -> None:
    """Pitfall 7: n samples of each window, not their mean; and pitfall 12: in the units of the columns."""
    values, mask, hours = a_case()
    checkpoint = checkpoints.load(card, "cpu")
    x = fill(checkpoint, values, mask, hours, n=3, steps=2)
    assert x.shape == (2, 3, 3, 192) and x.isfinite().all()
    assert torch.equal(x[:, :, :, :168], values[:, None, :, :168].expand(-1, 3, -1, -1))
    assert (x[:, 0] - x[:, 1])[..., 168:].abs().min() > 0
    again = fill(checkpoint, values, mask, hours, n=3, steps=2, batch=2)
    torch.testing.assert_close(again, x, rtol=1e-3, atol=1e-2)  # bfloat16 may round otherwise in another batch


def test_hidden_values_change_no_sample(card) -> None:
    """Pitfall 3, end to end."""
    values, mask, hours = a_case()
    checkpoint = checkpoints.load(card, "cpu")
    other = torch.where(mask > 0, values, 1e4)
    assert torch.equal(*(fill(checkpoint, x, mask, hours, n=2, steps=2) for x in (values, other)))
    if "gaussian" in checkpoint.parts:
        assert torch.equal(*(gaussian_fill(checkpoint, x, mask, hours, n=2) for x in (values, other)))


def test_a_gap_of_nan_is_filled_once_its_mask_is_made(card) -> None:
    values, _, hours = a_case(1)
    values[0, 1, 20:30] = torch.nan
    known, mask = known_and_mask(values)
    checkpoint = checkpoints.load(card, "cpu")
    x = fill(checkpoint, known, mask, hours, n=2, steps=2)
    assert x.isfinite().all() and x[0, :, 1, 20:30].std(0).min() > 0
    with pytest.raises(ValueError, match="values must be finite"):
        fill(checkpoint, values, mask, hours, n=2)
    with pytest.raises(ValueError, match=r"values must be \(B, 3, 192\), of the columns series 1, series 2, series 3"):
        fill(checkpoint, known[:, :2], mask[:, :2], hours)


def test_the_gaussian_of_a_checkpoint_is_in_the_units_of_the_columns(card) -> None:
    checkpoint = checkpoints.load(card, "cpu")
    if "gaussian" not in checkpoint.parts:  # the plain recipe has none
        return
    values, mask, hours = a_case()
    mean, std = gaussian_band(checkpoint, values, mask, hours)
    assert torch.equal(mean[..., :168], values[..., :168]) and std[..., :168].max() == 0
    x = gaussian_fill(checkpoint, values, mask, hours, n=400)
    # 400 samples: five standard errors of a mean, and of a standard deviation
    ahead = (..., slice(168, None))
    assert ((x.mean(1) - mean)[ahead].abs() < 5 * std[ahead] / 20).all()
    assert ((x.std(1) / std.clamp(min=1e-9))[ahead].sub(1).abs() < 5 / 800**0.5).all()
    truth = small().series
    series_std = truth.values[:, truth.parts["train"].stop:].std()
    assert 0.1 < float(std[ahead].mean() / series_std) < 2


def test_windows_of_which_nothing_is_known_are_drawn_too(card) -> None:
    checkpoint = checkpoints.load(card, "cpu")
    assert generate(checkpoint, 2, steps=2).shape == (2, 3, 192)
    with pytest.raises(ValueError, match="no guidance"):
        generate(checkpoint, 1, cond={"known": torch.zeros(1, 3, 192), "mask": torch.zeros(1, 3, 192),
                                      "clock": torch.zeros(1, 4, 192)}, weight=2.0, steps=2)


class Spy(torch.nn.Module):
    """Keeps what it was given, and answers nothing, but wildly where nobody should look."""

    conditional = True

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, time, cond=None):
        self.seen = x, cond
        return x * self.weight + 100 * cond["mask"]


def test_the_loss_counts_what_is_missing_and_nothing_else() -> None:
    """Pitfalls 8 and 11: one mean over all that is missing, each value alike, whatever window it is in."""
    recipe, net = small(), Spy()
    data = windows_of(recipe.series, "train")
    loss = recipe.loss_fn(data, torch.device("cpu"), Group())
    found = loss(net, step_of(torch.arange(8))).detach()
    x_t, cond = net.seen
    missing = 1 - cond["mask"]
    counts = missing.flatten(1).sum(1)
    assert len(counts.unique()) == 2 and x_t.shape == (8, 3, 192)  # two masks
    # the answer 0 misses v = signal·ε − noise·x_0, whose square is about 1 where x_0 is in units of what the Gaussian expects
    assert 0.5 < float(found) < 2
    assert torch.equal(cond["known"], torch.zeros_like(x_t)) and cond["side"].shape == (8, 10, 192)


def test_the_gaps_of_a_series_are_no_part_of_the_loss() -> None:
    series = toy_transformer(hours=2200, channels=3)
    values = series.values.clone()
    values[1] = torch.nan
    recipe, net = replace(small(), series=replace(series, values=values)), Spy()
    data = windows_of(recipe.series, "train")
    loss = recipe.loss_fn(data, torch.device("cpu"), Group())
    assert all(0.3 < float(loss(net, step_of(torch.arange(8), seed)).detach()) < 3 for seed in (0, 1))


def test_etth1_fits_its_file() -> None:
    """4 MiB: the network in float16, and the Gaussian in float32."""
    net = get_recipe("etth1").build()
    assert 2 * sum(p.numel() for p in net.parameters()) + 4 * 7 * 7 * 383 < 4 * 2**20
    assert get_recipe("etth1").config()["parts"]["gaussian"]["channels"] == 7
