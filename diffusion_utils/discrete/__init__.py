"""Diffusion over classes, such as letters, atoms and bonds, on the same ᾱ table as diffusion over numbers.

A state is a tuple of int64 tensors (B, …), with one `Limit` for each: text is (letters,), a molecule (atoms, bonds).
With probability 1 − ᾱ_t a class is forgotten, and drawn anew from the limit's m. From the network comes ln f, what the
other positions say of each: float64 (B, …, classes).

limits.py: what is left at t = T; laws.py: one step, up or down; bound.py: what is minimised, and measured;
denoiser.py: a network as a function, and guidance; walk.py: from noise to data.
"""

from .bound import (
    any_order,
    belief_loss,
    bound,
    bound_term,
    hide,
    masked_loss,
    masked_weight,
    prior_term,
)
from .denoiser import DiscreteDenoiser, guided_log
from .laws import belief, corrupt, draw, fresh, renoise, reverse
from .limits import LIMITS, Limit, absorbing, make_limit, marginal, uniform
from .walk import ORDERS, DiscreteSampler, DiscreteStep, keep, sample_discrete, start

__all__ = ["LIMITS", "ORDERS", "DiscreteDenoiser", "DiscreteSampler", "DiscreteStep", "Limit", "absorbing", "any_order",
           "belief", "belief_loss", "bound", "bound_term", "corrupt", "draw", "fresh", "guided_log", "hide", "keep",
           "make_limit", "marginal", "masked_loss", "masked_weight", "prior_term", "renoise", "reverse", "sample_discrete",
           "start", "uniform"]
