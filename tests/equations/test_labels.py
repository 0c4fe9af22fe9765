"""Every numbered equation has a test of its name and every such test an equation; what has no number is a step."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import equations
import pytest
from project import ROOT

PAGES = equations.pages(ROOT)
LABELS = {path: [label for _, label in equations.displays(equations.prose(path)) if label] for path in PAGES}
STEPS = {"derivations.md"}         # says at its top that a display without a number is a step


def test_each_label_has_one_test_and_each_test_a_label() -> None:
    labels = Counter(label for page in LABELS.values() for label in page)
    assert len(labels) > 80, "the equations were not found"
    assert [label for label, count in labels.items() if count > 1] == []
    tests = set(equations.tests())
    assert sorted(labels.keys() - tests) == [], "no test"
    assert sorted(tests - labels.keys()) == [], "no equation"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_display_without_a_number_is_a_step_of_a_derivation(path: Path) -> None:
    """On the page of derivations, or folded away in a chapter."""
    if path.name in STEPS:
        return
    unfolded = re.sub(r"<details>.*?</details>", "", equations.prose(path), flags=re.DOTALL)
    assert [equation for equation, label in equations.displays(unfolded) if label is None] == []


def test_what_counts_as_a_display() -> None:
    text = "A $x$, `$$no$$` and\n\n$$a = b$$ (eq-one)\n\n```python\n'$$c$$'\n```\n\n$$\nd\n$$\n\nend"
    assert equations.displays(text) == [("a = b", "eq-one"), ("d", None)]
