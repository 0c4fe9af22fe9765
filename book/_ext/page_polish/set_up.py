"""A chapter's set-up, in one fold at the end of its page; what only a kernel can show, folded where it stands.

In the notebook the cells tagged `set-up` come first, for all others need them. A reader of the page needs none of them.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

FOLD = """<details class="set-up" id="set-up">
<summary>Set-up</summary>
<p>In the notebook these cells run first: they install what is missing, and load what the chapter uses.</p>"""
LIVE = ("Show the code of a control that moves in the notebook", "Hide the code of this control")


def cells(document: nodes.document, tag: str) -> list[nodes.container]:
    """The notebook's code cells with this tag, in order."""
    return [node for node in document.findall(nodes.container)
            if node.get("nb_element") == "cell_code" and f"tag_{tag}" in node["classes"]]


class FoldSetUp(SphinxTransform):
    """Before anything else looks at the cells: links and search find them where the page will have them."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        for cell in cells(self.document, "remove-output"):
            cell["hide_mode"] = "input"
            cell["prompt_show"], cell["prompt_hide"] = LIVE
        if moved := cells(self.document, "set-up"):
            for cell in moved:
                cell.parent.remove(cell)
                cell.attributes.pop("hide_mode", None)      # one fold is enough
            page = next(iter(self.document.findall(nodes.section)), self.document)      # of the title, around all others
            page += nodes.raw("", FOLD, format="html")
            page.extend(moved)
            page += nodes.raw("", "</details>", format="html")


def setup(app: Sphinx) -> None:
    app.add_transform(FoldSetUp)
