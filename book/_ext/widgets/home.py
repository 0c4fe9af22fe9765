"""The slider of the home page, `{home-figure}`: the chapters' own widget, from frames that tools/book/hero.py drew.

The home page is prose and runs nothing, so what myst-nb does for the widgets of a notebook is done here.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
from docutils import nodes
from ipywidgets.embed import embed_data
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import diffusion_utils.widgets
from diffusion_utils.widgets import Axis, FrameScrubber
from diffusion_utils.widgets.still import picture_html, still_html

from .posters import in_place, place_tag
from .state import STATE, VIEW

TITLE = "Fifteen pictures of noise become fifteen digits"
NAME = "fig-fifteen-pictures-of-noise-become"
ALT = "Fifteen handwritten digits that emerge from noise, drawn by the model of this book"


def sentence(t: int) -> str:
    """What is to be seen at time t, roughly."""
    stages = ((950, "nothing but noise"), (700, "strokes that may or may not be there"),
              (400, "digits behind heavy snow"), (1, "a little noise is left"))
    return f"t = {t}: " + next((text for least, text in stages if t >= least), "digits that nobody ever wrote") + "."


def scrubber(path: Path) -> FrameScrubber:
    """The widget for the frames stored in `path`, standing where the digits begin to show."""
    saved = np.load(path)
    times = saved["times"].tolist()
    start = next(place for place, t in enumerate(times) if t <= 550)
    return FrameScrubber.from_arrays(saved["frames"], axes=[Axis("t", times, start)], title=TITLE, alt=ALT, name=NAME,
                                     captions=[sentence(t) for t in times])


class HomeFigure(SphinxDirective):
    """The state goes into the page's head, and here a still figure with the mark of the place beside it."""

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "book" / "hero.npz"
        widget = scrubber(path)
        for source in (path, *Path(diffusion_utils.widgets.__file__).parent.glob("*.*")):
            self.env.note_dependency(str(source))
        embedded = embed_data(views=[widget], drop_defaults=False)
        state = json.dumps(embedded["manager_state"]).replace("</", r"<\/")     # nothing may close the script early
        page = self.env.docname
        NbMetadataCollector.add_js_file(self.env, page, "ipywidgets_state", None, {"type": STATE, "body": state})
        for script, options in self.config.nb_ipywidgets_js.items():
            NbMetadataCollector.add_js_file(self.env, page, script, script, options)
        picture = "data:image/png;base64," + base64.b64encode(widget.poster_png()).decode()
        model = embedded["manager_state"]["state"][widget.model_id]["state"]
        view = json.dumps({"model_id": widget.model_id})
        still = still_html(model, picture_html(model, picture), self.config.language)
        html = (f'{place_tag(widget.name, page)}{in_place(still)}'
                f'<script type="{VIEW}">{view}</script></div>')
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("home-figure", HomeFigure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
