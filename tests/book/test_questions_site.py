"""Every question of the built pages, answered by keyboard and by pointer, right and wrong; each reason is read back from the
page and compared with its source, as the page's download has it."""

import json
import os
import re
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from .conftest import SITE
from .test_pages import AXE, DESKTOP, opened

SOURCES = sorted((SITE / "_sources" / "notebooks").glob("*.ipynb"))
BEGIN = re.compile(r"^\*\*(\d+\..+?)\*\*$", re.MULTILINE)
MADE = '{ include: [".question", ".your-answers", ".bd-sidebar-primary"] }'
KEY = "diffusion-answers-1"

pytestmark = pytest.mark.skipif(not SOURCES and not os.environ.get("CI"), reason=f"no pages in {SITE}; `make book` builds them")


@dataclass
class Source:
    """A question as its author wrote it: what one can give, its reason, and whether it is right."""

    text: str
    predicts: bool
    reasons: dict[str, str]
    right: str
    is_choice: bool


def questions(path: Path) -> list[Source]:
    """The questions of a notebook, in their order."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if "questions" in cell["metadata"].get("tags", [])]
    return [question for cell in tagged for question in in_cell("".join(cell["source"]), cell["metadata"]["tags"])]


def in_cell(text: str, tags: list[str]) -> list[Source]:
    _, *parts = BEGIN.split(text)
    return [one(text, answer, "prediction" in tags) for text, answer in zip(parts[::2], parts[1::2], strict=True)]


def one(text: str, rest: str, predicts: bool) -> Source:
    answer = re.search(r"<summary>Answer</summary>(.*?)</details>", rest, re.DOTALL)[1].strip()
    if answer.startswith("- "):
        items = re.findall(r"^- (\*\*)?\(([a-z])\)(?:\*\*)? (.+)$", answer, re.MULTILINE)
        reasons = {letter: reason for _, letter, reason in items}
        return Source(text, predicts, reasons, next(letter for bold, letter, _ in items if bold), True)
    first, *wrong = re.split(r"^- ", answer, flags=re.MULTILINE)
    right = re.match(r"\*\*(`.+?`|.+?)\*\*", first)[1].strip("`")
    pairs = [re.match(r"(`.+?`|.+?): (.+)", item, re.DOTALL).groups() for item in wrong]
    known = {given.strip("`"): reason for given, reason in pairs}
    return Source(text, predicts, {right: first} | known, right, False)


def words(markdown: str) -> list[str]:
    """The words of a text, without what is a formula, a link or a range of variables."""
    text = re.sub(r"\$[^$]*\$|\[[^\]]*\]\([^)]*\)|\{[\w:]+\}`[^`]*`|<https?:[^>]*>", " ", markdown)
    text = re.sub(r" for \w+ in \S*\d(, \w+ in \S*\d)*(?=[.,:;]?\s)", "", text)
    return re.findall(r"\w+", text)


WORDS = """(place) => {
    const copy = place.cloneNode(true);
    copy.querySelectorAll(".math, a, button, span:has(> a)").forEach((part) => part.remove());
    return [...copy.textContent.matchAll(/[\\p{L}\\p{N}_]+/gu)].map((word) => word[0]);
}"""


def said(place) -> list[str]:
    return place.locator(".question-said").evaluate(WORDS)


def give(page, place, answer: str, is_choice: bool, by_key: bool) -> None:
    """Answer by keyboard alone, or by pointer where there is anything to point at."""
    if is_choice:
        button = place.locator(".question-options button").nth(ord(answer) - ord("a"))
        page.evaluate("document.activeElement.blur()")
        if by_key:
            button.focus()
            page.keyboard.press("Enter")
        else:
            button.click()
        return
    place.locator("input").fill(answer)
    if by_key:
        place.locator("input").press("Enter")
    else:
        place.get_by_role("button", name="Check").click()


def answer_and_read(page, place, source: Source) -> None:
    wrong = [given for given in source.reasons if given != source.right]
    ways = [*zip(wrong if len(wrong) > 1 else 2 * wrong, cycle([True, False])), (source.right, True), (source.right, False)]
    for given, by_key in ways:
        give(page, place, given, source.is_choice, by_key)
        mark = "Right" if given == source.right else "Not right"
        expected = [*mark.split(), *words(source.reasons[given]), *([] if given == source.right else ["Try", "again"])]
        assert said(place) == expected, (source.text, given)


def predict_and_compare(page, place, source: Source) -> None:
    """Each option in turn, with all answers cleared between: a prediction can be made once, and the last one stays."""
    clear = page.get_by_role("button", name="Clear all")
    for k, given in enumerate(source.reasons):
        give(page, place, given, source.is_choice, k % 2 == 0)
        assert said(place)[0] == "Noted" and not place.locator("details").is_visible(), "the answer is given away"
        compare = place.get_by_role("button", name="Compare")
        compare.press("Enter") if k % 2 else compare.click()
        read = " ".join(said(place))
        assert " ".join(words(source.reasons[given])) in read and " ".join(words(source.reasons[source.right])) in read
        assert (" Not right " in read) == (given != source.right), (source.text, given)
        if given != list(source.reasons)[-1]:
            clear.click()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_question_of_a_page(browser, site_url, path):
    sources = questions(path)
    if not sources:
        pytest.skip("a page without questions")
    with opened(browser, f"{site_url}/notebooks/{path.stem}.html", **DESKTOP) as page:
        page.set_default_timeout(30_000)
        places = page.locator(".question").all()
        assert len(places) == len(sources)
        for place, source in zip(places, sources, strict=True):
            (predict_and_compare if source.predicts else answer_and_read)(page, place, source)
        for place, source in zip(places, sources, strict=True):  # to make a prediction again, all answers were cleared
            if place.get_attribute("data-state") is None:
                give(page, place, source.right, source.is_choice, True)
                place.get_by_role("button", name="Compare").click()
        check_progress(page, path.stem, len(sources))
        page.add_style_tag(content="* { transition: none !important }")  # or axe looks at a colour on its way to another
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert faults(page) == []
        page.reload()
        assert page.locator(".question[data-state=right]").count() >= sum(not source.predicts for source in sources)
        check_progress(page, path.stem, len(sources))
        assert [problem for problem in page.problems if not problem.startswith("304")] == []  # a reload may find all unchanged


def faults(page) -> list:
    """What axe finds wrong in what this script makes; test_pages.py looks at the rest of each page."""
    page.add_script_tag(content=AXE)
    found = page.evaluate(f"async () => (await axe.run({MADE}, {{ preload: false }})).violations")
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


def check_progress(page, name: str, count: int) -> None:
    """The contents and the panel say that all is done."""
    link = page.locator(".bd-sidebar-primary .current > a")
    assert f"all {count} questions done" in link.last.text_content()
    assert page.locator(".bd-sidebar-secondary .questions-done").count() > 0
    assert f"you have done {count} of {count} questions" in page.locator(".your-answers").inner_text()
    assert all(question.startswith(f"{name}/") for question in json.loads(page.evaluate(f"localStorage['{KEY}']"))["answers"])


def test_the_home_page_says_how_much_of_the_book_is_done(browser, site_url):
    total = sum(len(questions(path)) for path in SOURCES)
    with opened(browser, f"{site_url}/book/intro.html", **DESKTOP) as page:
        assert f"In the book you have done 0 of {total} questions." in page.locator(".your-answers").inner_text()
        assert page.locator(".questions-done").count() == 0
        assert faults(page) == []
