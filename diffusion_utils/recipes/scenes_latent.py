"""scenes-latent: pictures of scenes from typed words, by diffusion in the latent space of scenes-vae."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import torch as safetensors
from torch import Tensor, nn

from .. import checkpoints
from ..checkpoints import find_trained
from ..data import Dataset
from ..data.scenes import SceneData, draw_captions, load_scenes, tokens_of
from ..data.scenes.captions import LENGTH, WORDS
from ..data.scenes.drawing import SIDE
from ..data.scenes.facts import KINDS
from ..denoiser import Denoiser
from ..drawing import draw
from ..files import write_atomic
from ..losses import diffusion_loss, spread_times
from ..metrics.scenes import share_right
from ..sampling import Sampler
from ..training import LossFn, Progress, Step, TrainConfig
from ..training.distributed import Group
from ..training.wrappers import unwrapped
from .diffusion import DiffusionRecipe
from .latent_data import LatentData, encoded
from .recipe import Recipe
from .scenes_vae import SCENES_VAE

ASKED = 100  # scenes of each kind that a snapshot draws and reads
SHOWN = 8  # codes of each snapshot that are kept


@dataclass(frozen=True)
class LatentRecipe(DiffusionRecipe):
    """autoencoder: the recipe whose codes are diffused. Captions are drawn anew in each epoch."""

    autoencoder: Recipe = SCENES_VAE

    def config(self) -> dict:
        """Also the part that decodes, and what it makes: the checkpoint carries it."""
        return super().config() | {"autoencoder": self.autoencoder.name, "parts": {"vae": self.autoencoder.network},
                                   "codec": {"kind": "network", "part": "vae", "shape": [3, SIDE, SIDE], "clip": [-1, 1]}}

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

    def prepare(self, data: SceneData, runs: Path, device: torch.device) -> LatentData:
        """The codes of all scenes."""
        return encoded(data, self.coder(runs, device))

    def loss_fn(self, data: LatentData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t, ε and captions for the rows, and the mean squared error of the prediction."""
        schedule, shape, facts = self.make_schedule(), data.shape, data.data.facts
        data = data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            t = spread_times(n, schedule.T, generator, self.time_power)
            eps = torch.randn((n, *shape), generator=generator)
            hidden = torch.rand(n, generator=generator) < self.dropout
            tokens = tokens_of(draw_captions(facts[step.rows], generator))
            t, eps, hidden, tokens, rows = map(group.share, (t, eps, hidden, tokens, step.rows))
            z = data.x0(rows.to(device))
            told = unwrapped(net).hide(tokens.to(device), hidden)
            return diffusion_loss(net, schedule, self.predicts, z, t, eps.to(device), told)

        return loss

    def on_progress(self, progress: Progress, data: LatentData, folder: Path) -> None:
        """At the steps asked for: draw scenes of each kind, read them, and keep some."""
        if progress.step not in self.snapshots:
            return
        net = progress.ema_net
        device = next(net.parameters()).device
        coder = self.coder(folder.parent, device)
        schedule, kept, right = self.make_schedule(), [], []
        for kind in KINDS:
            wanted = load_scenes("test", ASKED, kind)
            tokens = wanted.condition(torch.arange(ASKED))
            codes = draw(Denoiser(net, schedule, self.predicts), schedule, ASKED, data.shape,
                         Sampler("dpmpp_2m", steps=15), cond=tokens, device=device, batch=ASKED)
            with torch.no_grad():
                pictures = coder.decode(codes.to(device)).clamp(-1, 1).cpu()
            right.append(share_right(pictures, wanted.facts.numpy()))
            kept.append(codes[:SHOWN])
        content = {"codes": torch.cat(kept).half(), "right": torch.tensor(right, dtype=torch.float64)}
        write_atomic(folder / f"snapshot-{progress.step:06d}.safetensors", safetensors.save(content))

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """The autoencoder, its statistics in float32; the snapshots' codes (K, 24, …), and what was right in them."""
        coder = self.coder(folder.parent, "cpu")
        tensors = checkpoints.half(coder, "vae") | {f"vae.{name}": getattr(coder, name) for name in ("shift", "scale")}
        found = [(int(path.stem.split("-")[1]), safetensors.load(path.read_bytes()))
                 for path in sorted(folder.glob("snapshot-*.safetensors"))]
        if found:
            tensors["snapshots"] = torch.stack([kept["codes"] for _, kept in found])
        over = [{"step": step} | dict(zip(KINDS, kept["right"].tolist(), strict=True)) for step, kept in found]
        return tensors, {"right_over_training": over, "asked_of_each_kind": ASKED}


SCENES_LATENT = LatentRecipe(
    name="scenes-latent",
    data="scenes",
    metric="scenes",
    network={"kind": "text-unet", "words": len(WORDS), "length": LENGTH, "in_channels": 4, "channels": [64, 128],
             "dim": 128, "layers": 3},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    dropout=0.1,
    sampling={"sampler": "dpmpp_2m_sde", "steps": 25, "spacing": "uniform"},
    snapshots=(100, 300, 600, 1000, 1500, 2000, 3000, 4000, 5000),
    train=TrainConfig(steps=5000, batch=128, lr=2e-3, warmup=100, ema=0.999, log_every=20, optimiser="muon"),
)
