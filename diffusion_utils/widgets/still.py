"""A figure standing still: the HTML a page shows until the widget runs, or where no JavaScript does.

It has the widget's own classes, so that the same style sheet gives it the same size, and nothing in the page moves
when the widget takes its place. The front end builds the same parts (figure.js, and frame_scrubber.js or explorable.js).
"""

from __future__ import annotations

import re
from html import escape

IDENTITIES = (  # how anywidget names the classes in a saved state
    "diffusion_utils.widgets.frame_scrubber.FrameScrubber",
    "diffusion_utils.widgets.explorable.Explorable",
)
TRAITS = ("index", "index2", "index3", "index4")  # the sliders' positions
WITHOUT_SCRIPTS = (
    "<noscript><style>.widget-poster :is(.fs-plots, .fs-room, .fs-keep) { display: none }</style>"
    "<p>(Moving through this figure needs JavaScript.)</p></noscript>"
)

# Keeps the place of what tools.js adds.
TOOLS = (
    '<div class="fs-tools fs-keep" aria-hidden="true"><span>Speed 1×</span><span>Save PNG</span><span>Full screen</span>'
    "<span>Link to this frame</span><span>Own page</span></div>"
)


def still_html(state: dict, image: str) -> str:
    """HTML for a saved state (traits by name), with the address of the picture it starts with."""
    frame = first_frame(state)
    width = state["width"] * state["scale"]
    plots = "".join(map(plot_html, state.get("companions", [])))
    return (
        f'<style>{state["_css"]}</style><div class="fs" style="--fs-width: {width}px">'
        f'<p class="fs-title">{with_subscripts(state["title"])}</p><div class="fs-columns"><div class="fs-main">'
        f'<img class="dark-light fs-picture{" fs-pixels" if state["scale"] > 1 else ""}" src="{escape(image)}" '
        f'alt="{escape(state["alt"])}" width="{width}" height="{state["height"] * state["scale"]}" '
        'decoding="async" loading="lazy">'
        f"{controls_html(state)}{readouts_html(state, frame)}{caption_html(state, frame)}{TOOLS}{WITHOUT_SCRIPTS}</div>"
        + (f'<div class="fs-plots">{plots}</div>' if plots else "")
        + "</div></div>"
    )


def first_frame(state: dict) -> int:
    """The number of the frame the sliders stand at; an Explorable has none, and its texts begin with those of its start."""
    if "captions" not in state:
        return 0
    settings = len(state["axes"][1]["values"]) if len(state["axes"]) == 2 else 1
    return state["index"] * settings + state["index2"]


def controls_html(state: dict) -> str:
    """Each slider's name and starting value, with room for the slider itself."""
    rows = "".join(
        f'<div class="fs-slider"><span class="fs-name">{with_subscripts(axis["name"])}</span>'
        f'<span class="fs-value"{untranslated(axis["values"])}>{escape(axis["values"][at])}</span>'
        '<span class="fs-room"></span></div>'
        for axis, at in zip(state["axes"], (state[trait] for trait in TRAITS if trait in state), strict=False)
    )
    return f'<div class="fs-controls">{rows}</div>'


def readouts_html(state: dict, frame: int) -> str:
    """The numbers of the starting frame."""
    pairs = "".join(
        f'<div><dt>{with_subscripts(name)}</dt><dd{untranslated(texts)} style="min-width: {len(max(texts, key=len))}ch">'
        f"{escape(texts[frame])}</dd></div>"
        for name, texts in state["readouts"]
    )
    return f'<dl class="fs-readouts">{pairs}</dl>' if pairs else ""


def caption_html(state: dict, frame: int) -> str:
    """The sentence of the starting frame, and the invisible longest one that keeps the place for all."""
    if not state.get("captions"):
        return ""
    keeper = escape(max(state["captions"], key=len))
    return (
        f'<div class="fs-caption"><p class="fs-caption-keeper" aria-hidden="true">{keeper}</p>'
        f'<p class="fs-caption-text">{escape(state["captions"][frame])}</p></div>'
    )


def plot_html(plot: dict) -> str:
    """A companion's title and legend, with room for its drawing."""
    names = [line["name"] for line in plot.get("lines", []) if line["name"]]
    legend = "".join(f"<span><svg></svg> {with_subscripts(name)}</span>" for name in names)
    legend = f'<p class="fs-legend">{legend}</p>' if names else ""
    return (
        f'<div class="fs-plot"><p class="fs-plot-title">{with_subscripts(plot["title"])}</p>{legend}'
        '<svg viewBox="0 0 220 160" aria-hidden="true"></svg></div>'
    )


def are_symbols(texts: list[str]) -> bool:
    """Whether there are numbers and symbols only, which a page translator would only spoil."""
    return not any(re.search(r"[^\W\d_]{3}", text) for text in texts)


def untranslated(texts: list[str]) -> str:
    """The attribute that keeps page translators away from what are numbers and symbols only."""
    return ' translate="no"' if are_symbols(texts) else ""


def with_subscripts(name: str) -> str:
    """HTML of a name in which an underscore makes a subscript; its symbols are no page translator's business."""
    parts = re.split(r"([^\s(_]*_[^\W_]+)", name)  # every second one is a symbol with its subscript
    return "".join(re.sub(r"(.*)_(.+)", r'<span translate="no">\1<sub>\2</sub></span>', escape(part)) if k % 2
                   else f'<span translate="no">{escape(part)}</span>' if are_symbols([part]) and part.strip()
                   else escape(part) for k, part in enumerate(parts))
