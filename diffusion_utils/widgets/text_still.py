"""A text standing still: the HTML that text_scrubber.js makes of the same texts, for one frame."""

from __future__ import annotations

from html import escape

from diffusion_utils.widgets.still import untranslated

WIDTHS = (1, 24, 36, 48, 58, 10**9)  # letters of a line, from a phone's to any
SAID = '<span class="fs-aside">…</span>'  # what a screen reader hears in the place of masks

Marks = list[list[int]]  # from where to where a text is marked: [start, stop] pairs


def text_face_html(settings: dict, texts: list[str], marks: list[Marks], frame: int) -> str:
    """The face: one text, or one a row; hidden ones keep the place for all."""
    rows = settings["panels"] or [""]
    places = "".join(row_html(settings, name, texts[p::len(rows)], marks[p::len(rows)], frame) for p, name in enumerate(rows))
    legend = f'<p class="fs-legend"><b class="fs-mark">{escape(settings["mark_name"])}</b></p>' if settings["mark_name"] else ""
    kind = "fs-face fs-text fs-text-rows" if settings["panels"] else "fs-face fs-text"
    return f'<div class="{kind}">{places}{legend}</div>'


def row_html(settings: dict, name: str, texts: list[str], marks: list[Marks], frame: int) -> str:
    """The name of a row, where it has one, and its text."""
    hidden = "".join(f'<p class="fs-text-keeper" aria-hidden="true" hidden>{escape(text)}</p>' for text in keepers(texts))
    about = f' lang="{escape(settings["language"])}" translate="no"' if settings["language"] else untranslated(texts)
    text = marked_html(texts[frame], marks[frame] if marks else [], settings["mask"])
    head = f'<p class="fs-text-name">{escape(name)}</p>' if name else ""
    return (f'{head}<div class="fs-text-place">{hidden}<p class="fs-text-now" style="white-space: pre-wrap"{about}>'
            f"{text}</p></div>")


def keepers(texts: list[str]) -> list[str]:
    """Of each width the text that takes most lines: together they are as high as any."""
    def height(text: str, width: int) -> int:
        return sum(max(1, -(-len(line) // width)) for line in text.split("\n"))

    return list(dict.fromkeys(max(texts, key=lambda text: height(text, width)) for width in WIDTHS))


def marked_html(text: str, marks: Marks, mask: str) -> str:
    """The text with what is marked and what is hidden in elements of their own."""
    return "".join(part_html(*part) for part in parts_of(text, marks, mask))


def part_html(part: str, marked: bool, hidden: bool) -> str:
    inner = f'<span class="fs-mask" aria-hidden="true">{escape(part)}</span>{SAID}' if hidden else escape(part)
    return f'<b class="fs-mark">{inner}</b>' if marked else inner


def parts_of(text: str, marks: Marks, mask: str) -> list[tuple[str, bool, bool]]:
    """The text in parts: (part, whether it is marked, whether it is all masks)."""
    parts: list[tuple[str, bool, bool]] = []
    for k, letter in enumerate(text):
        kind = (any(start <= k < stop for start, stop in marks), bool(mask) and letter == mask)
        if parts and parts[-1][1:] == kind:
            parts[-1] = (parts[-1][0] + letter, *kind)
        else:
            parts.append((letter, *kind))
    return parts
