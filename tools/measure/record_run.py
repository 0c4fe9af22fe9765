"""Keep the story of a training run as a record, without its weights: python tools/build.py run record_run runs/mnist-unet-base.

The card's configuration, data and loss history go into records/NAME.json, the snapshots into records/NAME.safetensors.
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors import torch as safetensors

from diffusion_utils import checkpoints, records
from diffusion_utils.files import write_atomic


def main(folder: Path) -> None:
    """Write the record of the finished run in this folder."""
    name = folder.name
    card, tensors = checkpoints.read_card(folder / name), checkpoints.read_tensors(folder / name)
    training = card["training"]
    record = {
        "measure": f"{name}: the loss of one training run, and samples of one fixed noise on the way "
                   "(averaged weights, ddim, 25 calls)",
        "n": training["steps_done"], "hardware": training["hardware"], "date": training["date"],
        "config": card["config"], "data": card["data"], "training": training, "snapshot_steps": card["snapshot_steps"],
    }
    write_atomic(records.FOLDER / f"{name}.safetensors", safetensors.save({"snapshots": tensors["snapshots"]}))
    write_atomic(records.FOLDER / f"{name}.json", checkpoints.json_bytes(record))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
