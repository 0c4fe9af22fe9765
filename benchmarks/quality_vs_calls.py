"""How good are mnist-unet's digits after how many calls, for each sampler? Chapter 4 shows the answer.

    python benchmarks/quality_vs_calls.py [--n 2000] [--batch 250] [--only points default …] [--device cpu] [--quick]

Writes diffusion_utils/records/quality_vs_calls.json, which travels with the package (quality_vs_calls-cuda.json on a GPU):
"points" is the grid of samplers and steps that chapter 4 shows; "default" the checkpoint's own sampler, whose name is "own",
with 10,000 samples; "rival" as many of the other that comes nearest to it in the grid, where the chance of fewer samples is
as large as what they differ by; "long" walks of many steps; "peer" diffusers' solvers around the same network (pip install
diffusers); "best-peer" the best of these with 10,000 samples, to be compared with "default".
Every sampler gets the same starting noise. Each point is written when it is done, so that an interrupted run goes on where it
was. n is that of the record unless given. For another checkpoint or n a new record is begun in benchmarks/runs, which takes
the place of the old one when its grid is whole, so that the chapter has one at any time. A point made on another machine
says on which: the clock is not asked here, and what machines round differently is far less than what the chance of n
samples does.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

import torch
from batches import joined
from timing import HERE, RUNS, commit, processor, versions
from torch import Tensor
from tqdm.auto import tqdm

from diffusion_utils import checkpoints, records
from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.denoiser import network_time
from diffusion_utils.devices import describe
from diffusion_utils.drawing import draw
from diffusion_utils.files import write_atomic
from diffusion_utils.metrics.digits import Yardstick
from diffusion_utils.noise import SampleNoise
from diffusion_utils.sampling import Sampler

STEPS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50)
SAMPLERS = {
    "ddpm-large": {"sampler": "ddpm", "variance": "large"},
    "ddpm": {"sampler": "ddpm"},
    "ddim": {"sampler": "ddim"},
    "heun": {"sampler": "heun"},
    "dpmpp_2m": {"sampler": "dpmpp_2m"},
    "dpmpp_2m_sde": {"sampler": "dpmpp_2m_sde"},
    "dpmpp_2m_sde-late": {"sampler": "dpmpp_2m_sde", "spacing": "late"},
    "dpmpp_2m_sde-two": {"sampler": "dpmpp_2m_sde", "spacing": 1.75, "eta": [0.9, 1.8], "eta_border": 0.3},
    "dpmpp_2m-log_snr": {"sampler": "dpmpp_2m", "spacing": "log_snr"},
}
DEFAULT, DEFAULT_N = (5, 10, 15, 20, 50), 10_000
PEER_STEPS = (5, 10, 20, 50)
PARTS = ("points", "default", "rival", "peer", "best-peer", "long")
OF_DEFAULT_N = ("default", "rival", "best-peer")
# By the grid of mnist-unet as it is shipped; look again for another checkpoint.
RIVAL, BEST_PEER = ("dpmpp_2m_sde-late", 20), ("DPMSolverMultistepScheduler, SDE", 50)
QUICK_STEPS, QUICK_N = 5, 250
LONG = (("ddim", 250), ("ddpm", 1000))  # and 250 steps of the checkpoint's own sampler, whose limit they show
PEERS = {  # diffusers' solvers without fresh noise and with, and what each is told beside the schedule
    "DPMSolverMultistepScheduler": {},
    "DPMSolverMultistepScheduler, SDE": {"algorithm_type": "sde-dpmsolver++"},
    "UniPCMultistepScheduler": {},
    "DEISMultistepScheduler": {},
    "DDPMScheduler": {},
}


def path_of(device: torch.device, quick: bool) -> Path:
    """Where the figures go: those of different devices, and a reduced form's, stand in different files."""
    return (HERE if quick else records.FOLDER) / f"quality_vs_calls{'' if device.type == 'cpu' else '-' + device.type}.json"


def draw_ours(checkpoint: checkpoints.Checkpoint, n: int, batch: int, sampler: Sampler) -> Tensor:
    """n samples in [−1, 1], float32 (n, 1, 28, 28) on the CPU, sample i from the noise of (seed 0, i)."""
    x = draw(checkpoint.denoiser, checkpoint.schedule, n, checkpoint.shape, sampler, batch=batch, device=checkpoint.device)
    return x.clamp(-1, 1)


def draw_peer(checkpoint: checkpoints.Checkpoint, n: int, batch: int, steps: int, name: str) -> Tensor:
    """n samples of one of diffusers' solvers around the same network, from the same noise; their step k is our t = k + 1."""
    import diffusers
    solver = getattr(diffusers, name.split(",")[0])(trained_betas=checkpoint.schedule.beta[1:].numpy(), **PEERS[name],
                                                    prediction_type="v_prediction", timestep_spacing="trailing")

    @torch.no_grad()
    def walk(rows: range) -> Tensor:
        solver.set_timesteps(steps, device=checkpoint.device)
        torch.manual_seed(rows.start)  # of the fresh noise of those that draw any
        x = SampleNoise(0, rows, checkpoint.shape, checkpoint.device)()
        for k in solver.timesteps:
            time = network_time(k.cpu() + 1, checkpoint.schedule.T, x)
            x = solver.step(checkpoint.net(x, time).float(), k, x).prev_sample
        return x

    return joined(walk, n, batch, checkpoint.device).clamp(-1, 1)


class Record:
    """The figures of one checkpoint on one kind of device, n samples each, in the file that chapters show or in one that will
    take its place.

    path: the former; n: None takes that of the record, else 2,000, or 10,000 on a GPU; folder: of the latter.
    """

    def __init__(self, path: Path, checkpoint: checkpoints.Checkpoint, n: int | None, folder: Path = RUNS):
        self.shown, found = path, read(path)
        self.own = own_name(checkpoint.card["config"]["sampling"])
        of = {"checkpoint": checkpoint.name, "sha256": checkpoint.card["sha256"]}
        same, here = of.items() <= found.items(), describe(checkpoint.device)
        self.n = n or (found["n"] if same else 10_000 if checkpoint.device.type == "cuda" else 2000)
        head = of | {"n": self.n}
        self.path = path if not found or head.items() <= found.items() else folder / path.name
        self.content = read(self.path)
        if not head.items() <= self.content.items():
            elsewhere = {} if found.get("hardware") == here else {"hardware": found.get("hardware")}
            self.content = head | {
                "measure": "Fréchet distance of n samples to the training digits, in features of mnist-classifier",
                "hardware": here, "points": []}
            for part in OF_DEFAULT_N:  # whatever n the others have
                self.content[part] = [elsewhere | point for point in found.get(part, []) if same]
        self.elsewhere = {} if self.content["hardware"] == here else {"hardware": here}

    def add(self, part: str, point: dict) -> None:
        """Put one figure into the file, with the machine where that is another than the record's."""
        self.content[part].append(point | self.elsewhere | {"date": date.today().isoformat()})
        self.write()

    def write(self) -> None:
        """Whole or not at all; a new record takes its place when its grid is whole."""
        self.content |= {"own": self.own, "date": date.today().isoformat(), "versions": versions(), "commit": commit(),
                         "processor": processor()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, checkpoints.json_bytes(self.content))
        if self.path != self.shown and len(self.content["points"]) == len(STEPS) * len(SAMPLERS):
            write_atomic(self.shown, checkpoints.json_bytes(self.content))
            self.path.unlink()
            self.path = self.shown


def read(path: Path) -> dict:
    """The record in the file, or {}."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def own_name(sampling: dict) -> str:
    """What SAMPLERS calls the sampler, spacing and eta of a card. Raises ValueError where it has no name for them."""
    wanted = {key: value for key, value in sampling.items() if key != "steps" and value != "uniform"}
    for name, settings in SAMPLERS.items():
        if settings == wanted:
            return name
    raise ValueError(f"the checkpoint's own sampling {sampling} is not among SAMPLERS: {', '.join(SAMPLERS)}")


def todo(own: str, n: int, only: list[str], quick: bool = False) -> list[tuple[str, str, int, int]]:
    """What is wanted: part, sampler, steps, n; the quick parts first. own: the checkpoint's sampler."""
    parts = {"points": [(name, steps, n) for steps in STEPS for name in SAMPLERS],
             "default": [(own, steps, n if quick else DEFAULT_N) for steps in DEFAULT],
             "rival": [(*RIVAL, DEFAULT_N)],
             "peer": [(name, steps, n) for steps in PEER_STEPS for name in PEERS],
             "best-peer": [(*BEST_PEER, DEFAULT_N)],
             "long": [(name, steps, n) for name, steps in ((own, 250), *LONG)]}
    return [(part, *point) for part, points in parts.items() if part in only for point in points
            if not quick or point[1] <= QUICK_STEPS]


def main() -> None:
    """Measure every point that is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--folder", type=Path, default=RUNS, help="where a new record is begun while there is another")
    parser.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    parser.add_argument("--quick", action="store_true", help=f"few steps and {QUICK_N} samples, written to benchmarks/here")
    args = parser.parse_args()
    checkpoint, yardstick = checkpoints.load("mnist-unet", args.device), Yardstick(args.device)
    record = Record(path_of(checkpoint.device, args.quick), checkpoint, QUICK_N if args.quick else args.n, args.folder)
    if "floor" not in record.content:  # what as many real digits score, that the network never saw: chance keeps it above 0
        test = load_mnist("test").images
        rows = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[:record.n]
        record.content["floor"] = round(yardstick.distance(to_model(test[rows])), 4)
    for part, name, steps, n in tqdm(todo(record.own, record.n, args.only, args.quick)):
        points = record.content.setdefault(part, [])
        if any((point["name"], point["steps"]) == (name, steps) for point in points):
            continue
        if name in PEERS:
            x, calls = draw_peer(checkpoint, n, args.batch, steps, name), steps
        else:
            sampler = Sampler(steps=steps, **SAMPLERS[name])
            x, calls = draw_ours(checkpoint, n, args.batch, sampler), sampler.calls()
        fd = yardstick.distance(x)
        record.add(part, {"name": name, "steps": steps, "calls": calls, "n": n, "fd": round(fd, 4)})
        tqdm.write(f"{part:9s} {name:32s} {steps:4d} steps {calls:4d} calls  n = {n:5d}  Fréchet distance {fd:8.2f}")


if __name__ == "__main__":
    main()
