"""What the chapters show besides figures: the package's own source, tested code and never a pasted copy, and tables."""

from __future__ import annotations

import ast
import inspect
import textwrap

from IPython.display import Code

from .table import table

__all__ = ["show_source", "table"]


WIDTH = 76      # columns that a page shows of code


def show_source(*objects, docstrings: bool = False) -> Code:
    """The source of functions, classes or methods as highlighted code; docstrings are left out unless asked for.

    So are the words of an error that would take more than one line: `raise ValueError(...)`.
    """
    parts = []
    for item in objects:
        source = textwrap.dedent(inspect.getsource(item))
        parts.append(_without_long_messages(source if docstrings else _without_docstrings(source)))
    return Code("\n\n".join(part.strip("\n") for part in parts), language="python")


def _without_docstrings(source: str) -> str:
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) and len(node.body) > 1:
            first = node.body[0]
            for number in range(first.lineno - 1, first.end_lineno):
                lines[number] = None
    return "\n".join(line for line in lines if line is not None)


def _without_long_messages(source: str) -> str:
    shown = source
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            text = ast.get_source_segment(source, node)
            if "\n" in text or node.col_offset + len(text) > WIDTH:
                shown = shown.replace(text, f"raise {ast.unparse(node.exc.func)}(...)", 1)
    return shown
