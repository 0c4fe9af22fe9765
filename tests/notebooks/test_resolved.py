"""The notebooks of run/, as Colab shows them: up to date, the same code, and every reference a number or a link."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pages
import pytest
import resolved
from page_polish import release
from plain_references import References, authors
from project import ROOT, chapters

SITE = "https://me.github.io/book"


@pytest.fixture(scope="module")
def references() -> References:
    return References(ROOT, SITE)


def test_the_copies_are_up_to_date() -> None:
    there = {path: path.read_text(encoding="utf-8") for path in (ROOT / resolved.FOLDER).glob("*.ipynb")}
    wanted = resolved.copies()
    stale = sorted(path.name for path in there.keys() | wanted.keys() if there.get(path) != wanted.get(path))
    assert stale == [], "run: python tools/build.py run resolved"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_copy_differs_in_its_markdown_only(path: Path, references: References) -> None:
    source = json.loads(path.read_text(encoding="utf-8"))
    copy = references.resolved(f"notebooks/{path.stem}", source)
    assert copy["metadata"].pop("made_from") == f"notebooks/{path.name}"
    for cells in (source["cells"], copy["cells"]):
        for cell in cells:
            cell["source"] = "" if cell["cell_type"] == "markdown" else cell["source"]
    assert copy == source


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_nothing_in_a_copy_needs_the_pages(path: Path, references: References) -> None:
    copy = references.resolved(f"notebooks/{path.stem}", json.loads(path.read_text(encoding="utf-8")))
    text = "\n".join("".join(cell["source"]) for cell in copy["cells"] if cell["cell_type"] == "markdown")
    text = re.sub(r"^```.*?^```|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"\{(?:eq|cite|ref|doc|numref)[\w:]*\}|\(eq-[\w-]+\)$|^\([\w-]+\)=", text, flags=re.MULTILINE) == []
    assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if not link.startswith("https://")] == []
    assert re.match(rf"# {int(path.stem[:2])}\. ", text)


EQUATIONS = f"{SITE}/notebooks/13_article_code.html#equation-"
RESOLVED = {
    "By {eq}`eq-article-noised`.": f"By [(13.1)]({EQUATIONS}eq-article-noised).",
    "$$a$$\n\nand\n\n$$\nb\n$$ (eq-article-noised)": "$$a$$\n\nand\n\n$$\nb \\tag{13.1}$$",
    "so {cite:p}`ho2020ddpm,feller1949`": "so ([Ho et al., 2020](https://arxiv.org/abs/2006.11239); "
                                         f"[Feller, 1949]({SITE}/book/references.html))",
    "{cite:t}`salimans2022progressive` say": "[Salimans and Ho (2022)](https://arxiv.org/abs/2202.00512) say",
    "[there](#derivation-posterior)": f"[there]({SITE}/book/derivations.html#derivation-posterior)",
    "[4](04_sampling.ipynb#play), [B](../book/notation.md)":
        f"[4]({SITE}/notebooks/04_sampling.html#play), [B]({SITE}/book/notation.html)",
    "[out](https://a.org/b#c)": "[out](https://a.org/b#c)",
    "(here)=\n## Here": "## Here",
    "`{eq}` and\n```\n{eq}`x`\n```": "`{eq}` and\n```\n{eq}`x`\n```",
}


@pytest.mark.parametrize("text", RESOLVED)
def test_each_kind_of_reference(text: str, references: References) -> None:
    assert references.resolve("notebooks/13_article_code", text) == RESOLVED[text]


UNKNOWN = ["{numref}`a`", "```{note}\nhm\n```", ":::{note}\nhm\n:::", "[no](99_nothing.ipynb)", "[no](#nowhere)"]


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_cannot_be_resolved_is_refused(text: str, references: References) -> None:
    with pytest.raises(ValueError, match="notebooks/13_article_code"):
        references.resolve("notebooks/13_article_code", text)


def test_authors() -> None:
    assert authors(r"Hyv{\"a}rinen, Aapo") == "Hyvärinen"
    assert authors("{NVIDIA}") == "NVIDIA"
    assert authors("Liu, Jingyuan and Su, Jianlin and others") == "Liu et al."


def test_a_chapter_that_failed_can_be_downloaded_without_the_box_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "_sources" / "notebooks" / "01_forward_process.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes((ROOT / "notebooks" / path.name).read_bytes())
    pages.add_notice(path)
    config = SimpleNamespace(html_baseurl=SITE)
    release.write_downloads(SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path, config=config), None)
    ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert ids[:2] == ["title", "install"]
