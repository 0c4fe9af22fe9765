"""One update, one loop: every Gaussian sampler of the book is `update` with another estimate D of x_0 or another noise u.

From one step to a walk: `kernels` (a step from t to s), `times` (which t), `settings` (the `Sampler` of a card), `walking`
(a loop over any kind of step) and `gaussian` (the step of these samplers, and `sample`).
"""

from .gaussian import GaussianStep, sample
from .kernels import fresh_std, posterior_std, renoise, step_std, update
from .settings import MUCH_NOISE, SAMPLERS, STOCHASTIC, Sampler
from .times import SPACINGS, check_walk, timesteps
from .walking import State, Step, walk

__all__ = ["MUCH_NOISE", "SAMPLERS", "SPACINGS", "STOCHASTIC", "GaussianStep", "Sampler", "State", "Step", "check_walk",
           "fresh_std", "posterior_std", "renoise", "sample", "step_std", "timesteps", "update", "walk"]
