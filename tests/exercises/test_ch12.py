"""The exercises of chapter 12: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.exercises import ch12


def conditional(K, mask, x, inverse=True, square=False):
    seen = mask > 0
    cross = K[~seen][:, seen]
    weights = cross @ torch.linalg.inv(K[seen][:, seen]) if inverse else cross
    covariance = K[~seen][:, ~seen] - weights @ cross.T
    return weights @ x[seen], covariance.diagonal() if square else covariance.diagonal().sqrt()


def scale(values, mask, observed=True, prior=8.0):
    weight = mask if observed else torch.ones_like(mask)
    n = weight.sum()
    mean = (weight * values).sum() / n.clamp(min=1)
    squares = (weight * (values - mean) ** 2).sum()
    return mean, ((squares + prior * 0.25) / (n + prior)).sqrt()


def crps(samples, truth, fair=True):
    m = len(samples)
    pairs = (samples[:, None] - samples[None]).abs().sum((0, 1))
    return (samples - truth).abs().mean(0) - pairs / (2 * m * (m - 1 if fair else m))


@pytest.mark.parametrize(("check", "right", "wrong", "hint"), [
    (ch12.check_conditional, conditional, [lambda *a: conditional(*a, inverse=False), lambda *a: conditional(*a, square=True)],
     "one value is missing"),
    (ch12.check_scale, scale, [lambda *a: scale(*a, observed=False)], "of what was observed they are"),
    (ch12.check_scale, scale, [lambda *a: scale(*a, prior=1e-9)], "is 0."),
    (ch12.check_crps, crps, [lambda *a: crps(*a, fair=False), lambda x, y: (x - y).abs().mean(0)], "whatever their number"),
    (ch12.check_maximum, lambda paths: paths.amax(1).quantile(0.9),
     [lambda paths: paths.quantile(0.9, 0).amax(), lambda paths: paths.mean(0).amax()], "exceeds"),
])
def test_the_solution_passes_and_mistakes_do_not(check, right, wrong, hint, capsys):
    check(right)
    assert capsys.readouterr().out.strip().endswith("passes.")
    for mistake in wrong:
        check(mistake)
        told = capsys.readouterr().out
        assert "not yet" in told and (hint in told or hint == "is 0.")
        assert "tensor" not in told, "a reader wants numbers"
