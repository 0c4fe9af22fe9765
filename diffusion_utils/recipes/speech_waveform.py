"""speech-waveform: one network that says a digit in a voice, fills gaps, and mends what was clipped.

Three quarters of a batch are learnt from noise alone, with the digit and the voice told or not; a quarter is told a part of the
wave, and learns the rest of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from .. import checkpoints
from ..checkpoints import find_trained
from ..data.speech import LENGTH, NO_DIGIT, NO_SPEAKER, SPEAKERS, SpeechData, to_network, to_wave
from ..data.speech.masks import draw_masks, seen_through
from ..denoiser import Denoiser
from ..devices import autocast
from ..drawing import draw
from ..files import write_atomic
from ..losses import diffusion_loss, spread_times
from ..metrics.speech import JUDGE, accuracies, band_levels, checked_waves
from ..sampling import Sampler
from ..sound import to_mu_law, to_play
from ..training import LossFn, Progress, Step, TrainConfig
from ..training.distributed import Group
from .diffusion import DiffusionRecipe
from .recipe import keep_snapshot, kept_snapshots

TOLD = 0.25  # of a batch is told a part of the wave
LOOKED_AT = 240  # words that a look at the run draws: four of each digit and voice


@dataclass(frozen=True)
class SpeechRecipe(DiffusionRecipe):
    """guidance: weight that suits the checkpoint
    apart, jointly: the shares of samples that are not told their digit, not told their voice, and told neither
    look_every: steps between two looks, at lines of progress: words are drawn, heard by judge A, and compared band by band
    """

    kind = "speech"
    guidance: float = 1.5
    apart: float = 0.1
    jointly: float = 0.05
    look_every: int = 6500

    def config(self) -> dict:
        """Also how waves are made of what is drawn, whose voices are known, and the weight of the guidance."""
        return super().config() | {"codec": {"kind": "emphasis"}, "voices": list(SPEAKERS), "guidance": self.guidance,
                                   "apart": self.apart, "jointly": self.jointly}

    def check(self, runs: Path) -> None:
        """Also the judge, who looks at the run."""
        super().check(runs)
        checkpoints.read_tensors(find_trained(JUDGE, runs))

    def check_data(self, data: SpeechData) -> None:
        """Words as the loader gives them."""
        if not hasattr(data, "varied") or data.shape != (1, LENGTH):
            raise ValueError(f"{self.name} learns from spoken digits of shape {(1, LENGTH)}, got {data.name!r} {data.shape}")

    def loss_fn(self, data: SpeechData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random words, t and ε, labels that are hidden, and masks; the mean squared error of what is not known."""
        self.check_data(data)
        schedule, data = self.make_schedule(), data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            waves = data.varied(step.rows, generator)
            t = spread_times(n, schedule.T, generator, self.time_power)
            eps = torch.randn((n, *data.shape), generator=generator)
            labels = self.hidden(data.condition(step.rows), generator)
            mask = torch.zeros_like(waves)
            told = round(TOLD * n)
            mask[:told] = seen_through(draw_masks(waves[:told], generator))
            x0 = to_network(waves)
            missing = 1 - mask
            # a short gap would hardly count beside whole words, and as much as they it would be too noisy
            weight = missing * (LENGTH / missing.sum(-1, keepdim=True).clamp(min=1)).sqrt()
            cond = labels | {"known": mask * x0, "mask": mask}
            x0, t, eps, weight = (group.share(part) for part in (x0, t, eps, weight))
            cond = {name: group.share(part).to(device) for name, part in cond.items()}
            return diffusion_loss(net, schedule, self.predicts, x0, t, eps.to(device), cond, weight)

        return loss

    def hidden(self, labels: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Labels of which some are not told: a tenth of the digits, a tenth of the voices, and of a twentieth both."""
        n = len(labels["digit"])
        both = torch.rand(n, generator=generator) < self.jointly
        found = {}
        for name, nothing in (("digit", NO_DIGIT), ("speaker", NO_SPEAKER)):
            gone = both | (torch.rand(n, generator=generator) < self.apart)
            found[name] = torch.where(gone.to(labels[name].device), nothing, labels[name])
        return found

    def on_progress(self, progress: Progress, data: SpeechData, folder: Path) -> None:
        """Draw words, say how many the judge understands and how far the worst band is off, and write it down."""
        if progress.step % self.look_every and progress.step != self.train.steps:
            return
        found, waves = self.look(progress.ema_net, data, folder.parent)
        write_atomic(folder / f"look-{progress.step:06d}.json", json.dumps(found | {"seconds": progress.seconds}).encode())
        keep_snapshot(folder, progress.step, to_mu_law(to_play(waves[:60:4, 0])))
        tqdm.write(f"step {progress.step}, {progress.seconds / 60:.0f} min: {100 * found['digit']:.0f} % of the digits and "
                   f"{100 * found['speaker']:.0f} % of the voices are heard; the worst mel band is "
                   f"{found['worst_band_db']:+.1f} dB off")

    @torch.no_grad()
    def look(self, net: nn.Module, data: SpeechData, runs: Path) -> tuple[dict, Tensor]:
        """Shares heard by judge A and the worst band, of words drawn as the card says; and the waves, (240, 1, L)."""
        judge = checkpoints.load(find_trained(JUDGE, runs), "cpu")
        device, training = next(net.parameters()).device, net.training
        place = torch.arange(LOOKED_AT)
        cond = {"digit": place % 10, "speaker": place // 10 % len(SPEAKERS)}
        denoiser = Denoiser(net.eval(), self.make_schedule(), self.predicts)
        with autocast(device, self.train.bf16):
            y = draw(denoiser, denoiser.schedule, LOOKED_AT, data.shape, Sampler(**self.sampling), cond=cond,
                     weight=self.guidance, batch=120, device=device)
        net.train(training)
        waves = checked_waves(to_wave(y).nan_to_num())
        real = data.placed(torch.arange(0, len(data), max(1, len(data) // 500))).cpu()
        off = band_levels(waves) - band_levels(real)
        return accuracies(judge.net, waves, cond) | {"worst_band_db": float(off[off.abs().argmax()])}, waves

    def extras(self, net: nn.Module, data: SpeechData, folder: Path) -> tuple[dict, dict]:
        """Fifteen words of each look, as μ-law bytes, and what was found."""
        tensors, steps = kept_snapshots(folder)
        looks = [{"step": int(path.stem.split("-")[1])} | json.loads(path.read_text(encoding="utf-8"))
                 for path in sorted(folder.glob("look-*.json"))]
        about = {"left_out": data.left_out, "told": data.told, "std": round(float(data.x0(torch.arange(len(data))).std()), 4)}
        return tensors, steps | {"looks": looks, "speech": about}


SPEECH_WAVEFORM = SpeechRecipe(
    name="speech-waveform",
    data="speech",
    metric="speech",
    network={"kind": "speech-unet", "channels": [64, 96, 160], "patch": 16, "emb_dim": 256, "dropout": 0.1},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    sampling={"sampler": "dpmpp_2m_sde", "steps": 40, "spacing": 1.75},
    train=TrainConfig(steps=26_000, batch=32, lr=1e-3, warmup=200, ema=0.9995, weight_decay=0.05, log_every=100,
                      optimiser="muon"),
)
