"""The recipe of pictures from typed words, by diffusion in the latent space of an autoencoder."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from safetensors import torch as safetensors
from torch import Tensor, nn

from .. import checkpoints
from ..checkpoints import find_trained
from ..data import Dataset
from ..denoiser import Denoiser
from ..drawing import draw
from ..files import write_atomic
from ..losses import diffusion_loss, spread_times
from ..sampling import Sampler
from ..training import LossFn, Progress, Step
from ..training.distributed import Group
from ..training.wrappers import unwrapped
from .diffusion import DiffusionRecipe
from .latent_data import LatentData, encoded
from .recipe import Recipe

SHOWN = 8  # codes of each kind that a snapshot keeps


@dataclass(frozen=True)
class LatentRecipe(DiffusionRecipe):
    """autoencoder: the recipe whose codes are diffused; picture: shape of what it decodes. Prompts are drawn anew in each
    epoch, by `draw_prompts(rows, generator)` of the data.

    A subclass says what a snapshot draws and how that is judged. kinds: of test data, such as those never shown
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    asked_of_each_kind: ClassVar[int] = 100

    autoencoder: Recipe | None = None
    picture: tuple[int, ...] = (3, 64, 64)

    @abstractmethod
    def asked(self, kind: str) -> Dataset:
        """Test data of this kind, whose prompts a snapshot draws."""

    @abstractmethod
    def share_right(self, pictures: Tensor, wanted: Dataset) -> float:
        """How many of these pictures, (N, …) in [−1, 1], are what the N prompts of the data ask for, 0…1."""

    def config(self) -> dict:
        """Also the part that decodes, and what it makes: the checkpoint carries it."""
        return super().config() | {"autoencoder": self.autoencoder.name, "parts": {"vae": self.autoencoder.network},
                                   "codec": {"kind": "network", "part": "vae", "shape": list(self.picture), "clip": [-1, 1]}}

    def uses(self, data: LatentData) -> dict:
        """Also the kind of prompts."""
        return super().uses(data) | {"prompts": self.data}

    def coder(self, runs: Path, device: torch.device | str) -> nn.Module:
        """The autoencoder, trained in the folder `runs` or shipped."""
        return checkpoints.load(find_trained(self.autoencoder.name, runs), device).net

    def check(self, runs: Path) -> None:
        """Also the autoencoder's weights."""
        super().check(runs)
        self.coder(runs, "cpu")

    def prepare(self, data: Dataset, runs: Path, device: torch.device) -> LatentData:
        """The codes of all pictures."""
        return encoded(data, self.coder(runs, device))

    def loss_fn(self, data: LatentData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t, ε and prompts for the rows, and the mean squared error of the prediction."""
        schedule, shape, told = self.make_schedule(), data.shape, data.data
        data = data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            t = spread_times(n, schedule.T, generator, self.time_power)
            eps = torch.randn((n, *shape), generator=generator)
            hidden = torch.rand(n, generator=generator) < self.dropout
            tokens = told.draw_prompts(step.rows, generator)
            t, eps, hidden, tokens, rows = map(group.share, (t, eps, hidden, tokens, step.rows))
            z = data.x0(rows.to(device))
            tokens = unwrapped(net).hide(tokens.to(device), hidden)
            return diffusion_loss(net, schedule, self.predicts, z, t, eps.to(device), tokens)

        return loss

    def on_progress(self, progress: Progress, data: LatentData, folder: Path) -> None:
        """At the steps asked for: draw pictures of each kind, judge them, and keep the codes of some."""
        if progress.step not in self.snapshots:
            return
        net = progress.ema_net
        device = next(net.parameters()).device
        coder = self.coder(folder.parent, device)
        schedule, kept, right = self.make_schedule(), [], []
        for kind in self.kinds:
            wanted = self.asked(kind)
            codes = draw(Denoiser(net, schedule, self.predicts), schedule, len(wanted), data.shape,
                         Sampler("dpmpp_2m", steps=15), cond=wanted.condition(torch.arange(len(wanted))), device=device,
                         batch=len(wanted))
            with torch.no_grad():
                pictures = coder.decode(codes.to(device)).clamp(-1, 1).cpu()
            right.append(self.share_right(pictures, wanted))
            kept.append(codes[:SHOWN])
        content = {"codes": torch.cat(kept).half(), "right": torch.tensor(right, dtype=torch.float64)}
        write_atomic(folder / f"snapshot-{progress.step:06d}.safetensors", safetensors.save(content))

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """The autoencoder, its statistics in float32; the snapshots' codes (K, 8 of each kind, …), and what was right then."""
        coder = self.coder(folder.parent, "cpu")
        tensors = checkpoints.half(coder, "vae") | {f"vae.{name}": getattr(coder, name) for name in ("shift", "scale")}
        found = [(int(path.stem.split("-")[1]), safetensors.load(path.read_bytes()))
                 for path in sorted(folder.glob("snapshot-*.safetensors"))]
        if found:
            tensors["snapshots"] = torch.stack([kept["codes"] for _, kept in found])
        over = [{"step": step} | dict(zip(self.kinds, kept["right"].tolist(), strict=True)) for step, kept in found]
        return tensors, {"right_over_training": over, "asked_of_each_kind": self.asked_of_each_kind}
