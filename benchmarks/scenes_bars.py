"""How good is scenes-latent at what it is told? Every goal of chapter 6 that concerns it, with intervals, ceiling and floor.

    python benchmarks/scenes_bars.py [--quick] [--device cpu] [--checkpoint scenes-latent] [--folder benchmarks/runs]

Scenes are drawn once, in blocks that are kept in the folder, and everything is read off them: a run that was stopped goes on
where it was. The weight w of guidance is chosen first, by captions and noise that nothing else uses. With another checkpoint
than scenes-latent the record goes to benchmarks/here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from safetensors import torch as safetensors
from scenes_judged import attention, colours, distance, edits, reconstruction, right_by_kind, share
from timing import RUNS, Results, arguments, say
from torch import Tensor

from diffusion_utils import checkpoints
from diffusion_utils.data.scenes import SceneData, load_scenes
from diffusion_utils.data.scenes.facts import agrees
from diffusion_utils.drawing import draw
from diffusion_utils.files import write_atomic
from diffusion_utils.generate import generate
from diffusion_utils.metrics.scenes import read_scenes

KINDS = {"seen": 2000, "colours": 1000, "pairs": 1000}  # full captions of each kind of scenes
TRIED, WEIGHTS = 300, (1, 1.5, 2, 3, 4, 6)  # captions that w is chosen by
A_THREE = {1: 600, 1.5: 300, 2: 300, 3: 300, 6: 300}  # pictures of "a 3" at each w
PEEKED, EDITED, BLOCK = 400, 200, 50
SMALL = 16  # of each in the reduced form
ROUNDS = 5


class Drawn:
    """Pictures of a checkpoint, in blocks that are drawn once and kept as codes in a folder."""

    def __init__(self, checkpoint: checkpoints.Checkpoint, folder: Path):
        of = checkpoint.card
        self.checkpoint, self.folder = checkpoint, folder / f"{of['config']['data']}-{of['sha256'][:12]}"

    def of(self, tokens: Tensor, weight: float, name: str, seed: int = 0) -> Tensor:
        """Pictures (N, 3, H, W) of prompts (N, length); those of a name, weight and seed always have the same prompts."""
        codes = [self._block(tokens[first:first + BLOCK], weight, f"{name}-w{weight:g}-{seed}-{first}", seed * 10**6 + first)
                 for first in range(0, len(tokens), BLOCK)]
        return torch.cat([self.checkpoint.codec.decode(part.float()) for part in codes])

    def _block(self, tokens: Tensor, weight: float, name: str, seed: int) -> Tensor:
        path, model = self.folder / f"{name}-{len(tokens)}.safetensors", self.checkpoint
        if not path.exists():
            z = draw(model.denoiser, model.schedule, len(tokens), model.shape, model.sampler, cond=tokens, weight=weight,
                     seed=seed, batch=BLOCK, device=model.device)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, safetensors.save({"codes": z.half()}))
        return safetensors.load(path.read_bytes())["codes"]


def full(scenes: SceneData) -> Tensor:
    """Their captions, which leave nothing out."""
    return scenes.condition(torch.arange(len(scenes)))


def choose_weight(drawn: Drawn, n: int) -> dict:
    """The whole scene as asked over w, of captions and noise of their own; and the w of the highest share."""
    scenes = load_scenes("test", n, seed=2)
    wanted, rights = scenes.facts.numpy(), {}
    for weight in WEIGHTS:
        found = read_scenes(drawn.of(full(scenes), weight, "tried", seed=2)).facts
        rights[f"{weight:g}"] = share(agrees(wanted, found).all(1))
    return {"right": rights, "weight": max(WEIGHTS, key=lambda w: (rights[f"{w:g}"]["share"], -w))}


def seconds(checkpoint: checkpoints.Checkpoint, name: str) -> dict:
    """A prompt of eight pictures: in a program that has the network, and by the command line, from its start to the file."""
    tokens = checkpoint.tokens_of(["a large red 4 above a small blue 7"] * 8)
    inside, outside = [], []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "diffusion_utils", "sample", "--checkpoint", name, "--prompt",
                   "a large red 4 above a small blue 7", "--guidance", "3", "--n", "8", "--out", f"{folder}/x.png"]
        for _ in range(ROUNDS):
            started = time.perf_counter()
            generate(checkpoint, 8, cond=tokens, weight=3.0)
            inside.append(time.perf_counter() - started)
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            outside.append(time.perf_counter() - started)
    return {"eight_s": median(inside), "eight_by_command_s": median(outside), "threads": torch.get_num_threads(),
            "rounds": ROUNDS}


def parts(drawn: Drawn, results: Results, name: str, few: int | None) -> dict[str, Callable[[], dict]]:
    """What is measured of drawn scenes, by name and in this order. few: of each in the reduced form."""
    model = drawn.checkpoint

    def weight() -> float:
        return results.record["parts"]["weight"]["weight"]

    def scenes(kind: str) -> tuple[SceneData, Tensor]:
        real = load_scenes("test", few or KINDS[kind], kind, seed=1)
        return real, drawn.of(full(real), weight(), kind)

    def one_kind(kind: str) -> dict:
        real, pictures = scenes(kind)
        return right_by_kind(real, pictures)

    return {
        "reconstruction": lambda: reconstruction(model.parts["vae"], load_scenes("test", few or 2000)),
        "weight": lambda: choose_weight(drawn, few or TRIED),
        **{kind: lambda kind=kind: one_kind(kind) for kind in KINDS},
        "distance": lambda: distance(scenes("seen")[1]),
        "a 3": lambda: colours({w: drawn.of(model.tokens_of(["a 3"] * (few or n)), w, "three") for w, n in A_THREE.items()}),
        "attention": lambda: attention(model, load_scenes("test", few or PEEKED, "seen", seed=3), weight(), BLOCK),
        "edits": lambda: edits(model, load_scenes("test", few or EDITED, "seen", seed=4), weight(), BLOCK),
    }


def main() -> None:
    """Measure what is missing, and say which goals are met."""
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="scenes-latent", help="its name, or the path of its card")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where drawn scenes are kept")
    parser.add_argument("--only", nargs="+", help="these parts alone")
    args = parser.parse_args()
    model = checkpoints.load(args.checkpoint, args.device)
    ours = args.checkpoint == "scenes-latent"
    of = {"checkpoint": model.name, "sha256": model.card["sha256"]}
    few = SMALL if args.quick else None
    results = Results("scenes_bars", model.device, "shares of scenes drawn from captions, as the reader of scenes finds them",
                      few or KINDS["seen"], of | {"sampling": model.card["config"]["sampling"]}, args.quick or not ours,
                      anywhere=True, kind=None if ours else f"{model.card['sha256'][:8]}-{model.device.type}")
    results.record |= of
    results.measure(parts(Drawn(model, args.folder), results, args.checkpoint, few), args.only)
    if not args.only or "seconds" in args.only:
        results.part("seconds", lambda: seconds(model, args.checkpoint))
    from bars import scenes  # which judges this record, too
    say(scenes(results.record))


if __name__ == "__main__":
    main()
