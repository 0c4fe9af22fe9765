"""The state of a training run in a file: all that is needed to go on with it, and to know that it is the same run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn

from ..errors import first_line
from ..files import write_atomic
from ..notices import notice
from .ema import EMA

FREE = ("config.log_every",)  # what may change in the middle of a run: it moves no weight
LENGTH = ("config.steps", "config.minutes")


def save_state(path: Path, net: nn.Module, ema: EMA, optimiser: torch.optim.Optimizer, config, step: int,
               seconds: float, history: list[tuple[int, float]], about: dict | None = None) -> None:
    """Everything needed to go on, in one safetensors file, written whole or not at all.

    config: a dataclass; about: what else the run depends on, as JSON can hold it. Both are compared by `load_state`.
    """
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in ema.net.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
    metadata = {"step": step, "seconds": seconds, "history": history, "config": asdict(config), "about": about or {}}
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_atomic(path, safetensors.save(tensors, {"training": json.dumps(metadata)}))


def load_state(path: Path, net: nn.Module, ema: EMA, optimiser: torch.optim.Optimizer, config,
               about: dict | None = None) -> tuple[int, float, list[tuple[int, float]]]:
    """Fill net, ema and optimiser from the file; returns (step, seconds, history).

    Raises FileNotFoundError when there is nothing to resume, ValueError for a corrupt file, another network, and another
    configuration or `about` than the file was written with; a value that only one of the two knows is not compared.
    """
    if not path.exists():
        raise FileNotFoundError(f"nothing to resume: {path} does not exist")
    tensors, metadata = _read(path)
    _check_same(path, metadata, asdict(config), about or {})

    def part(prefix: str) -> dict[str, Tensor]:
        return {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        net.load_state_dict(part("net."))
        ema.net.load_state_dict(part("ema."))
    except RuntimeError as error:
        raise ValueError(f"{path} belongs to another network: {first_line(error)}") from error
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in part("optimiser.").items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return metadata["step"], metadata["seconds"], [tuple(h) for h in metadata["history"]]


def _read(path: Path) -> tuple[dict[str, Tensor], dict]:
    content = path.read_bytes()
    try:
        tensors = safetensors.load(content)
        header = json.loads(content[8:8 + int.from_bytes(content[:8], "little")])
        return tensors, json.loads(header["__metadata__"]["training"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is truncated or not a training state: {error}") from error


def _check_same(path: Path, saved: dict, config: dict, about: dict) -> None:
    if about and not saved.get("about"):  # by an earlier version of this package
        notice(f"{path} was written before a run's data were recorded in its state. Whether they are the same cannot be "
               "checked: see to it that they are")
    changed = differences({"config": saved["config"]} | saved.get("about", {}), {"config": config} | about, FREE)
    if changed:
        told = "; ".join(f"{name} was {before!r} and is now {after!r}" for name, (before, after) in changed.items())
        why = "" if changed.keys().isdisjoint(LENGTH) else (
            " (a run cannot be made longer or shorter: its learning rate follows its length from the first step on)")
        raise ValueError(f"{path} belongs to another run: {told}. Go on with what it was started with, or start anew in "
                         f"another folder{why}")


def differences(one: dict, other: dict, but: tuple[str, ...] = ()) -> dict[str, tuple]:
    """Where two tables, and the tables within them, have different values under the same name: name → (value, value).

    Names are joined by dots. Those in `but`, and those that only one table has, are left out.
    """
    def flat(table: dict, prefix: str = "") -> dict:
        found = {}
        for name, value in table.items():
            found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        return found

    a, b = (flat(json.loads(json.dumps(table))) for table in (one, other))  # as a file returns it: a tuple is a list
    return {name: (a[name], b[name]) for name in a if name in b and name not in but and a[name] != b[name]}
