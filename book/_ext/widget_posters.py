"""Put a still picture where a widget will appear: seen while it loads, without JavaScript, and if it fails.

A widget's output holds several forms of the same thing. For HTML, myst-nb keeps the interactive one and drops the
picture. This keeps both: `widget-host.js` removes the picture when the widget is ready. (For PDF, myst-nb picks the
picture by itself.)
"""

from __future__ import annotations

import html
import posixpath
import urllib.parse

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

VIEW = "application/vnd.jupyter.widget-view+json"


class widget_poster(nodes.image):  # noqa: N801 (docutils names its nodes so)
    """An image, so that Sphinx copies its file; written with its size, so that the page keeps room for it."""


class KeepPosters(SphinxPostTransform):
    """Move the picture beside the interactive view, before myst-nb chooses one of them (its priority is 4)."""

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for bundle in list(self.document.findall(is_mime_bundle)):
            forms = {form["mime_type"]: form for form in bundle.children}
            if VIEW not in forms or "image/png" not in forms:
                continue
            picture = next(forms["image/png"].findall(nodes.image))
            poster = widget_poster(**picture.attributes)
            poster["alt"] = forms["text/plain"].astext() if "text/plain" in forms else ""
            forms[VIEW].insert(0, poster)
            forms[VIEW].insert(0, nodes.raw("", '<div class="widget-figure">', format="html"))
            forms[VIEW].append(nodes.raw("", "</div>", format="html"))


def is_mime_bundle(node: nodes.Node) -> bool:
    """Whether this node holds the alternative forms of one notebook output."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def visit_poster(translator: HTML5Translator, node: widget_poster) -> None:
    """Write the picture, and its text for those who see no widget."""
    name = translator.builder.images.get(node["uri"], node["uri"])
    source = posixpath.join(translator.builder.imgpath, urllib.parse.quote(name))
    text = html.escape(node["alt"])
    size = f'width="{node["width"]}" height="{node["height"]}" ' if "width" in node else ""
    translator.body.append(
        f'<div class="widget-poster"><img class="dark-light" src="{html.escape(source)}" alt="{text}" {size}'
        'decoding="async" style="max-width: 100%; height: auto">'
        f"<noscript><p>{text} (Moving through this figure needs JavaScript.)</p></noscript></div>"
    )
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict:
    app.add_node(widget_poster, html=(visit_poster, None))
    app.add_post_transform(KeepPosters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
