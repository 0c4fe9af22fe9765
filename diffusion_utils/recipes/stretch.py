"""By how much the samples of a series are stretched about their middle, so that their bands are as wide as they should be.

A network that has seen few windows is too sure of itself: its bands are narrow. One factor, chosen on windows that it did not
learn from, mends most of that (the spread of an ensemble: Gneiting et al. 2005).
"""

import torch
from torch import Tensor

from ..conditions import each
from ..data.electricity import task_masks
from ..data.windows import SeriesData
from ..denoiser import Denoiser
from ..forecast import frame_of, stretched, walk
from ..metrics.series import fair_crps
from ..networks.window_gaussian import WindowGaussian
from ..sampling import Sampler

CHOICES = tuple(step / 20 for step in range(20, 31))  # 1.00, 1.05 … 1.50
WINDOWS, SAMPLES = 24, 16


@torch.no_grad()
def chosen_stretch(denoiser: Denoiser, sampler: Sampler, gaussian: WindowGaussian | None, data: SeriesData) -> float:
    """That of CHOICES with the lowest CRPS. Each task counts the same: its CRPS is divided by that without a stretch."""
    rows = torch.linspace(0, len(data) - 1, min(WINDOWS, len(data))).long()
    total, training = torch.zeros(len(CHOICES)), denoiser.net.training
    denoiser.net.eval()
    for mask in task_masks(*data.shape).values():
        scores = of_task(denoiser, sampler, gaussian, data, rows, mask)
        total += scores / scores[0]
    denoiser.net.train(training)
    return CHOICES[int(total.argmin())]


def of_task(denoiser: Denoiser, sampler: Sampler, gaussian: WindowGaussian | None, data: SeriesData, rows: Tensor,
            mask: Tensor) -> Tensor:
    """The CRPS of each choice, over the entries that the mask hides and that are there."""
    device = next(denoiser.net.parameters()).device
    cond, truth, there = data.condition(rows), data.x0(rows), data.there(rows)
    cond |= {"mask": mask * there, "known": mask * there * truth}
    many = each(lambda entry: entry.repeat_interleave(SAMPLES, 0).to(device), cond)
    states = list(walk(denoiser, denoiser.schedule, many, sampler, gaussian, 0, range(len(many["mask"]))))
    frame = frame_of(many["known"], many["mask"], many["clock"], gaussian)
    x, middle = (entry.cpu().unflatten(0, (len(rows), SAMPLES)).transpose(0, 1)
                 for entry in (states[-1].x_t, frame.values(states[0].x0_hat)))
    missing = ((1 - mask) * there).bool()
    return torch.stack([fair_crps(stretched(x, middle, by), truth)[missing].mean() for by in CHOICES])
