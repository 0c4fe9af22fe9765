"""SMILES, molecules as a line of text (Weininger 1988): read it, and write it.

`CC(=O)O` is a chain C–C–O with an O at the second atom, by a double bond; two equal digits close a ring; small letters stand
in rings whose electrons belong to all of it, and are read as single and double bonds in turn. Hydrogen is left out where it
fills what is free; brackets say it, and all else that is unusual: `[CH]` lacks some, `[NH3+]` is charged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .rows import ABSENT, ELEMENTS, VALENCE, pairs, split

TOKEN = re.compile(r"(\[[^\]]*\])|(Cl|Br|[BCNOPSFIbcnops])|([-=#:/\\])|(\()|(\))|(%\d\d|\d)|(\.)|(.)", re.DOTALL)
BRACKET = re.compile(r"\[(\d*)([A-Za-z][a-z]?)(@{0,2})(H\d*)?([+-]\d*|\++|-+)?(:\d+)?\]")
ORDERS = {"-": 1, "=": 2, "#": 3, "/": 1, "\\": 1}
SIGNS = ("", "", "=", "#")


class SmilesError(ValueError):
    """No SMILES, or one of something that a row cannot hold; the message says which."""


@dataclass
class Graph:
    """What a line says. elements: names; hydrogens: their number where a bracket gives it, else None; soft: whether an atom
    stands in small letters; bonds: (i, j), i < j → 1, 2 or 3, or None between two soft atoms; pieces: how many there are."""

    elements: list[str] = field(default_factory=list)
    hydrogens: list[int | None] = field(default_factory=list)
    charges: list[int] = field(default_factory=list)
    soft: list[bool] = field(default_factory=list)
    bonds: dict[tuple[int, int], int | None] = field(default_factory=dict)
    pieces: int = 1

    def degree(self, i: int) -> int:
        """Bonds of an atom, double ones twice."""
        return sum(order or 1 for pair, order in self.bonds.items() if i in pair)


def read_smiles(text: str) -> Graph:
    """The graph of a line, with no bond left open between single and double. Raises SmilesError where it is none."""
    graph, last, order, branches, open_rings = Graph(), None, None, [], {}

    def bond(i: int, j: int, given: int | None) -> None:
        pair = (min(i, j), max(i, j))
        if i == j or pair in graph.bonds:
            raise SmilesError(f"{text!r} binds two atoms twice, or one to itself")
        graph.bonds[pair] = given or (None if graph.soft[i] and graph.soft[j] else 1)

    for bracket, plain, sign, down, up, ring, dot, other in TOKEN.findall(text):
        if bracket or plain:
            i = len(graph.elements)
            _add_atom(graph, bracket, plain, text)
            if last is not None:
                bond(last, i, order)
            last, order = i, None
        elif other or last is None or (up and not branches) or (order and not ring):
            raise SmilesError(f"{text!r} is no SMILES: {other or sign or down or up or ring or dot!r} cannot stand there")
        elif sign:
            order = ORDERS.get(sign)
        elif down:
            branches.append(last)
        elif up:
            last = branches.pop()
        elif dot:
            last, graph.pieces = None, graph.pieces + 1
        elif ring in open_rings:
            begun, given = open_rings.pop(ring)
            bond(begun, last, order or given)
            order = None
        else:
            open_rings[ring], order = (last, order), None
    if not graph.elements or last is None or order or branches or open_rings:
        missing = ("a ring is open" if open_rings else "a branch is open" if branches else "an atom is missing")
        raise SmilesError(f"{text!r} is no SMILES: {missing} at its end")
    _settle(graph, text)
    return graph


def _add_atom(graph: Graph, bracket: str, plain: str, text: str) -> None:
    name, hydrogens, charge = plain, None, 0
    if bracket:
        found = BRACKET.fullmatch(bracket)
        if found is None:
            raise SmilesError(f"{text!r} has an atom {bracket}, which is not known here")
        _, name, _, h, sign, _ = found.groups()
        hydrogens = 0 if not h else int(h[1:] or 1)
        if sign:
            size = int(sign[1:]) if sign[1:].isdigit() else len(sign)
            charge = size if sign[0] == "+" else -size
    graph.elements.append(name.capitalize())
    graph.soft.append(name.islower())
    graph.hydrogens.append(hydrogens)
    graph.charges.append(charge)


def _settle(graph: Graph, text: str) -> None:
    """Give soft bonds an order: each soft atom that has a hand free gets one double bond, a matching found by trying."""
    soft = [pair for pair, order in graph.bonds.items() if order is None]
    if not soft and not any(graph.soft):
        return
    needy = {i for i, is_soft in enumerate(graph.soft) if is_soft and _has_hand_free(graph, i)}
    chosen = _matching(needy, soft)
    if chosen is None:
        raise SmilesError(f"{text!r} has a ring in small letters that no single and double bonds in turn make up")
    for pair in soft:
        graph.bonds[pair] = 2 if pair in chosen else 1


def _has_hand_free(graph: Graph, i: int) -> bool:
    name = graph.elements[i]
    if name not in ELEMENTS:
        return False
    charge = graph.charges[i] if name != "C" else -abs(graph.charges[i])  # N⁺ has four bonds, N⁻ two, C⁺ and C⁻ three
    return VALENCE[ELEMENTS.index(name)] + charge - graph.degree(i) - (graph.hydrogens[i] or 0) > 0


def _matching(left: set[int], candidates: list[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """Pairs among the candidates that hold each of these atoms once; None where there are none."""
    if not left:
        return []
    first = min(left)
    for pair in candidates:
        if first in pair and left.issuperset(pair):
            rest = _matching(left - set(pair), candidates)
            if rest is not None:
                return [pair, *rest]
    return None


def intact(graph: Graph) -> bool:
    """Whether hydrogen fills just what is free, nothing is charged, and all hangs together: so its row is this molecule and
    no other."""
    if graph.pieces > 1 or any(graph.charges):
        return False
    for i, name in enumerate(graph.elements):
        free = VALENCE[ELEMENTS.index(name)] - graph.degree(i) if name in ELEMENTS else -1
        if free < 0 or graph.hydrogens[i] not in (None, free):
            return False
    return True


def numbers_of(graph: Graph, N: int) -> list[int]:
    """The row of a graph of at most N atoms: what hydrogen and charges say is lost."""
    row = [ABSENT] * N + [0] * (N * (N - 1) // 2)
    for i, name in enumerate(graph.elements):
        row[i] = ELEMENTS.index(name)
    for (i, j), order in graph.bonds.items():
        row[N + i * (2 * N - i - 1) // 2 + j - i - 1] = order
    return row


def row_of(text: str, N: int = 9) -> Tensor:
    """The row of a molecule, int64 (L,). Raises SmilesError for what is no SMILES, has more than N atoms, an element other
    than C, N, O, F, a charge, several pieces, or not the hydrogen that its bonds ask for."""
    graph = read_smiles(text)
    if strange := [name for name in graph.elements if name not in ELEMENTS]:
        raise SmilesError(f"{text!r} has {strange[0]}; the elements known here are {', '.join(ELEMENTS)}, and H between them")
    if len(graph.elements) > N:
        raise SmilesError(f"{text!r} has {len(graph.elements)} atoms beside hydrogen; at most {N} are allowed")
    if not intact(graph):
        raise SmilesError(f"{text!r} has a charge, several pieces, or not the hydrogen that its bonds ask for: its graph of "
                          "atoms and bonds would be another molecule")
    return torch.tensor(numbers_of(graph, N))


def write_smiles(row: Tensor) -> str:
    """A row (L,) as SMILES, single and double bonds written out; pieces, if it falls in several, with dots between them."""
    atoms, bonds = (part.tolist() for part in split(row))
    near: dict[int, dict[int, int]] = {i: {} for i, atom in enumerate(atoms) if atom != ABSENT}
    for i, j, order in zip(*(part.tolist() for part in pairs(len(atoms))), bonds, strict=True):
        if order and i in near and j in near:
            near[i][j] = near[j][i] = order
    seen: set[int] = set()
    digits: dict[tuple[int, int], int] = {}

    def told(i: int, before: int | None) -> str:
        seen.add(i)
        name, branches = ELEMENTS[atoms[i]], []
        for j, order in near[i].items():
            if j == before:
                continue
            pair = (min(i, j), max(i, j))
            if j not in seen:
                branches.append(SIGNS[order] + told(j, i))
            else:  # a ring closes: where it is seen first the digit is new
                new = pair not in digits
                digits.setdefault(pair, len(digits) + 1)
                number = digits[pair]
                name += (SIGNS[order] if new else "") + (str(number) if number < 10 else f"%{number}")
        return name + "".join(f"({branch})" for branch in branches[:-1]) + (branches[-1] if branches else "")

    return ".".join(told(i, None) for i in near if i not in seen)
