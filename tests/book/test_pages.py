"""Every page of the built book, as readers get it: from a web host, from a file, on a phone, without JavaScript.

The pages are those of book/_build/html, or of the folder named in DIFFUSION_SITE.
"""

import os
from contextlib import ExitStack, contextmanager
from importlib.resources import files

import pytest

from .conftest import SITE
from .widget_page import CONTROL


def pages_with(mark: str) -> set[str]:
    """Pages whose HTML contains this text."""
    found = (path for path in SITE.rglob("*.html") if mark in path.read_text(encoding="utf-8"))
    return {path.relative_to(SITE).as_posix() for path in found if not {"_static", "embed"} & set(path.parts)}


REDIRECTS = pages_with('http-equiv="Refresh"') | pages_with('http-equiv="refresh"')
PAGES = sorted(pages_with("<html") - REDIRECTS)
EMBEDS = sorted(path.relative_to(SITE).as_posix() for path in SITE.glob("embed/*.html"))
WITH_WIDGETS = sorted(pages_with("widget-view+json"))
DESKTOP = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "has_touch": True, "is_mobile": True}
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
READY_MS = 15_000  # far more than a widget takes, because the machine may be busy; it is not a speed test

# Gives the first option of each question, and unfolds what is not kept back until a prediction is compared.
OPEN_QUESTIONS = """() => {
    document.querySelectorAll(".question-options li:first-child button").forEach((option) => option.click());
    document.querySelectorAll(".question details").forEach((answer) => { answer.open = true; });
}"""

# Controls that work without a kernel although they are not ours: the copy button of a code block, a quiz.
OTHER_LIVE_CONTROLS = ".copybtn, .toggle-button, .Quiz *, [id^=quiz] *"


def test_the_book_is_built():
    if not PAGES and not os.environ.get("CI"):
        pytest.skip(f"no pages to look at in {SITE}; `make book` builds them")
    assert PAGES, f"no pages to look at in {SITE}"


def test_every_page_that_makes_a_widget_shows_it():
    """A notebook whose state was not saved would otherwise pass every other check, for want of anything to move."""
    makes = pages_with(">FrameScrubber</span>")
    assert makes - set(WITH_WIDGETS) == set()


@contextmanager
def opened(browser, url: str, **options):
    """The page, with what went wrong on it so far in page.problems: errors, failed and foreign requests."""
    context = browser.new_context(**options)
    try:
        page = context.new_page()
        page.problems = watch(page, url)
        page.goto(url, wait_until="load")
        yield page
    finally:
        context.close()


def watch(page, url: str) -> list[str]:
    """A list that grows as things go wrong."""
    problems = []
    host = url.split("/", 3)[2]
    own = ("data:", "blob:", f"http://{host}/" if host else "file:///")

    def on_console(message) -> None:
        if message.type == "error":
            problems.append(f"console: {message.text} {message.location['url']}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on("response", lambda answer: problems.append(f"{answer.status}: {answer.url}") if not answer.ok else None)
    page.on("request", lambda r: None if r.url.startswith(own) else problems.append(f"foreign: {r.url}"))
    return problems


def wait_for_widgets(page) -> int:
    """Wait until every place for a widget of ours holds one; return how many there are."""
    places = page.locator(".widget-figure").all()
    wanted = len(places)
    for place in places:
        place.scroll_into_view_if_needed()  # some load what they show only when a reader comes near
    if wanted:
        page.wait_for_function(
            "wanted => document.querySelectorAll('.fs[data-ready]').length === wanted", arg=wanted, timeout=READY_MS
        )
    return wanted


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_from_a_web_host(browser, site_url, page_name):
    """No error, no request to another host, and no control that does nothing."""
    with opened(browser, f"{site_url}/{page_name}", **DESKTOP) as page:
        wait_for_widgets(page)
        page.wait_for_timeout(300)  # what late scripts still ask for
        assert page.problems == []
        assert dead_controls(page) == []
        # A view without a poster is a core widget: the page shows nothing for it. Tag its cell remove-output.
        views, ours = page.locator("script[type*='widget-view']").count(), page.locator(".widget-figure").count()
        assert views == ours


def dead_controls(page) -> list[str]:
    """What looks like a control in an output, and is neither ours nor works without a kernel."""
    return page.evaluate(
        """(live) => [...document.querySelectorAll(".cell_output :is(input, select, button, textarea)")]
            .filter((control) => !control.closest(".fs") && !control.matches(live))
            .map((control) => control.outerHTML.slice(0, 100))""",
        OTHER_LIVE_CONTROLS,
    )


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_from_a_file(browser, page_name):
    with opened(browser, f"{SITE.resolve().as_uri()}/{page_name}", **DESKTOP) as page:
        wait_for_widgets(page)
        page.wait_for_timeout(300)
        assert page.problems == []


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_fits_a_phone(browser, site_url, page_name):
    with opened(browser, f"{site_url}/{page_name}", **PHONE) as page:
        wait_for_widgets(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.add_style_tag(content=".bd-article p { letter-spacing: 0.05em }")  # another reader's font, a tenth wider
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.problems == []


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_is_accessible(browser, site_url, page_name):
    """axe finds nothing wrong, in either theme, while every question is answered, some of them wrongly, and unfolded."""
    with opened(browser, f"{site_url}/{page_name}", **DESKTOP) as page:
        wait_for_widgets(page)
        page.evaluate(OPEN_QUESTIONS)
        page.add_style_tag(content="* { transition: none !important }")  # or axe looks at a colour on its way to another
        assert page.locator(".question").count() == page.locator(".question[data-state], .question:has(form)").count()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == [], scheme


@pytest.mark.parametrize("page_name", sorted(pages_with('text_html"><div class="highlight">')))  # what show_source writes
def test_code_that_a_cell_shows_has_no_light_frame_in_a_dark_page(browser, site_url, page_name):
    with opened(browser, f"{site_url}/{page_name}", **{**DESKTOP, "color_scheme": "dark"}) as page:
        frames = page.locator(".output.text_html:has(.highlight)")
        colours = frames.evaluate_all("all => all.map((frame) => getComputedStyle(frame).backgroundColor)")
        assert colours and set(colours) == {"rgba(0, 0, 0, 0)"}


# Text that a page translator must leave as it is, in elements that do not say so.
TRANSLATABLE = """() => [...document.querySelectorAll("pre, code, samp, .math, math")]
    .filter((element) => element.textContent.trim() && !element.closest("[translate=no], .notranslate"))
    .map((element) => element.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_translator_is_kept_from_code_and_formulas(browser, site_url, page_name):
    with opened(browser, f"{site_url}/{page_name}", java_script_enabled=False, **DESKTOP) as page:
        assert page.evaluate(TRANSLATABLE) == []


def violations(page) -> list:
    """What axe finds wrong: its rule, and the beginning of each element."""
    page.add_script_tag(content=AXE)
    found = page.evaluate("async () => (await axe.run()).violations")
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


FACE = """face => [face.outerHTML, ...[face, ...face.querySelectorAll("canvas")].map((part) => part.toDataURL?.())].join()"""


def look(widget) -> dict:
    """What a reader sees and hears of a widget."""
    return {
        "face": widget.locator(".fs-face").evaluate(FACE),
        "values": widget.locator(".fs-value").all_text_contents(),
        "spoken": [c.get_attribute("aria-valuetext") or c.get_attribute("aria-label") for c in widget.locator(CONTROL).all()],
    }


def click_at(page, slider, fraction: float) -> None:
    """Click, or on a phone tap, at this fraction of a slider's length; or of a row of buttons."""
    place = None
    if slider.get_attribute("type") == "radio":
        radios = slider.locator("xpath=ancestor::*[@role='radiogroup']").locator("input")
        slider = radios.nth(int(fraction * (radios.count() - 1) + 0.5))
    else:
        box = slider.bounding_box()
        place = {"x": fraction * box["width"], "y": box["height"] / 2}
    slider.tap(position=place) if page.evaluate("navigator.maxTouchPoints > 0") else slider.click(position=place)


@pytest.fixture(scope="module")
def open_for_all_figures(browser, site_url):
    """Opens a page on a device, or gives the one that is open, as the tests of a page's figures follow one another; but a
    fresh one after a figure had problems, for which the next shall not answer."""
    now = {"key": None, "page": None}
    with ExitStack() as stack:

        def open_page(page_name: str, device: str):
            if now["key"] != (page_name, device) or now["page"].problems:
                stack.close()
                options = DESKTOP if device == "desktop, light" else PHONE
                page = stack.enter_context(opened(browser, f"{site_url}/{page_name}", **options))
                assert wait_for_widgets(page) == number_of_figures(page_name)
                now.update(key=(page_name, device), page=page)
            return now["page"]

        yield open_page


def number_of_figures(page_name: str) -> int:
    return (SITE / page_name).read_text(encoding="utf-8").count('class="widget-figure"')


FIGURES = [(page_name, device, number) for page_name in WITH_WIDGETS for device in ("desktop, light", "phone, dark")
           for number in range(1, number_of_figures(page_name) + 1)]


@pytest.mark.parametrize(("page_name", "device", "number"), FIGURES)
def test_every_slider_changes_the_face_and_its_readout(open_for_all_figures, page_name, device, number):
    """One figure a test: on a busy machine all those of a page may exceed the time that one test has."""
    page = open_for_all_figures(page_name, device)
    widget = page.locator(".fs").nth(number - 1)
    sliders = widget.locator(CONTROL).all()
    for slider in sliders:  # where the others stand at an end, a slider may have nothing to change
        click_at(page, slider, 0.5)
    for k, slider in enumerate(sliders):
        name = f"slider {k} of {widget.get_attribute('aria-label')!r}"
        check_keyboard(page, widget, slider, k, name)
        check_pointer(page, widget, slider, k, name)
        click_at(page, slider, 0.5)
    check_play(page, widget)
    if device == "desktop, light":
        check_tools(page, widget)
    assert page.problems == []


def check_keyboard(page, widget, slider, k: int, name: str) -> None:
    slider.focus()
    page.keyboard.press("Home")
    home = look(widget)
    page.keyboard.press("ArrowRight")
    step = look(widget)
    page.keyboard.press("End")
    end = look(widget)
    assert home["values"][k] != step["values"][k], f"{name}: an arrow key does not change its text"
    assert home["spoken"][k] != step["spoken"][k], f"{name}: an arrow key does not change what is read aloud"
    assert home["values"][k] != end["values"][k], f"{name}: Home and End show the same text"
    assert home["face"] != end["face"], f"{name}: Home and End show the same"


def check_pointer(page, widget, slider, k: int, name: str) -> None:
    click_at(page, slider, 0.02)
    left = look(widget)
    click_at(page, slider, 0.98)
    right = look(widget)
    assert left["values"][k] != right["values"][k], f"{name}: clicking along it does not change its text"
    assert left["face"] != right["face"], f"{name}: clicking along it does not change what is shown"


def check_play(page, widget) -> None:
    click_at(page, widget.locator(CONTROL).first, 0.02)
    before, button = widget.locator(".fs-value").first.text_content(), widget.locator(".fs-play")
    button.click()
    page.wait_for_function("([widget, before]) => widget.querySelector('.fs-value').textContent !== before",
                           arg=[widget.element_handle(), before], timeout=READY_MS)
    # In one step, because it may reach its end, where Play starts anew, between our looking and our clicking.
    button.evaluate("button => { if (button.ariaLabel === 'Pause') button.click(); }")
    stopped = look(widget)
    page.wait_for_timeout(250)
    assert look(widget) == stopped, "it still moves after a press on Pause"
    assert button.get_attribute("aria-label") == "Play"


def check_tools(page, widget) -> None:
    """Each button under the figure does what it says, by keyboard and by pointer."""
    speed, *save, screen = widget.locator(".fs-tools button").all()
    assert len(save) == (widget.locator("canvas.fs-face, .fs-face canvas").count() > 0)  # a canvas can be saved as a picture
    texts = [speed.text_content()]
    for act in (lambda: speed.press("Enter"), speed.click):
        act()
        texts.append(speed.text_content())
    assert len(set(texts)) == 3, f"the speed does not change: {texts}"
    for act in [act for tool in save for act in (lambda tool=tool: tool.press("Enter"), tool.click)]:
        with page.expect_download() as download:
            act()
        assert download.value.path().stat().st_size > 100
    for act in (lambda: screen.press("Enter"), screen.click):
        act()
        assert "fs-projector" in widget.get_attribute("class")
        screen.click()
        page.wait_for_function("widget => !widget.classList.contains('fs-projector')", arg=widget.element_handle())


# How high a frame 800 pixels wide has to be, as the teaching guide says, where that is not 920.
FRAME = {"embed/fig-ways-to-train-one-clock.html": 1000}


@pytest.mark.parametrize("page_name", EMBEDS)
def test_a_figures_own_page(browser, page_name):
    """From a file and on a phone: it moves, fits, asks no host for anything, and axe finds nothing wrong in either theme."""
    with opened(browser, f"{SITE.resolve().as_uri()}/{page_name}", **PHONE) as page:
        assert wait_for_widgets(page) == 1
        widget = page.locator(".fs")
        sliders = widget.locator(CONTROL).all()
        for slider in sliders:
            click_at(page, slider, 0.5)
        check_keyboard(page, widget, sliders[0], 0, page_name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == []
        page.set_viewport_size({"width": 800, "height": 300})
        assert page.evaluate("document.documentElement.scrollHeight") <= FRAME.get(page_name, 920), "see the teaching guide"
        assert page.problems == []


@pytest.mark.parametrize("page_name", WITH_WIDGETS)
def test_the_link_to_a_frame_leads_there(browser, site_url, page_name):
    """To the last figure of the page, far below, whose data may be in a file of their own."""
    with opened(browser, f"{site_url}/{page_name}", **DESKTOP) as page:
        wait_for_widgets(page)
        place = page.locator(".widget-figure").last
        place.locator(CONTROL).first.press("End")
        wanted = place.locator(".fs-value").all_text_contents()
        link = place.get_by_role("link", name="Link to this frame")
        link.focus()
        link.dispatch_event("pointerdown")
        page.goto(link.evaluate("link => link.href"))
        place.locator(".fs[data-ready]").wait_for(timeout=READY_MS)
        assert place.locator(".fs-value").all_text_contents() == wanted
        assert 0 <= place.bounding_box()["y"] < DESKTOP["viewport"]["height"] / 2
        assert page.problems == []


@pytest.mark.parametrize("page_name", WITH_WIDGETS)
def test_without_javascript_a_still_figure_stands_for_each_widget(browser, site_url, page_name):
    with opened(browser, f"{site_url}/{page_name}", java_script_enabled=False, **DESKTOP) as page:
        places = page.locator(".widget-figure").all()
        assert places
        for place in places:
            face = place.locator(".widget-poster .fs-face")
            assert face.is_visible()
            box = face.bounding_box()
            assert min(box["width"], box["height"]) > 20
            assert face.get_attribute("alt") or face.inner_text()
            assert "needs JavaScript" in place.inner_text()
        assert not [problem for problem in page.problems if problem.startswith("foreign")]


FORMULAS = """() => [...document.querySelectorAll(".bd-article .math")].map((formula) => {
    const { width, height } = formula.querySelector("mjx-math")?.getBoundingClientRect() ?? { width: 0, height: 0 };
    const bare = [...formula.querySelectorAll("mjx-c")].filter((c) => getComputedStyle(c, "::before").content === "none");
    return { text: formula.textContent, width, height, bare: bare.map((symbol) => symbol.className) };
})"""

TEX = """() => {
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const { parentElement, data } = texts.currentNode;
        if (!parentElement.closest("pre, code, script, style") && /\\\\[a-z(\\[]|\\$[^$]+\\$/i.test(data)) found.push(data);
    }
    return found;
}"""


@pytest.mark.parametrize("page_name", PAGES)
def test_without_javascript_every_formula_is_seen(browser, site_url, page_name):
    """Each has a size and a drawing of each of its symbols, and nowhere is there any TeX to be read."""
    with opened(browser, f"{site_url}/{page_name}", java_script_enabled=False, **DESKTOP) as page:
        page.evaluate("() => document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
        formulas = page.evaluate(FORMULAS)
        assert [formula for formula in formulas if min(formula["width"], formula["height"]) < 3 or formula["bare"]] == []
        assert page.evaluate(TEX) == []
        assert ("$$" in source_of(page_name)) <= bool(formulas)


def source_of(page_name: str) -> str:
    """What the page was made from, as its download has it; a page without a download says nothing."""
    found = (SITE / "_sources" / page_name).with_suffix("")
    return "".join(file.read_text(encoding="utf-8") for file in found.parent.glob(f"{found.name}.*"))
