"""The exercises of chapter 8: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.exercises import ch08
from diffusion_utils.video import Call, autoregressive, hierarchy_2, long_range, missing


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def fold(path, span):
    rest = path % (2 * span)
    return min(rest, 2 * span - rest)


def apart(index):
    d = (index[None, :] - index[:, None]).float()
    return torch.stack([d.clamp(min=0).log1p(), (-d).clamp(min=0).log1p(), (d == 0).float()], -1)


def loss(error, mask):
    latent = (1 - mask).expand_as(error)
    return (latent * error**2).sum() / latent.sum()


def own_scheme(given, length):
    """The first two and the last three that are there."""
    done = sorted(given)
    while todo := missing(done, length):
        latent = todo[:5]
        yield Call(sorted({*done[:2], *done[-3:]}), latent)
        done = sorted([*done, *latent])


def absolute(index):
    return apart(index) + index.float()[None, :, None]


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch08.check_fold, fold, 1), (ch08.check_apart, apart, 2), (ch08.check_loss, loss, 3), (ch08.check_scheme, own_scheme, 4),
    (ch08.check_scheme, long_range, 4), (ch08.check_scheme, hierarchy_2, 4)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys).endswith(f"Exercise {number} passes.")


def too_few(given, length):
    yield Call([], [frame for frame in range(length) if frame not in given][:10])


def one_by_one(given, length):
    done = list(given)
    for frame in missing(done, length):
        yield Call(done[:2] + done[2:][-3:], [frame])
        done.append(frame)


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch08.check_fold, lambda path, span: path, "nothing turns round"),  # the stub
    (ch08.check_fold, lambda path, span: path % span, "begins anew"),
    (ch08.check_fold, lambda path, span: min(path, span), "stays at the wall"),
    (ch08.check_fold, lambda path, span: path % (2 * span), "nothing turns round"),
    (ch08.check_fold, lambda path, span: 0.0, "after 3 of a span of 12 the place is 3, not 0"),
    (ch08.check_apart, lambda index: torch.zeros(5, 5, 3), "before and after look alike"),  # the stub
    (ch08.check_apart, lambda index: apart(index)[0], "of the shape (5, 5, 3)"),
    (ch08.check_apart, absolute, "only differences may count"),
    (ch08.check_apart, lambda index: apart(index).transpose(0, 1), "the sign of d"),
    (ch08.check_apart, lambda index: apart(index) * torch.tensor([1, 1, 2.0]), "number 2 is 1.000, not 2.000"),
    (ch08.check_loss, lambda error, mask: (error**2).mean(), "seen frames count"),  # the stub
    (ch08.check_loss, lambda error, mask: ((1 - mask) * error**2).mean(), "you divide by all frames"),
    (ch08.check_loss, lambda error, mask: loss(error, 1 - mask), "the wrong way round"),
    (ch08.check_scheme, autoregressive, "a guess"),  # the stub
    (ch08.check_scheme, too_few, "leaves out 45 frames"), (ch08.check_scheme, one_by_one, "it takes 55 calls")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    found = said(check, answer, capsys)
    assert "not yet" in found and off in found
