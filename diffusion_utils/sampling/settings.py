"""What can be chosen about a walk: the name of a sampler, its steps and their times, its share of fresh noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..checks import on_cpu, whole_number
from ..errors import unknown_name
from ..schedules import Schedule
from .times import timesteps

SAMPLERS = ("ddpm", "ddim", "dpmpp_2m", "dpmpp_2m_sde", "heun")
STOCHASTIC = ("ddpm", "dpmpp_2m_sde")  # η = 1 where nothing else is asked for
MUCH_NOISE = 2.0  # SNR below which the first of two η holds unless another is given


@dataclass(frozen=True)
class Sampler:
    """How to walk from noise to data: what a checkpoint's card says under "sampling".

    sampler: 'ddpm' (η = 1), 'ddim' (η = 0), 'dpmpp_2m_sde' (η = 1), 'dpmpp_2m' (η = 0) or 'heun'
    steps: of the walk, 1…T
    spacing: of its times, see `timesteps`
    eta: replaces the η of 'ddpm', 'ddim' and 'dpmpp_2m_sde'; one number, or two for much noise and for little
    eta_border: the first of two η holds where SNR_t lies below it
    variance: of the fresh noise where η > 0, 'posterior' (β̃_t) or 'large' (β_t)

    The defaults are those of the plainest walk. Raises ValueError for what is not as said here.
    """

    sampler: str = "ddim"
    steps: int = 20
    spacing: str | float = "uniform"
    eta: float | Sequence[float] | None = None
    eta_border: float = MUCH_NOISE
    variance: str = "posterior"

    def __post_init__(self):
        object.__setattr__(self, "steps", whole_number("steps", self.steps, 1))
        self._check()

    @property
    def shares(self) -> tuple[float, float]:
        """η of the steps from where there is much noise, and of the others."""
        eta = self.eta
        if eta is None:
            eta = 1.0 if self.sampler in STOCHASTIC else 0.0
        eta = eta.tolist() if hasattr(eta, "tolist") else eta  # NumPy's numbers and tensors
        return tuple(float(share) for share in (eta if isinstance(eta, Sequence) else (eta, eta)))

    def times(self, schedule: Schedule) -> list[int]:
        """The walk from T to 0."""
        return timesteps(schedule, self.steps, self.spacing)

    def calls(self, weight: float | Tensor = 1.0) -> int:
        """Network evaluations for one sample from T: steps × (2 for Heun, 1 at its two ends) × (2 when guided, w not 0 or 1).

        weight: one w, or one for each sample (B,), which is always guided.
        """
        solver = max(self.steps, 2 * self.steps - 2) if self.sampler == "heun" else self.steps
        weight = on_cpu(weight)
        return solver * (1 if weight.ndim == 0 and weight in (0, 1) else 2)

    def changed(self, **given) -> Sampler:
        """Another one, with what is given and not None; η and its border belong to the sampler that they were chosen for."""
        given = {name: value for name, value in given.items() if value is not None}
        own = {} if given.get("sampler", self.sampler) == self.sampler else {"eta": None, "eta_border": MUCH_NOISE}
        return replace(self, **own | given)

    def _check(self) -> None:
        if self.sampler not in SAMPLERS:
            raise unknown_name("sampler", self.sampler, SAMPLERS)
        if self.variance not in ("posterior", "large"):
            raise unknown_name("variance", self.variance, ("posterior", "large"))
        shares = self.shares
        if len(shares) != 2 or not all(0 <= share < math.inf for share in shares):
            raise ValueError(f"eta must be a finite number of at least 0, or two of them, got {self.eta}")
        if not 0 <= self.eta_border < math.inf:
            raise ValueError(f"eta_border must be an SNR, a finite number of at least 0, got {self.eta_border}")
        if self.sampler in ("dpmpp_2m", "heun") and any(shares):
            raise ValueError(f"{self.sampler} solves the deterministic equation: eta must be 0, got {self.eta}")
        if self.variance == "large" and max(shares) > 1:
            raise ValueError(f"eta must lie in 0…1 with the variance 'large', which is DDPM's own, got {self.eta}")
