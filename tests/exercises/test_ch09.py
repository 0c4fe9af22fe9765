"""The exercises of chapter 9: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.exercises import ch09


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def forget(x0, kept, m, u, v):
    new = torch.searchsorted(m.cumsum(0), v, right=True)
    return torch.where(u < kept, x0, new)


def another(x0, kept, m, u, v):
    """What is forgotten becomes one of the other classes."""
    rest = m.clone()
    rest[0] = 0
    return forget(x0, kept, rest / rest.sum(), u, v)


def back(x_t, kept_t, kept_s, f, m, r=None, kept=None):
    r, kept = kept_t / kept_s if r is None else r, kept_s if kept is None else kept
    same = torch.eye(len(m)).double()[x_t]
    p = (r * same + (1 - r) * m[x_t]) * (kept * f + (1 - kept) * m)
    return p / p.sum()


def believed(x_t, kept_t, kept_s, f, m):
    p = f * (kept_t * torch.eye(len(m)).double()[x_t] + (1 - kept_t) * m[x_t])
    return p / p.sum()


def seen(x_t, rows, kept, m):
    return (kept * (rows == x_t) + (1 - kept) * m[x_t]).prod(1)


def in_bits(lost, hidden):
    return ((lost * hidden).sum(1) / hidden.sum(1)).mean() / math.log(2)


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch09.check_forget, forget, 1), (ch09.check_back, back, 2), (ch09.check_seen, seen, 3), (ch09.check_bound, in_bits, 4)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch09.check_forget, lambda x0, kept, m, u, v: x0, "1.000 are as they were"),  # the stub
    (ch09.check_forget, lambda x0, kept, m, u, v: forget(x0, 1 - kept, m, u, v), "not 1 − kept"),
    (ch09.check_forget, another, "may come back as itself"),
    (ch09.check_forget, lambda x0, kept, m, u, v: forget(0 * x0, kept, m, u, v), "in place of"),  # x0 is never looked at
    (ch09.check_forget, lambda x0, kept, m, u, v: forget(x0, kept, m, torch.linspace(0, 1, len(x0)), v), "by its own u"),
    (ch09.check_forget, lambda x0, kept, m, u, v: forget(x0, kept, torch.full((4,), 0.25).double(), u, v), "as they were"),
    (ch09.check_forget, lambda x0, kept, m, u, v: kept * x0, "whole numbers"),
    (ch09.check_back, lambda x_t, kept_t, kept_s, f, m: f, "something else"),  # the stub
    (ch09.check_back, lambda x_t, kept_t, kept_s, f, m: back(x_t, kept_t, kept_s, believed(x_t, kept_t, kept_s, f, m), m),
     "x_t is counted twice"),
    (ch09.check_back, lambda x_t, kept_t, kept_s, f, m: back(x_t, kept_t, kept_s, f, m, kept=kept_t), "ᾱ_t stands where"),
    (ch09.check_back, lambda x_t, kept_t, kept_s, f, m: back(x_t, kept_t, kept_s, f, m, r=kept_t), "what one step keeps"),
    (ch09.check_back, believed, "a jump to the end"),
    (ch09.check_back, lambda *given: 2 * back(*given), "sum to 2.000"),
    (ch09.check_back, lambda *given: back(*given)[:3], "each of the 4 states"),
    (ch09.check_seen, lambda x_t, rows, kept, m: torch.ones(len(rows)), "is wanted"),  # the stub
    (ch09.check_seen, lambda x_t, rows, kept, m: (kept * (rows == x_t) + (1 - kept) * m[x_t]).sum(1), "multiplied, not added"),
    (ch09.check_seen, lambda x_t, rows, kept, m: (rows == x_t).double(), "one number for each"),
    (ch09.check_bound, lambda lost, hidden: lost.mean(), "are wanted"),  # the stub
    (ch09.check_bound, lambda lost, hidden: math.log(2) * in_bits(lost, hidden), "in nats"),
    (ch09.check_bound, lambda lost, hidden: (lost * hidden).sum() / hidden.sum() / math.log(2), "no bound"),
    (ch09.check_bound, lambda lost, hidden: (lost * hidden).mean() / math.log(2), "nothing to be scored on")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, answer, capsys)
    assert "not yet" in text and off in text
