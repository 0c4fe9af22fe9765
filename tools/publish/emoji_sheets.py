"""`python tools/build.py run emoji_sheets FOLDER`: make what `diffusion_utils/data/emoji` ships, of sheets of 3,781 emoji.

FOLDER holds noto.webp, twemoji.webp, openmoji.webp, sheets of 64 columns of 32 × 32 pixels, and emoji.csv, as OpenMoji has it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from project import ROOT

TARGET = ROOT / "diffusion_utils/data/emoji"
SIDE, COLUMNS = 32, 64
STEP = 8  # levels of a colour that become one: half the bytes, at 43 dB or more


def main(folder: str) -> None:
    with (Path(folder) / "emoji.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "," not in row["skintone"]]  # two tones at once are left out
    with (TARGET / "emoji.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("hexcode", "name", "tags", "tone", "base"))
        out.writerows((row["hexcode"], row["name"], row["tags"], row["skintone"] or 0,
                       row["base_hexcode"] if row["skintone"] else "") for row in rows)
    for style in ("noto", "twemoji", "openmoji"):
        with Image.open(Path(folder) / f"{style}.webp") as sheet:
            kept = cells(np.asarray(sheet.convert("RGB")))[[int(row["index"]) for row in rows]]
        coarse = np.clip(np.round(kept / STEP) * STEP, 0, 255).astype(np.uint8)
        Image.fromarray(sheet_of(coarse)).save(TARGET / f"{style}.webp", lossless=True, quality=100, method=6, exact=True)


def cells(sheet: np.ndarray) -> np.ndarray:
    """(N, 32, 32, 3) of a sheet, row by row."""
    height, width, _ = sheet.shape
    return sheet.reshape(height // SIDE, SIDE, width // SIDE, SIDE, 3).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3)


def sheet_of(pictures: np.ndarray) -> np.ndarray:
    """The sheet of pictures (N, 32, 32, 3), its last row filled up with white."""
    missing = -len(pictures) % COLUMNS
    pictures = np.concatenate([pictures, np.full((missing, SIDE, SIDE, 3), 255, np.uint8)])
    return pictures.reshape(-1, COLUMNS, SIDE, SIDE, 3).swapaxes(1, 2).reshape(-1, COLUMNS * SIDE, 3)


if __name__ == "__main__":
    main(sys.argv[1])
