"""Sketch: a finger draws, and the page computes what becomes of the drawing as the package would."""

import json

import numpy as np
import pytest
import torch

from diffusion_utils import schedules
from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.widgets import Sketch, front_end
from diffusion_utils.widgets.sketch_still import page_noise

from .small_book import build
from .test_explorable import places
from .test_pages import violations

RNG = np.random.default_rng(0)
DIGITS = np.kron(RNG.choice([-1.0, 1.0], (40, 7, 7)), np.ones((4, 4)))  # as coarse as no noise is
CLASSES = [k % 10 for k in range(30)]
NOISE = page_noise(0, 784).reshape(28, 28)
ROUNDING = 1 / 255  # to grey levels; of the drawing, which is read back from its picture, and of what becomes of it



def figures():
    return [Sketch.dissolve(DIGITS[:10], title="Dissolves", alt="A digit, noised", name="fig-dissolves"),
            Sketch.oracle(DIGITS[:10], DIGITS[10:], CLASSES, title="Oracle", alt="A digit, guessed", board="All thirty.",
                          name="fig-oracle")]


@pytest.fixture(scope="module")
def js(browser):
    """Evaluates an expression over the functions of equations.js and pad.js."""
    page = browser.new_page()
    page.add_script_tag(content=front_end.source("equations.js", "pad.js"))
    yield lambda expression: json.loads(page.evaluate(f"JSON.stringify({expression})"))
    page.close()


@pytest.mark.parametrize("call", ["sigmoid(1000)", "sigmoid(50, -2, 4, 1e-5)", "flow(1000)", "flow(7)"])
def test_the_tables_are_those_of_the_package(js, call):
    schedule = eval(call, vars(schedules))
    table = js(call)
    np.testing.assert_allclose(table["signal"], schedule.signal, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(table["noise"], schedule.noise, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("t", [20, 400, 900, 1000])
def test_the_posterior_is_the_exact_denoisers(js, t):
    points, schedule = torch.as_tensor(RNG.normal(size=(5, 3))), schedules.cosine(1000)
    x_t = torch.as_tensor(RNG.normal(size=(1, 3)))
    oracle = ExactDenoiser(points, schedule)
    known = json.dumps(points.tolist())
    found = js(f"((w) => [w, [...mean({known}, w)], blended(w)])(weights({known}, cosine(1000), {x_t[0].tolist()}, {t}))")
    np.testing.assert_allclose(found[0], oracle.weights(x_t, t)[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[1], oracle(x_t, t).x0_hat[0], rtol=1e-9, atol=1e-12)
    assert found[2] == pytest.approx(float(oracle.blended(x_t, t)), rel=1e-9)


def test_the_noise_of_the_still_figure_is_that_of_the_page(js):
    found = js("((g) => Array.from({ length: 300 }, () => g()))(makeGaussian(7))")
    np.testing.assert_allclose(page_noise(7, 300), found, rtol=1e-12)


def test_ink_is_full_on_the_way_and_fades_at_its_edge(js):
    """A stroke from pixel (10, 14) to (20, 14): its middle row is white, the next one nearly so, the one after grey."""
    found = js("((p) => { addInk(p, { x: 10.5, y: 14.5 }, { x: 20.5, y: 14.5 }); return [...p]; })(blank())")
    found = np.reshape(found, (28, 28))
    np.testing.assert_allclose(found[14, 10:21], 1, atol=1e-6)
    np.testing.assert_allclose(found[[13, 15], 15], 0.8, atol=1e-6)  # 1 pixel away, where 0.9 has all the ink
    np.testing.assert_allclose(found[[12, 16], 15], -1, atol=1e-6)
    np.testing.assert_allclose(found[14, [9, 21]], 0.8, atol=1e-6)  # the ends are round
    assert found[13, 9] == pytest.approx(2 * (1.9 - 2**0.5) - 1, abs=1e-6)
    assert (found[:, :8] == -1).all() and (found[:, 23:] == -1).all()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), figures()).as_uri()


def seen(figure, which: int) -> np.ndarray:
    """What a canvas shows, in [−1, 1]."""
    return np.reshape(figure.locator("canvas").nth(which).evaluate("""(canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return Array.from({ length: data.length / 4 }, (_, n) => data[4 * n] / 127.5 - 1);
    }"""), (-1, 28))


def readouts(figure) -> list[str]:
    return figure.locator("dd").all_text_contents()


def draw(page, pad, *places):
    """A stroke through places in pixels of the digit."""
    box = pad.bounding_box()
    for k, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"] / 28, box["y"] + y * box["height"] / 28)
        if k == 0:
            page.mouse.down()
    page.mouse.up()


def test_a_drawing_dissolves_as_the_package_says_and_undo_and_clear_work(browser, address):
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(f"{address}?fig-dissolves.t=400&fig-dissolves.schedule=flow")
    figure = page.locator("#fig-dissolves .fs[data-ready]")
    figure.wait_for()
    pad = figure.locator(".fs-pad")

    def check():
        x0 = seen(figure, 0)
        wanted = {name: float(s.signal[400]) * x0 + float(s.noise[400]) * NOISE for name, s in
                  ((name, make(1000)) for name, make in schedules.SCHEDULES.items())}
        for k, name in enumerate(["flow", *schedules.SCHEDULES]):
            np.testing.assert_allclose(seen(figure, k + 1), wanted[name].clip(-1, 1), atol=2 * ROUNDING, err_msg=name)
        return x0

    np.testing.assert_allclose(check(), DIGITS[3], atol=1e-6)  # example 3, at first
    assert readouts(figure) == ["0.600", "0.400", "2.25", "0.41"]
    draw(page, pad, (5.5, 14.5), (14.5, 14.5), (22.5, 14.5))
    drawn = check()
    assert (drawn[14, 6:22] == 1).all() and (drawn[:12] == -1).all()  # the example made room
    draw(page, pad, (14.5, 4.5), (14.5, 24.5))
    crossed = check()
    assert (crossed[5:24, 14] == 1).all() and (crossed[14, 6:22] == 1).all()  # a second stroke adds to the first
    figure.get_by_role("button", name="Undo").click()
    np.testing.assert_array_equal(check(), drawn)
    figure.get_by_role("button", name="Clear").click()
    assert (check() == -1).all()
    for _ in range(2):
        figure.get_by_role("button", name="Undo").press("Enter")
    np.testing.assert_allclose(check(), DIGITS[3], atol=1e-6)
    assert figure.get_by_role("button", name="Undo").is_disabled()
    figure.get_by_role("button", name="7", exact=True).press("Space")
    np.testing.assert_allclose(check(), DIGITS[7], atol=1e-6)
    assert figure.locator("[aria-pressed=true]").filter(has_text="7").count() == 1
    page.close()


def test_the_oracle_answers_as_the_exact_denoiser_does(browser, address):
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(f"{address}?fig-oracle.t=700")
    figure = page.locator("#fig-oracle .fs[data-ready]")
    figure.wait_for()
    draw(page, figure.locator(".fs-pad"), (6.5, 6.5), (20.5, 20.5))
    x0, schedule = seen(figure, 0), schedules.cosine(1000)
    # The pad's pixels come back as grey levels, and so does x_t, made from what they stand for.
    x_t = float(schedule.signal[700]) * x0 + float(schedule.noise[700]) * NOISE
    oracle = ExactDenoiser(torch.as_tensor(DIGITS[10:]), schedule)
    weights = oracle.weights(torch.as_tensor(x_t)[None], 700)[0].numpy()
    guess = np.tensordot(weights, DIGITS[10:], 1)
    np.testing.assert_allclose(seen(figure, 2), guess, atol=0.02)
    by_class = np.bincount(CLASSES, weights)
    assert readouts(figure)[2].startswith(f"{by_class.argmax()} (")
    assert float(readouts(figure)[1]) == pytest.approx(np.exp(-(weights * np.log(weights)).sum()), abs=0.2)
    assert float(readouts(figure)[3]) == pytest.approx(np.sqrt(((guess - x0) ** 2).mean()), abs=0.01)
    board = np.reshape(seen(figure, 3), (2, 28, 20, 28)).max((1, 3)).ravel()[:30]  # the brightest pixel of each digit known
    assert board.argmax() == weights.argmax()
    page.close()


@pytest.mark.parametrize("width", [360, 1000])
def test_nothing_moves_when_it_takes_the_place_of_its_still_form_and_no_number_changes(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    page.goto(address)
    still, texts = places(page), [readouts(figure) for figure in page.locator(".widget-figure").all()]
    page.unroute("**/widget-host.js*")
    page.goto(address)
    page.locator(".fs[data-ready]").nth(1).wait_for()
    assert places(page) == still
    assert [readouts(figure) for figure in page.locator(".widget-figure").all()] == texts
    for figure in page.locator(".fs").all():
        draw(page, figure.locator(".fs-pad"), (6.5, 6.5), (20.5, 20.5))
        figure.get_by_role("button", name="Clear").click()
    assert places(page) == still
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [fault for fault in violations(page) if "fs-" in str(fault)] == []
    page.close()


def test_a_finger_draws_on_the_pad_and_scrolls_beside_it(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    page.locator(".fs[data-ready]").nth(1).wait_for()
    client = context.new_cdp_session(page)

    def swipe(x, y, up):
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for k in range(1, 9):
            client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - up * k / 8}]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(100)

    figure = page.locator("#fig-dissolves .fs")
    box = figure.locator(".fs-pad").bounding_box()
    swipe(box["x"] + box["width"] / 2, box["y"] + 0.9 * box["height"], 0.8 * box["height"])
    assert page.evaluate("scrollY") == 0
    assert (seen(figure, 0)[4:24, 14] > 0.5).all()
    before = seen(figure, 0)
    box = figure.locator("canvas").nth(1).bounding_box()
    swipe(box["x"] + box["width"] / 2, box["y"] + box["height"], 150)
    assert page.evaluate("scrollY") > 0
    np.testing.assert_array_equal(seen(figure, 0), before)
    context.close()
