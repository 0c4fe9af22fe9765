"""The exercises of chapter 6: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.exercises import ch06


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def statistics(codes):
    return codes.mean((0, 2, 3))[:, None, None], codes.std((0, 2, 3))[:, None, None]


def attend(q, k, v, mask):
    scores = q @ k.T / q.shape[1] ** 0.5
    return scores.masked_fill(~mask, -torch.inf).softmax(1) @ v


def told_where(x):
    b, _, h, w = x.shape
    down = torch.linspace(-1, 1, h)[:, None].expand(b, 1, h, w)
    right = torch.linspace(-1, 1, w).expand(b, 1, h, w)
    return torch.cat([x, down, right], dim=1)


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch06.check_statistics, statistics, 1), (ch06.check_attend, attend, 2), (ch06.check_places, told_where, 3),
    (ch06.check_places, lambda x: told_where(x)[:, [0, 1, 2, 4, 3]], 3)])  # in which order is nobody's business
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch06.check_statistics, lambda codes: (torch.zeros(4, 1, 1), codes.std()), "channel 0 has mean"),  # the stub
    (ch06.check_statistics, lambda codes: (codes.mean(), codes.std()), "channel 0 has mean"),  # one number for all
    (ch06.check_statistics, lambda codes: (codes.mean((0, 2, 3)), codes.std((0, 2, 3))), "do not fit one code"),
    (ch06.check_statistics, lambda codes: (codes.mean((2, 3), True), codes.std((2, 3), keepdim=True)), "do not fit one code"),
    (ch06.check_statistics, lambda codes: (codes.mean(0), (codes - codes.mean(0)).std((0, 2, 3))[:, None, None]),
     "one mean for each place"),
    (ch06.check_statistics, lambda codes: (statistics(codes)[0], statistics(codes)[1] ** 2), "channel 0"),  # the variance
    (ch06.check_attend, lambda q, k, v, mask: torch.ones(len(q), len(k), dtype=q.dtype) / len(k) @ v, "with all words"),
    (ch06.check_attend, lambda q, k, v, mask: (q @ k.T).softmax(1) @ v, "with all words"),  # no root
    (ch06.check_attend, lambda q, k, v, mask: (q @ k.T / 2).softmax(0) @ v, "with all words"),  # over the places
    (ch06.check_attend, lambda q, k, v, mask: (q @ k.T / 2).softmax(1) @ v, "one word only"),  # no mask
    (ch06.check_attend, lambda q, k, v, mask: ((q @ k.T / 2).softmax(1) * mask) @ v, "one word only"),  # a mask too late
    (ch06.check_places, lambda x: torch.cat([x, torch.zeros_like(x[:, :2])], 1), "left and right"),  # the stub
    (ch06.check_places, lambda x: told_where(x)[:, [0, 1, 2, 4, 4]], "top and bottom"),
    (ch06.check_places, lambda x: torch.cat([x, (told_where(x)[:, 3:] + 1) / 2], 1), "from 0.00 to 1.00"),
    (ch06.check_places, lambda x: told_where(x)[:, 3:], "what was there")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, answer, capsys)
    assert "not yet" in text and off in text
