"""Goals of the molecules are met or missed by the record."""

from __future__ import annotations

import pytest
from qm9_bars import goals


def record(**changes) -> dict:
    free = {"n": 10_000, "valid": 0.98, "unique": 0.96, "novel": {"to_all_readings": 0.2, "to_all_lines": 0.25},
            "distances": {"n": 3000, "weight": 0.05, "logP": None}, "histograms": {"atoms": 0.01, "bonds": 0.003}} | changes
    each = {"C1CC1": {"n": 10, "kept": 1.0, "valid": 0.95}, "C": {"n": 10, "kept": 1.0, "valid": 0.87}}
    weights = {w: {"rings_as_asked": {"all": share}} for w, share in (("1", 0.86), ("2", 0.94))}
    return {"parts": {"free": free, "asked": {"over_weight": weights}, "scaffolds": {"by_scaffold": each},
                      "bound": {"bound": {"bits_per_molecule": 38.0, "standard_error": 0.2}}, "seconds": {"median_s": 31.0}}}


@pytest.mark.parametrize(("changes", "missed"), [
    ({}, ["rings as asked, w = 2", "256 in 50 steps"]), ({"valid": 0.96}, ["97 % valid", "rings as asked", "256"]),
    ({"novel": {"to_all_readings": 0.5, "to_all_lines": 0.6}}, ["15 to 40 %", "rings as asked", "256"])])
def test_goals_are_met_or_missed(changes, missed):
    found = [what for what, _, met in goals(record(**changes)) if met is False]
    assert len(found) == len(missed) and all(word in what for word, what in zip(missed, found, strict=True)), found


def test_what_rdkit_would_have_measured_is_not_judged():
    assert [met for what, _, met in goals(record()) if "logP" in what] == [None]
    assert not list(goals({"parts": {}}))
