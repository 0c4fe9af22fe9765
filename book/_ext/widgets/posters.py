"""Put a still figure where a widget will appear: seen while it loads, without JavaScript, and if it fails.

A widget's output holds several forms of the same thing. For HTML, myst-nb keeps the interactive one and drops the
still one, which is a picture or, as for a figure of text, HTML. This keeps both: `widget-host.js` removes the still figure
when the widget is ready. (For PDF, myst-nb picks the picture or the plain text by itself.)
"""

from __future__ import annotations

import json
import posixpath
import urllib.parse
from collections.abc import Iterator
from html import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

from diffusion_utils.widgets.still import is_figure, picture_html, still_html
from diffusion_utils.widgets.words import words

from .state import VIEW, script_text

# The words of the page's language, for widget-host.js; and what says that this one did not come, or came damaged: what it
# sets is not there when all has loaded.
WORDS_AND_WATCH = """window.widgetWords = %s;
addEventListener("load", () => {
  if (window.widgetFiles) return;
  for (const still of document.querySelectorAll(".widget-poster")) {
    const message = document.createElement("p");
    message.className = "widget-error";
    message.setAttribute("role", "alert");
    message.textContent = window.widgetWords.without_host;
    still.before(message);
  }
});"""


class widget_poster(nodes.image):  # noqa: N801 (docutils names its nodes so)
    """The picture of a widget. It is an image node, so that Sphinx copies its file."""


class KeepPosters(SphinxPostTransform):
    """Move the picture beside the interactive view, before myst-nb chooses one of them (its priority is 4)."""

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        self.named: set[str] = set()
        models = saved_models(self.env, self.env.docname)
        for view in list(figure_views(self.document)):
            forms = forms_of(view.parent)
            model = models.get(model_id(view), {})
            poster = self.poster(forms, model)
            if poster is None:
                continue
            view.insert(0, poster)
            view.insert(0, nodes.raw("", self.opening_tag(model), format="html"))
            view.append(nodes.raw("", "</div>", format="html"))

    def poster(self, forms: dict[str, nodes.Element], model: dict) -> nodes.Node | None:
        """The still figure of these forms of a widget, whose state is `model` if it was saved; None if nothing in them stands
        still."""
        if "image/png" in forms:
            poster = widget_poster(**next(forms["image/png"].findall(nodes.image)).attributes)
            poster["alt"] = forms["text/plain"].astext() if "text/plain" in forms else ""
            poster["classes"] = ["no-scaled-link"]  # or Sphinx makes the whole figure a link to its picture
            poster["model"] = model
            return poster
        if "text/html" in forms and is_figure(model):
            face = next(forms["text/html"].findall(nodes.raw)).astext()
            return nodes.raw("", in_place(still_html(model, face, self.config.language)), format="html")
        return None

    def opening_tag(self, model: dict) -> str:
        """The figure's place. Links lead to its name, so of two places for one figure only the first has it."""
        name = model.get("name", "")
        if not name or name in self.named:
            return '<div class="widget-figure">'
        self.named.add(name)
        return place_tag(name, self.env.docname)


def place_tag(name: str, page: str) -> str:
    """The tag of a named figure's place, with the way from this page to the figure's own page (see embeds.py)."""
    return f'<div class="widget-figure" id="{escape(name)}" data-embed="{"../" * page.count("/")}embed/{escape(name)}.html">'


def in_place(still: str) -> str:
    """The still figure where widget-host.js finds it."""
    return f'<div class="widget-poster">{still}</div>'


def is_mime_bundle(node: nodes.Node) -> bool:
    """Whether this node holds the alternative forms of one notebook output."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def forms_of(bundle: nodes.Element) -> dict[str, nodes.Element]:
    """The forms of one output, by their type."""
    return {form["mime_type"]: form for form in bundle.children}


def figure_views(node: nodes.Element) -> Iterator[nodes.Element]:
    """The interactive form of each widget below this node, in order."""
    for bundle in node.findall(is_mime_bundle):
        if VIEW in (forms := forms_of(bundle)):
            yield forms[VIEW]


def saved_script(env: object, page: str) -> dict[str, str] | None:
    """What myst-nb is going to write into this page: the attributes of the <script> that holds the widgets' states."""
    _, attributes = getattr(env, "nb_metadata", {}).get(page, {}).get("js_files", {}).get("ipywidgets_state", (None, None))
    return attributes


def saved_models(env: object, page: str) -> dict[str, dict]:
    """Those states by model id."""
    script = saved_script(env, page)
    return {name: model["state"] for name, model in json.loads(script["body"])["state"].items()} if script else {}


def model_id(view: nodes.Element) -> str:
    """The id in the <script> that marks a widget's place."""
    script = next(view.findall(nodes.raw)).astext()
    return json.loads(script[script.index(">") + 1 : script.rindex("<")])["model_id"]


def visit_poster(translator: HTML5Translator, node: widget_poster) -> None:
    """Write the whole still figure where we know the widget, and otherwise the picture."""
    name = translator.builder.images.get(node["uri"], node["uri"])
    source = posixpath.join(translator.builder.imgpath, urllib.parse.quote(name))
    if is_figure(node["model"]):
        figure = still_html(node["model"], picture_html(node["model"], source), translator.config.language)
    else:
        figure = f'<img src="{escape(source)}" alt="{escape(node["alt"])}" style="max-width: 100%">'
    translator.body.append(in_place(figure))
    raise nodes.SkipNode


def add_message(app: Sphinx, pagename: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """The words of the figures, and what says so where they cannot move, on each page that has figures."""
    if "widget-poster" in context.get("body", ""):
        app.add_js_file(None, body=WORDS_AND_WATCH % script_text(words(app.config.language)))


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", add_message)
    app.add_node(widget_poster, html=(visit_poster, None))
    app.add_post_transform(KeepPosters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
