"""What is said of other people's code can be looked up: an issue, a pull request or a commit stands beside each name.

Nothing is fetched here; what a commit shows was read when the sentence was written. The tests keep a bare name, which
accuses a whole project for ever, from coming back.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import mutants
import pytest

from diffusion_utils.chapters.bugs import BUGS

ROOT = Path(__file__).parents[1]
MISTAKES = mutants.mistakes()
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
NAMES = ("tiny-diffusion", "Annotated Diffusion Model", "Conditional_Diffusion_MNIST", "DALLE2-pytorch", "acids-ircam",
         "dome272", "6.S184", "minDiffusion", "denoising-diffusion-pytorch", "diffusers", "flow_matching", "SiT",
         "pytorch-ddpm", "RePaint", "stable-diffusion", "recurrent-interface-network-pytorch")
COMMIT = r"\b(?=[a-f]*\d)[0-9a-f]{7}\b"
PROOF = re.compile(rf"#\d+|(?:issues?|pull requests?) \d+|{COMMIT}")
PAPER = re.compile(r"(?:et al\.|& \w+) \d{4}|article whose order this book follows")


def bullets(path: Path) -> list[str]:
    """The list items and paragraphs of a chapter's sections on mistakes: the cases, and "What can go wrong"."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    sections = re.split(r"^(?=##+ )", text, flags=re.MULTILINE)
    wanted = [s for s in sections if s.startswith(("## What can go wrong", "### Case "))]
    return [line for section in wanted for line in section.splitlines() if line.strip()]


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS.keys())
def test_each_source_of_a_planted_mistake_can_be_looked_up(bug) -> None:
    for source in bug.seen.split(";"):
        assert PROOF.search(source) or PAPER.search(source), f"{bug.name}: where is that to be seen? {source.strip()!r}"


@pytest.mark.parametrize("seen", [mistake["seen"] for mistake in MISTAKES])
def test_a_project_named_in_the_list_of_mistakes_has_a_number_or_a_commit(seen: str) -> None:
    *_, last = re.findall(r"\(([^()]*)\)", seen) or [""]
    named = [name for name in last.split(", ") if any(known in name for known in NAMES) and name != "MIT 6.S184"]
    assert all(PROOF.search(name) for name in named), f"where is that to be seen? {named}"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_that_blames_a_project_says_where_to_look(path: Path) -> None:
    """A pull request or issue is named by its number, in words or in the link; a commit is in the link."""
    for line in bullets(path):
        if any(name in line.replace("What can go wrong", "") for name in NAMES):
            assert re.search(rf"/(?:issues|pull)/\d+|/blob/{COMMIT}", line) or "{cite" in line, f"{path.stem}: {line[:150]}"


def test_the_double_square_is_not_laid_at_the_door_of_who_wrote_it_right() -> None:
    """The published Annotated Diffusion Model squares once, as the quadratic schedule must."""
    said = BUGS["squared-twice"].seen + "".join(m["seen"] for m in MISTAKES if "squared twice" in m["seen"])
    said += "".join(line for path in CHAPTERS for line in bullets(path) if "quadratic" in line)
    assert "DALLE2-pytorch" in said and "Annotated" not in said
