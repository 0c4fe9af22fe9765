"""A page of its own for each figure, `embed/<name>.html`: one file that holds all it needs.

Teachers put it into slides or another site with an <iframe>, or carry it on a stick: it works from a file.
"""

from __future__ import annotations

import base64
import io
import re
import urllib.parse
from html import escape, unescape
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from diffusion_utils.widgets.still import first_frame, picture_html, still_html
from diffusion_utils.widgets.words import words

from .state import STATE, VIEW, page_state, script_text

HOST = Path(__file__).parents[2] / "_static" / "widget-host.js"
PAGE = """<!DOCTYPE html>
<html lang="{language}" data-theme="system">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="canonical" href="{chapter}">
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; background: Canvas; max-width: 60rem; margin: 0 auto; padding: 0.5rem 1rem; }}
h1 {{ position: absolute; clip-path: inset(50%); margin: 0; }}
footer {{ font-size: 0.875rem; }}
</style>
</head>
<body>
<main><h1>{title}</h1><div class="widget-figure" id="{name}"><div class="widget-poster">{still}</div>
<script type="{view_type}">{view}</script></div></main>
<footer><p>{source}</p></footer>
<script type="{state_type}">{state}</script>
<script>
window.widgetWords = {words};
{host}</script>
</body>
</html>
"""


def still_figure(app: Sphinx, body: str, model: dict[str, Any]) -> str:
    """The still figure that the chapter shows, in a form that needs no other file."""
    sprite = next((buffer["data"] for buffer in model.get("buffers", []) if buffer["path"] == ["sprite"]), None)
    still = page_still(body, model["state"]["name"])
    if sprite is not None:
        picture = first_of_sheet(model["state"], sprite)
    elif address := re.search(r'<img class="[^"]*fs-face[^>]*src="([^"]+)"', still):
        picture = page_picture(app, unescape(address.group(1)))
    else:  # text, or a drawing
        return still
    address = "data:image/png;base64," + base64.b64encode(picture).decode()
    return still_html(model["state"], picture_html(model["state"], address), app.config.language)


def page_still(body: str, name: str) -> str:
    """What stands in a chapter at a figure's place until the figure runs."""
    begin, end = '<div class="widget-poster">', rf'</div>\s*<script type="{re.escape(VIEW)}">'
    return re.compile(f"{begin}(.*?){end}", re.DOTALL).search(body, body.index(f'id="{escape(name)}"')).group(1)


def page_picture(app: Sphinx, address: str) -> bytes:
    """The file of a picture that the chapter shows."""
    wanted = urllib.parse.unquote(address).rsplit("/", 1)[-1]
    source = next(source for source, copy in app.builder.images.items() if copy == wanted)
    return (Path(app.srcdir) / source).read_bytes()


def first_of_sheet(state: dict[str, Any], sprite: str) -> bytes:
    """The frame a FrameScrubber starts at, out of its sheet of frames."""
    row, column = divmod(first_frame(state), state["columns"])
    left, top = column * state["width"], row * state["height"]
    picture = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(sprite))) as sheet:
        sheet.crop((left, top, left + state["width"], top + state["height"])).save(picture, "PNG")
    return picture.getvalue()


def write_pages(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    page = page_state(context)
    for model_id, model in page.figures().items() if page else ():
        name = model["state"]["name"]
        if name in app.env.widget_names:
            raise ExtensionError(f"two figures are called {name!r}, in {app.env.widget_names[name]} and {pagename}: "
                                 "give one of them another title, or a name")
        app.env.widget_names[name] = pagename
        title = unescape(re.sub(r"<.*?>", "", context.get("title", "")))
        told = words(app.config.language)
        chapter = f"{app.config.html_baseurl or '../'}{pagename}.html#{name}"
        source = escape(told["in_book"].format(title, app.config.html_title))
        text = PAGE.format(
            language=app.config.language, name=name, title=escape(model["state"]["title"]),
            chapter=chapter, words=script_text(told),
            source=told["source"].format(f'<a href="{chapter}" target="_blank" rel="noopener">{source}</a>'),
            still=still_figure(app, context["body"], model),
            view_type=VIEW, view=script_text({"model_id": model_id}),
            state_type=STATE, state=script_text({"state": {model_id: model}}), host=HOST.read_text(encoding="utf-8"),
        )  # fmt: skip
        folder = Path(app.outdir) / "embed"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.html").write_text(text, encoding="utf-8")


def remember_names(app: Sphinx) -> None:
    app.env.widget_names = {}  # a figure's name: the page that shows it


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", remember_names)
    app.connect("html-page-context", write_pages, priority=910)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
