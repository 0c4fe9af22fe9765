"""The name of each figure of a chapter, which survives a new title, and its number.

The name is `"figure"` in the metadata of the cell that shows the figure: `"figure": "fig-schedules"`. It is in the
addresses of the figure's place and of its own page; a figure of another notebook may go without. The number counts the
figures of the page, as in Figure 13.2.
"""

from __future__ import annotations

import json

from docutils import nodes
from page_numbers import chapter_number
from sphinx.application import Sphinx

from diffusion_utils.widgets.still import is_figure
from diffusion_utils.widgets.words import words

from .posters import figure_views, model_id, saved_script
from .state import script_text


def is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def settle(app: Sphinx, doctree: nodes.document) -> None:
    """Write name and number into the states that myst-nb is going to put into the page, before anything reads them there."""
    script = saved_script(app.env, app.env.docname)
    if script is None:
        return
    data, chapter, counted = json.loads(script["body"]), chapter_number(app.env.docname), []
    for cell in doctree.findall(is_cell):
        for view in figure_views(cell):
            model = data["state"].get(model_id(view), {}).get("state", {})
            if model_id(view) in counted or not is_figure(model):
                continue
            counted.append(model_id(view))
            model["name"] = cell["cell_metadata"].get("figure", model["name"])
            if chapter:
                model["title"] = words(app.config.language)["figure"].format(f"{chapter}.{len(counted)}", model["title"])
    script["body"] = script_text(data)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", settle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
