"""From data up to noise: DDIM walked the other way, so that a picture gets the noise from which it is drawn again.

Sources: Song et al. 2021, section 4.3 (the walk encodes), Ramesh et al. 2022, section 2.2 (a picture is its embedding and x_T).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from .checks import clean_state
from .conditions import Condition
from .denoiser import DenoiserFn
from .sampling import State
from .schedules import Schedule


@torch.no_grad()
def invert(denoiser: DenoiserFn, schedule: Schedule, x0: Tensor,
           times: Sequence[int], *, cond: Condition = None) -> Iterator[State]:
    """x_s = signal_s·x̂₀ + noise_s·ε̂ from t up to s > t: deterministic.

    The step is DDIM's: what the network believes at t, x_t = signal_t·x̂₀ +
    noise_t·ε̂, is put together again with the weights of another time. Down
    and up differ in where it is asked, so a walk up and down again comes
    back only as nearly as its steps are short: first order.
    x0: (B, …); times: rising, from 0 to T or less; cond: what the network is
    told. Yields State(t, x_t, x̂₀) before each step, and (T, x_T, x̂₀) last.
    At t = 0 there is no noise to be asked for: x̂₀ is x_0 there, and ε̂ is
    what the network finds in it at t = 1, the lowest time that it knows.
    Raises ValueError for times that do not rise from 0.
    """
    x, times = clean_state("x0", x0), check_rising(schedule, times)
    for t, s in pairwise(times):
        found = denoiser(x, max(t, 1), cond)
        x0_hat = x if t == 0 else found.x0_hat
        yield State(t, x, x0_hat)
        signal, noise = schedule.at(s, like=x)
        x = signal * x0_hat + noise * found.eps_hat
    yield State(times[-1], x, x0_hat)


def check_rising(schedule: Schedule, times: Sequence[int]) -> list[int]:
    """The times as integers. Raises ValueError unless they rise from 0, and end at T at most."""
    times = schedule.check_t(torch.as_tensor(times)).tolist()
    if len(times) < 2 or times[0] != 0 or any(s <= t for t, s in pairwise(times)):
        raise ValueError(f"a walk up has at least two times, which begin at 0 and rise, got {times}")
    return times
