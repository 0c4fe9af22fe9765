"""A table that a chapter shows: real HTML with header cells, which fits a phone and which a screen reader can read out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from IPython.display import display

NUMBER = re.compile(r"[+\-−±≈<≤>≥]?\s*[\d.,]+(e[+\-]?\d+)?\s*(± [\d.,]+)?\s*(%|×|s|ms)?|[–—∞-]?")  # or a dash, or nothing


class Table:
    """Rows of texts below their header. The first cell of a row names the row."""

    def __init__(self, rows: Iterable[Sequence[object]], header: Sequence[object], caption: str | None = None):
        self.header = [str(cell) for cell in header]
        self.rows = [[str(cell) for cell in row] for row in rows]
        self.caption = caption
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"A row has as many cells as the header, {len(self.header)}; {row} has {len(row)}.")
        self.right = [bool(column) and all(NUMBER.fullmatch(cell) for cell in column) for column in self.columns()]

    def columns(self) -> list[list[str]]:
        return [[row[k] for row in self.rows] for k in range(len(self.header))]

    def _repr_html_(self) -> str:
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        head = "".join(self._cell("th", cell, k, "col") for k, cell in enumerate(self.header))
        body = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        return f'<table class="shown">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def _row(self, row: list[str]) -> str:
        first, *rest = row
        return self._cell("th", first, 0, "row") + "".join(self._cell("td", cell, k + 1) for k, cell in enumerate(rest))

    def _cell(self, tag: str, text: str, column: int, scope: str = "") -> str:
        side = "right" if self.right[column] else "left"  # numbers stand below each other digit by digit
        scope = f' scope="{scope}"' if scope else ""
        return f'<{tag}{scope} style="text-align: {side}">{escape(text)}</{tag}>'

    def __repr__(self) -> str:
        """The table as text, its columns aligned."""
        widths = [max(map(len, [title, *column])) for title, column in zip(self.header, self.columns(), strict=True)]
        lines = [self.header, ["-" * width for width in widths], *self.rows]
        texts = ["  ".join(cell.rjust(width) if right else cell.ljust(width)
                           for cell, width, right in zip(line, widths, self.right, strict=True)).rstrip() for line in lines]
        return "\n".join([*filter(None, [self.caption]), *texts])


def table(rows: Iterable[Sequence[object]], header: Sequence[object], caption: str | None = None) -> None:
    """Show a table: HTML in a notebook and on the page, aligned text in a terminal.

    rows: a sequence of cells for each row, shown as `str` writes them. Columns of numbers are aligned to the right.
    """
    display(Table(rows, header, caption))
