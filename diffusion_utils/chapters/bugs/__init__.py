"""Well-known mistakes, each planted by a switch beside the right line. None of them raises an error.

`walk`, `guided` and `train` are the book's sampler, guidance and training once more, written out so that one line of each
can be wrong: bug=None is right, and the tests hold it to the package's own functions. Never sample with a bug in earnest.
"""

from __future__ import annotations

from .catalogue import BUGS, Bug, of_family
from .wrong_training import Trained, train
from .wrong_walk import guided, walk

__all__ = ["BUGS", "Bug", "Trained", "guided", "of_family", "train", "walk"]
