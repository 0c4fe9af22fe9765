"""Muon: momentum whose matrices are made orthogonal before the step, so that every direction learns at the same pace.

Source: Jordan et al. 2024 (the optimiser and its Newton–Schulz polynomial); Liu et al. 2025, section 2.2 (the factor
0.2·√max(m, n), which makes a step as large as AdamW's, so that both share one learning rate).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .devices import has_fast_bf16

NOT_HIDDEN = ("conv_in", "conv_out", "embed")  # layers next to the pixels, the time and the labels are left to AdamW


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Nearly U·Vᵀ of matrix = U·S·Vᵀ: all singular values are brought close to 1 by X ← a·X + (b·XXᵀ + c·(XXᵀ)²)·X.

    The polynomial lifts small values fast and leaves them within about 0.7…1.2; exactness would cost more and gain nothing
    (Jordan et al. 2024). matrix: (m, n). Returns the same shape and dtype.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.to(torch.bfloat16 if has_fast_bf16(matrix.device) else torch.float32)
    x = x.T if len(matrix) > matrix.shape[1] else x  # the smaller of the two Gram matrices
    x = x / (x.norm() + 1e-7)  # the largest singular value is now at most 1
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if len(matrix) > matrix.shape[1] else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Muon on the hidden layers' weight matrices, AdamW (Loshchilov & Hutter 2019, alg. 2) on everything else.

    Muon: M ← μ·M + (1 − μ)·G; θ ← θ − lr·(λ·θ + 0.2·√max(m, n)·orthogonal((1 − μ)·G + μ·M)), where a convolution's weight
    (c_out, c_in, k, k) counts as a matrix of m = c_out rows. lr, weight_decay (λ): shared by both; betas: AdamW's.
    """

    def __init__(self, net: nn.Module, lr: float, weight_decay: float = 0.0, momentum: float = 0.95,
                 betas: tuple[float, float] = (0.9, 0.99)):
        hidden = {k: p.ndim >= 2 and not k.startswith(NOT_HIDDEN) for k, p in net.named_parameters()}
        groups = [{"params": [p for k, p in net.named_parameters() if hidden[k] == matrices], "matrices": matrices}
                  for matrices in (True, False)]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "betas": betas})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step from the gradients at hand."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    direction = self._muon if group["matrices"] else self._adam
                    update = direction(parameter.grad, self.state[parameter], group)
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * update)

    @staticmethod
    def _muon(grad: Tensor, state: dict, group: dict) -> Tensor:
        mu = group["momentum"]
        average = state.setdefault("momentum", torch.zeros_like(grad))
        average.lerp_(grad, 1 - mu)
        matrix = grad.lerp(average, mu).flatten(1)  # Nesterov's look-ahead
        return (0.2 * max(matrix.shape) ** 0.5 * orthogonal(matrix)).view_as(grad)

    @staticmethod
    def _adam(grad: Tensor, state: dict, group: dict, eps: float = 1e-8) -> Tensor:
        (beta1, beta2), step = group["betas"], int(state.get("step", 0)) + 1
        state["step"] = step
        first = state.setdefault("exp_avg", torch.zeros_like(grad)).lerp_(grad, 1 - beta1)
        second = state.setdefault("exp_avg_sq", torch.zeros_like(grad)).lerp_(grad**2, 1 - beta2)
        return first / (1 - beta1**step) / ((second / (1 - beta2**step)).sqrt() + eps)
