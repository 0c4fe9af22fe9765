"""Is a latent space worth its autoencoder? The network of scenes-latent on codes, and on pixels folded 2 × 2 and 4 × 4.

    python benchmarks/latent_vs_pixel.py ARM [--minutes 40 | --steps 3000] [--quick] [--device cpu] [--folder benchmarks/runs]

Each arm is trained by the recipe of scenes-latent, for as many minutes as the others or for as many steps, with a learning rate
that falls over the run. At each doubling, and at the end, scenes are drawn of full captions: how many are as asked, and how far
their digits are from real ones. The latent arm also says what its autoencoder takes: some steps of that are timed here, and
the encoding of the scenes, too. An arm "vae-…" trains an autoencoder alone, and says how well pictures come back.
A run that was stopped goes on, with its record and the folder of its state, from at most two minutes before.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from scenes_judged import reconstruction, share
from timing import HERE, RUNS, Results, arguments, machine
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from diffusion_utils.data import Dataset
from diffusion_utils.data.scenes import SceneData, load_scenes
from diffusion_utils.data.scenes.facts import agrees
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import pick_device, place
from diffusion_utils.drawing import draw
from diffusion_utils.metrics.latent import code_statistics
from diffusion_utils.metrics.scenes import distance_of_crops, read_scenes
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.latent import LatentRecipe
from diffusion_utils.recipes.recipe import Recipe
from diffusion_utils.sampling import Sampler
from diffusion_utils.training import Progress, fit
from diffusion_utils.training.distributed import Group

LATENT, AUTOENCODER = get_recipe("scenes-latent"), get_recipe("scenes-vae")
PIXELS = {"pixels-2": 2, "pixels-4": 4}  # how many are folded, each way
CODERS = {"vae-16": {}, "vae-8": {"channels": [32, 64, 96], "latent": 8}}  # codes 16 × 16 × 4 and 8 × 8 × 8
ARMS = ("latent", *PIXELS, *CODERS)
FIRST_LOOK, FIRST_STEPS = 2.5, 250  # minutes or steps; then each doubling
WEIGHT = 2.0  # of guidance: for all arms alike
ASKED, TIMED = 300, 30  # captions of a look; steps of the autoencoder that are timed
QUICK = {"train": 200, "asked": 8, "timed": 2}


@dataclass(frozen=True)
class Pixels:
    """Scenes as they are, in the form of a `LatentData`: what is diffused, and the scenes that prompts are drawn for."""

    data: SceneData

    shape, clip = SceneData.shape, SceneData.clip

    def __len__(self) -> int:
        return len(self.data)

    def to(self, device: torch.device) -> Pixels:
        return Pixels(self.data.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        return self.data.x0(rows)


class Arm(NamedTuple):
    """A recipe with the network of the arm, what it is trained on, what the record says of it beside its curve, and how it is
    judged: the averaged network → figures."""

    recipe: Recipe
    data: Dataset
    extra: dict
    look: Callable[[nn.Module], dict]


def recipe_of(arm: str) -> LatentRecipe:
    """That of scenes-latent, with a network for the arm."""
    if arm == "latent":
        return LATENT
    return replace(LATENT, network=LATENT.network | {"in_channels": 3, "patch": PIXELS[arm]})


def goals(length: float, first: float) -> list[float]:
    """When to look: each doubling from the first look on, but for one just before the end, and the end."""
    return [first * 2**k for k in range(20) if first * 2**k < 0.8 * length] + [length]


def look(net: nn.Module, recipe: LatentRecipe, data: Dataset, decode: Callable[[Tensor], Tensor], device: torch.device,
         n: int) -> dict:
    """Scenes drawn of n full captions: how many are as asked, and the distance of their digits, beside that of as many real
    ones."""
    real, schedule = load_scenes("test", n, seed=1), recipe.make_schedule()
    z = draw(Denoiser(net, schedule, recipe.predicts, data.clip), schedule, n, data.shape, Sampler(**recipe.sampling),
             clip=data.clip, cond=real.condition(torch.arange(n)), weight=WEIGHT, device=device, batch=50)
    with torch.no_grad():
        pictures = torch.cat([decode(part.to(device)).clamp(-1, 1).cpu() for part in z.split(50)])
    found, own = read_scenes(pictures), read_scenes(real.x0(torch.arange(n)))
    few = min(len(found.crops), len(own.crops))
    return {"right": share(agrees(real.facts.numpy(), found.facts).all(1)), "digits": few,
            "fd": distance_of_crops(found.crops[:few]), "floor": distance_of_crops(own.crops[:few])}


def autoencoder_cost(scenes: SceneData, device: torch.device, timed: int) -> dict:
    """Minutes that the autoencoder's training takes on this machine, from the median of some steps of it."""
    recipe, seconds = AUTOENCODER, []
    config = replace(recipe.train, steps=timed, log_every=1)
    for progress in fit(place(recipe.build(), device), recipe.loss_fn(scenes, device, Group()), len(scenes), config):
        seconds.append(progress.seconds)
    step = float(torch.tensor(seconds).diff().median())
    return {"seconds_a_step": step, "steps": recipe.train.steps, "minutes": step * recipe.train.steps / 60}


def flop(net: nn.Module, shape: tuple[int, ...], device: torch.device) -> float:
    """Floating-point operations of a call for one sample."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, *shape, device=device), torch.full((1,), 500.0, device=device))
    return counter.get_total_flops()


def race(results: Results, name: str, folder: Path, start: dict, run: Callable[[bool], object], ends: list[float],
         clock: Callable[[Progress], float], look_now: Callable[[nn.Module], dict]) -> None:
    """Follow a run to its end, and write a point at each look; a run whose record and state are there goes on."""
    state, part = folder / "state.safetensors", results.record["parts"].get(name)
    if part is None or not state.exists():
        shutil.rmtree(folder, ignore_errors=True)
        part = start | {"points": [], "finished": False, "stopped": 0, "machine": {"before": machine(results.device)}}
    else:
        part["stopped"] += 1
    results.write(name, part)
    left = ends[len(part["points"]):]
    with closing(run(state.exists())) as lines:
        for progress in lines:
            if not left or clock(progress) < left[0]:
                continue
            left = [end for end in left if end > clock(progress)]
            found = look_now(progress.ema_net)
            part["points"].append({"minutes": round(progress.seconds / 60, 3), "steps": progress.step, **found})
            part["finished"] = not left
            part["machine"]["after"] = machine(results.device)
            results.write(name, part)
            print(f"{time.strftime('%H:%M:%S')} {name}: {part['points'][-1]}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


def autoencoder_arm(arm: str, scenes: SceneData, device: torch.device, few: dict | None) -> Arm:
    """An autoencoder alone, judged by how well test scenes come back."""
    recipe = replace(AUTOENCODER, network=AUTOENCODER.network | CODERS[arm])
    test = load_scenes("test", few["asked"] if few else 2000)

    def look_now(net: nn.Module) -> dict:
        _, _, spread = code_statistics(net, scenes, torch.arange(min(len(scenes), 2000)))
        return reconstruction(net, test) | {"std_within_by_std_of_codes": spread}

    return Arm(recipe, scenes, {}, look_now)


def diffusion_arm(arm: str, scenes: SceneData, device: torch.device, folder: Path, few: dict | None) -> Arm:
    """A diffusion of codes or of pixels, judged by the scenes that it draws. folder: where an autoencoder may lie."""
    recipe, data, extra, decode = recipe_of(arm), Pixels(scenes), {}, nn.Identity()
    if arm == "latent":
        started = time.perf_counter()
        data = recipe.prepare(scenes, folder, device)
        extra = {"encoding_minutes": (time.perf_counter() - started) / 60,
                 "autoencoder": autoencoder_cost(scenes, device, few["timed"] if few else TIMED)}
        decode = recipe.coder(folder, device).decode
    extra["flop"] = flop(place(recipe.build(), device), data.shape, device)
    return Arm(recipe, data, extra, lambda net: look(net, recipe, data, decode, device, few["asked"] if few else ASKED))


def main() -> None:
    """Train one arm and add its curve to the record of this kind of device."""
    parser = arguments(__doc__)
    parser.add_argument("arm", choices=ARMS)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="of training, 40 unless given")
    length.add_argument("--steps", type=int)
    parser.add_argument("--folder", type=Path, default=RUNS, help="where the state of an unfinished run is kept")
    args = parser.parse_args()
    device, few, minutes = pick_device(args.device), QUICK if args.quick else None, None if args.steps else args.minutes or 40.0
    name = f"{args.arm}, {args.steps} steps" if args.steps else f"{args.arm}, {minutes:g} minutes"
    results = Results("latent_vs_pixel", device, "share of scenes as asked, and Fréchet distance of their digits to those of "
                      "training scenes, over minutes and steps of training from scratch", few["asked"] if few else ASKED,
                      {"weight": WEIGHT, "sampling": LATENT.sampling, "batch": LATENT.train.batch}, args.quick)
    if results.record["parts"].get(name, {}).get("finished"):
        return print(f"{name} is in {results.path} already")
    scenes = load_scenes("train", few["train"] if few else None)
    arm = (autoencoder_arm(args.arm, scenes, device, few) if args.arm in CODERS
           else diffusion_arm(args.arm, scenes, device, args.folder, few))
    config = replace(arm.recipe.train, log_every=1 if args.quick else 10,
                     **({"steps": args.steps} if args.steps else {"steps": 10**9, "minutes": minutes}))
    folder = (HERE if args.quick else args.folder) / f"latent_vs_pixel-{name.replace(', ', '-').replace(' ', '-')}"
    net = place(arm.recipe.build(), device)
    loss = arm.recipe.loss_fn(arm.data, device, Group())
    start = {"arm": args.arm, "parameters": sum(p.numel() for p in net.parameters()), "network": arm.recipe.network,
             "minutes": minutes, "steps": args.steps, **arm.extra}
    race(results, name, folder, start,
         lambda resume: fit(net, loss, len(arm.data), config, folder=folder, resume=resume),
         goals(args.steps or minutes, FIRST_STEPS if args.steps else FIRST_LOOK),
         (lambda progress: progress.step) if args.steps else (lambda progress: progress.seconds / 60), arm.look)


if __name__ == "__main__":
    main()
