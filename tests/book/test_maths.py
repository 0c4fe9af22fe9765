"""Formulas: what MathJax makes of them when the book is built, and what a reader sees of it."""

import io
import re
from html import escape

import numpy as np
import pytest
from maths import style, tex
from PIL import Image

from .small_book import build

FONTS = tex.mathjax_folder() / "output" / "chtml" / "fonts" / "woff-v2"
CONF = """
extensions += ["maths"]
html_math_renderer = "prerendered"
myst_enable_extensions = ["dollarmath", "amsmath"]
"""
# What tends to go wrong: spaces, roots and brackets of several sizes, a brace that grows, braces as symbols, accents, limits.
FORMULAS = [
    (r"x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\;\varepsilon", False),
    (r"\{a \mid b\},\ \hat x \le \tilde\mu^2,\ \text{if } \mathcal N(0, I)", False),
    (r"q(x_s\mid x_t)\propto\exp\!\left(-\frac{\lVert x_t-r\,x_s\rVert^2}{2g^2}\right)", True),
    (r"\underbrace{\sum_{t=2}^{T}\mathbb E_q\,\mathrm{KL}}_{L_t} + \int_0^1\sqrt{\frac{1}{1+\frac ab}}\,\mathrm dx", True),
    (r"\begin{aligned} f(x) &= \Bigl\{ \tfrac12 \Bigr\} \\ &= \begin{cases} 1 & x > 0 \\ 0 \end{cases} \end{aligned}", True),
]
PAGE = """<!doctype html><meta charset="utf-8"><title>t</title><style>{style}</style>
<body style="font: 16px sans-serif; width: 800px; margin: 8px">{body}"""


def our_page(style: str) -> str:
    return PAGE.format(style=style, body="".join(f"<p>{tex.to_html(*formula)}</p>" for formula in FORMULAS))


def our_style() -> str:
    return style.slim(tex.stylesheet(), style.symbols([our_page("")]), FONTS)


@pytest.fixture
def show(browser, tmp_path):
    """Opens a page of this text from a file."""
    context = browser.new_context(viewport={"width": 820, "height": 900})

    def show(text, name="page.html"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        page = context.new_page()
        page.goto((tmp_path / name).as_uri())
        page.evaluate("document.fonts.ready.then(() => 0)")
        return page

    yield show
    context.close()


BOXES = """() => [...document.querySelectorAll("mjx-math, mjx-math *")].map((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left, top, width, height];
})"""


def test_formulas_lie_as_mathjax_lays_them_out_in_a_browser(show):
    """Each symbol's place and size. MathJax rounds its scale to a thousandth, so half a pixel may add up over 800."""
    script = f'<script src="{(tex.mathjax_folder() / "tex-chtml.js").as_uri()}"></script>'
    sources = [escape(rf"\[{tex}\]" if display else rf"\({tex}\)") for tex, display in FORMULAS]
    theirs = show(PAGE.format(style="", body="".join(f"<p>{source}</p>" for source in sources) + script))
    theirs.wait_for_function("window.MathJax?.startup?.promise")
    theirs.evaluate("MathJax.startup.promise.then(() => document.fonts.ready).then(() => 0)")
    wanted = np.array(theirs.evaluate(BOXES))
    found = np.array(show(our_page(our_style()), "ours.html").evaluate(BOXES))
    assert len(found) > 200
    np.testing.assert_allclose(found, wanted, atol=0.8)


def test_the_style_sheet_holds_every_letter_and_rule_that_is_used(show):
    """To the pixel the same as with MathJax's whole style sheet and its whole fonts."""
    whole = tex.stylesheet().replace('url("/', f'url("{FONTS.as_uri()}/') + style.OURS
    pictures = [pixels(show(our_page(style), f"{k}.html")) for k, style in enumerate((whole, our_style()))]
    assert (pictures[0] != 255).mean() > 0.005  # there is something to compare
    assert np.array_equal(*pictures)
    assert len(our_style()) < len(whole) / 3


def pixels(page) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


@pytest.mark.parametrize(("formula", "reason"), [
    (r"\nosuchcommand{x}", r"Undefined control sequence \nosuchcommand"),
    (r"\frac{1}{2", "Missing close brace"),
    ("x_1_2", "Double subscripts"),
])
def test_a_formula_that_cannot_be_read_is_refused_with_the_reason(formula, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        tex.to_html(formula, display=True)


def test_such_a_formula_fails_the_build(tmp_path):
    with pytest.raises(AssertionError, match=r"index.ipynb.*nosuchcommand.*Undefined control sequence"):
        build(tmp_path, [r"Some words and $\nosuchcommand{x}$."], CONF)


def test_formulas_need_no_program_beside_python(tmp_path, monkeypatch):
    """Such as Node.js, which runs MathJax elsewhere."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "<mjx-container" in build(tmp_path, ["$a$"], CONF).read_text(encoding="utf-8")


def test_formulas_of_prose_and_of_an_output_with_numbers_and_links(tmp_path, browser):
    page = build(tmp_path, [
        "A formula $a_1$ in a line, and a numbered one,",
        "$$\nb \\\\ c\n$$ (eq-b)\n\nto which {eq}`eq-b` leads.\n\n\\begin{align*}\nd &= 1 \\\\ e &= 2\n\\end{align*}",
        {"text/latex": r"$\displaystyle f^2$", "text/plain": "f"},
        "Some ($g$), " * 100,
    ], CONF)
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page.as_uri())
    assert tab.locator("mjx-container").all_text_contents() == ["a1", "bc", "d=1e=2", "f2", *("g" * 100)]
    assert min(min(size["width"], size["height"]) for size in map(box, tab.locator("mjx-math").all())) > 5
    lines = tab.locator("#equation-eq-b mjx-mtr").all()
    assert len(lines) == 2 and box(lines[1])["y"] > box(lines[0])["y"]  # \\ breaks the line
    assert tab.locator("#equation-eq-b .eqno").inner_text().startswith("(1)")
    assert tab.get_by_role("link", name="(1)").get_attribute("href") == "#equation-eq-b"
    assert tab.locator("script[src*=mathjax i]").count() == 0
    for width in range(300, 360, 5):
        tab.set_viewport_size({"width": width, "height": 600})
        assert tab.evaluate(TORN) == 0
    context.close()


# How many formulas stand in another line than the bracket before or after them.
TORN = """() => [...document.querySelectorAll("span.math")].slice(-100).filter((formula) => {
    const [before, after] = [new Range(), new Range()];
    before.setStart(formula.previousSibling, formula.previousSibling.length - 1);
    before.setEnd(formula.previousSibling, formula.previousSibling.length);
    after.setStart(formula.nextSibling, 0);
    after.setEnd(formula.nextSibling, 1);
    const [left, middle, right] = [before, formula, after].map((part) => part.getBoundingClientRect());
    return left.right > middle.left + 1 || right.left < middle.right - 4;
}).length"""


def box(locator) -> dict:
    return locator.bounding_box()
