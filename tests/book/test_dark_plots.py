"""Plots in a dark page: what is seen on white paper is seen there, without a white plate, and pictures stay as they are."""

from __future__ import annotations

import io
import json
import re

import dark_files
import dark_plots
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from dark_plots import INK, PAGE, PAPER, contrast, turned
from matplotlib.colors import to_rgba
from PIL import Image

from diffusion_utils.chapters import plotting
from diffusion_utils.widgets import Axis, FrameScrubber

from .small_book import build
from .test_pages import opened, pages_with


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def test_the_measure_of_contrast_is_that_of_the_guidelines():
    """21 between black and white; 4.54 for the grey #767676 on white, the well-known limit of readable text."""
    assert contrast((0, 0, 0), PAPER) == pytest.approx(21)
    assert contrast(to_rgba("#767676"), PAPER) == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("colour", plotting.COLOURS)
def test_each_colour_of_the_book_is_seen_as_well_in_the_dark_as_on_paper(colour):
    colour = to_rgba(colour)
    assert contrast(turned(colour), PAGE) >= max(3, contrast(colour, PAPER) - 0.01)


@pytest.mark.parametrize("colour", ["#dddddd", "#dce9f5", "#fde8c4"])    # a grid's, and those of boxes with words in them
def test_a_pale_ground_becomes_a_dark_one_on_which_ink_can_be_read(colour):
    ground = turned(to_rgba(colour))
    assert contrast(ground, PAGE) < 2 and contrast(turned((0, 0, 0, 1)), ground) > 7


def test_a_plot_has_light_ink_and_no_ground():
    figure, axes = plt.subplots()
    axes.plot([0, 1], "k--")
    axes.text(0.5, 0.2, "words")
    axes.scatter([0.1], [0.9], color="black")
    figure.canvas.draw()
    light, dark = pixels(saved(figure)), pixels(dark_plots.in_the_dark(figure))
    assert light.shape == dark.shape and (dark[0, 0, 3], dark[-1, -1, 3]) == (0, 0)
    inked = light[..., :3].max(-1) == 0
    assert inked.any() and dark[inked][:, 3].min() > 250    # a rounding or two from opaque
    drawn = dark[inked][:, :3] / 255
    assert contrast(tuple(drawn.min(0)), PAGE) > 11.5 and drawn.max() <= max(INK)


def saved(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi, bbox_inches="tight")
    return file.getvalue()


def test_pictures_stay_as_they_are():
    """Where the plot is opaque and no words are: in the same places, the same greys."""
    figure = plotting.image_row({"noise": torch.linspace(-1, 1, 3 * 28 * 28).reshape(3, 28, 28)})
    light, dark = pixels(saved(figure)), pixels(dark_plots.in_the_dark(figure))
    right = slice(dark.shape[1] // 3, None)    # of the name
    opaque = dark[:, right, 3] == 255
    assert opaque.mean() > 0.4 and np.array_equal(dark[:, right][opaque], light[:, right][opaque])


def test_the_first_form_is_the_one_that_jupyter_shows_and_the_figure_keeps_its_canvas():
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    canvas, wanted = figure.canvas, dark_plots.print_figure(figure, "png", base64=True)
    data, metadata = dark_plots.both_forms(figure)
    assert data == {"image/png": wanted} and metadata["image/png"].keys() == {"dark"} and figure.canvas is canvas
    assert dark_plots.both_forms(plt.figure()) == ({}, {})


def test_the_page_holds_both_forms_and_the_notebook_one(tmp_path):
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    data, metadata = dark_plots.both_forms(figure)
    cell = nbformat.v4.new_code_cell("plot()", outputs=[nbformat.v4.new_output("display_data", data, metadata=metadata)])
    notebook = tmp_path / "chapter.ipynb"
    notebook.write_text(json.dumps(nbformat.v4.new_notebook(cells=[cell])), encoding="utf-8")
    dark_files.take_out(notebook, tmp_path / "book" / "_static" / "dark")
    left = json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["outputs"][0]
    assert left["data"] == data and left["metadata"] == {"image/png": {}}
    notebook.unlink()    # the book has a page of its own for it
    page = build(tmp_path, [data], 'extensions += ["dark_plots"]\n').read_text(encoding="utf-8")
    forms = re.findall(r'<img class="only-(light|dark)"[^>]* src="([^"]*)/(\w{64}).png"', page)
    assert [(theme, folder) for theme, folder, _ in forms] == [("light", "_images"), ("dark", "_static/dark")]
    assert {name for *_, name in forms} == {file.stem for file in (tmp_path / "book" / "_static" / "dark").iterdir()}


def test_a_figure_of_plots_has_light_ink_in_a_dark_page_and_pictures_stay(open_page):
    """Each colour of the book, and black, on white: seen on the page's ground, which has taken the place of the white."""
    colours = [(0, 0, 0), *(tuple(round(255 * c) for c in to_rgba(colour)[:3]) for colour in plotting.COLOURS)]
    frame = np.full((20, 20 * len(colours) + 10, 3), 255, np.uint8)
    for k, colour in enumerate(colours):
        frame[5:15, 20 * k + 10 : 20 * k + 20] = colour
    scenes = np.stack([frame[:, 10:-10]] * 2)    # the same with a colour in a corner
    scenes[:, 0, 0] = 0
    plots, pictures = (FrameScrubber.from_arrays(frames, axes=[Axis("t", [0, 1])], title=title, scale=2)
                       for frames, title in ((np.stack([frame] * 2), "Plots"), (scenes, "Pictures")))
    page = open_page(plots, pictures, style="html { background: #121212; color: #ced6dd }")
    seen = []
    for canvas in page.locator("canvas").all():
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        seen.append(pixels(canvas.screenshot())[::2, ::2, :3])
    ground, ink = seen[0][10, 4] / 255, [seen[0][10, 20 * k + 15] / 255 for k in range(len(colours))]
    np.testing.assert_allclose(ground, PAGE, atol=0.01)
    assert min(contrast(tuple(colour), PAGE) for colour in ink) > 3 and contrast(tuple(ink[0]), PAGE) > 15
    assert np.array_equal(seen[1][2:-2, 2:-2], scenes[0][2:-2, 2:-2])


CORNERS = """async () => {
    const plots = document.querySelectorAll('.cell_output img:not(.fs-face, [src^="data:"])');  // digits of a figure are data
    const shown = [...plots].filter((image) => image.offsetParent);
    return Promise.all(shown.map(async (image) => {
        image.loading = "eager";
        await image.decode();
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.drawImage(image, 0, 0);
        return [image.src, context.getImageData(0, 0, 1, 1).data[3]];
    }));
}"""


@pytest.mark.parametrize("page_name", sorted(pages_with('src="../_images/')))
def test_no_plot_of_the_book_has_a_white_plate_in_a_dark_page(browser, site_url, page_name):
    """Its corner is transparent; and in a light page nothing is loaded of the form for the dark."""
    for scheme, opaque in (("dark", 0), ("light", 255)):
        with opened(browser, f"{site_url}/{page_name}", viewport={"width": 1280, "height": 900}, color_scheme=scheme) as page:
            assert [corner for corner in page.evaluate(CORNERS) if corner[1] != opaque] == []
            loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
            assert scheme == "dark" or [url for url in loaded if "_static/dark" in url] == []
