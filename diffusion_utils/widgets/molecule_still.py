"""Molecules standing still: the drawing that molecule_scrubber.js makes of the same rows, for one frame."""

from __future__ import annotations

from html import escape

CELL, BELOW = 200, 24  # units of a cell, and of the line of words below it; as in molecule_scrubber.js
ATOM, WRONG, APART = 12, 15, 5.6  # radius of an atom and of the ring around a wrong one; from line to line of a double bond


def face_svg(state: dict, frame: int) -> str:
    """The face: the cells of a frame in a grid."""
    labels = state["labels"][frame]
    name = ". ".join([state["alt"], ", ".join(labels)])
    cells = "".join(cell_svg(state, frame, cell) for cell in range(len(labels)))
    return (f'<svg class="fs-face fs-picture fs-molecules" viewBox="0 0 {state["width"]} {state["height"]}" role="img" '
            f'aria-label="{escape(name)}" preserveAspectRatio="xMinYMid">{cells}</svg>')


def cell_svg(state: dict, frame: int, cell: int) -> str:
    """One graph, and its words."""
    settings = state["settings"]
    N, columns = settings["places"], settings["columns"]
    length = N * (N + 1) // 2
    row = [int(digit) for digit in state["rows"][frame][cell * length:(cell + 1) * length]]
    at = state["layouts"][state["laid"][frame][cell]]
    kept = state["kept"][frame] if state["kept"] else 0
    left, top = CELL * (cell % columns), (CELL + BELOW) * (cell // columns)
    return (f'<g transform="translate({left} {top})">{bonds_svg(row, at, N, kept)}{atoms_svg(row, at, settings)}'
            f'<text class="fs-said-below" x="{CELL // 2}" y="{CELL + 12}" text-anchor="middle">'
            f'{escape(state["labels"][frame][cell])}</text></g>')


def bonds_svg(row: list[int], at: list[int], N: int, kept: int) -> str:
    """The bonds between atoms, each as one to three lines that end where its atoms begin."""
    lines, place = [], N
    for i in range(N):
        for j in range(i + 1, N):
            order, place = row[place], place + 1
            if order and max(row[i], row[j]) < 4:
                kind = "fs-bond fs-bond-kept" if j < kept else "fs-bond"
                ends = *at[2 * i:2 * i + 2], *at[2 * j:2 * j + 2]
                lines += [f'<path class="{kind}" d="{d}"></path>' for d in lines_of(*ends, order)]
    return "".join(lines)


def lines_of(x: float, y: float, u: float, v: float, order: int) -> list[str]:
    """The lines of a bond from (x, y) to (u, v)."""
    length = max(((u - x) ** 2 + (v - y) ** 2) ** 0.5, 1)
    a, b = (u - x) / length, (v - y) / length
    cut = min(ATOM, 0.4 * length)
    found = []
    for k in range(order):
        aside = APART * (k - (order - 1) / 2)
        ends = (x + cut * a - aside * b, y + cut * b + aside * a, u - cut * a - aside * b, v - cut * b + aside * a)
        found.append("M{:.1f} {:.1f} L{:.1f} {:.1f}".format(*ends))
    return found


def atoms_svg(row: list[int], at: list[int], settings: dict) -> str:
    """The atoms as letters, and a ring around each that has too many bonds."""
    N, parts = settings["places"], []
    used = degrees(row, N)
    for i in range(N):
        if row[i] < len(settings["elements"]):
            x, y, name = at[2 * i], at[2 * i + 1], settings["elements"][row[i]]
            parts.append(f'<circle class="fs-atom fs-atom-{row[i]}" cx="{x}" cy="{y}" r="{ATOM}"></circle>'
                         f'<text class="fs-element" x="{x}" y="{y + 5}" text-anchor="middle">{name}</text>')
            if used[i] > settings["valence"][row[i]]:
                parts.append(f'<circle class="fs-wrong" cx="{x}" cy="{y}" r="{WRONG}"></circle>')
    return "".join(parts)


def degrees(row: list[int], N: int) -> list[int]:
    """Bonds of each place, double ones twice; those to absent atoms do not count."""
    used, place = [0] * N, N
    for i in range(N):
        for j in range(i + 1, N):
            if max(row[i], row[j]) < 4:
                used[i] += row[place]
                used[j] += row[place]
            place += 1
    return used
