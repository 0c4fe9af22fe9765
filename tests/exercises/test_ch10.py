"""The exercises of chapter 10: the solution passes, the stub and typical mistakes do not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.exercises import ch10


def back(y, by=0.9, remember=True):
    x, last = torch.zeros_like(y), 0.0
    for n, value in enumerate(y):
        x[n] = value + by * last
        last = x[n] if remember else value
    return x


def loudness(x, below=100.0, weigh=True):
    power = x.unfold(0, 400, 400).square().mean(1)
    active = power >= power.max() / below
    return power[active].mean().sqrt() if weigh else power.mean().sqrt()


def join(part, off, squared=True):
    m = len(part)
    j = torch.arange(1, m + 1, dtype=part.dtype)
    ramp = 0.9 ** (m + 1 - j)
    return part + off * (ramp * (1 - 0.9 ** (2 * j)) / (1 - 0.9 ** (2 * m + 2)) if squared else ramp)


@pytest.mark.parametrize(("check", "right", "wrong", "hint"), [
    (ch10.check_emphasis, back, [lambda y: y, lambda y: back(y, remember=False), lambda y: back(y, 0.7), lambda y: y[1:]], ""),
    (ch10.check_field, lambda dilations, kernel: 1 + (kernel - 1) * sum(dilations),
     [lambda d, k: 1, lambda d, k: k * len(d), lambda d, k: k * sum(d), lambda d, k: 1 + (k - 1) * max(d)], "you say"),
    (ch10.check_loudness, loudness, [lambda x: x.square().mean().sqrt(), lambda x: loudness(x, 10.0),
                                     lambda x: loudness(x) ** 2], "yours is"),
    (ch10.check_join, join, [lambda part, off: part, lambda part, off: join(part, off, squared=False),
                             lambda part, off: part + off * torch.linspace(0, 1, len(part))], "rise"),
])
def test_the_solution_passes_and_mistakes_do_not(check, right, wrong, hint, capsys):
    check(right)
    assert capsys.readouterr().out.strip().endswith("passes.")
    for mistake in wrong:
        check(mistake)
        told = capsys.readouterr().out
        assert "not yet" in told and hint in told
        assert "tensor" not in told, "a reader wants numbers"
