"""`python tools/build.py run speech_clips FOLDER`: make what `diffusion_utils/data/speech` ships, of a folder of recordings."""

from __future__ import annotations

import sys
from pathlib import Path

from diffusion_utils.data.speech.files import CLIPS, of_folder, pack


def main(folder: str) -> None:
    recordings = of_folder(Path(folder), folder)
    CLIPS.write_bytes(pack([wave for wave, index in zip(recordings.waves, recordings.indices, strict=True) if index == 0]))
    print(f"{CLIPS}: {CLIPS.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
