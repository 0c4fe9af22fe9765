"""What a check of an exercise says."""

from __future__ import annotations


def verdict(exercise: int, off: str = "") -> None:
    """Print that the exercise passes, or, where something is off, what it is."""
    print(f"Exercise {exercise}: not yet, {off}." if off else f"Exercise {exercise} passes.")
