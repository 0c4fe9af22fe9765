"""Measurements and training runs too long for a chapter, kept as JSON with their hardware and date.

`benchmarks/` and `tools/measure/record_run.py` make them; samples lie beside them as safetensors.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import torch as safetensors
from torch import Tensor

from ..errors import unknown_name

FOLDER = Path(__file__).parent


def available() -> list[str]:
    """Names of the records."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load_record(name: str) -> dict:
    """A record by name; each says how, on what hardware and when it was measured. Raises ValueError if unknown."""
    if name not in available():
        raise unknown_name("record", name, available())
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def dates(record: dict) -> str:
    """The days on which the parts of a record were measured: "2026-11-24 to 2026-11-29", or one day."""
    days = sorted(part["date"] for part in record["parts"].values())
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def load_tensors(name: str) -> dict[str, Tensor]:
    """The samples kept beside a record, by name. Raises ValueError for a record that is unknown or keeps none."""
    keeping = sorted(path.stem for path in FOLDER.glob("*.safetensors"))
    if name not in keeping:
        raise unknown_name("record with samples", name, keeping)
    return safetensors.load((FOLDER / f"{name}.safetensors").read_bytes())
