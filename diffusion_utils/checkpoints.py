"""Checkpoints: weights as safetensors, beside a JSON card that says what they are and how they came to be."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn

from . import schedules
from .data import PROMPTS
from .denoiser import Denoiser
from .devices import pick_device, place
from .drawing import KINDS, Kind
from .errors import first_line, unknown_name
from .files import sha256, write_atomic
from .latent import CODECS, Codec
from .networks import NETWORKS
from .training.wrappers import unwrapped

WEIGHTS = Path(__file__).parent / "weights"


class CheckpointError(RuntimeError):
    """A checkpoint is missing a file, corrupt, or does not fit its card; the message says which and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """name; card: the JSON (configuration, data, training, figures); net: in evaluation mode, on its device; parts: other
    networks of the same file by name, such as an encoder of text; needs: other checkpoints that it draws with, by name."""

    name: str
    card: dict
    net: nn.Module
    parts: dict[str, nn.Module] = field(default_factory=dict)
    needs: dict[str, Checkpoint] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return next(self.net.parameters()).device

    @property
    def num_classes(self) -> int:
        """How many labels the network was trained with; 0 for none."""
        return self.card["config"]["network"].get("num_classes", 0)

    @property
    def schedule(self) -> schedules.Schedule:
        """The noise schedule that the network was trained with."""
        config = dict(self._setting("schedule"))
        return _registered("schedule", config.pop("name"), schedules.NAMED, self.name)(**config)

    @property
    def denoiser(self) -> Denoiser:
        """The network as a function (x_t, t, cond) → Prediction, x̂₀ clipped to the range of the data; or as its kind has it."""
        if self.kind.denoiser is not None:
            return self.kind.denoiser(self)
        return Denoiser(self.net, self.schedule, self._setting("predicts"), self.clip)

    @property
    def kind(self) -> Kind:
        """The kind of diffusion: how samples are drawn."""
        return _registered("kind of diffusion", self.card["config"].get("kind", "gaussian"), KINDS, self.name)

    @property
    def sampler(self):
        """The sampler that suits the network, a `Sampler` or another one that its kind has."""
        return self.kind.sampler(**self._setting("sampling"))

    @property
    def codec(self) -> Codec:
        """What turns the network's samples into those of the data."""
        config = dict(self.card["config"].get("codec") or {"kind": "identity"})
        make = _registered("codec", config.pop("kind"), CODECS, self.name)
        if "part" not in config:
            return make(**config)
        return make(_registered("part", config.pop("part"), self.parts, self.name), **config)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample as the network sees it."""
        return tuple(self._setting("sample")["shape"])

    @property
    def clip(self) -> tuple[float, float] | None:
        """The range that no sample leaves, or None."""
        clip = self._setting("sample")["clip"]
        return None if clip is None else tuple(clip)

    @property
    def drawn(self) -> tuple[tuple[int, ...], tuple[float, float] | None]:
        """Shape and range of one sample as it is looked at: what the codec makes of it, where that says so."""
        shape = getattr(self.codec, "shape", None)
        return (self.shape, self.clip) if shape is None else (shape, self.codec.clip)

    def tokens_of(self, prompts: str | list[str]) -> Tensor:
        """The numbers of prompts, int64 (N, L), as the network takes them.

        Raises ValueError for a checkpoint that takes no prompt, and for a word that it does not know, with the nearest.
        """
        if self.card["config"].get("prompts") is None:
            raise ValueError(f"{self.name} takes no prompt: it was trained without words")
        return _registered("kind of prompt", self.card["config"]["prompts"], PROMPTS, self.name)(prompts)

    @property
    def condition(self) -> dict | None:
        """What the network can be told: the shape and type of each entry for one sample, or None."""
        return self._setting("sample")["condition"]

    def _setting(self, name: str):
        config = self.card["config"]
        if config.get(name) is None:
            raise CheckpointError(f"{self.name} is not a diffusion model: its card has no {name!r} "
                                  f"(it has {', '.join(config)})")
        return config[name]


def available() -> dict[str, Path]:
    """Names of the shipped checkpoints and where their cards lie."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.json"))}


def find_card(name: str | Path) -> Path:
    """The card of a shipped checkpoint, or of one at a path, with or without its ending, or in the folder of its run.

    Raises ValueError if unknown.
    """
    if str(name) in available():
        return available()[str(name)]
    path = Path(name)
    path = path if path.name else path.absolute()  # "." has no name of its own
    for card in (path.with_suffix(".json"), path.parent / f"{path.name}.json", path / f"{path.name}.json"):
        if card.is_file():
            return card
    raise unknown_name("checkpoint", str(name), available())


def read_card(name: str | Path) -> dict:
    """The JSON card alone: configuration, data, training and figures. Raises CheckpointError if it is not readable JSON."""
    path = find_card(name)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error


def read_tensors(name: str | Path) -> dict[str, Tensor]:
    """The tensors beside a card, after comparing their SHA-256 with the card's. Raises CheckpointError if they differ."""
    card_path, card = find_card(name), read_card(name)
    path = card_path.with_suffix(".safetensors")
    if not path.is_file():
        raise CheckpointError(f"{path} is missing beside its card")
    content = path.read_bytes()
    if sha256(content) != card.get("sha256"):
        raise CheckpointError(f"{path} is corrupt: its SHA-256 differs from the one in {card_path.name} "
                              f"({len(content)} bytes). Restore the file or train it again")
    try:
        return safetensors.load(content)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error


def load(name: str | Path, device: str | torch.device | None = None) -> Checkpoint:
    """A shipped checkpoint by name, or one at a path, on the device asked for or the best there is.

    Raises ValueError for an unknown name (the nearest is suggested), CheckpointError for a corrupt or ill-fitting file.
    """
    card = read_card(name)
    if "network" not in card.get("config", {}):
        raise CheckpointError(f"{find_card(name)} holds no network")
    tensors, chosen = read_tensors(name), pick_device(device)
    nets = {"net": card["config"]["network"]} | card["config"].get("parts", {})
    built = {part: _build(config, tensors, part, name, chosen) for part, config in nets.items()}
    needs = {part: _needed(entry, name, chosen) for part, entry in card.get("needs", {}).items()}
    return Checkpoint(card["name"], card, built.pop("net"), built, needs)


def _needed(entry: dict, name: str | Path, device: torch.device) -> Checkpoint:
    """A checkpoint that the one of this name draws with: trained in the same folder of runs, or shipped. entry: the name of
    its recipe, and where only one will do, its SHA-256."""
    other = load(find_trained(entry["checkpoint"], find_card(name).absolute().parent.parent), device)
    if entry.get("sha256", other.card["sha256"]) != other.card["sha256"]:
        raise CheckpointError(f"{name} learnt with another {other.name} than the one that is there now: train it again")
    return other


def _build(config: dict, tensors: dict[str, Tensor], part: str, name: str | Path, device: torch.device) -> nn.Module:
    """One of a checkpoint's networks, in evaluation mode on the device."""
    make = _registered("network", config["kind"], NETWORKS, name)
    net = make(**{key: value for key, value in config.items() if key != "kind"})
    weights = {k.removeprefix(f"{part}."): v.float() if v.is_floating_point() else v
               for k, v in tensors.items() if k.startswith(f"{part}.")}
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"the weights of {name} do not fit the network of its card: {first_line(error)}") from error
    return place(net, device).eval().requires_grad_(False)


def _registered(what: str, entry: str, registry: dict, name: str | Path):
    """What the card of `name` calls so. Raises CheckpointError where this version of the package does not know it."""
    if entry not in registry:
        raise CheckpointError(f"the card of {name} names an {unknown_name(what, entry, registry)}")
    return registry[entry]


def find_trained(name: str, runs: str | Path) -> Path:
    """The card of a recipe's checkpoint: the one trained in the folder `runs`, or else the one that is shipped.

    Raises ValueError where there is neither, with the command that makes it.
    """
    trained = Path(runs) / name / f"{name}.json"
    card = trained if trained.is_file() else available().get(name)
    if card is None:
        raise ValueError(f"the weights of {name} are needed, and {trained} does not exist. "
                         f"Train it first: python -m diffusion_utils train {name} --folder {runs}")
    return card


def save(folder: str | Path, card: dict, tensors: dict[str, Tensor]) -> Path:
    """Write card["name"].safetensors and .json into the folder, each whole or not at all; returns the card's path.

    The card gets the SHA-256 of the tensors. Raises OSError where the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content = safetensors.save({k: v.detach().cpu().contiguous() for k, v in tensors.items()})
    card_path = folder / f"{card['name']}.json"
    write_atomic(card_path.with_suffix(".safetensors"), content)
    write_atomic(card_path, json_bytes(card | {"sha256": sha256(content)}))
    return card_path


def json_bytes(content: dict) -> bytes:
    """Readable JSON, UTF-8, one final newline; lists of numbers stand on one line."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda found: re.sub(r"\s+", " ", found.group()), text)
    return (text + "\n").encode()


def half(net: nn.Module, part: str = "net") -> dict[str, Tensor]:
    """A network's weights as `net.*` in float16 (relative rounding 2⁻¹¹), which halves the file. Integers stay."""
    return {f"{part}.{k}": v.half() if v.is_floating_point() else v for k, v in unwrapped(net).state_dict().items()}
