"""Serve MathJax from the site itself: copy it out of the installed `sphinx-mathjax-offline` package after each build.

`mathjax_path` in _config.yml names the copy. Only what a page can ask for is taken: the combined component, its fonts,
the TeX extensions it loads on demand, and the accessibility tools a reader can switch on in MathJax's own menu.
"""

from __future__ import annotations

import shutil
from importlib.metadata import files
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PARTS = ("tex-chtml.js", "input/tex/extensions", "output/chtml/fonts", "a11y", "sre")


def mathjax_folder() -> Path:
    """Where the package keeps MathJax. Its folder has a hyphen in its name, so it cannot be imported."""
    for file in files("sphinx-mathjax-offline") or []:
        if file.name == "tex-chtml.js":
            return Path(str(file.locate())).parent
    raise ExtensionError("sphinx-mathjax-offline is installed, but holds no tex-chtml.js")


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "vendor" / "mathjax"
    for part in PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / part, target / part)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
