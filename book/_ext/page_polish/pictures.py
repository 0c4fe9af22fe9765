"""Pictures load when the reader comes near them, each in a place kept free for it.

A chapter has several below its first screen, which together would weigh as much as everything else that the page sends. Only
the figure under the title is on the first screen, and comes before all else.
"""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.images import get_image_size

PICTURE = re.compile(r'<img (?![^>]*\bloading=)[^>]*src="[^"]*_images/(?P<file>[^"]+)"')  # as far as its address
FACE = re.compile(r'(<img class="[^"]*\bfs-face\b[^>]*) loading="lazy"')


def wait(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    sources = {copy: source for source, copy in app.builder.images.items()}

    def with_place(tag: re.Match[str]) -> str:
        size = get_image_size(Path(app.srcdir) / sources[urllib.parse.unquote(tag["file"])])
        place = f' width="{size[0]}" height="{size[1]}"' if size else ""
        return f'{tag[0]} loading="lazy" decoding="async"{place}'

    top, heading, rest = context.get("body", "").partition("<h2")
    top = FACE.sub(r'\1 loading="eager" fetchpriority="high"', top, count=1)
    context["body"] = PICTURE.sub(with_place, top) + heading + PICTURE.sub(with_place, rest)
