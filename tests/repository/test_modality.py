"""The law of the package: a new modality is a network, a loader, a recipe and a metric, and one line in each registry.

Each toy below is such a modality, as small as it can be and unlike the others. It registers itself, and then the command line
trains, describes, samples and evaluates it. Nothing else of the package knows of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import diffusion_utils
from diffusion_utils import checkpoints, conditions, devices, schedules
from diffusion_utils.__main__ import main
from diffusion_utils.data import LOADERS, Dataset, TensorData
from diffusion_utils.drawing import KINDS, Kind, in_batches
from diffusion_utils.generate import generate
from diffusion_utils.metrics import METRICS, feature_statistics, frechet_distance, random_floor
from diffusion_utils.networks import NETWORKS, Network
from diffusion_utils.networks.embedding import sinusoidal
from diffusion_utils.noise import SampleNoise
from diffusion_utils.recipes import RECIPES
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.recipes.recipe import Recipe
from diffusion_utils.sampling import State, timesteps, walk
from diffusion_utils.training import LossFn, Step, TrainConfig
from diffusion_utils.training.distributed import Group

SCHEDULE = {"name": "cosine", "T": 100}
HOW = {"sampler": "ddim", "steps": 10}
TRAIN = TrainConfig(steps=300, batch=64, lr=4e-3, warmup=20, ema=0.98, log_every=100)


def everything(data: Dataset) -> Tensor:
    """All samples of a data set."""
    return data.x0(torch.arange(len(data)))


def distance_to(loader: str, n: int | None = None):
    """A metric: the Fréchet distance of the flattened samples to the training data, with both floors."""
    def measure(x: Tensor, cond=None, calls: int | None = None, device: str | None = None) -> dict:
        train, test = (everything(LOADERS[loader](split)).flatten(1) for split in ("train", "test"))
        real, noise = feature_statistics(train), torch.randn(train.shape, generator=torch.Generator().manual_seed(2))
        return {"fd": frechet_distance(*real, *feature_statistics(x.flatten(1))), "n": len(x), "calls": calls,
                "floor_test": frechet_distance(*real, *feature_statistics(test)),
                "floor_random": random_floor(train, len(test)),
                "noise": frechet_distance(*real, *feature_statistics(noise))}
    return measure


@pytest.fixture
def registered(monkeypatch):
    """Adds a modality: one line in each registry that it needs."""
    def register(recipe: Recipe, loader, network: type, metric, **others) -> None:
        lines = [(RECIPES, recipe.name, recipe), (LOADERS, recipe.data, loader), (NETWORKS, recipe.network["kind"], network),
                 (METRICS, recipe.metric, metric), *others.values()]
        for registry, name, entry in lines:
            assert name not in registry
            monkeypatch.setitem(registry, name, entry)
    return register


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder; returns what it printed. An error fails the test with its line."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> str:
        capsys.readouterr()
        status = main(list(args))
        out, err = capsys.readouterr()
        assert status == 0, err
        return out
    return run


def trained(command, name: str) -> str:
    """Trains a toy; returns the path of its checkpoint."""
    command("train", name, "--device", "cpu")
    return f"runs/{name}/{name}"


def card_of(command, path: str) -> dict:
    """What `info` prints of a checkpoint."""
    return json.loads(command("info", path))


def drawn(command, path: str, n: int, *options: str) -> Tensor:
    """What `sample` writes."""
    command("sample", "--checkpoint", path, "--n", str(n), "--out", "x.npy", "--device", "cpu", *options)
    return torch.from_numpy(np.load("x.npy"))


def evaluated(command, what: str, *options: str) -> dict:
    """What `evaluate` prints."""
    return json.loads(command("evaluate", what, "--device", "cpu", *options))


# --- A z-scored series (C, L), whose values leave ±1


class SeriesNet(Network):
    """Three circular convolutions along the series, told the time."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.time = nn.Linear(width, width)
        self.read, self.write = nn.Conv1d(channels, width, 1), nn.Conv1d(width, channels, 1)
        self.hidden = nn.ModuleList(nn.Conv1d(width, width, 7, padding=3, padding_mode="circular") for _ in range(3))
        self.width = width

    def outer(self) -> Iterator[nn.Module]:
        yield from (self.read, self.write, self.time)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        h = self.read(x) + self.time(sinusoidal(time, self.width))[..., None]
        for layer in self.hidden:
            h = h + layer(F.silu(h))
        return self.write(h)


def load_series(split: str) -> TensorData:
    """Two sines of one random phase, each with mean 0 and standard deviation 1: values up to ±√2."""
    n, generator = (512, torch.Generator().manual_seed(0)) if split == "train" else (128, torch.Generator().manual_seed(1))
    phase = 2 * math.pi * torch.rand(n, 1, generator=generator)
    angle = phase + 2 * math.pi * torch.arange(16) / 16
    return TensorData(math.sqrt(2) * torch.stack([angle.sin(), (2 * angle).cos()], 1), name=f"toy-series-{split}")


SERIES = DiffusionRecipe("toy-series", {"kind": "toy-series-net", "channels": 2, "width": 32}, TRAIN, data="toy-series",
                         metric="toy-series", schedule=SCHEDULE, sampling=HOW, snapshots=(1, 300))


def test_a_series_whose_values_leave_the_range_of_pictures(registered, command):
    registered(SERIES, load_series, SeriesNet, distance_to("toy-series"))
    path = trained(command, "toy-series")
    card = card_of(command, path)
    assert card["config"]["sample"] == {"shape": [2, 16], "clip": None, "condition": None}
    assert (card["config"]["data"], card["config"]["metric"]) == ("toy-series", "toy-series")
    x = drawn(command, path, 128)
    assert x.shape == (128, 2, 16) and x.dtype == torch.float32
    assert float(x.abs().max()) > 1.2  # √2 in the data; clipped to ±1, as once everything was, it is 1
    assert torch.equal(x, generate(checkpoints.load(path, "cpu"), 128))
    figures = evaluated(command, path, "--n", "128")
    assert figures["checkpoint"] == "toy-series" and figures["calls"] == 10 and figures["n"] == 128
    assert figures["floor_test"] < figures["fd"] < figures["noise"] / 5
    assert evaluated(command, "x.npy", "--metric", "toy-series")["fd"] == figures["fd"]
    assert checkpoints.read_tensors(path)["snapshots"].shape == (2, 16, 2, 16)


# --- A condition that is a dictionary


class TwofoldNet(Network):
    """Told {"level": float (B, 1), "kind": int64 (B,)}; where nothing is told, the kind is 3 and the level 0."""

    conditional = True

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.time, self.kind, self.level = nn.Linear(width, width), nn.Embedding(4, width), nn.Linear(1, width)
        self.read, self.write = nn.Linear(3, width), nn.Linear(width, 3)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(3))

    def check_condition(self, cond, batch: int) -> None:
        if cond is not None and set(cond) != {"level", "kind"}:
            raise ValueError(f"the condition must have level and kind, got {', '.join(cond)}")

    def hide(self, cond, hidden: Tensor):
        return {"level": torch.where(hidden[:, None], 0.0, cond["level"]), "kind": torch.where(hidden, 3, cond["kind"])}

    def forward(self, x: Tensor, time: Tensor, cond=None) -> Tensor:
        cond = cond or {"level": x.new_zeros(len(x), 1), "kind": torch.full((len(x),), 3)}
        told = self.time(sinusoidal(time, self.width)) + self.kind(cond["kind"]) + self.level(cond["level"])
        h = self.read(x) + told
        for layer in self.hidden:
            h = h + layer(F.silu(h + told))
        return self.write(F.silu(h))


def load_twofold(split: str) -> TensorData:
    """Points: the kind says along which of three axes they lie, the level how far."""
    n, generator = (512, torch.Generator().manual_seed(0)) if split == "train" else (100, torch.Generator().manual_seed(1))
    cond = {"level": 1 + 2 * torch.rand(n, 1, generator=generator), "kind": torch.randint(0, 3, (n,), generator=generator)}
    return TensorData(wanted_points(cond) + 0.1 * torch.randn(n, 3, generator=generator), cond, f"toy-twofold-{split}")


def wanted_points(cond: dict) -> Tensor:
    return cond["level"] * F.one_hot(cond["kind"], 3)


def miss(x: Tensor, cond=None, calls: int | None = None, device: str | None = None) -> dict:
    """A metric: the mean distance of samples from what was asked for, with that of the data and of an answer at random."""
    test = load_twofold("test")
    rows = torch.arange(len(test))

    def off(points: Tensor, cond: dict) -> float:
        return float((points - wanted_points(cond)).norm(dim=1).mean())

    return {"miss": None if cond is None else off(x, cond), "n": len(x), "calls": calls,
            "floor_test": off(test.x0(rows), test.condition(rows)),
            "random": off(test.x0(rows), test.condition(rows.roll(1)))}


TWOFOLD = DiffusionRecipe("toy-twofold", {"kind": "toy-twofold-net", "width": 32}, replace(TRAIN, steps=500),
                          data="toy-twofold", metric="toy-twofold", schedule=SCHEDULE, sampling=HOW, dropout=0.2)


def test_a_condition_that_is_a_dictionary(registered, command, capsys):
    registered(TWOFOLD, load_twofold, TwofoldNet, miss)
    path = trained(command, "toy-twofold")
    entries = {"level": {"shape": [1], "dtype": "float32"}, "kind": {"shape": [], "dtype": "int64"}}
    assert card_of(command, path)["config"]["sample"] == {"shape": [3], "clip": None, "condition": entries}

    x = drawn(command, path, 120, "--like-data")  # more than the test data, which begin again
    asked = conditions.read("x.cond.safetensors")
    told = load_twofold("test").condition(torch.arange(120) % 100)
    assert set(asked) == set(told) and all(torch.equal(asked[name], told[name]) for name in told)
    figures = evaluated(command, path, "--n", "120")
    assert figures["floor_test"] < figures["miss"] < figures["random"] / 3
    of_file = evaluated(command, "x.npy", "--metric", "toy-twofold", "--labels", "x.cond.safetensors")
    assert of_file["miss"] == figures["miss"]

    guided = drawn(command, path, 120, "--like-data", "--guidance", "2")
    free = drawn(command, path, 120)
    strong, weak, plain = (miss(points, told)["miss"] for points in (guided, free, x))
    assert weak > 3 * plain and strong < weak and not torch.equal(guided, x)
    # Where nothing is told a point lies along one of the axes all the same: that is learnt where the condition was hidden.
    assert float(free.abs().sort(1).values[:, 1].mean()) < 0.8  # 0.5; without hidden conditions 1.1
    # each sample is told its own condition, whatever the batch; bfloat16 may round otherwise in another one
    assert float((drawn(command, path, 120, "--like-data", "--batch", "50") - x).abs().mean()) < 0.1
    assert float((x[1:] - x[:-1]).abs().mean()) > 1

    net = checkpoints.load(path, "cpu")
    for wrong, says in ((told["kind"], "must be"), ({"level": told["level"]}, "must be"),
                        ({**told, "kind": told["kind"].float()}, "float32")):
        with pytest.raises(ValueError, match=says):
            generate(net, 120, cond=wrong)
    for options, says in ((["--label", "3"], "--like-data"), (["--label", "3", "--like-data"], "--like-data"),
                          (["--guidance", "2"], "--like-data")):
        assert main(["sample", "--checkpoint", path, "--out", "y.npy", *options]) == 2
        assert says in capsys.readouterr().err
    assert not Path("y.npy").exists()


# --- Tokens, whose walk is not Gaussian


class TokenNet(Network):
    """Tokens (B, L), int64 0…size, of which the last hides what is there → logits (B, L, size)."""

    def __init__(self, length: int, size: int, width: int):
        super().__init__()
        self.length, self.size = length, size
        self.table = nn.Embedding(size + 1, width)
        self.read, self.write = nn.Linear(length * width, 4 * width), nn.Linear(4 * width, length * size)
        self.hidden = nn.Linear(4 * width, 4 * width)

    def outer(self) -> Iterator[nn.Module]:
        yield from (self.table, self.read, self.write)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        h = F.silu(self.read(self.table(x).flatten(1)))
        return self.write(h + F.silu(self.hidden(h))).unflatten(1, (self.length, self.size))


def load_tokens(split: str) -> TensorData:
    """Eight tokens in a row, each one more than that before it, modulo five."""
    n, generator = (256, torch.Generator().manual_seed(0)) if split == "train" else (64, torch.Generator().manual_seed(1))
    return TensorData((torch.randint(0, 5, (n, 1), generator=generator) + torch.arange(8)) % 5, name=f"toy-tokens-{split}")


def follow(x: Tensor, cond=None, calls: int | None = None, device: str | None = None) -> dict:
    """A metric: the share of tokens that follow that before them, with that of the data and of tokens at random."""
    def share(tokens: Tensor) -> float:
        return float((tokens[:, 1:] == (tokens[:, :-1] + 1) % 5).double().mean())
    return {"follow": share(x), "n": len(x), "calls": calls, "floor_test": share(everything(load_tokens("test"))),
            "random": 0.2}


@dataclass(frozen=True)
class HidingSampler:
    """How many steps, in which some of the hidden tokens are shown."""

    steps: int = 8

    def changed(self, **given) -> HidingSampler:
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def calls(self, weight: float = 1.0) -> int:
        return self.steps


@dataclass(frozen=True)
class HidingStep:
    """A step of a walk over tokens (B, L): what is hidden at t is shown at s with probability (ᾱ_s − ᾱ_t)/(1 − ᾱ_t)."""

    net: nn.Module
    schedule: schedules.Schedule

    def estimate(self, x_t: Tensor, t: int) -> Tensor:
        return self.net(x_t, torch.full((len(x_t),), 1000 * t / self.schedule.T)).log_softmax(-1)

    def down(self, now: State, s: int, before: State | None, draw) -> Tensor:
        u = torch.special.ndtr(draw()).clamp(1e-6, 1 - 1e-6)  # (B, L, size + 1): Gumbel's noise for each token, and a coin
        token = (now.x0_hat - (-u[..., :-1].log()).log()).argmax(-1)
        kept = self.schedule.alpha_bar
        shown = u[..., -1] < float((kept[s] - kept[now.t]) / (1 - kept[now.t])) if s else torch.ones_like(token, dtype=bool)
        return torch.where((now.x_t == self.net.size) & shown, token, now.x_t)

    def up(self, x_t: Tensor, t: int, s: int, draw) -> Tensor:
        raise NotImplementedError


def draw_tokens(checkpoint, n: int, sampler: HidingSampler, *, cond=None, weight=1.0, seed=0, batch=250, progress=False):
    net, schedule, (length,) = checkpoint.net, checkpoint.schedule, checkpoint.shape
    times = timesteps(schedule, sampler.steps)

    def walk_of(rows: range) -> Iterator[State]:
        noise = SampleNoise(seed, rows, (length, net.size + 1))
        return walk(HidingStep(net, schedule), torch.full((len(rows), length), net.size), times, noise)

    return in_batches(walk_of, n, sampler.calls(weight), batch, checkpoint.device, progress)


@dataclass(frozen=True)
class TokenRecipe(Recipe):
    """Cross-entropy of the tokens that are hidden at a random time."""

    kind = "toy-hiding"

    def config(self) -> dict:
        return {"network": self.network, "schedule": SCHEDULE, "sampling": {"steps": 8}}

    def loss_fn(self, data: Dataset, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        data, kept = data.to(device), schedules.cosine(100).alpha_bar

        def loss(net: nn.Module, step: Step) -> Tensor:
            x0 = data.x0(step.rows)
            t = torch.randint(1, 101, (len(x0),), generator=step.generator)
            hidden = torch.rand(x0.shape, generator=step.generator) >= kept[t][:, None]
            logits = net(torch.where(hidden, 5, x0), 10.0 * t)
            return (F.cross_entropy(logits.flatten(0, 1), x0.flatten(), reduction="none") * hidden.flatten()).mean()
        return loss


TOKENS = TokenRecipe("toy-tokens", {"kind": "toy-token-net", "length": 8, "size": 5, "width": 16},
                     replace(TRAIN, optimiser="muon"), data="toy-tokens", metric="toy-tokens")


def test_tokens_with_a_walk_of_their_own(registered, command, capsys):
    registered(TOKENS, load_tokens, TokenNet, follow, kind=(KINDS, "toy-hiding", Kind(HidingSampler, draw_tokens)))
    path = trained(command, "toy-tokens")
    config = card_of(command, path)["config"]
    assert config["kind"] == "toy-hiding" and config["sample"] == {"shape": [8], "clip": None, "condition": None}
    x = drawn(command, path, 50)
    assert x.shape == (50, 8) and x.dtype == torch.int64 and 0 <= int(x.min()) and int(x.max()) <= 4
    assert torch.equal(drawn(command, path, 20, "--batch", "7"), x[:20])
    assert not torch.equal(drawn(command, path, 50, "--seed", "1"), x)
    figures = evaluated(command, path, "--n", "50")
    assert figures["follow"] > 0.7  # of 0.2 by chance; tokens that are shown in one step do not know of each other
    assert figures["floor_test"] == 1.0 and figures["calls"] == figures["steps"] == 8
    assert evaluated(command, path, "--n", "50", "--steps", "2")["calls"] == 2
    assert main(["evaluate", path, "--eta", "1"]) == 2
    assert "--eta is no setting of toy-tokens; it has --steps" in capsys.readouterr().err


# --- Videos (C, F, H, W), with convolutions of two and of three dimensions


class VideoNet(Network):
    """Within each frame, then across frames."""

    def __init__(self, width: int):
        super().__init__()
        self.width, self.time = width, nn.Linear(width, width)
        self.read, self.write = nn.Conv3d(1, width, 1), nn.Conv3d(width, 1, 1)
        self.frame, self.across = nn.Conv2d(width, width, 3, padding=1), nn.Conv3d(width, width, 3, padding=1)

    def outer(self) -> Iterator[nn.Module]:
        yield from (self.read, self.write, self.time)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        h = self.read(x) + self.time(sinusoidal(time, self.width))[..., None, None, None]
        pictures = F.silu(h).transpose(1, 2).flatten(0, 1)  # (B·F, C, H, W)
        h = h + self.frame(pictures).unflatten(0, (len(x), -1)).transpose(1, 2)
        return self.write(h + self.across(F.silu(h)))


def load_videos(split: str) -> TensorData:
    """A bright row that moves down by one in each of four frames of 6 × 6: the first decides the others."""
    n, generator = (256, torch.Generator().manual_seed(0)) if split == "train" else (64, torch.Generator().manual_seed(1))
    row = (torch.randint(0, 6, (n, 1), generator=generator) + torch.arange(4)) % 6
    frames = F.one_hot(row, 6).float()[..., None].expand(-1, -1, -1, 6)
    return TensorData((2 * frames - 1)[:, None].contiguous(), name=f"toy-videos-{split}", clip=(-1.0, 1.0))


VIDEOS = DiffusionRecipe("toy-videos", {"kind": "toy-video-net", "width": 16},
                         replace(TRAIN, steps=120, batch=32, optimiser="muon"), data="toy-videos",
                         metric="toy-videos", schedule=SCHEDULE, sampling=HOW)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=["channels last", "as usual"])
def test_videos_with_muon_whatever_the_layout_of_pictures(registered, command, monkeypatch, layout):
    """The layout stands for the two kinds of CPU."""
    monkeypatch.setattr(devices, "memory_format", lambda device: layout)
    registered(VIDEOS, load_videos, VideoNet, distance_to("toy-videos"))
    path = trained(command, "toy-videos")
    assert card_of(command, path)["config"]["sample"] == {"shape": [1, 4, 6, 6], "clip": [-1.0, 1.0], "condition": None}
    x = drawn(command, path, 64)
    assert x.shape == (64, 1, 4, 6, 6) and float(x.abs().max()) <= 1
    figures = evaluated(command, path, "--n", "64")
    assert figures["floor_test"] < figures["fd"] < figures["noise"] / 2


# --- Codes: a second network in the checkpoint makes samples of what is drawn


class Doubler(nn.Module):
    """A codec with a weight: codes are half as large as the points."""

    def __init__(self, start: float = 0.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(start))

    def encode(self, x: Tensor) -> Tensor:
        return x / self.factor

    def decode(self, z: Tensor) -> Tensor:
        return z * self.factor


@dataclass(frozen=True)
class CodeRecipe(DiffusionRecipe):
    """A diffusion of codes; the checkpoint carries what decodes them."""

    def config(self) -> dict:
        return super().config() | {"codec": {"kind": "network", "part": "coder"}, "parts": {"coder": {"kind": "toy-doubler"}}}

    def load(self, split: str) -> Dataset:
        data = super().load(split)
        return replace(data, values=Doubler(2.0).encode(data.values).detach())

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        return checkpoints.half(Doubler(2.0), "coder"), {}


CODES = CodeRecipe("toy-codes", SERIES.network, TRAIN, data="toy-series", metric="toy-series", schedule=SCHEDULE, sampling=HOW)


def test_codes_that_a_second_network_decodes(registered, command, monkeypatch):
    registered(CODES, load_series, SeriesNet, distance_to("toy-series"), coder=(NETWORKS, "toy-doubler", Doubler))
    path = trained(command, "toy-codes")
    checkpoint = checkpoints.load(path, "cpu")
    assert float(checkpoint.parts["coder"].factor) == 2
    x = drawn(command, path, 64)
    assert float(x.abs().max()) > 1.2  # √2 in the data, and half of it in the codes
    figures = evaluated(command, path, "--n", "64")
    assert figures["fd"] < figures["noise"] / 5


# --- What does not fit


@pytest.mark.parametrize(("changes", "says"), [
    ({"data": "toy-tokens"}, "adds Gaussian noise, which needs floating point, and 'toy-tokens-train' holds torch.int64"),
    ({"network": TWOFOLD.network}, "is told a condition, and 'toy-series-train' has none"),
    ({"data": None}, "no data set is named. Allowed: mnist"),
    ({"data": "toy-serie"}, "unknown data set 'toy-serie'. Did you mean 'toy-series'?"),
])
def test_a_recipe_that_does_not_fit_its_data_ends_in_one_line(registered, monkeypatch, tmp_path, capsys, changes, says):
    registered(SERIES, load_series, SeriesNet, distance_to("toy-series"), tokens=(LOADERS, "toy-tokens", load_tokens),
               twofold=(NETWORKS, "toy-twofold-net", TwofoldNet))
    monkeypatch.setitem(RECIPES, "toy-series", replace(SERIES, **changes))
    assert main(["train", "toy-series", "--device", "cpu", "--folder", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(("config", "says"), [
    ({"kind": "gausian"}, "unknown kind of diffusion 'gausian'. Did you mean 'gaussian'?"),
    ({"schedule": {"name": "cosin"}}, "unknown schedule 'cosin'"),
    ({"codec": {"kind": "tokeniser"}}, "unknown codec 'tokeniser'"),
    ({"codec": {"kind": "network", "part": "coder"}}, "unknown part 'coder'"),
    ({"network": {"kind": "transformer"}}, "unknown network 'transformer'"),
    ({"metric": None}, "no metric is named. Allowed: "),
])
def test_a_card_with_what_is_not_known_here_ends_in_one_line(registered, tmp_path, capsys, config, says):
    registered(SERIES, load_series, SeriesNet, distance_to("toy-series"))
    data = load_series("train")
    full = SERIES.config() | SERIES.uses(data) | config
    path = checkpoints.save(tmp_path, {"name": "toy", "config": full}, checkpoints.half(SERIES.build()))
    assert main(["evaluate", str(path), "--n", "2", "--steps", "1", "--device", "cpu"]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


# --- Digits are one modality among others

DIGITS = re.compile(r"\b28 ?[×x] ?28\b|\b28, ?28\b|\b784\b")
OF_DIGITS = ("data/mnist.py", "data/scenes/*.py", "metrics/digits.py", "metrics/scenes.py", "recipes/mnist_*.py",
             "exercises/*.py", "widgets/sketch*.py", "chapters/**/*.py", "chapters/*.py")


def places(folder: Path, of_digits: tuple[str, ...]) -> list[str]:
    """The lines of code, outside the files that are of digits, that name the shape of a digit."""
    theirs = {path for pattern in of_digits for path in folder.glob(pattern)}
    return [f"{path.relative_to(folder)}:{number}" for path in sorted(set(folder.rglob("*.py")) - theirs)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1) if DIGITS.search(line)]


def test_only_what_is_of_digits_names_their_shape():
    folder = Path(diffusion_utils.__file__).parent
    assert places(folder, OF_DIGITS) == []
    assert places(folder, OF_DIGITS[1:])  # the search finds what there is to be found
