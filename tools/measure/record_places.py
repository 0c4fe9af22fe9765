"""What the attempts at "left of" were right in: python tools/build.py run record_places "a name=runs/scenes-latent" …

Each is a run's folder, finished or not, of a recipe like scenes-latent. Its snapshots say how many scenes were as asked on the
way, at w = 1. Of a finished one, scenes of full captions are drawn, at w = 3: of one digit, and of two, which may stand in
each other's places. Writes diffusion_utils/records/scenes-places.json, which chapter 6 shows.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import torch
from safetensors import torch as safetensors

from diffusion_utils import checkpoints, records
from diffusion_utils.data.scenes import load_scenes
from diffusion_utils.data.scenes.facts import COUNT, KINDS, agrees
from diffusion_utils.devices import describe, pick_device
from diffusion_utils.files import write_atomic
from diffusion_utils.generate import generate
from diffusion_utils.metrics.binding import exchanged
from diffusion_utils.metrics.scenes import read_scenes

N, WEIGHT = 300, 3.0


def over_training(folder: Path) -> list[dict]:
    """The step of each snapshot and the share as asked of each kind of scenes."""
    found = sorted(folder.glob("snapshot-*.safetensors"))
    return [{"step": int(path.stem.split("-")[1])}
            | dict(zip(KINDS, safetensors.load(path.read_bytes())["right"].tolist(), strict=True)) for path in found]


def shares(card: Path) -> dict[str, float]:
    """Of N full captions of test scenes: the share of those of one digit that is as asked; of those of two digits, how many
    have them in their places, and how many in each other's."""
    model, real = checkpoints.load(card), load_scenes("test", N)
    wanted = real.facts.numpy()
    found = read_scenes(generate(model, N, cond=real.condition(torch.arange(N)), weight=WEIGHT, batch=50)).facts
    one, digits = wanted[:, COUNT] == 1, exchanged(wanted, found)
    return {"one": float(agrees(wanted, found)[one].all(1).mean()), "n_one": int(one.sum()),
            "placed": digits["placed"].share, "exchanged": digits["places"].share, "n_two": digits["placed"].n}


def main(named: list[str]) -> None:
    """Write the record of these attempts, "name=folder"."""
    sys.path.insert(0, str(records.FOLDER.parents[1] / "benchmarks"))
    from timing import commit, processor, versions

    attempts = []
    for name, _, folder in (one.rpartition("=") for one in named):
        card = next(iter(Path(folder).glob("*.json")), None)
        attempts.append({"name": name, "right_over_training": over_training(Path(folder))} | (shares(card) if card else {}))
    record = {"measure": "scenes as asked by networks that differ in what they know of places, at w = 1, at the end at 3",
              "n": N, "hardware": describe(pick_device()), "date": date.today().isoformat(), "commit": commit(),
              "processor": processor(), "versions": versions(), "attempts": attempts}
    write_atomic(records.FOLDER / "scenes-places.json", checkpoints.json_bytes(record))


if __name__ == "__main__":
    main(sys.argv[1:])
