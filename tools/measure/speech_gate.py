"""Is a training of speech-waveform on its way? `python tools/build.py run speech_gate runs/speech-waveform [--wav heard.wav]`

Reads what the run itself has written down: at every look it draws words, lets judge A hear them, and compares them with
real ones band by band. Nothing is drawn here, so it may be asked while the training goes on. The gate is the first look; a
run that misses it is better stopped, and sound made in two stages. --wav: the words of the latest look, one after the other.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors import torch as safetensors

from diffusion_utils.data.wav import write_wav
from diffusion_utils.sound import RATE, from_mu_law

DIGITS, DECIBELS = 0.40, 6.0  # understood, at least; off in the worst mel band, at most


def looks(folder: Path) -> dict[int, dict]:
    """What each look found, by its step."""
    return {int(path.stem.split("-")[1]): json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("look-*.json"))}


def passed(look: dict) -> bool:
    """Whether a look meets both conditions."""
    return look["digit"] >= DIGITS and abs(look["worst_band_db"]) <= DECIBELS


def told(step: int, look: dict) -> str:
    """One look in a line."""
    heard = f"{look['digit']:4.0%} of the digits, {look['speaker']:4.0%} of the voices"
    heard += f", worst band {look['worst_band_db']:+.1f} dB"
    return f"step {step:6,d}, {look['seconds'] / 60:4.0f} min: {heard}: {'passed' if passed(look) else 'missed'}"


def main() -> None:
    """Print all looks; end in an error where the gate is missed, or not reached yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wav", type=Path)
    args = parser.parse_args()
    found = looks(args.folder)
    if not found:
        raise SystemExit(f"no look in {args.folder} yet: the first comes at step 6,500")
    print("\n".join(told(step, look) for step, look in found.items()))
    if args.wav:
        latest = args.folder / f"snapshot-{max(found):06d}.safetensors"
        words = from_mu_law(safetensors.load(latest.read_bytes())["samples"])
        write_wav(args.wav, words.flatten().numpy()[None], RATE)
        print(f"{len(words)} words of step {max(found):,} written to {args.wav}")
    first = found[min(found)]
    raise SystemExit(0 if passed(first) else "the gate asks for "
                     f"{DIGITS:.0%} of the digits and at most {DECIBELS:g} dB at step {min(found):,}")


if __name__ == "__main__":
    main()
