"""Keep pages light: the code of figures is written once a site, and much data moves into files of its own.

A page holds the data of its first figures only up to INLINE_LIMIT, so that its text is there soon. The others', and all code,
is in `_static/widgets/`, as scripts, because a page opened from a file may load scripts and nothing else; `widget-host.js`
asks for what the first figure needs at once, and for what each other needs when the reader comes near it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from .state import PageState, page_state, script_text

INLINE_LIMIT = 20_000  # characters: what is smaller is not worth a request
SHARED = ("_esm", "_css")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_file(folder: Path, text: str) -> str:
    """Write a script that hands over what this JSON says; its name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{digest(text)}.js").write_text(f'widgetFiles["{digest(text)}"] = {text};\n', encoding="utf-8")
    return digest(text)


def share_code(page: PageState, folder: Path) -> None:
    """In place of the code, each model names the file of it, and "ahead" are the first figure's. What has no place in the
    page is left out."""
    page.data["state"] = {name: page.models[name] for name in page.shown if name in page.models}
    files: list[str] = []
    for state in (model["state"] for model in page.models.values()):
        for key in SHARED:
            if code := state.get(key):
                state[key] = write_file(folder, script_text(code))
                files.append(state[key])
        page.data["ahead"] = page.data.get("ahead") or list(files)
    page.data["shared"] = list(dict.fromkeys(files))


def share_style(body: str) -> str:
    """The page's text with each style of a still figure once, however many figures bring it."""
    seen: set[str] = set()

    def first(style: re.Match[str]) -> str:
        new = style[0] not in seen
        seen.add(style[0])
        return style[0] if new else ""

    return re.sub(r"<style>.*?</style>", first, body, flags=re.DOTALL)


def move_out(page: PageState, folder: Path, limit: int) -> None:
    """Write the figures beyond the limit into files; the page keeps their names, and says which it needs first."""
    room = limit
    for number, (name, model) in enumerate(page.figures().items()):
        text = script_text({"state": model["state"], "buffers": model.get("buffers", [])})
        room -= len(text)
        if room >= 0:
            continue
        file = write_file(folder, text)
        page.models[name] = {"model_name": model["model_name"], "file": file}
        if number == 0:
            page.data["ahead"].append(file)


def lighten(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    page = page_state(context)
    if page is None:
        return
    folder = Path(app.outdir) / "_static" / "widgets"
    share_code(page, folder)
    context["body"] = share_style(context["body"])
    move_out(page, folder, app.config.widget_inline_limit)
    page.write()


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("widget_inline_limit", INLINE_LIMIT, "html", int)
    app.connect("html-page-context", lighten, priority=920)  # after embeds.py, which needs the data whole
    return {"parallel_read_safe": True, "parallel_write_safe": True}
