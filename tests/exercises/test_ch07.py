"""The exercises of chapter 7: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from diffusion_utils.exercises import ch07


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def slerp(a, b, s):
    angle = 2 * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1))[:, None]
    sine = angle.sin()
    arc = (((1 - s) * angle).sin() * a + (s * angle).sin() * b) / sine
    return torch.where(angle < 1e-4, a, arc)


def loss(image, text, tau, fits):
    logits = text @ image.T / tau

    def entropy(logits, right):
        right = right / right.sum(1, keepdim=True)
        return -(right * logits.log_softmax(1)).sum(1).mean()

    return (entropy(logits, fits) + entropy(logits.T, fits.T)) / 2


def own_alone(image, text, tau, fits):
    logits, own = text @ image.T / tau, torch.arange(len(fits))
    return sum(torch.nn.functional.cross_entropy(one, own) for one in (logits, logits.T)) / 2


def upward(denoiser, schedule, x0, times, clean=True, late=False):
    x = x0
    for t, s in pairwise(times):
        found = denoiser(x, s if late else max(t, 1))
        x0_hat = x if clean and t == 0 else found.x0_hat
        signal, noise = schedule.at(s, like=x)
        x = signal * x0_hat + noise * found.eps_hat
    return x


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch07.check_slerp, slerp, 1), (ch07.check_loss, loss, 2), (ch07.check_upward, upward, 3)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch07.check_slerp, lambda a, b, s: (1 - s) * a + s * b, "not 1"),  # the stub: a straight line
    (ch07.check_slerp, lambda a, b, s: slerp(b, a, s), "begin in a"),
    (ch07.check_slerp, lambda a, b, s: torch.nn.functional.normalize((1 - s) * a + s * b, dim=1), "of the way"),
    (ch07.check_slerp, lambda a, b, s: torch.where((a == b).all(1, keepdim=True), torch.nan, slerp(a, b, s)), "not finite"),
    (ch07.check_loss, lambda image, text, tau, fits: torch.tensor(0.0), "alone"),  # the stub
    (ch07.check_loss, lambda image, text, tau, fits: loss(image, text, 1, fits), "alone"),  # no temperature
    (ch07.check_loss, lambda image, text, tau, fits: loss(image, text, tau, fits)[None], "alone"),
    (ch07.check_loss, own_alone, "fits three pictures"),
    (ch07.check_loss, lambda image, text, tau, fits: (loss(image, text, tau, fits) + own_alone(image, text, tau, fits)) / 2,
     "fits three pictures"),
    (ch07.check_upward, lambda denoiser, schedule, x0, times: x0, "asked at"),  # the stub
    (ch07.check_upward, lambda *given: upward(*given, late=True), "asked at"),  # where it goes, not where it is
    (ch07.check_upward, lambda denoiser, schedule, x0, times: upward(lambda x, t: denoiser(x, t), schedule, x0, times,
                                                                     clean=False), "should end at")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, answer, capsys)
    assert "not yet" in text and off in text
