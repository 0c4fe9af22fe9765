"""The recipe of a flexible diffusion model of videos: any frames, given any others.

Source: Harvey et al. 2022, section 4.1 (arXiv 2205.11495): which frames are seen and which are made is drawn anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import torch as safetensors
from torch import Tensor, nn

from ..data.mnist import to_pixels
from ..data.next_door import GIVEN, NextDoor, load_next_door
from ..denoiser import Denoiser
from ..drawing import in_batches
from ..files import write_atomic
from ..losses import diffusion_loss, spread_times
from ..metrics.video import forecast_errors, short_forecasts
from ..sampling import Sampler, State
from ..training import LossFn, Progress, Step
from ..training.distributed import Group
from ..video import MOST, REACH, Call, call_walk
from .diffusion import DiffusionRecipe

LOOKED_AT, SHOWN = 32, 4  # test videos that a snapshot goes on with, and that it keeps


@dataclass(frozen=True)
class VideoRecipe(DiffusionRecipe):
    """most: frames of a sample; half of the batches have so many, the others 2…most − 1
    reach: all frames of a sample lie within a window of at most so many
    """

    kind = "video"
    most: int = MOST
    reach: int = REACH

    def config(self) -> dict:
        """Also the frames of a sample."""
        return super().config() | {"most": self.most, "reach": self.reach}

    def loss_fn(self, data: NextDoor, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t, ε and frames for the videos, and the mean squared error over the frames that were not seen."""
        self.check_data(data)
        schedule, data = self.make_schedule(), data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            k = draw_count(self.most, generator)
            t = spread_times(n, schedule.T, generator, self.time_power)
            tasks = [draw_task(k, self.reach, generator) for _ in range(n)]
            index, seen = (torch.stack(part) for part in zip(*tasks, strict=True))
            eps = torch.randn((n, k, *data.shape[1:]), generator=generator)
            t, eps, index, seen, rows = (group.share(a) for a in (t, eps, index, seen, step.rows))
            x0 = data.frames(rows, index)
            mask = seen.to(device)[..., None, None, None].expand_as(x0).float()
            told = {"known": mask * x0, "mask": mask, "index": index.to(device)}
            return diffusion_loss(net, schedule, self.predicts, x0, t, eps.to(device), told, weight=1 - mask)

        return loss

    def on_progress(self, progress: Progress, data: NextDoor, folder: Path) -> None:
        """At the steps asked for: go on with test videos by five frames; keep some of these, and how far off the digit is."""
        if progress.step not in self.snapshots:
            return
        net, test = progress.ema_net, load_next_door("test", LOOKED_AT)
        device, schedule = next(net.parameters()).device, self.make_schedule()
        frames, truth = short_forecasts(test, torch.arange(len(test)))
        call = Call(list(range(GIVEN)), list(range(GIVEN, frames.shape[1])))
        denoiser = Denoiser(net, schedule, self.predicts, data.clip)

        def walk_of(rows: range) -> Iterator[State]:
            return call_walk(denoiser, schedule, frames.to(device), call, Sampler("dpmpp_2m", steps=15), rows=rows)

        x = in_batches(walk_of, len(frames), len(frames), device)
        error = forecast_errors(x, truth)[:, -1].median()
        content = {"frames": to_pixels(x[:SHOWN, GIVEN:]), "error": error.cpu().double()}
        write_atomic(folder / f"snapshot-{progress.step:06d}.safetensors", safetensors.save(content))

    def extras(self, net: nn.Module, data: NextDoor, folder: Path) -> tuple[dict, dict]:
        """The snapshots' new frames, uint8 (S, 4, 5, 1, 32, 32), and the median error of the last of them, in pixels."""
        found = {int(path.stem.split("-")[1]): safetensors.load(path.read_bytes())
                 for path in sorted(folder.glob("snapshot-*.safetensors"))}
        tensors = {"snapshots": torch.stack([kept["frames"] for kept in found.values()])} if found else {}
        over = [{"step": step, "pixels": float(kept["error"])} for step, kept in found.items()]
        return tensors, {"error_over_training": over}


def draw_count(most: int, generator: torch.Generator) -> int:
    """How many frames the samples of a batch have: most for half of the batches, else 2…most − 1. All samples of a batch have
    as many, so that no frame stands for none."""
    full, other = bool(torch.rand((), generator=generator) < 0.5), int(torch.randint(2, most, (), generator=generator))
    return most if full else other


def draw_task(k: int, reach: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """k frames of a video, and which of them are seen: int64 (k,) in order, bool (k,), of which at least one is False.

    Groups of U{1…k} evenly spaced frames come one after the other until there are k, all in a window whose length is
    log-uniform in k…reach; the first group is to be made, and of each other one a coin says whether it is seen.
    Source: Harvey et al. 2022, algorithm 2; the window is ours, so that frames that belong together often lie close.
    """
    window = k * (reach / k) ** float(torch.rand((), generator=generator))
    seen: dict[int, bool] = {}
    while len(seen) < k:
        is_seen = len(seen) > 0 and bool(torch.rand((), generator=generator) < 0.5)
        count = int(torch.randint(1, k + 1, (), generator=generator))
        new = [frame for frame in spread_frames(count, window, generator) if frame not in seen]
        seen |= dict.fromkeys(new[:k - len(seen)], is_seen)
    index = sorted(seen)
    return torch.tensor(index), torch.tensor([seen[frame] for frame in index])


def spread_frames(count: int, window: float, generator: torch.Generator) -> list[int]:
    """So many frames at equal distances, which are log-uniform from 1 to the most that fits, somewhere in 0…window."""
    space, place = torch.rand(2, generator=generator).tolist()
    step = max(1.0, (window - 1) / max(1, count - 1)) ** space
    first = place * max(0.0, window - 1 - step * (count - 1))
    return [round(first + step * j) for j in range(count)]
