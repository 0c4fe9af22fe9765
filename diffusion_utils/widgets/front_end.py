"""The JavaScript of a figure: several short files, joined into the one module that anywidget sends to the browser."""

from __future__ import annotations

import pathlib

HERE = pathlib.Path(__file__).parent
# What every figure is made of.
FIGURE = ("words.json", "elements.js", "controls.js", "picture.js", "tools.js", "paper.js", "figure.js")
SCRUBBER = (*FIGURE, "companions.js", "scrubber.js")  # and those over what was computed beforehand


def source(*names: str) -> str:
    """The files of these names, one after the other; they share one scope, so each may use what came before.

    A table, words.json, becomes a constant, WORDS.
    """
    texts = {name: (HERE / name).read_text(encoding="utf-8") for name in names}
    return "\n".join(f"const {name.removesuffix('.json').upper()} = {text.strip()};" if name.endswith(".json") else text
                     for name, text in texts.items())
