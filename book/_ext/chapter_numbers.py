"""The numbers of page_numbers.py in titles, menu, equations, references and wherever else Sphinx writes a number."""

from __future__ import annotations

from docutils import nodes
from page_numbers import numbered
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector

count_figures = TocTreeCollector.assign_figure_numbers      # Sphinx's own, taken once, before it is replaced


def number_pages(self: TocTreeCollector, env: BuildEnvironment) -> list[str]:
    """Between counting the sections and counting the equations, which begin with the number of their page."""
    for page, number in numbered(env.toc_secnumbers).items():
        put_number(env, page, number)
    return count_figures(self, env)


def put_number(env: BuildEnvironment, page: str, number: str) -> None:
    """The page's number in place of the first part of what Sphinx counted, in all its sections."""
    sections = env.toc_secnumbers[page]
    env.toc_secnumbers[page] = {anchor: parts and (number, *parts[1:]) for anchor, parts in sections.items()}
    for node in [env.titles[page], *env.tocs[page].findall(nodes.reference)]:
        if node.get("secnumber"):
            node["secnumber"] = [number, *node["secnumber"][1:]]


def setup(app: Sphinx) -> dict[str, bool]:
    TocTreeCollector.assign_figure_numbers = number_pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}
