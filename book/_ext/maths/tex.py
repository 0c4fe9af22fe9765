"""TeX to HTML and CSS by MathJax itself, run here in the JavaScript engine V8 instead of in each reader's browser.

MathJax comes with the package `sphinx-mathjax-offline`, the engine with `mini-racer`; neither Node.js nor a network is needed.
"""

from __future__ import annotations

import functools
import json
from importlib.metadata import files
from pathlib import Path

from py_mini_racer import MiniRacer

# In the order in which each needs the one before.
COMPONENTS = ("core", "adaptors/liteDOM", "input/tex-base", "input/tex/extensions/ams", "input/tex/extensions/newcommand",
              "input/tex/extensions/boldsymbol", "output/chtml", "output/chtml/fonts/tex", "a11y/assistive-mml")
SETTINGS = """
var global = globalThis;
var MathJax = {
    startup: { typeset: false },
    options: { enableAssistiveMml: true },
    tex: {
        packages: ["base", "ams", "newcommand", "boldsymbol"],
        formatError: (jax, error) => { throw error; },      // instead of a formula in red
    },
    chtml: { adaptiveCSS: false, fontURL: "" },             // the style of every symbol there is
};
"""
START = """
MathJax.loader.preLoad(...%s);
MathJax.config.startup.ready();
function toHtml(tex, display) {
    try {
        const { adaptor } = MathJax.startup;
        return { html: adaptor.outerHTML(MathJax.tex2chtml(tex, { display })) };
    } catch (error) {
        return { error: String(error.message) };
    }
}
"""
STYLE = "MathJax.startup.adaptor.textContent(MathJax.startup.output.styleSheet(MathJax.startup.document))"


def mathjax_folder() -> Path:
    """Where the package keeps MathJax. Its folder has a hyphen in its name, so it cannot be imported."""
    for file in files("sphinx-mathjax-offline") or []:
        if file.name == "startup.js":
            return Path(str(file.locate())).parent
    raise FileNotFoundError("sphinx-mathjax-offline is installed, but holds no startup.js")


@functools.cache
def engine() -> MiniRacer:
    """V8 with MathJax ready to work; starting it takes about a second."""
    v8 = MiniRacer()
    v8.eval(SETTINGS)
    for name in ("startup", *COMPONENTS):
        v8.eval((mathjax_folder() / f"{name}.js").read_text(encoding="utf-8") + "\n;0")    # 0: its value is not wanted
    v8.eval(START % json.dumps(COMPONENTS) + ";0")
    return v8


@functools.cache
def to_html(tex: str, display: bool) -> str:
    """A formula as HTML: an element <mjx-container> with what is seen, and MathML for screen readers.

    Raises ValueError with MathJax's reason where it cannot read the formula.
    """
    answer = json.loads(engine().eval(f"JSON.stringify(toHtml({json.dumps(tex)}, {json.dumps(display)}))"))
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["html"]


def stylesheet() -> str:
    """The style sheet for all that `to_html` can write."""
    return engine().eval(STYLE)
