"""A chapter's page: its set-up in one fold at the end, and code that goes on below itself where it is wider than the page."""

import json
from itertools import pairwise

import nbformat
import pytest
from page_polish.code_lines import with_lines

from .conftest import ROOT
from .small_book import CONF, sphinx

LINES = ["def long_name(", "        first, second,", "        third='a text that is wider than a phone, and goes on'):", "",
         "    return first", 40 * " " + "deep=first)", "    rows.append([float(picture.square().mean())])"]
CELLS = [("install = 1", "set-up", "hide-input"), ("load = 2", "set-up"), ("interact()", "remove-output"), ("\n".join(LINES),)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The built page of the cells, between a title and a section."""
    folder = tmp_path_factory.mktemp("book")
    texts = [nbformat.v4.new_markdown_cell(text) for text in ("# Title\n\nFirst words.", "## Section\n\nLast words.")]
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}, execution_count=1) for source, *tags in CELLS]
    notebook = nbformat.v4.new_notebook(cells=[texts[0], *cells, texts[1]])
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    (folder / "index.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    conf = CONF.format(extensions=str(ROOT / "book" / "_ext"), static=str(ROOT / "book" / "_static"))
    conf += 'extensions.append("page_polish")\nhtml_css_files = ["book.css"]\n'
    (folder / "conf.py").write_text(conf, encoding="utf-8")
    return sphinx(folder, "html") / "index.html"


@pytest.fixture
def show(browser, built):
    pages = []

    def show(width=390):
        pages.append(browser.new_page(viewport={"width": width, "height": 800}))
        pages[-1].goto(built.as_uri())
        return pages[-1]

    yield show
    for page in pages:
        page.close()


def test_the_set_up_is_one_fold_at_the_end_and_its_code_has_none_of_its_own(show):
    page = show()
    text = page.locator("body").text_content()
    places = [text.index(part) for part in ("First words", "interact()", "Last words", "Set-up", "install = 1", "load = 2")]
    assert places == sorted(places)
    fold = page.locator("details.set-up")
    assert fold.count() == 1 and fold.locator("details").count() == 0
    assert not page.get_by_text("load = 2").is_visible()
    fold.locator("summary").press("Enter")
    assert page.get_by_text("load = 2").is_visible() and page.get_by_text("install = 1").is_visible()


def test_the_code_of_a_control_that_needs_a_kernel_is_folded(show):
    page = show()
    assert page.get_by_text("return first").is_visible() and not page.get_by_text("interact()").is_visible()
    assert "Show the code of a control that moves in the notebook" in page.locator("summary").first.inner_text()


PIECES = """line => {
    const range = new Range();
    range.selectNodeContents(line);
    return [...range.getClientRects()].map(({ left, top }) => [left, Math.round(top)]);
}"""
ROWS = """line => { // the text of each row in which the line is shown
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT), rows = [];
    let last = null;
    for (let node; (node = walker.nextNode());) {
        for (let k = 0; k < node.length; k++) {
            const range = new Range();
            range.setStart(node, k);
            range.setEnd(node, k + 1);
            const { top } = range.getBoundingClientRect();
            if (node.data[k] === "\\n") continue;
            if (last === null || Math.abs(top - last) > 4) rows.push("");
            last = top;
            rows[rows.length - 1] += node.data[k];
        }
    }
    return rows;
}"""
WORD = """line => { // where its last word is
    const range = new Range(), text = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    while (text.nextNode()) if (text.currentNode.data.trim()) range.selectNode(text.currentNode);
    return range.getBoundingClientRect();
}"""
LETTER = """word => {
    const range = new Range();
    range.selectNodeContents(word);
    return range.getBoundingClientRect().width / word.textContent.length;
}"""


@pytest.mark.parametrize("width", [390, 1300])
def test_a_wide_line_of_code_goes_on_further_in_than_it_began(show, width):
    page = show(width)
    block = page.locator(".cell:not(details *) pre").last
    assert block.text_content().rstrip("\n") == "\n".join(LINES)  # what the copy button takes
    block.evaluate("pre => getSelection().selectAllChildren(pre)")
    assert page.evaluate("getSelection().toString()").rstrip("\n") == "\n".join(LINES)  # and what a reader selects
    assert block.evaluate("pre => pre.scrollWidth <= pre.clientWidth")
    pieces = block.locator(".code-line").nth(2).evaluate(PIECES)
    rows = sorted({top for _, top in pieces})
    assert (len(rows) > 1) == (width == 390)
    first, *others = [min(left for left, top in pieces if top == row) for row in rows]
    letter = block.locator(".k").first.evaluate(LETTER)
    assert others == pytest.approx([first + 10 * letter] * len(others), abs=letter / 2)  # its 8 letters, and 2 more


def test_a_long_word_of_code_is_divided_where_one_would_divide_it(show):
    """And no row is left empty, because what follows the indent is too long for the rest of it."""
    page = show(390)
    line = page.locator(".code-line", has_text="rows.append")
    rows = line.evaluate(ROWS)
    assert len(rows) > 1 and all(row.strip() for row in rows) and "".join(rows) == LINES[-1]
    assert all(row[-1] in "([{," or following[0] == "." for row, following in pairwise(rows)), rows
    deep = page.locator(".code-line", has_text="deep")
    assert deep.evaluate(ROWS) == [LINES[-2]]
    assert page.locator("pre").last.evaluate("pre => pre.getBoundingClientRect().left") < deep.evaluate(WORD)["left"]


def test_what_was_printed_in_columns_stays_in_columns():
    block = '<div class="output {}highlight"><pre>a   b\na b\n</pre></div>'
    printed = with_lines(block.format('stream highlight-myst-ansi notranslate"><div class="'))
    assert '<span class="code-line columns">a   b\n</span><span class="code-line">a b\n</span>' in printed
    assert "columns" not in with_lines(block.format('text_html"><div class="'))


def test_lines_are_marked_once_however_often_the_page_is_built():
    page = '<div class="highlight"><pre translate="no"><span></span><span class="k">if</span> a &lt; b:\n    c\n</pre></div>'
    marked = with_lines(page)
    assert marked.count('class="code-line"') == 2 and with_lines(marked) == marked
