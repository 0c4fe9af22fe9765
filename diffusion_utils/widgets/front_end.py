"""The JavaScript of a figure: several short files, joined into the one module that anywidget sends to the browser."""

from __future__ import annotations

import pathlib

HERE = pathlib.Path(__file__).parent
FIGURE = ("elements.js", "controls.js", "tools.js", "figure.js")  # what every figure is made of


def source(*names: str) -> str:
    """The files of these names, one after the other; they share one scope, so each may use what came before."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)
