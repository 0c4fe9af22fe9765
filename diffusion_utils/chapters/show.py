"""What the chapters show besides figures: the package's own source, tested code and never a pasted copy, and tables."""

from __future__ import annotations

import ast
import inspect
import textwrap

from IPython.display import Code

from .table import table

__all__ = ["show_source", "table"]


def show_source(*objects, docstrings: bool = False) -> Code:
    """The source of functions, classes or methods as highlighted code; docstrings are left out unless asked for."""
    parts = []
    for item in objects:
        source = textwrap.dedent(inspect.getsource(item))
        parts.append(source if docstrings else _without_docstrings(source))
    return Code("\n\n".join(part.strip("\n") for part in parts), language="python")


def _without_docstrings(source: str) -> str:
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) and len(node.body) > 1:
            first = node.body[0]
            for number in range(first.lineno - 1, first.end_lineno):
                lines[number] = None
    return "\n".join(line for line in lines if line is not None)
