"""The Sphinx extension that keeps a still figure beside each widget, on a book of one notebook."""

import json
import os
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from ipywidgets.embed import embed_data

from diffusion_utils.widgets import Axis, FrameScrubber

from .conftest import ROOT

CONF = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["myst_nb", "widget_posters"]
html_static_path = [{static!r}]
nb_execution_mode = "off"
nb_ipywidgets_js = {{"widget-host.js": {{}}}}
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The built page of a notebook that shows one FrameScrubber."""
    frames = np.random.default_rng(0).integers(0, 256, (5, 30, 40), dtype=np.uint8)
    widget = FrameScrubber.from_arrays(frames, axes=[Axis("t", range(5))], title="Noise", captions=list("abcde"))
    data, metadata = widget._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell("widget", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("display_data", data, metadata=metadata)]
    states = embed_data(views=[widget], drop_defaults=False)["manager_state"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), cell])
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": states}
    folder = tmp_path_factory.mktemp("book")
    (folder / "index.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    extensions, static = str(ROOT / "book" / "_ext"), str(ROOT / "book" / "_static")
    (folder / "conf.py").write_text(CONF.format(extensions=extensions, static=static), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(folder / "html")]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    built = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert built.returncode == 0, built.stderr
    return folder / "html" / "index.html"


def test_the_still_figure_is_there_without_javascript(page, browser):
    tab = browser.new_page(java_script_enabled=False)
    tab.goto(page.as_uri())
    picture = tab.locator(".widget-figure .widget-poster img")
    assert picture.is_visible() and picture.get_attribute("alt") == "Noise. a"
    assert picture.bounding_box()["width"] == 440
    assert tab.locator(".widget-figure a").count() == 0
    tab.close()


def test_nothing_moves_when_the_widget_takes_its_place(page, browser):
    tab = browser.new_page(viewport={"width": 360, "height": 700})
    tab.route("**/widget-host.js*", lambda route: route.abort())
    tab.goto(page.as_uri())
    still = tab.locator(".widget-figure").bounding_box()
    tab.unroute("**/widget-host.js*")
    tab.goto(page.as_uri())
    tab.locator(".fs[data-ready]").wait_for(timeout=10_000)
    assert tab.locator(".widget-poster").count() == 0
    assert tab.locator(".widget-figure").bounding_box() == still
    tab.close()
