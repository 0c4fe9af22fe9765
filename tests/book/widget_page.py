"""Figures to try things on, and a small page of their own as myst-nb and the extensions write it."""

import base64
import json
from pathlib import Path

import numpy as np
from ipywidgets.embed import embed_data

from diffusion_utils.widgets import Axis, Curve, FrameScrubber, Histogram
from diffusion_utils.widgets.words import words

HOST = Path(__file__).parents[2] / "book" / "_static" / "widget-host.js"
N, M = 12, 3
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (N, M, 6, 8), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (N, 6, 8, 3), dtype=np.uint8)
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def two_sliders(**options) -> FrameScrubber:
    return FrameScrubber.from_arrays(
        GREY,
        axes=[Axis("t", [10 * k for k in range(N)]), Axis("schedule", ["linear", "cosine", "sigmoid"])],
        title="Two sliders",
        readouts={"Σ_θ": [[f"{i}.{j}" for j in range(M)] for i in range(N)]},
        captions=[[f"Sentence {i} {j}." for j in range(M)] for i in range(N)],
        companions=[
            Curve("curve", np.arange(N), np.outer(np.arange(1, M + 1), np.arange(N)), x_label="t"),
            Histogram("bars", [0, 1, 2, 3], RNG.integers(1, 9, (N, M, 3)), reference=[4, 4, 4]),
        ],
        **options,
    )


def one_slider(**options) -> FrameScrubber:
    return FrameScrubber.from_arrays(COLOUR, axes=[Axis("step", list(range(N)))], title="Colour", **options)


def page_of(widgets: list, change=lambda state: state, style: str = "", language: str = "en") -> str:
    """A page as myst-nb and the extension `widgets` write it, with a view and a poster for each widget."""
    state = embed_data(views=list(dict.fromkeys(widgets)), drop_defaults=False)["manager_state"]
    state = json.dumps(change(state)).replace("</", "<\\/")
    views = ""
    for widget in widgets:
        views += f'<div class="widget-figure" id="{getattr(widget, "name", "")}">'
        if isinstance(widget, FrameScrubber):
            poster = base64.b64encode(widget.poster_png()).decode()
            views += f'<div class="widget-poster"><img alt="still" src="data:image/png;base64,{poster}"></div>'
        views += f'<script type="{VIEW}">{json.dumps({"model_id": widget.model_id})}</script></div>'
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>t</title><style>{style}</style>'
        f'<body><p id="text">The rest of the page.</p>{views}'
        f"<script>widgetWords = {json.dumps(words(language))}</script>"
        f'<script type="{STATE}">{state}</script><script src="{HOST.as_uri()}"></script>'
    )


def pixels(page, which: int = 0) -> np.ndarray:
    """What the canvas shows, (H, W, 3)."""
    shape, values = page.evaluate(
        """(which) => {
            const canvas = document.querySelectorAll("canvas")[which];
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [[canvas.height, canvas.width, 4], [...data.data]];
        }""",
        which,
    )
    return np.array(values, np.uint8).reshape(shape)[..., :3]


# What the keyboard reaches of each of a figure's controls: a slider, or the chosen one of its buttons.
CONTROL = ".fs-slider :is(input[type=range], input:checked)"


def press(page, slider: int, *keys: str) -> None:
    page.locator(CONTROL).nth(slider).focus()
    for key in keys:
        page.keyboard.press(key)


def values(page) -> list[str]:
    return page.locator(".fs-value").all_text_contents()
