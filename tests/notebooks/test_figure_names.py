"""The addresses of the figures: each is written down in its cell, and none that was ever published vanishes unnoticed."""

from __future__ import annotations

import json
import re
from collections import Counter

from project import chapters

# Published. Readers have bookmarks of them and teachers have put them into slides: a name stays when a title changes, and
# moves with its figure. Add new ones; take one away only with its figure.
PUBLISHED = """
fig-your-digit fig-your-digit-guessed fig-data-dissolves-into-noise fig-schedules fig-schedule-t-t-on-a-drawn-digit
fig-eight-digits-walk-back-x-t-on-the fig-200-points-walk-back-to-30-known fig-the-true-step-back-from-t-500-x-t-0
 fig-points fig-a-test-digit-noised-as-seen-by
fig-the-same-noise-as-training-goes-on fig-a-small-network-learns-in-front-of fig-what-to-predict-and-where-the-loss
fig-six-samplers-one-starting-noise fig-the-state-top-and-the-estimate fig-from-ddim-to-ddpm
fig-one-request-made-more-and-more fig-four-completions-of-the-same-half fig-from-faithful-to-realistic
fig-turn-a-3-into-another-digit
fig-a-prompt-more-and-more-firmly fig-inside-the-walk-both-codes-decoded fig-which-word-looked-where
fig-composition-appears fig-the-prompt-changes-on-the-way
fig-between-two-embeddings fig-variations fig-a-scene-follows-its-caption fig-four-kinds-of-embedding
fig-choose-the-frames fig-who-comes-back fig-two-futures-out-of-noise fig-futures-at-the-coin
fig-masks-to-words fig-dissolving fig-names-in-a-minute fig-keep-words
fig-a-word-dissolves fig-a-word-from-noise fig-words-in-training fig-what-was-erased
fig-a-gap-and-what-may-have-stood-there
fig-atoms-and-bonds-form fig-rings-asked fig-grown-around-a-piece
fig-the-same-seeds-after-each-repair fig-one-flaw-put-back-into-the-finished
fig-eleven-cases-what-is-wrong fig-eight-trainings-of-the-same-network fig-is-the-noise-of-the-state-that-of
fig-ways-to-train-one-clock fig-what-is-it-worth-to-speed-up-a-part
""".split()


def names() -> list[str]:
    """The names in the chapters, in reading order."""
    cells = [cell for path in chapters() for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    return [cell["metadata"]["figure"] for cell in cells if "figure" in cell["metadata"]]


def test_no_published_name_has_vanished_and_each_new_one_is_written_down() -> None:
    assert sorted(set(PUBLISHED) - set(names())) == [], "a published address leads nowhere any more"
    assert sorted(set(names()) - set(PUBLISHED)) == [], "add it to PUBLISHED"


def test_each_name_is_given_once_and_can_stand_in_an_address() -> None:
    assert [name for name, count in Counter(names()).items() if count > 1] == []
    assert [name for name in names() if not re.fullmatch(r"fig-[a-z0-9-]+", name)] == []
