"""A figure standing still: the HTML a page shows until the widget runs, or where no JavaScript does.

It has the widget's own classes, so that the same style sheet gives it the same size, and nothing in the page moves
when the widget takes its place. The front end builds the same parts (figure.js, scrubber.js, and each figure's own file).
"""

from __future__ import annotations

import math
import re
from html import escape

from diffusion_utils.widgets.figure import POSITIONS, frame_number
from diffusion_utils.widgets.words import words

FIGURE_TRAITS = {"_anywidget_id", "_esm", "_css", "index", "title", "alt", "axes", "readouts", "width", "scale"}


def is_figure(state: dict) -> bool:
    """Whether this is the saved state (traits by name) of a `Figure` of ours, whichever kind it is."""
    return state.keys() >= FIGURE_TRAITS


def still_html(state: dict, face: str, language: str = "en") -> str:
    """HTML for a saved state (traits by name), with the HTML of its face: see `picture_html` and `text_still.py`."""
    frame = first_frame(state)
    plots = "".join(map(plot_html, state.get("companions", [])))
    told = words(language)
    savable = any(kind in face for kind in ("<img", "fs-fan", "fs-molecules"))  # as what takes its place is
    return (
        f'<style>{state["_css"]}</style><div class="fs" style="{size(state)}">'
        f'<p class="fs-title">{with_subscripts(state["title"])}</p><div class="fs-columns"><div class="fs-main">'
        f"{face}{controls_html(state)}{listen_html(state, told)}{readouts_html(state, frame)}{caption_html(state, frame)}"
        f"{tools_html(told, savable)}{without_scripts_html(told)}</div>"
        + (f'<div class="fs-plots">{plots}</div>' if plots else "")
        + "</div></div>"
    )


def size(state: dict) -> str:
    """The width of the face on the page, and its width by its height; on that of a text nothing depends."""
    ratio = state["width"] / state.get("height", state["width"])
    return f"--fs-width: {state['width'] * state['scale']}px; --fs-ratio: {ratio:.4g}"


def picture_html(state: dict, address: str) -> str:
    """The face of a figure that starts with a picture, which is at this address."""
    kind = (" fs-pixels" if state["scale"] > 1 else "") + (" fs-on-white" if state.get("on_white") else "")
    return (
        f'<img class="dark-light fs-face fs-picture{kind}" src="{escape(address)}" alt="{escape(state["alt"])}" '
        f'width="{state["width"] * state["scale"]}" height="{state["height"] * state["scale"]}" '
        'decoding="async" loading="lazy">'
    )


def tools_html(told: dict[str, str], savable: bool) -> str:
    """Keeps the place of what tools.js adds."""
    names = [told["speed"].format(1), *([told["save"]] if savable else []), told["full_screen"], told["link"], told["own_page"]]
    return f'<div class="fs-tools fs-keep" aria-hidden="true">{"".join(f"<span>{escape(name)}</span>" for name in names)}</div>'


def without_scripts_html(told: dict[str, str]) -> str:
    """What a page without JavaScript says below a figure, and what it leaves out."""
    return ("<noscript><style>.widget-poster :is(.fs-plots, .fs-room, .fs-keep) { display: none }</style>"
            f"<p>{escape(told['without_scripts'])}</p></noscript>")


def first_frame(state: dict) -> int:
    """The number of the frame the sliders stand at; a figure that computes itself has none, and its texts begin with
    those of its start."""
    if "captions" not in state:
        return 0
    return frame_number(state["axes"], [state[trait] for trait in POSITIONS[: len(state["axes"])]])


def controls_html(state: dict) -> str:
    """Each control's name and starting value: a slider's with room for the slider itself, and a row of buttons."""
    rows = "".join(
        f'<div class="fs-slider"><span class="fs-name">{with_subscripts(axis["name"])}</span>'
        f"{control_html(axis, at)}</div>"
        for axis, at in zip(state["axes"], (state[trait] for trait in POSITIONS if trait in state), strict=False)
    )
    return f'<div class="fs-controls">{rows}</div>'


def control_html(axis: dict, at: int) -> str:
    """What stands beside an axis's name."""
    if "words" in axis:
        return words_html(axis["words"], at)
    return (buttons_html if axis.get("buttons") else value_html)(axis["values"], at)


def words_html(words: list[str], at: int) -> str:
    """Words, of which some are kept."""
    kept = (" class=fs-kept" if at >> i & 1 else "" for i in range(len(words)))
    labels = "".join(f"<label{mark}>{escape(word)}</label>" for mark, word in zip(kept, words, strict=True))
    return f'<div class="fs-buttons" translate="no">{labels}</div>'


def value_html(values: list[str], at: int) -> str:
    """A slider's starting value, and the place of the slider."""
    return (f'<span class="fs-value"{untranslated(values)} style="min-width: {len(max(values, key=len))}ch">'
            f'{escape(values[at])}</span><span class="fs-room"></span>')


def buttons_html(values: list[str], at: int) -> str:
    """The buttons, of which one is chosen."""
    chosen = ' class="fs-value"'
    spans = (f"<span{chosen if k == at else ''}{untranslated(values)}>{escape(value)}</span>" for k, value in enumerate(values))
    return f'<div class="fs-buttons">{"".join(f"<label>{span}</label>" for span in spans)}</div>'


def readouts_html(state: dict, frame: int) -> str:
    """The numbers of the starting frame, of which some are told of the first sliders only."""
    count = math.prod(len(axis["values"]) for axis in state["axes"])
    pairs = "".join(
        f'<div><dt>{with_subscripts(name)}</dt><dd{untranslated(texts)} style="min-width: {len(max(texts, key=len))}ch">'
        f"{escape(texts[frame * len(texts) // count])}</dd></div>"
        for name, texts in state["readouts"]
    )
    return f'<dl class="fs-readouts">{pairs}</dl>' if pairs else ""


def listen_html(state: dict, told: dict[str, str]) -> str:
    """Of a figure of sounds: the place of its button, and a player, which needs no JavaScript, with the sound of the start."""
    if "still" not in state.get("settings", {}):
        return ""
    name, sound = escape(told["sound_file"]), state["settings"]["still"]
    player = f'<audio controls preload="none" aria-label="{name}" src="{sound}"></audio>'
    return (f'<div class="fs-listen"><span class="fs-hear fs-keep">{escape(told["listen"])}</span>'
            f'<span>{escape(told["loud"])}</span>{player}<span class="fs-keep">{escape(told["save_sound"])}</span></div>')


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
