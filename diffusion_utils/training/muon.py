"""Muon: momentum whose matrices are made orthogonal before the step, so that every direction learns at the same pace.

Source: Jordan et al. 2024 (the optimiser and its Newton–Schulz polynomial); Liu et al. 2025, section 2.2 (the factor
0.2·√max(m, n), which makes a step as large as AdamW's, so that both share one learning rate).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .wrappers import unwrapped

TABLES = (nn.Embedding, nn.EmbeddingBag)  # their rows are looked up, and do not multiply anything


def hidden_weights(net: nn.Module) -> list[tuple[nn.Parameter, bool]]:
    """Each parameter, and whether it is the matrix of a hidden layer: in no table, and not among those that the network
    names as its outer ones (see `networks.Network.outer`)."""
    tables = [layer for layer in net.modules() if isinstance(layer, TABLES)]
    outer = [*tables, *(net.outer() if hasattr(net, "outer") else ())]
    left = {id(p) for part in outer for p in ([part] if isinstance(part, nn.Parameter) else part.parameters())}
    return [(p, p.ndim >= 2 and id(p) not in left) for p in net.parameters()]


def newton_schulz(gram: Tensor, steps: int = 5) -> Tensor:
    """Q such that Q·X is nearly U·Vᵀ for every X = U·S·Vᵀ with S ≤ 1 whose Gram matrix XXᵀ is the given one.

    A step is X ← p·X, p = a + b·XXᵀ + c·(XXᵀ)²: it lifts small singular values fast and leaves them within about 0.7…1.2;
    exactness would cost more and gain nothing (Jordan et al. 2024). XXᵀ becomes p·XXᵀ·p by that, whatever X is, so the
    steps are made with the small matrix alone. gram: (…, m, m). Returns the same shape and dtype.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    one = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    q = one
    for _ in range(steps):
        p = a * one + b * gram + c * gram @ gram
        q, gram = p @ q, p @ gram @ p
    return q


def orthogonal(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Nearly U·Vᵀ of each matrix = U·S·Vᵀ: all singular values are brought close to 1. matrices: float, (m, n) each.

    Those whose smaller sides are equal go through `newton_schulz` together: few large products instead of many small ones.
    """
    tall = [len(matrix) > matrix.shape[1] for matrix in matrices]
    # turned over for the smaller Gram matrix; divided so that the largest
    # singular value is at most 1
    wide = [matrix.T if is_tall else matrix
            for matrix, is_tall in zip(matrices, tall, strict=True)]
    wide = [x / (torch.linalg.vector_norm(x) + 1e-7) for x in wide]
    found: dict[int, Tensor] = {}
    for side in {len(x) for x in wide}:
        alike = [k for k, x in enumerate(wide) if len(x) == side]
        grams = torch.stack([wide[k] @ wide[k].T for k in alike])
        for k, factor in zip(alike, newton_schulz(grams), strict=True):
            found[k] = factor @ wide[k]
    return [found[k].T if is_tall else found[k]
            for k, is_tall in enumerate(tall)]


class Muon(torch.optim.Optimizer):
    """Muon on the hidden layers' weight matrices, AdamW (Loshchilov & Hutter 2019, alg. 2) on everything else.

    Muon: M ← μ·M + (1 − μ)·G; θ ← θ − lr·(λ·θ + 0.2·√max(m, n)·orthogonal((1 − μ)·G + μ·M)), where a convolution's weight
    (c_out, c_in, k, k) counts as a matrix of m = c_out rows. lr, weight_decay (λ): shared by both; betas: AdamW's.
    """

    def __init__(self, net: nn.Module, lr: float, weight_decay: float = 0.0, momentum: float = 0.95,
                 betas: tuple[float, float] = (0.9, 0.99)):
        hidden = hidden_weights(unwrapped(net))
        groups = [{"params": [p for p, is_hidden in hidden if is_hidden == matrices], "matrices": matrices}
                  for matrices in (True, False)]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "betas": betas})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step from the gradients at hand."""
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if weights:
                directions = (self._muon if group["matrices"] else self._adam)(weights, [p.grad for p in weights], group)
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_sub_(weights, directions, alpha=group["lr"])

    def _kept(self, name: str, weights: list[Tensor]) -> list[Tensor]:
        """What is kept under that name for each weight; zeros at first."""
        for p in weights:
            if name not in self.state[p]:
                self.state[p][name] = torch.zeros_like(p)
        return [self.state[p][name] for p in weights]

    def _muon(self, weights: list[Tensor], grads: list[Tensor], group: dict) -> list[Tensor]:
        mu, averages = group["momentum"], self._kept("momentum", weights)
        torch._foreach_lerp_(averages, grads, 1 - mu)
        ahead = torch._foreach_lerp(grads, averages, mu)  # Nesterov's look-ahead
        found = orthogonal([matrix.flatten(1) for matrix in ahead])
        return [(0.2 * max(matrix.shape) ** 0.5 * matrix).view_as(p) for matrix, p in zip(found, weights, strict=True)]

    def _adam(self, weights: list[Tensor], grads: list[Tensor], group: dict, eps: float = 1e-8) -> list[Tensor]:
        beta1, beta2 = group["betas"]
        for p in weights:
            self.state[p]["step"] = int(self.state[p].get("step", 0)) + 1
        steps = [self.state[p]["step"] for p in weights]
        first, second = self._kept("exp_avg", weights), self._kept("exp_avg_sq", weights)
        torch._foreach_lerp_(first, grads, 1 - beta1)
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, grads, grads, 1 - beta2)
        size = torch._foreach_sqrt(torch._foreach_div(second, [1 - beta2**step for step in steps]))
        torch._foreach_add_(size, eps)
        return torch._foreach_div(torch._foreach_div(first, [1 - beta1**step for step in steps]), size)
