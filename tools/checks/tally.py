"""Count what passed and failed, over all stages of `make test`."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tally:
    """How many checks passed, failed and were skipped, with a note on anything a reader must know."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped,
                     self.notes + other.notes)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def from_status(status: int) -> Tally:
    """One check that is a command: passed if its exit status is 0."""
    return Tally(passed=int(status == 0), failed=int(status != 0))


def from_junit(report: Path, status: int = 0) -> Tally:
    """Read the counts of a pytest run.

    status: pytest's exit status. A run that broke off without a report, or that found fault outside any test
    (a file that cannot be imported, nothing collected), counts as one failure, so that it cannot pass for a success.
    """
    if not report.exists():
        return Tally(failed=1, notes=[f"no report {report.name}: the run broke off"])
    total = Tally()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        total += Tally(max(tests - failed - skipped, 0), failed, skipped)
    if status != 0 and not total.failed:
        total += Tally(failed=1, notes=[f"pytest ended with status {status}"])
    return total
