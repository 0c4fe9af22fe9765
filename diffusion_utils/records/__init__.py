"""Measurements too long for a chapter, kept as JSON with their hardware and date; `benchmarks/` makes them."""

from __future__ import annotations

import json
from pathlib import Path

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
