"""The exercises of chapter 2: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.exercises import ch02


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def posterior(signal_s, noise_s, signal_t, noise_t):
    snr_ratio = (signal_t * noise_s / (noise_t * signal_s)) ** 2
    variance = noise_s**2 * (1 - snr_ratio)
    d = math.sqrt(noise_s**2 - variance)
    return signal_s - signal_t * d / noise_t, d / noise_t, variance


def posterior_with_std(*columns):
    of_x0, of_x_t, variance = posterior(*columns)
    return of_x0, of_x_t, math.sqrt(variance)


def posterior_that_keeps_all(signal_s, noise_s, signal_t, noise_t):  # DDIM's step, with the posterior's variance besides
    variance = posterior(signal_s, noise_s, signal_t, noise_t)[2]
    return signal_s - signal_t * noise_s / noise_t, noise_s / noise_t, variance


def score_from_v(v, x_t, signal, noise):
    eps_hat = (noise * x_t + signal * v) / (signal**2 + noise**2)
    return -eps_hat / noise


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch02.check_posterior, posterior, 1),
    (ch02.check_best_guess, lambda x_t, signal, noise: torch.tanh(signal * x_t / noise**2), 2),
    (ch02.check_score_from_v, score_from_v, 3)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch02.check_posterior, lambda *columns: (0.0, 0.0, 0.0), "the coefficient of x₀ is off by"),
    (ch02.check_posterior, posterior_with_std, "the variance is off by"),
    (ch02.check_posterior, posterior_that_keeps_all, "the coefficient of x₀ is off by"),
    (ch02.check_best_guess, lambda x_t, signal, noise: 0 * x_t, "at t = 50 yours is off by up to 1"),
    (ch02.check_best_guess, lambda x_t, signal, noise: torch.tanh(x_t / noise**2), "at t = 300"),  # the signal forgotten
    (ch02.check_best_guess, lambda x_t, signal, noise: torch.sign(x_t), "at t = 50"),
    (ch02.check_score_from_v, lambda v, x_t, signal, noise: 0 * x_t, "on the cosine schedule at t = 100"),
    (ch02.check_score_from_v, lambda v, x_t, signal, noise: -(noise * x_t + signal * v) / noise,
     "on the flow schedule at t = 100")])  # right for a variance-preserving schedule only
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, answer, capsys)
    assert "not yet" in text and off in text
