"""Digits are one modality among others: only what is of digits names their shape."""

from __future__ import annotations

import re
from pathlib import Path

import diffusion_utils

DIGITS = re.compile(r"\b28 ?[×x] ?28\b|\b28, ?28\b|\b784\b")
OF_DIGITS = ("data/mnist.py", "data/scenes/*.py", "metrics/digits.py", "metrics/scenes.py", "recipes/mnist_*.py",
             "exercises/*.py", "widgets/sketch*.py", "chapters/**/*.py", "chapters/*.py")


def places(folder: Path, of_digits: tuple[str, ...]) -> list[str]:
    """The lines of code, outside the files that are of digits, that name the shape of a digit."""
    theirs = {path for pattern in of_digits for path in folder.glob(pattern)}
    return [f"{path.relative_to(folder)}:{number}" for path in sorted(set(folder.rglob("*.py")) - theirs)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1) if DIGITS.search(line)]


def test_only_what_is_of_digits_names_their_shape():
    folder = Path(diffusion_utils.__file__).parent
    assert places(folder, OF_DIGITS) == []
    assert places(folder, OF_DIGITS[1:])  # the search finds what there is to be found
