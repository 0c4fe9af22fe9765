"""SoundScrubber in a browser: it draws and plays the bytes that it has, once it is asked to, and never unasked."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile
from sounds import LENGTH, T, dissolving, tones

from diffusion_utils.sound import RATE
from diffusion_utils.widgets.sound_still import FINE, HEIGHT, SPECTRUM, WIDTH, sound_picture, wave_of

from .small_book import build
from .test_explorable import places
from .test_pages import violations
from .widget_page import press

# What is played, written down as the browser is told to: each sound, when and from where in it; when it ends; how loud.
WATCH = """
window.heard = [];
const { start, stop } = AudioBufferSourceNode.prototype;
AudioBufferSourceNode.prototype.start = function (when, offset) {
  heard.push({ samples: [...this.buffer.getChannelData(0)], rate: this.buffer.sampleRate, loop: this.loop, when, offset });
  this.place = heard.length - 1;
  return start.call(this, when, offset);
};
AudioBufferSourceNode.prototype.stop = function (when) {
  heard[this.place].end = when;
  return stop.call(this, when);
};
const made = window.AudioContext;
window.contexts = 0;
window.AudioContext = class extends made { constructor() { super(); window.contexts += 1; } };
"""
FETCHED = """async (address) => [...new Uint8Array(await (await fetch(address)).arrayBuffer())]"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), [tones(), dissolving()]).as_uri()


def shown(page, which):
    """What a canvas shows, as a file: number by number it would take long."""
    address = page.locator("canvas").nth(which).evaluate("(canvas) => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB")).astype(int)


def drawn(widget, frame):
    mark = widget.settings["marks"][frame] if widget.settings["marks"] else (0, 0)
    return sound_picture(wave_of(widget.settings, widget.sounds, frame), mark, RATE).astype(int)


def alike(found, wanted):
    """The spectra within a few shades, and the waves at the same heights: lines are smoothed in either way."""
    rows = slice(30 * FINE, (SPECTRUM - 30) * FINE)  # without the words in the corners
    assert np.abs(found[rows] - wanted[rows]).mean() < 4
    bright = [(picture[(SPECTRUM + 4) * FINE:(HEIGHT - 20) * FINE].sum(2) > 300).sum(0) for picture in (found, wanted)]
    assert np.abs(bright[0] - bright[1]).mean() < 3 * FINE


def test_it_takes_the_place_of_its_still_form_without_a_move_and_draws_what_it_does(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    page.goto(address)
    still = places(page)
    assert page.locator(".widget-poster audio").first.get_attribute("src").startswith("data:audio/wav")
    page.unroute("**/widget-host.js*")
    page.goto(address)
    page.locator(".fs[data-ready]").nth(1).wait_for()
    assert places(page) == still
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for figure in page.locator(".fs").all():
        assert figure.bounding_box()["height"] <= 660
    for which, widget, frame in ((0, tones(), 3), (1, dissolving(), 6 * 10)):
        alike(shown(page, which), drawn(widget, frame))
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        assert [fault for fault in violations(page) if "fs-" in str(fault)] == []
    page.close()


def test_nothing_sounds_until_a_click_and_then_what_the_slider_shows(browser, address):
    page, problems = browser.new_page(viewport={"width": 1000, "height": 900}), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.add_init_script(WATCH)
    page.goto(address)
    figures = page.locator(".fs[data-ready]")
    figures.nth(1).wait_for()
    mixed, button = dissolving(), figures.nth(1).locator(".fs-hear")
    press(page, 2, "ArrowRight")  # t of the second figure
    assert page.evaluate("[heard.length, contexts]") == [0, 0]
    assert button.get_attribute("aria-label") == "Listen, t 11, tone low, noise white"
    button.press("Enter")
    assert button.get_attribute("aria-label").startswith("Stop, t 11")
    press(page, 2, "End")
    page.wait_for_function("heard.length === 2 && heard[0].end")
    first, second = page.evaluate("heard")
    np.testing.assert_allclose(first["samples"], wave_of(mixed.settings, mixed.sounds, 6 * 11), atol=2e-4)
    np.testing.assert_allclose(second["samples"], wave_of(mixed.settings, mixed.sounds, 6 * T), atol=2e-4)
    assert second["rate"] == RATE and first["loop"] and second["loop"] and first["offset"] == 0
    assert first["end"] == pytest.approx(second["when"] + 0.01, abs=0.005), "one fades while the other comes"
    elapsed = (second["when"] - first["when"]) % (LENGTH / RATE)
    assert second["offset"] == pytest.approx(elapsed, abs=0.005), "the next goes on where the last was"

    figures.first.locator(".fs-hear").click()  # one figure at a time
    assert button.text_content() == "Listen" and page.evaluate("[heard.length, contexts]") == [3, 2]
    page.evaluate("document.querySelector('.fs').style.marginTop = '4000px'; scrollTo(0, 0)")
    page.wait_for_function("heard[2].end")
    assert figures.first.locator(".fs-hear").text_content() == "Listen" and problems == []
    page.close()


def test_the_player_below_has_the_same_sound_as_a_file(browser, address):
    page = browser.new_page(viewport={"width": 1000, "height": 900}, accept_downloads=True)
    page.goto(address)
    figure = page.locator(".fs[data-ready]").first
    figure.wait_for()
    link = figure.get_by_role("link", name="Save WAV")
    before = link.get_attribute("href")
    press(page, 0, "Home")
    page.wait_for_function("(before) => document.querySelector('.fs-listen a').href !== before", arg=before)
    player = figure.locator("audio")
    assert player.get_attribute("src") == link.get_attribute("href") and player.evaluate("(player) => player.paused")
    rate, samples = wavfile.read(io.BytesIO(bytes(page.evaluate(FETCHED, link.get_attribute("href")))))
    widget = tones()
    assert rate == RATE
    np.testing.assert_allclose(samples / 32767, wave_of(widget.settings, widget.sounds, 1), atol=2e-4)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "fig-tones-pitch-250-Hz-made-loudly-.wav"
    with page.expect_download() as download:
        figure.get_by_role("button", name="Save PNG").click()
    picture = np.asarray(Image.open(download.value.path()).convert("RGB"))
    assert picture.shape[1] >= FINE * WIDTH and (picture.sum(2) > 500).mean() > 0.05
    page.close()
