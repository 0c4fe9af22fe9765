"""A book of one notebook, built by Sphinx with the book's own extensions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from ipywidgets.embed import embed_data

from .conftest import ROOT

CONF = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["myst_nb", "widgets"]
html_static_path = [{static!r}]
nb_execution_mode = "off"
exclude_patterns = ["jupyter_execute", "html"]
nb_ipywidgets_js = {{"widget-host.js": {{}}}}
"""


def build(folder: Path, cells: list, conf: str = "") -> Path:
    """The built page of a notebook of these cells, each a widget, a Markdown text, the forms of an output by type, or a cell.

    `conf` is added to conf.py.
    """
    widgets = [cell for cell in cells if not isinstance(cell, str | dict)]
    notebook = nbformat.v4.new_notebook(cells=[as_cell(cell) for cell in ["# Title", *cells]])
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    if widgets:
        states = embed_data(views=widgets, drop_defaults=False)["manager_state"]
        notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": states}
    (folder / "index.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    extensions, static = str(ROOT / "book" / "_ext"), str(ROOT / "book" / "_static")
    (folder / "conf.py").write_text(CONF.format(extensions=extensions, static=static) + conf, encoding="utf-8")
    return sphinx(folder, "html") / "index.html"


def sphinx(folder: Path, builder: str) -> Path:
    """The folder of what Sphinx makes of the book in this folder, without any warning."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder, str(folder), str(folder / builder)]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    built = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert built.returncode == 0, built.stderr
    return folder / builder


def as_cell(content):
    if isinstance(content, nbformat.NotebookNode):
        return content
    if isinstance(content, str):
        return nbformat.v4.new_markdown_cell(content)
    data, metadata = (content, {}) if isinstance(content, dict) else content._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell("shown", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("display_data", data, metadata=metadata)]
    return cell
