"""MoleculeScrubber: sliders over graphs computed beforehand, drawn as atoms and bonds in the page."""

from __future__ import annotations

import torch
import traitlets
from torch import Tensor

from diffusion_utils.molecules.picture import layout
from diffusion_utils.molecules.rows import ABSENT, ELEMENTS, VALENCE, atom_counts, faults, places_of, split, too_many
from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.figure import Axis, check_axes
from diffusion_utils.widgets.molecule_still import BELOW, CELL, face_svg
from diffusion_utils.widgets.scrubber import Scrubber

EDGE, BOND = 26, 40.0  # units from an atom to the edge of its cell at least; of a bond at most


class MoleculeScrubber(Scrubber):
    """Sliders over precomputed graphs. Make one with `MoleculeScrubber.from_rows`."""

    _esm = front_end.source(*front_end.SCRUBBER, "drawing.js", "molecule_scrubber.js")

    rows = traitlets.List().tag(sync=True)     # of each frame the digits of its cells' rows, one after the other
    labels = traitlets.List().tag(sync=True)   # of each frame a text for each cell
    layouts = traitlets.List().tag(sync=True)  # [x, y, x, y, …] of the places of a cell, whole numbers
    laid = traitlets.List().tag(sync=True)     # of each frame which of the layouts each cell has
    kept = traitlets.List().tag(sync=True)     # of each frame how many atoms, the first ones, are kept; or nothing at all
    settings = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(1).tag(sync=True)

    @classmethod
    def from_rows(
        cls,
        rows: object,
        *,
        axes: list[Axis],
        title: str,
        alt: str,
        fixed: bool = False,
        columns: int = 2,
        labels: list | None = None,
        kept: list[int] | None = None,
        readouts: dict[str, list] | None = None,
        captions: list | None = None,
        interval_ms: int = 200,
        name: str | None = None,
    ) -> MoleculeScrubber:
        """A scrubber over graphs that are already there.

        rows: whole numbers (N, cells, L) with one axis, (N, M, cells, L) with two, and so on: rows as in `molecules.rows`, of
            which each frame shows `cells` in a grid of so many columns.
        fixed: whether atoms stay where those of the last frame along the first axis are, or each graph has its own places.
        labels: a text below each graph, nested as the rows are, (N, cells) and so on; by default what is wrong with it.
        kept: how many atoms of each frame, the first ones, have heavy bonds, nested as the frames are.
        All else is as in `FrameScrubber.from_arrays`.

        Raises ValueError for shapes that do not fit, and for numbers that are no atoms or bonds.
        """
        check_axes(axes)
        leading = tuple(len(axis.values) for axis in axes)
        graphs = check_rows(rows, leading)
        cells, L = graphs.shape[-2:]
        flat = graphs.reshape(-1, L)
        shown = flat_labels(labels, flat, (*leading, cells))
        last = graphs[-1:].expand_as(graphs).reshape(-1, L) if fixed else flat
        layouts, laid = distinct_layouts(last)
        heavy = [] if kept is None else torch.as_tensor(kept).reshape(leading).flatten().tolist()
        settings = {"places": places_of(L), "cells": cells, "columns": columns, "elements": list(ELEMENTS),
                    "valence": list(VALENCE), "cell": CELL, "below": BELOW}
        widget = cls._made(
            leading, axes=axes, title=title, readouts=readouts, captions=captions, companions=None, interval_ms=interval_ms,
            alt=alt, name=name, rows=["".join(map(str, row)) for row in graphs.reshape(-1, cells * L).tolist()],
            labels=grouped(shown, cells), layouts=layouts, laid=grouped(laid, cells), kept=heavy, settings=settings,
            width=CELL * columns, height=(CELL + BELOW) * -(-cells // columns))  # fmt: skip
        widget._warn_if_heavy("Use fewer frames")
        return widget

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The graphs the sliders stand at, as a drawing, and what is said of each."""
        if not self.rows:
            raise ValueError("this MoleculeScrubber has no graphs; make one with MoleculeScrubber.from_rows")
        return {"text/plain": "\n".join([self.alt, *self.labels[self.frame]]),
                "text/html": face_svg({trait: getattr(self, trait) for trait in (
                    "rows", "labels", "layouts", "laid", "kept", "settings", "width", "height", "alt")}, self.frame)}, {}


def check_rows(rows: object, leading: tuple[int, ...]) -> Tensor:
    """int64 (*leading, cells, L). Raises ValueError for another shape, or for what is no atom or bond."""
    graphs = torch.as_tensor(rows)
    if graphs.ndim != len(leading) + 2 or graphs.shape[:len(leading)] != leading or not graphs.shape[-2]:
        raise ValueError(f"rows: must be ({', '.join(map(str, leading))}, cells, L); given {tuple(graphs.shape)}")
    atoms, bonds = split(graphs.long())
    if not (0 <= int(atoms.min()) and int(atoms.max()) <= ABSENT and 0 <= int(bonds.min()) and int(bonds.max()) <= 3):
        raise ValueError(f"rows: atoms are 0…{ABSENT} and bonds 0…3; given others")
    return graphs.long()


def flat_labels(labels: list | None, rows: Tensor, shape: tuple[int, ...]) -> list[str]:
    """A text for each row. Raises ValueError if nested otherwise than `shape`."""
    if labels is None:
        return [fault_of(row) for row in rows]
    flat = labels
    for _ in shape[1:]:
        flat = [entry for inner in flat for entry in inner]
    if len(flat) != len(rows) or not all(isinstance(text, str) for text in flat):
        raise ValueError(f"labels: must be a text for each graph, nested as {' x '.join(map(str, shape))}")
    return flat


def fault_of(row: Tensor) -> str:
    """What is wrong with a row (L,), in few words: how many atoms have too many bonds, in how many pieces it falls."""
    found, wrong = faults(row[None]), int(too_many(row[None]).sum())
    said = [f"{wrong} overfull"] if wrong else []
    said += [f"{pieces_of(row)} pieces"] if bool(found["pieces"]) else []
    return ", ".join(said) or ("no atoms" if bool(found["empty"]) else "a molecule")


def pieces_of(row: Tensor) -> int:
    """In how many pieces a row (L,) falls."""
    from diffusion_utils.molecules.smiles import write_smiles

    return write_smiles(row).count(".") + 1 if int(atom_counts(row[None])) else 0


def distinct_layouts(rows: Tensor) -> tuple[list[list[int]], list[int]]:
    """The places of each row in its cell, and which of the layouts each row has: equal rows share one."""
    different, which = rows.unique(dim=0, return_inverse=True)
    atoms = split(different)[0] != ABSENT
    x = layout(different) * atoms[..., None]
    size = x.abs().amax((1, 2), keepdim=True).clamp(min=1e-6)
    scale = (CELL / 2 - EDGE) / size
    x = CELL / 2 + x * scale.clamp(max=BOND)
    return x.round().long().flatten(1).tolist(), which.tolist()


def grouped(values: list, size: int) -> list[list]:
    return [values[k:k + size] for k in range(0, len(values), size)]
