"""The article's experiment as a configuration, with one setting for each of its flaws, and the repairs in order.

`Experiment()` is the listing as printed, in our own words; `versions()` is the same after each repair; `train` and `walk`
do what a version says, with the book's own parts wherever they are right. Chapter 13 tells the story.
"""

from __future__ import annotations

from .listed_training import first_error, train
from .listed_walk import walk
from .repairs import REPAIRS, Experiment, Repair, versions

__all__ = ["REPAIRS", "Experiment", "Repair", "first_error", "train", "versions", "walk"]
