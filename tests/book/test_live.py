"""A figure in JupyterLab with a kernel behind it: Python reads and sets its position, and two figures move together."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

CELL = """
import ipywidgets
import numpy as np
from diffusion_utils.widgets import Axis, FrameScrubber

def figure(title):
    frames = np.zeros((10, 6, 8), dtype=np.uint8)
    return FrameScrubber.from_arrays(frames, axes=[Axis("t", [100 * k for k in range(10)])], title=title)

moved, doubled, linked = figure("Moved"), figure("Doubled"), figure("Linked")

def double(change):  # in Python: reads one position and sets the other
    doubled.index = min(2 * change.new, 9)

moved.observe(double, "index")
link = ipywidgets.jslink((moved, "index"), (linked, "index"))  # in the browser
ipywidgets.VBox([moved, doubled, linked, link])
"""
MINUTES = 3  # until JupyterLab and its kernel have started; on two quiet cores it takes a quarter of a minute


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a notebook of CELL in a JupyterLab that keeps nothing outside its folder."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "live.ipynb")
    homes = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
                                                           "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")}
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser",
               f"--ServerApp.port={address.rsplit(':', 1)[1]}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
               f"--ServerApp.root_dir={folder}"]
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env={**os.environ, **homes}, stdout=log, stderr=log)
        try:
            wait_for(address, server)
            yield f"{address}/lab/tree/live.ipynb?reset"
        finally:
            server.terminate()
            server.wait(30)


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(address: str, server: subprocess.Popen) -> None:
    """Return when the server answers."""
    end = time.monotonic() + 60 * MINUTES
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start (exit status {server.poll()})")


@pytest.mark.timeout(60 * 2 * MINUTES)
def test_python_reads_and_sets_positions_and_linked_figures_move_together(lab, browser):
    page = browser.new_page()
    page.route(lambda address: not address.startswith(("http://127.0.0.1", "ws://127.0.0.1", "blob:", "data:")),
               lambda route: route.abort())  # JupyterLab looks for news
    page.goto(lab)
    page.set_default_timeout(60_000 * MINUTES)
    # Or it asks which kernel is meant.
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    figures = page.locator(".fs[data-ready]")
    figures.nth(2).wait_for()
    moved, doubled, linked = (figures.nth(k).locator("input[type=range]") for k in range(3))
    moved.focus()
    for _ in range(3):
        moved.press("ArrowRight")  # which JupyterLab takes for itself unless the figure keeps it
    for slider, position in ((moved, 3), (linked, 3), (doubled, 6)):
        page.wait_for_function("([slider, position]) => slider.value === String(position)",
                               arg=[slider.element_handle(), position])
    assert doubled.get_attribute("aria-valuetext").startswith("600")
    page.close()
