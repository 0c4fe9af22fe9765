"""What a check of an exercise says."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from IPython.display import display


@dataclass(frozen=True)
class Verdict:
    """A sentence, which a notebook and a page show as a paragraph that fits a phone."""

    text: str

    def _repr_html_(self) -> str:
        return f'<p class="verdict">{escape(self.text)}</p>'

    def __repr__(self) -> str:
        return self.text


def verdict(exercise: int, off: str = "") -> None:
    """Say that the exercise passes, or, where something is off, what it is."""
    display(Verdict(f"Exercise {exercise}: not yet, {off}." if off else f"Exercise {exercise} passes."))
