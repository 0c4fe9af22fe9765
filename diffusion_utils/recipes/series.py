"""The recipe of a series of several channels: one network for gaps of any kind and for forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import torch as safetensors
from torch import Tensor, nn
from tqdm.auto import tqdm

from .. import checkpoints
from ..data.electricity import load_electricity, task_masks
from ..data.windows import DAY, WINDOW, Series, SeriesData, windows_of
from ..denoiser import Denoiser
from ..devices import autocast
from ..files import write_atomic
from ..forecast import Frame, frame_of, learnt_gaussian
from ..losses import diffusion_loss, spread_times
from ..masks import draw_mask
from ..networks.window_gaussian import WindowGaussian
from ..noise import mixed_seed
from ..sampling import Sampler
from ..training import LossFn, Progress, Step, TrainConfig
from ..training.distributed import Group
from .diffusion import DiffusionRecipe
from .stretch import chosen_stretch

CLOCK = 4  # channels of the clock
CHECKED = 48  # windows of the validation part that a line of progress looks at


@dataclass(frozen=True)
class SeriesRecipe(DiffusionRecipe):
    """series: the whole series that the windows are of; None for ETTh1
    residual: whether the network learns what a Gaussian, told the observed values, leaves (see `forecast`), or the values
    gaussian: arguments of the Gaussian beside channels and length
    masks: how many are drawn to learn from: for each the Gaussian solves a system of equations, once
    groups: how many of them a batch has; its windows share them
    validate_every: steps between two looks at the validation part, at a line of progress; the weights that did best in any of
        them are those of the checkpoint
    """

    kind = "series"
    series: Series | None = None
    residual: bool = True
    gaussian: dict | None = None
    masks: int = 400
    groups: int = 8
    validate_every: int = 250

    def config(self) -> dict:
        """Also the part that is the Gaussian."""
        part = {"kind": "window-gaussian", "channels": self.network["series"], "length": WINDOW} | (self.gaussian or {})
        return super().config() | {"residual": self.residual, "masks": self.masks, "groups": self.groups,
                                   "parts": {"gaussian": part} if self.residual else {}}

    def whole(self) -> Series:
        """The series with all its parts."""
        return self.series or load_electricity()

    def load(self, split: str) -> SeriesData:
        """Windows of the recipe's own series."""
        return super().load(split) if self.series is None else windows_of(self.series, split)

    def loss_fn(self, data: SeriesData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t, ε and masks for the windows, and the mean squared error over what is missing."""
        self.check_data(data)
        schedule, gaussian = self.make_schedule(), self.learn_gaussian(data)
        data = data.to(device)
        drawing = torch.Generator().manual_seed(mixed_seed(self.train.seed, 8))
        known_masks = torch.stack([draw_mask(*data.shape, drawing) for _ in range(self.masks)])

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            t = spread_times(n, schedule.T, generator, self.time_power)
            eps = torch.randn((n, *data.shape), generator=generator)
            masks = known_masks[torch.randperm(self.masks, generator=generator)[:self.groups]]
            masks = masks[torch.arange(n) * self.groups // n]
            t, eps, masks, rows = (group.share(a) for a in (t, eps, masks, step.rows))
            rows = rows.to(device)
            there = data.there(rows)
            mask = masks.to(device) * there
            frame = self.frame(data, rows, mask, gaussian)
            missing = (1 - mask) * there
            return diffusion_loss(net, schedule, self.predicts, frame.state(data.x0(rows)) * missing, t,
                                  eps.to(device), frame.told(), missing)

        return loss

    def frame(self, data: SeriesData, rows: Tensor, mask: Tensor, gaussian: WindowGaussian | None) -> Frame:
        """The frame of some windows of which a mask (B, C, L) is observed."""
        return frame_of(mask * data.x0(rows), mask, data.clock(rows), gaussian)

    def learn_gaussian(self, data: SeriesData) -> WindowGaussian | None:
        """The Gaussian of the data, on the CPU; None where there is none."""
        return learnt_gaussian(data, **(self.gaussian or {})) if self.residual else None

    def on_progress(self, progress: Progress, data: SeriesData, folder: Path) -> None:
        """Look at the validation part, write down what it says, and keep the weights if they are the best so far."""
        if progress.step % self.validate_every and progress.step != self.train.steps:
            return
        found = self.validated(progress.ema_net, self.learn_gaussian(data))
        kept = sorted(folder.glob("validation-*.safetensors"))
        best = min((float(safetensors.load(path.read_bytes())["mean"]) for path in kept), default=float("inf"))
        mean = sum(found.values()) / len(found)
        content = {name: torch.tensor(value) for name, value in (found | {"mean": mean}).items()}
        write_atomic(folder / f"validation-{progress.step:06d}.safetensors", safetensors.save(content))
        if mean < best:
            write_atomic(folder / "best.safetensors", safetensors.save(checkpoints.half(progress.ema_net)))
        tqdm.write(f"step {progress.step}: validation {mean:.4f}{' (best)' * (mean < best)}, " +
                   ", ".join(f"{name} {value:.4f}" for name, value in found.items()))

    def validation(self) -> SeriesData:
        """A window for each day of the validation part."""
        return windows_of(self.whole(), "validation", stride=DAY, before=WINDOW - DAY)

    @torch.no_grad()
    def validated(self, net: nn.Module, gaussian: WindowGaussian | None) -> dict[str, float]:
        """The training loss on the same windows, times and noise of the validation part each time, task by task."""
        data = self.validation()
        device, schedule = next(net.parameters()).device, self.make_schedule()
        rows = torch.linspace(0, len(data) - 1, min(CHECKED, len(data))).long()
        generator = torch.Generator().manual_seed(mixed_seed(self.train.seed, 7))
        times = spread_times(4 * len(rows), schedule.T, generator).view(4, -1)
        found, training = {}, net.training
        net.eval()
        for task, mask in task_masks(*data.shape).items():
            there = data.there(rows)
            mask = mask * there
            frame = self.frame(data, rows, mask, gaussian)
            state, missing, losses = frame.state(data.x0(rows)), (1 - mask) * there, []
            told = {name: entry.to(device) for name, entry in frame.told().items()}
            with autocast(device, self.train.bf16):
                for t in times:
                    eps = torch.randn(state.shape, generator=generator)
                    losses.append(float(diffusion_loss(net, schedule, self.predicts, (state * missing).to(device), t,
                                                       eps.to(device), told, missing.to(device))))
            found[task] = sum(losses) / len(losses)
        net.train(training)
        return found

    def extras(self, net: nn.Module, data: SeriesData, folder: Path) -> tuple[dict, dict]:
        """The Gaussian, in float32; columns, mean, std and stretch; what validation said. The network becomes the best one."""
        series, gaussian, tensors = self.whole(), self.learn_gaussian(data), {}
        if gaussian is not None:
            tensors |= {f"gaussian.{name}": value for name, value in gaussian.state_dict().items()}
        about = {"columns": list(series.columns), "unit": series.unit, "mean": series.mean.tolist(),
                 "std": series.std.tolist(), "window": WINDOW}
        over = [{"step": int(path.stem.split("-")[1])}
                | {name: round(float(value), 5) for name, value in safetensors.load(path.read_bytes()).items()}
                for path in sorted(folder.glob("validation-*.safetensors"))]
        best = folder / "best.safetensors"
        if best.is_file():
            weights = safetensors.load(best.read_bytes())
            net.load_state_dict({name.removeprefix("net."): value for name, value in weights.items()})
        chosen = min(over, key=lambda line: line["mean"])["step"] if over else None
        denoiser = Denoiser(net, self.make_schedule(), self.predicts)
        about["stretch"] = chosen_stretch(denoiser, Sampler(**self.sampling), gaussian, self.validation())
        return tensors, {"series": about, "validation_over_training": over, "step_chosen": chosen}


def series_recipe(name: str, channels: int, data: str | dict | None = None, *, series: Series | None = None,
                  train: TrainConfig | None = None, **changes) -> SeriesRecipe:
    """The recipe of a series with so many channels: `series`, or, without it, what the loader `data` gives.

    changes: of the recipe's other settings, such as residual.
    """
    side = CLOCK + 2 * channels if changes.get("residual", True) else CLOCK
    how = {
        "metric": "series" if data is not None else None,
        "network": {"kind": "series-unet", "series": channels, "side": side, "channels": [48, 72, 96], "dropout": 0.2},
        "schedule": {"name": "cosine", "T": 1000}, "predicts": "v", "dropout": 0.0,
        "sampling": {"sampler": "dpmpp_2m_sde", "steps": 20, "spacing": "uniform"},
        "train": train or TrainConfig(steps=6000, batch=64, lr=1e-3, warmup=100, ema=0.998, weight_decay=0.1, log_every=25,
                                      optimiser="muon"),
    }
    return SeriesRecipe(name, data=data, series=series, **(how | changes))
