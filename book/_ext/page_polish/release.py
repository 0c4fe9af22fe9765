"""The rocket opens the notebook of the release that its install cell installs, and not the branch's newest one.

It opens the copy in `run/`, in which references are numbers and links (tools/publish/resolved.py), as does the download.

What that is, a tag or a branch, is read from the install cell itself: `…/archive/refs/tags/v1.2.zip` means `blob/v1.2`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from equations import ROOT
from plain_references import References
from sphinx.application import Sphinx

COLAB = "https://colab.research.google.com/"
FAILED = "failed"  # the id of the cell that tells of a failure


def released(url: str, code: str) -> str:
    """The address on Colab of the readable copy of a notebook, at the release that `code`, the notebook's, installs."""
    found = re.search(r"/archive/refs/(?:tags|heads)/([\w.-]+)\.zip", code)
    return re.sub(r"/blob/[^/]+/notebooks/", f"/blob/{found[1]}/run/", url, count=1) if found else url


def buttons(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All buttons of the header, those in its menus too."""
    return [button for item in items for button in [item, *buttons(item.get("buttons", []))]]


def write_downloads(app: Sphinx, error: Exception | None) -> None:
    """In the notebooks that readers download, put numbers and links in place of references.

    One that failed says so in a box of the page (tools/book/pages.py), which is for the page alone.
    """
    if error or app.builder.format != "html":
        return
    references = References(ROOT, app.config.html_baseurl)
    for path in (Path(app.outdir) / "_sources" / "notebooks").glob("[0-9]*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") != FAILED]
        if "made_from" not in notebook["metadata"]:         # an earlier build may have done it
            path.write_text(json.dumps(references.resolved(f"notebooks/{path.stem}", notebook)), encoding="utf-8")


def link_to_release(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is None:
        return
    code = "\n".join(block.astext() for block in doctree.findall(nodes.literal_block))
    for button in buttons(context.get("header_buttons", [])):
        if str(button.get("url", "")).startswith(COLAB):
            button["url"] = released(button["url"], code)
