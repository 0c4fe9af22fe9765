"""Questions in a book of one page: what a reader may write, what is kept, and what stops the build."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from .conftest import ROOT
from .small_book import build
from .widget_page import two_sliders

CONF = """
extensions.append("questions")
html_css_files = ["questions.css"]
myst_enable_extensions = ["dollarmath"]
html_theme = "sphinx_book_theme"
"""

CHOICE = """**1. Which of $a$ and {eq}`no` is *two*?**

- (a) One, see [a page](index.ipynb).
- (b) Two.

<details>
<summary>Answer</summary>

- (a) One is *less*.
- **(b)** It is.

</details>"""

NUMBER = """**2. What is a quarter?**

<details>
<summary>Answer</summary>

**25 %** (within 1 %). Half of a half.

- 0.5: You forgot the second half.

</details>"""

THOUSANDS = """**3. What is half of 3,000?**

<details>
<summary>Answer</summary>

**1,500** (within 1). It is.

</details>"""

FORMULA = """**4. What is the noise at the signal $a$, times $b$?**

<details>
<summary>Answer</summary>

**`sqrt(1 - a^2) * b`** for a in 0…0.9, b in -2…2. Squares add up to 1.

- `(1 - a) * b`: Squares add up, and not the factors.

</details>"""


def tagged(text: str, *tags: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(text, metadata={"tags": ["questions", *tags]})


def without_reference(text: str) -> str:
    return text.replace(" and {eq}`no`", "")


@pytest.fixture(scope="module")
def small_page(tmp_path_factory) -> Path:
    """A figure, three predictions below it, four questions."""
    folder = tmp_path_factory.mktemp("questions")
    choice = without_reference(CHOICE)
    predictions = "\n\n".join([choice.replace("two*?", "more*?"), NUMBER.replace("is a quarter", "was a quarter"),
                               choice.replace("two*?", "most*?")])
    return build(folder, [two_sliders(), tagged(predictions, "prediction"),
                          tagged("\n\n".join(["## Quiz", choice, NUMBER, THOUSANDS, FORMULA]))], CONF)


@pytest.fixture
def page(browser, small_page):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(small_page.as_uri())
        page.locator(".fs[data-ready]").wait_for()
        yield page
        assert page.problems == []


def question(page, begins: str):
    return page.locator(".question").filter(has=page.locator("legend", has_text=re.compile(rf"^\d\. {begins}")))


def said(place) -> str:
    return " ".join(place.locator(".question-said").inner_text().split())


def write(place, text: str) -> str:
    """What is said to an answer written into the field."""
    place.locator("input").fill(text)
    place.locator("input").press("Enter")
    return said(place)


def test_a_number_is_read_as_people_write_it(page):
    quarter, thousands = question(page, "What is a quarter"), question(page, "What is half")
    for text in ("0.25", ".25", "0,25", "25 %", "25", "1/4", "0.255", " 0.25 ", "+2.5e-1", "25,0 %"):
        assert write(quarter, text).startswith("Right. 25 %"), text
        assert quarter.get_attribute("data-state") == "right"
    assert "Half of a half." in said(quarter)
    assert write(quarter, "0.5") == "Not right. You forgot the second half. Try again."
    assert write(quarter, "-0.25") == "Not right. Try again." == write(quarter, "−0.25") == write(quarter, "0.262")
    for text in ("1500", "1,500", "1500.9", "1,500.0"):
        assert write(thousands, text).startswith("Right."), text
    assert write(thousands, "1.5").startswith("Not right.")
    kept = page.evaluate("localStorage.getItem('diffusion-answers-1')")
    for text in ("", "five", "1..5", "1,5 steps", "(1", "1)", "alert(1)"):
        assert "cannot be read. Write, for example, 0.25." in write(quarter, text), text
    assert page.evaluate("localStorage.getItem('diffusion-answers-1')") == kept, "what cannot be read is no answer"


def test_a_formula_is_compared_by_its_values(page):
    noise = question(page, "What is the noise")
    for text in ("sqrt(1-a^2)*b", "b*sqrt(1 - a**2)", "b √(1−a·a)", "b(1-a^2)^(1/2)", "b*(1-a)*(1+a)/sqrt(1-a^2)",
                 "b exp(ln(1-aa)/2)", "b*sqrt(1 - tanh(a)*a^2/tanh(a))",
                 "-(-b)*(1-a^2)^0.5", "b*2^-1*2*sqrt(1-a^2)"):
        assert write(noise, text).startswith("Right. sqrt(1 - a^2) * b. Squares"), text
    assert write(noise, "b - ba").startswith("Not right. Squares add up, and not the factors.")
    for text in ("sqrt(1-a^2)", "-b*sqrt(1-a^2)", "b*sqrt(1+-a)", "b*sqrt(1-a^2)+1e-4", "b*(-a^2+1)"):
        assert write(noise, text) == "Not right. Try again.", text
    assert write(noise, "sqrt(1 - x)") == "x is not a name here."
    assert write(noise, "constructor") == "constructor is not a name here."
    assert "has no value at a = " in write(noise, "sqrt(a - 1)")
    assert "cannot be read" in write(noise, "sqrt(1 - a") and "cannot be read" in write(noise, "a +")


def test_a_choice_gives_its_reason_and_stays_after_a_reload(page):
    choice = question(page, "Which of .* two")
    first, second = choice.locator("button").all()
    assert first.locator("a").count() == 0, "a link in a button is neither"
    first.focus()
    page.keyboard.press("Enter")
    assert said(choice) == "Not right. One is less. Try again."
    page.reload()
    assert said(choice) == "Not right. One is less. Try again."
    assert [option.get_attribute("aria-pressed") for option in choice.locator("button").all()] == ["true", "false"]
    second.click()
    assert said(choice) == "Right. It is."
    first.click()
    assert said(choice).startswith("Not right.")
    assert "you have done 1 of 7 questions" in page.locator(".your-answers").inner_text(), "who looks at other reasons keeps it"


def test_a_prediction_waits_for_the_figure(page):
    more, number, most = page.locator(".prediction").all()
    assert not more.locator("details").is_visible()
    most.locator("button").first.click()
    most.get_by_role("button", name="Compare").press("Enter")
    assert said(most) == "You said (a). Not right. One is less. It is (b). It is."
    assert most.locator(".question-said").evaluate("place => place === document.activeElement")
    assert page.locator(".question-options button:enabled").count() == 4, "what is compared is no longer predicted"
    page.locator("input[type=range]").first.press("ArrowRight")
    assert said(more) == "", "nothing was predicted, and nothing is shown"
    more.locator("button").last.click()
    assert write(number, "0.1").startswith("Noted: 0.1.") and said(more).startswith("Noted: (b). Now move the figure")
    assert not more.locator("details").is_visible()
    page.locator("input[type=range]").first.press("ArrowRight")
    assert said(more) == "You said (b). Right. It is."
    assert said(number) == "You said 0.1. Not right. 25 % (within 1 %). Half of a half."
    page.reload()
    assert said(number).startswith("You said 0.1. Not right.") and said(more).startswith("You said (b). Right.")


def test_answers_are_saved_cleared_and_loaded(page, tmp_path):
    quarter, panel = question(page, "What is a quarter"), page.locator(".your-answers")
    write(quarter, "25")
    with page.expect_download() as download:
        panel.get_by_role("button", name="Save").click()
    saved = Path(download.value.path()).read_text(encoding="utf-8")
    assert json.loads(saved) == {"version": 1, "answers": {"index/what-is-a-quarter": {"given": "25", "done": True}}}
    panel.get_by_role("button", name="Clear all").press("Enter")
    assert said(quarter) == "" and quarter.locator("input").input_value() == "" and "0 of 7" in panel.inner_text()
    panel.get_by_role("button", name="Bring them back").click()
    assert said(quarter).startswith("Right.")
    panel.get_by_role("button", name="Clear all").click()
    for text in ("no JSON", '{"version": 2, "answers": {}}', '{"version": 1, "answers": {"a": {"given": 1}}}', "null", "[1]"):
        load(page, tmp_path, text)
        assert panel.get_by_text("This file holds no answers of this book.").is_visible(), text
    load(page, tmp_path, saved)
    assert said(quarter).startswith("Right.") and "1 of 7" in panel.inner_text()


def load(page, folder: Path, text: str) -> None:
    status = page.locator(".your-answers [role=status]")
    status.evaluate("place => place.replaceChildren()")
    (folder / "answers.json").write_text(text, encoding="utf-8")
    page.locator(".your-answers input[type=file]").set_input_files(folder / "answers.json")
    page.wait_for_function("place => place.textContent", arg=status.element_handle())


REFUSALS = {
    "no storage": "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no'); } })",
    "no room in it": "Storage.prototype.setItem = () => { throw new DOMException('full'); }",
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_where_a_browser_keeps_nothing_questions_answer_all_the_same(browser, small_page, refusal):
    with browser.new_context() as context:
        context.add_init_script(REFUSALS[refusal])
        page = context.new_page()
        page.goto(small_page.as_uri())
        quarter = question(page, "What is a quarter")
        write(question(page, "What is half"), "1500")
        assert write(quarter, "25").startswith("Right.")
        panel = page.locator(".your-answers").inner_text()
        assert "you have done 2 of 7" in panel and "This browser keeps nothing" in panel


def test_damaged_storage_is_as_if_empty(browser, small_page):
    with browser.new_context() as context:
        context.add_init_script("""localStorage.setItem("diffusion-answers-1", '{"version": 1, "answers": [0')""")
        page = context.new_page()
        page.goto(small_page.as_uri())
        assert write(question(page, "What is a quarter"), "25").startswith("Right.")


def test_without_javascript_a_question_is_a_list_and_a_fold(browser, small_page):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(small_page.as_uri())
        choice = question(page, "Which of .* two")
        assert choice.locator("li:visible").all_inner_texts() == ["(a) One, see a page.", "(b) Two."]
        assert choice.locator("button, input").count() == 0
        choice.locator("summary").click()
        assert choice.locator("li:visible").all_inner_texts()[2:] == ["(a) One is less.", "(b) It is."]


PRINTED = "cells => cells.map((cell) => getComputedStyle(cell).display)"


def test_on_paper_there_is_nothing_to_press(page):
    write(question(page, "What is a quarter"), "25")
    page.emulate_media(media="print")
    assert set(page.locator(".question-form, .question-said, .your-answers").evaluate_all(PRINTED)) == {"none"}
    option = question(page, "Which of .* two").locator("button").first
    assert option.evaluate("option => getComputedStyle(option).borderTopWidth") == "0px"


CHANGES = {  # what is changed in a whole question, and what the build then says of it
    "a reason is missing": (CHOICE, "- (a) One is *less*.\n", "", "its reasons must be lettered as its options are"),
    "a reason without words": (CHOICE, " One is *less*.", "", "(a) stands there without a word"),
    "nothing is right": (CHOICE, "**(b)**", "(b)", "must be bold, the right one; these are: none"),
    "two are right": (CHOICE, "- (a) One is *", "- **(a)** One is *", "must be bold, the right one; these are: a, b"),
    "letters out of order": (CHOICE, "- (a) One, see", "- (c) One, see", "its options must be lettered (a), (b)"),
    "no letters": (CHOICE, "- (b) Two", "- Two", "'Two.' does not begin with a letter"),
    "words beside the reasons": (CHOICE, "- (a) One is *", "It depends.\n\n- (a) One is *", "its answer must be one list"),
    "no answer": (CHOICE, "<summary>Answer</summary>", "<summary>Solution</summary>", "must stand <details> with"),
    "no number": (NUMBER, "**25 %**", "**half**", "'half' is not a number"),
    "nothing bold": (NUMBER, "**25 %**", "25 %", "must begin with a number or a formula in bold"),
    "a hint without a colon": (NUMBER, ": You forgot", " You forgot", "does not begin with a wrong answer, a colon and"),
    "a hint that is right": (NUMBER, "- 0.5:", "- 0.255:", "the wrong number 0.255 is within 0.01 of the right one"),
    "a formula without a range": (FORMULA, " for a in 0…0.9, b in -2…2", "", "must stand, for example, 'for a in 0…1'"),
    "an empty range": (FORMULA, "0…0.9", "0.9…0", "the smaller number comes first"),
    "a formula of other names": (FORMULA, ", b in -2…2", "", "holds 'b', which is neither arithmetic nor among a, sqrt"),
    "a formula that is a program": (FORMULA, "sqrt(1 - a^2) * b", "a.b", "holds 'a.b', which is neither"),
    "a formula that is none": (FORMULA, "sqrt(1 - a^2) * b", "sqrt(1 - a", "is not a formula"),
    "a formula without a value": (FORMULA, "sqrt(1 - a^2)", "sqrt(-1 - a^2)", "has no value at {'a': "),
    "a hint that equals it": (FORMULA, "`(1 - a) * b`", "`b * sqrt(1 - a*a)`", "equals the right one"),
}


def test_a_faulty_question_stops_the_build(tmp_path):
    """All at once, since a build takes seconds: each fault is in a question of its own, told by that question's number."""
    faulty = []
    for number, (whole, before, after, _) in enumerate(CHANGES.values(), 10):
        assert before in whole
        faulty.append(re.sub(r"^\*\*\d", f"**{number}", without_reference(whole.replace(before, after, 1))))
    cells = [*map(tagged, faulty), tagged("Only words."), tagged(f"{NUMBER}\n\n{NUMBER}")]
    with pytest.raises(AssertionError) as stopped:
        build(tmp_path, cells, CONF)
    told = [line for line in str(stopped.value).splitlines() if "WARNING" in line]
    for number, (fault, (*_, message)) in enumerate(CHANGES.items(), 10):
        assert any(f"question '{number}. " in line and message in line for line in told), (fault, told[number - 10])
    assert "is tagged 'questions' and holds none" in str(stopped.value)
    assert "both called 'index/what-is-a-quarter'" in str(stopped.value)


def test_every_folded_answer_of_the_chapters_belongs_to_a_question():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if "<summary>Answer</summary>" in "".join(cell["source"]):
                assert "questions" in cell["metadata"].get("tags", []), f"{path.name}: {cell['id']}"
