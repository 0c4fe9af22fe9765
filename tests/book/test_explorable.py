"""Explorable: its JavaScript equations against the package's own, and the figures in a page."""

import json

import numpy as np
import pytest
import torch

from diffusion_utils import schedules
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.sampling import posterior_std, update
from diffusion_utils.widgets import Explorable, front_end

from .small_book import build
from .widget_page import CONTROL

MIXTURE = GaussianMixture([[1.5, 0.0], [-1.0, 1.2], [-0.5, -1.5]], [0.2, 0.35, 0.1], [0.5, 0.3, 0.2])
DATA = {"means": MIXTURE.means.tolist(), "stds": MIXTURE.stds.tolist(), "mix": MIXTURE.mix.tolist()}
POINTS = np.random.default_rng(0).normal(scale=1.5, size=(50, 2))
# Both sides compute in float64, in another order of operations: a few hundred roundings of 1e-16 over T steps.
TIGHT = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(scope="module")
def js(browser):
    """Evaluates an expression over the functions of equations.js."""
    page = browser.new_page()
    page.add_script_tag(content=front_end.source("equations.js"))
    yield lambda expression: json.loads(page.evaluate(f"JSON.stringify({expression})"))
    page.close()


@pytest.mark.parametrize(("call", "schedule"), [
    ("linear(1000)", schedules.linear(1000)),
    ("linear(100, 1e-4, 0.05)", schedules.linear(100, 1e-4, 0.05, allow_signal_left=True)),
    ("cosine(1000)", schedules.cosine(1000)),
    ("cosine(50, 0.1)", schedules.cosine(50, 0.1)),
])
def test_the_tables_are_those_of_the_package(js, call, schedule):
    table = js(call)
    np.testing.assert_allclose(table["signal"], schedule.signal, **TIGHT)
    np.testing.assert_allclose(table["noise"], schedule.noise, **TIGHT)
    t = schedule.T // 2
    assert js(f"logSnr({call}, {t})") == pytest.approx(float(schedule.log_snr[t]), rel=1e-9)


@pytest.mark.parametrize("t", [1, 40, 99])
def test_the_estimate_is_the_exact_denoisers(js, t):
    schedule = schedules.cosine(100)
    found = js(f"[...estimate({json.dumps(DATA)}, {float(schedule.signal[t])!r}, {float(schedule.noise[t])!r}, "
               f"Float64Array.from({json.dumps(POINTS.ravel().tolist())})).x0Hat]")
    wanted = MIXTURE.denoiser(schedule)(torch.as_tensor(POINTS), t).x0_hat
    np.testing.assert_allclose(np.reshape(found, (-1, 2)), wanted, rtol=1e-9, atol=1e-9)


def test_far_from_everything_the_estimate_stays_a_number(js):
    found = js(f"[...estimate({json.dumps(DATA)}, 1, 1e-3, Float64Array.from([40, -60])).x0Hat]")
    assert np.isfinite(found).all()


@pytest.mark.parametrize(("t", "s"), [(100, 80), (7, 6), (1, 0)])
@pytest.mark.parametrize("stochastic", [False, True])
def test_a_step_is_the_samplers(js, t, s, stochastic):
    schedule = schedules.cosine(100)
    u = float(posterior_std(schedule, t, s)) if stochastic else 0.0
    assert js(f"posteriorStd(cosine(100), {t}, {s})") == pytest.approx(float(posterior_std(schedule, t, s)), rel=1e-9)
    x_t, D = POINTS[:2].ravel(), POINTS[2:4].ravel()
    found = js(f"update(cosine(100), {x_t.tolist()}, {t}, {s}, {D.tolist()}, {u!r}, () => 0.7)")
    z = torch.full((1, 4), 0.7, dtype=torch.float64)
    wanted = update(schedule, torch.as_tensor(x_t)[None], t, s, torch.as_tensor(D)[None], u=u, z=z)
    np.testing.assert_allclose(found, wanted[0], **TIGHT)


def test_the_noise_is_standard_normal(js):
    """Distance of the empirical from the normal distribution function, which for n true draws exceeds 1.95/√n in 0.1 %."""
    n = 20_000
    z = np.sort(js(f"((g) => Array.from({{ length: {n} }}, () => g()))(makeGaussian(1))"))
    distance = np.abs(torch.special.ndtr(torch.as_tensor(z)).numpy() - (np.arange(n) + 0.5) / n).max()
    assert distance < 1.95 / np.sqrt(n)
    draws = np.array(js(f"((g) => Array.from({{ length: {n} }}, () => g()))(makeGaussian(2))"))
    assert abs(np.mean(draws[:-1] * draws[1:])) < 4 / np.sqrt(n)    # neighbours do not know of each other


def test_points_walk_back_to_the_mixture(js):
    """Shares of the components after DDPM's 100 steps from noise: within four standard deviations of 1000 draws."""
    shares = js("""((n, data) => {
        const [schedule, gaussian] = [cosine(100), makeGaussian(3)];
        let x = Float64Array.from({ length: 2 * n }, () => gaussian());
        for (let t = 100; t > 0; t--) {
            const { x0Hat } = estimate(data, schedule.signal[t], schedule.noise[t], x);
            x = update(schedule, x, t, t - 1, x0Hat, posteriorStd(schedule, t, t - 1), gaussian);
        }
        const { component } = estimate(data, 1, 1e-3, x);
        return data.mix.map((_, k) => component.filter((c) => c === k).length / n);
    })(1000, """ + json.dumps(DATA) + ")")
    for share, wanted in zip(shares, DATA["mix"], strict=True):
        assert abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 1000)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    figures = [Explorable.points(MIXTURE, title="Points", alt="Points in the plane"),
               Explorable.schedules(title="Schedules", alt="Two curves")]
    return build(tmp_path_factory.mktemp("book"), figures)


def test_every_slider_changes_the_drawing_and_its_text(page, browser):
    tab = browser.new_page(viewport={"width": 360, "height": 740})
    problems = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(page.as_uri())
    tab.locator(".fs[data-ready]").nth(1).wait_for()
    for figure in tab.locator(".fs").all():
        tab.wait_for_timeout(100)    # a first drawing in its place, in the page's colours
        for k, slider in enumerate(figure.locator(CONTROL).all()):
            slider.press("Home")
            before = look(figure)
            slider.press("End")
            after = look(figure)
            assert before[0] != after[0] and before[1] != after[1], (k, after[1])
            if k == 0:    # at t = T all ways start from the same noise, whatever the data
                slider.press("Home")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert problems == []
    tab.close()


@pytest.mark.parametrize("width", [360, 1000])
def test_nothing_moves_when_it_takes_the_place_of_its_picture_or_when_a_slider_moves(page, browser, width):
    tab = browser.new_page(viewport={"width": width, "height": 700})
    tab.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    tab.goto(page.as_uri())
    figures = tab.locator(".widget-figure").all()
    still = places(tab)
    assert all(figure.locator(".widget-poster img").get_attribute("alt") for figure in figures)
    tab.unroute("**/widget-host.js*")
    tab.goto(page.as_uri())
    tab.locator(".fs[data-ready]").nth(1).wait_for()
    assert places(tab) == still
    for figure in figures:
        for k, slider in enumerate(figure.locator(CONTROL).all()):
            for key in ("End", "Home"):
                slider.press(key)
                assert places(tab) == still, (k, key)
    tab.close()


def places(tab):
    """Top and size of each figure in the document, whatever the page has been scrolled by."""
    return tab.evaluate("""() => [...document.querySelectorAll(".widget-figure")].map((figure) => {
        const { top, width, height } = figure.getBoundingClientRect();
        return [top + scrollY, width, height];
    })""")


def look(figure):
    return figure.locator("canvas").evaluate("canvas => canvas.toDataURL()"), figure.locator(".fs-value").all_text_contents()


def test_play_runs_back_where_time_runs_back(page, browser):
    tab = browser.new_page()
    tab.goto(f"{page.as_uri()}?fig-points.t=20&fig-points.way=back, DDIM")
    figure = tab.locator("#fig-points .fs[data-ready]")
    figure.wait_for()
    figure.get_by_role("button", name="Play").click()
    tab.wait_for_function("document.querySelector('#fig-points .fs-value').textContent === '0'")
    assert figure.get_by_role("button", name="Play").count() == 1
    tab.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_each_has_a_page_of_its_own(page, browser, scripts):
    tab = browser.new_page(java_script_enabled=scripts)
    tab.goto((page.parent / "embed" / "fig-points.html").as_uri())
    if scripts:
        tab.locator(".fs[data-ready]").wait_for()
    else:
        assert tab.locator(".widget-poster img").evaluate("image => image.naturalWidth") == 880
    tab.close()


def test_it_follows_the_switch_of_the_pages_theme(page, browser):
    tab = browser.new_page()
    tab.goto(page.as_uri())
    figure = tab.locator("#fig-schedules .fs[data-ready]")
    figure.wait_for()
    tab.wait_for_timeout(100)    # a first drawing in its place, in the page's colours
    before = look(figure)
    tab.add_style_tag(content="[data-theme=dark] .fs { background: black; color: white }")
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    tab.wait_for_function("before => document.querySelector('#fig-schedules canvas').toDataURL() !== before", arg=before[0])
    tab.close()


def test_a_page_of_its_own_follows_the_systems_theme(page, browser):
    """After a change to dark, and without any move, it is drawn as on a page that was dark from the start."""
    address = (page.parent / "embed" / "fig-schedules.html").as_uri()
    drawings = {}
    for theme in ("light", "dark"):
        tab = browser.new_page(color_scheme=theme)
        tab.goto(address)
        tab.locator(".fs[data-ready]").wait_for()
        tab.wait_for_timeout(100)    # a first drawing in its place, in the page's colours
        drawings[theme] = look(tab.locator(".fs"))
        if theme == "light":
            tab.emulate_media(color_scheme="dark")
            tab.wait_for_function("before => document.querySelector('canvas').toDataURL() !== before", arg=drawings["light"][0])
            drawings["changed"] = look(tab.locator(".fs"))
        tab.close()
    assert drawings["changed"] == drawings["dark"]
