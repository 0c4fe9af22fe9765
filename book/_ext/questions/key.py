"""The key of a question whose answer is a number or a formula, read from the words it begins with. No Sphinx in here.

`**0.25** (within 0.01)` is a number; `` **`sqrt(1 - a)`** for a in 0…1 `` a formula, which questions.js compares with the
reader's at several points. Whatever cannot be used raises a ValueError that says why.
"""

from __future__ import annotations

import ast
import json
import math
import re

WITHIN = re.compile(r"\s*\(within ([^)]+)\)")
RANGE = r"\w+ in [−-]?\d+(?:\.\d+)?(?:…|\.\.\.)[−-]?\d+(?:\.\d+)?"
RANGES = re.compile(rf"\s*for ({RANGE}(?:, {RANGE})*)")
FUNCTIONS = {name: getattr(math, name) for name in ("sqrt", "exp", "log", "tanh")} | {"abs": abs}
ALLOWED = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Load, ast.Constant, ast.Add, ast.Sub, ast.Mult,
           ast.Div, ast.Pow, ast.USub, ast.UAdd)


def number(text: str) -> float:
    """-0.25 of "−0.25" or "−25 %"; 4000 of "4,000"."""
    plain = text.strip().replace("−", "-").replace(",", "")
    try:
        return float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def number_key(right: str, words: str, wrong: list[str]) -> dict[str, str]:
    """The key of a number: `right`, how far off an answer may be, and known wrong numbers."""
    tolerance = WITHIN.match(words)
    within = number(tolerance[1]) if tolerance else 1e-9 * max(1.0, abs(number(right)))
    for known in wrong:
        if abs(number(known) - number(right)) <= within:
            raise ValueError(f"the wrong number {known} is within {within:g} of the right one, {right}")
    key = {"right": str(number(right)), "within": str(within), "wrong": json.dumps([number(known) for known in wrong])}
    return key | ({"percent": "yes"} if right.strip().endswith("%") else {})


def formula_key(right: str, words: str, wrong: list[str]) -> dict[str, str]:
    """The key of a formula: the right one, between which values its variables lie, and known wrong ones."""
    found = RANGES.match(words)
    if not found:
        raise ValueError(f"after the formula `{right}` must stand, for example, 'for a in 0…1'")
    ranges = dict(one_range(part) for part in found[1].split(", "))
    for known in wrong:
        if all(math.isclose(value(known, point), value(right, point), rel_tol=1e-6) for point in points(ranges)):
            raise ValueError(f"the wrong formula `{known}` equals the right one, `{right}`")
    for point in points(ranges):
        value(right, point)
    return {"right": right, "ranges": json.dumps(ranges), "wrong": json.dumps(wrong)}


def one_range(part: str) -> tuple[str, list[float]]:
    """("a", [0, 1]) of "a in 0…1"."""
    name, _, limits = part.partition(" in ")
    low, high = map(number, limits.replace("...", "…").split("…"))
    if low >= high:
        raise ValueError(f"{part!r} is empty: the smaller number comes first")
    return name, [low, high]


def points(ranges: dict[str, list[float]]) -> list[dict[str, float]]:
    """Three points inside the ranges, with unlike values of unlike variables."""
    return [{name: low + (high - low) * (0.2 * k + 0.5 / (order + 2))
             for order, (name, (low, high)) in enumerate(ranges.items())} for k in (0, 1, 2)]


def value(formula: str, variables: dict[str, float]) -> float:
    """The formula's value; only arithmetic, the named variables and a few functions are let through."""
    try:
        tree = ast.parse(formula.replace("^", "**"), mode="eval")
    except SyntaxError:
        raise ValueError(f"`{formula}` is not a formula") from None
    for part in ast.walk(tree):
        if not isinstance(part, ALLOWED) or isinstance(part, ast.Name) and part.id not in variables | FUNCTIONS:
            raise ValueError(f"`{formula}` holds {ast.unparse(part)!r}, which is neither arithmetic nor among "
                             f"{', '.join(variables | FUNCTIONS)}")
    try:
        return float(eval(compile(tree, formula, "eval"), {"__builtins__": {}}, variables | FUNCTIONS))  # noqa: S307
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ValueError(f"`{formula}` has no value at {variables}: {error}") from None
