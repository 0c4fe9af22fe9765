"""What the listing does, as settings, and what changes them: each flaw with its symptom, its cause and its repair.

Source of the listing: the article whose order the book follows ("Diffusion models explained in one article", 2024),
described and not reproduced.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from ... import schedules
from ...devices import pick_device
from ...errors import unknown_name
from ...networks import UNet
from ...noise import mixed_seed
from ...sampling import SPACINGS
from ...schedules import Schedule
from .listed_network import FlatMLP

EPOCHS, BATCH, RATE, T = 50, 128, 1e-3, 1000  # the listing's, and ours until a repair changes them
CHOICES = {"device": ("cuda", "best"), "table": ("numpy", "tensor"), "step": ("estimate", "mean", "posterior", "solver"),
           "network": ("mlp", "unet"), "schedule": ("linear", "cosine"), "predicts": ("eps", "v"), "spacing": SPACINGS}


@dataclass(frozen=True)
class Experiment:
    """One version of the experiment; the defaults are the listing as printed.

    device: 'cuda', or 'best', the best there is; table: ᾱ as a 'numpy' array or as a 'tensor'; column: whether ᾱ_t gets
    the shape (B, 1) of a column; clip: x̂₀ to [−1, 1]; step: what becomes x_{t−1}: the 'estimate' x̂₀, the 'mean' of the
    posterior, a draw from the 'posterior', or a step of a faster 'solver'; told_time: whether the network uses t;
    steady: warm-up, a falling rate and averaged weights; network, schedule, predicts, spacing: as everywhere in the book;
    shipped: the book's model, trained for longer. Raises ValueError for a setting that there is not.
    """

    device: str = "cuda"
    table: str = "numpy"
    column: bool = False
    clip: bool = False
    step: str = "estimate"
    told_time: bool = False
    steady: bool = False
    network: str = "mlp"
    schedule: str = "linear"
    predicts: str = "eps"
    shipped: bool = False
    spacing: str = "uniform"

    def __post_init__(self):
        for setting, allowed in CHOICES.items():
            if getattr(self, setting) not in allowed:
                raise unknown_name(setting, getattr(self, setting), allowed)

    @property
    def run(self) -> str:
        """Name of the training that the network comes from: versions that differ in sampling alone share it."""
        if self.shipped:
            return "mnist-unet"
        if self.network == "unet":
            return f"unet-{self.predicts}"
        return f"mlp-{'told' if self.told_time else 'blind'}{'-steady' if self.steady else ''}"

    @property
    def steps(self) -> int:
        """Network calls for one sample."""
        return 20 if self.step == "solver" else T

    @property
    def clip_range(self) -> tuple[float, float] | None:
        """For the denoiser."""
        return (-1.0, 1.0) if self.clip else None

    def make_schedule(self) -> Schedule:
        """The noise schedule, T = 1000."""
        return schedules.SCHEDULES[self.schedule](T)

    def make_net(self, seed: int = 0) -> nn.Module:
        """The network before training; its weights depend on the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed_seed(seed, 0))
            if self.network == "unet":
                return UNet(patch=2, channels=(32, 64), blocks=1, emb_dim=64)
            return FlatMLP(told_time=self.told_time)

    def pick_device(self) -> torch.device:
        """Where to compute; for 'cuda' it is not asked whether there is one."""
        return torch.device("cuda") if self.device == "cuda" else pick_device()


@dataclass(frozen=True)
class Repair:
    """name; changes: of the experiment's settings; symptom: what one notices before; cause: what is wrong; equation: the
    label of the equation that says so; repair: what is done about it."""

    name: str
    changes: dict
    symptom: str
    cause: str
    equation: str
    repair: str


REPAIRS = (
    Repair("any device", {"device": "best"}, "an error on a computer without a CUDA GPU", "the device is written into the code",
           "eq-article-noised", "take the best device there is"),
    Repair("tensor table", {"table": "tensor"}, "an error in the first batch: a function of tensors is given something else",
           "the schedule is a NumPy array, and the data is a tensor", "eq-article-noised",
           "one table of float64 tensors, indexed on the CPU, then moved"),
    Repair("column", {"column": True}, "an error in the first batch: two sizes that do not match",
           "ᾱ_t, one number for each picture, is laid along the pixels", "eq-article-noised",
           "give ᾱ_t the shape of a column"),
    Repair("clamp", {"clip": True}, "training runs, and the samples are no finite numbers",
           "each step multiplies the error of ε̂ by noise/signal", "eq-article-amplified",
           "clip x̂₀ to the range of the data"),
    Repair("mean", {"step": "mean"}, "finite samples, which are no digits", "x̂₀ is taken for the state at t − 1",
           "eq-reverse-mu", "step to the mean of the posterior"),
    Repair("noise", {"step": "posterior"}, "the states are much cleaner than their t says",
           "the variance of the posterior is left out", "eq-article-starved", "add noise of the posterior's variance"),
    Repair("steady", {"steady": True}, "the loss falls for a few epochs, and then stands still",
           "Adam's first steps, at the full rate, kill half of the last hidden layer", "eq-article-dead",
           "warm-up, a falling rate, averaged weights"),
    Repair("time", {"told_time": True}, "one answer to x, whatever t is", "the network does not use its argument t",
           "eq-article-blind", "add an embedding of t to the first hidden layer"),
    Repair("solver", {"step": "solver"}, "a thousand calls of the network for one digit", "each step is of first order",
           "eq-sampling-two-step", "20 steps with the two-step estimate"),
    Repair("U-Net", {"network": "unet"}, "the network could do the same with shuffled pixels",
           "a row of 784 numbers has no neighbourhoods", "eq-article-shuffled", "a small U-Net"),
    Repair("schedule", {"schedule": "cosine", "predicts": "v"}, "near t = T, x̂₀ is nothing but the error of ε̂",
           "target and noise levels do not suit each other", "eq-error-factors", "the cosine schedule, and v as the target"),
    Repair("longer", {"shipped": True}, "the training was over in minutes", "few steps, of a small network",
           "eq-learning-rate", "the book's model: larger, and trained for longer and better"),
    Repair("late strides", {"spacing": "late"}, "with the very same network, half as many calls again still make better digits",
           "the strides are as long where it is decided what to draw as everywhere else", "eq-article-late",
           "short strides where there is much noise, long ones where there is little"),
)


def versions() -> dict[str, Experiment]:
    """'as listed', and the experiment after each repair, in order."""
    found = {"as listed": Experiment()}
    for repair in REPAIRS:
        before = list(found.values())[-1]
        found[repair.name] = replace(before, **repair.changes)
    return found
