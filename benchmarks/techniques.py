"""What each technique is worth in quality: one thing changed at a time, the same minutes of training, the same measurements.

    python benchmarks/techniques.py [--only NAME …] [--steps 846] [--quick] [--device cpu]

Each entry says what was expected before it was measured. What did not help stays in the table. The base is run with five
seeds: what differs from it by less than they differ from each other is no difference. Techniques that change nothing but
the time a step takes are measured by speedups.py.

With --steps, the number of steps that the base took in its minutes, a record can be completed on another machine. There a
technique that leaves the cost of a step as it is makes as many steps; any other gets the minutes that the base would need for
them there, which is measured first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from peers import from_scratch
from speedups import CannotCompile, compiled
from timing import Results, arguments
from torch import Tensor, nn

from diffusion_utils.data import ImageData, load_mnist
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import pick_device
from diffusion_utils.drawing import draw
from diffusion_utils.losses import diffusion_loss, min_snr_weight, spread_times, x0_factor
from diffusion_utils.metrics.digits import Yardstick
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.sampling import Sampler
from diffusion_utils.schedules import Schedule, from_alpha_bar
from diffusion_utils.training import RateFn, Step, TrainConfig, fit, learning_rate
from diffusion_utils.training.distributed import Group


def error_of_x0(weight: Callable[[Tensor], Tensor]) -> Callable[[Schedule, str, Tensor], Tensor]:
    """The loss's weight at t that makes an error of x̂₀ count weight(SNR), whatever the network predicts."""
    return lambda schedule, predicts, t: weight(schedule.snr[t]) * x0_factor(schedule, predicts, t)


@dataclass(frozen=True)
class Technique:
    """One change to the base run. expected: what we thought before measuring. train, network: changes of the recipe's
    entries; the rest are switches that the recipe does not have, because they did not help or are there by device."""

    name: str
    expected: str
    train: dict = field(default_factory=dict)
    network: dict = field(default_factory=dict)
    schedule: dict | None = None
    shift: float = 0.0  # of the schedule's log ᾱ/(1 − ᾱ): above 0 there is less noise at each t between the ends
    predicts: str = "v"
    weight: Callable[[Schedule, str, Tensor], Tensor] | None = None  # of the squared error at t; None: 1
    channels_last: bool = False
    compiled: bool = False
    times: str = "spread"  # spread, independent, or late: P(t ≤ τ) = (τ/T)²
    rate: str = "cosine"  # the shape of the learning rate
    ramp: bool = False  # from a quarter of the batch to all of it
    steady: bool = False  # an average that keeps its decay from the first step on

    @property
    def costs_as_the_base(self) -> bool:
        """Whether a step takes as long as one of the base: only the rate, the seed or the average is another."""
        same = replace(self, name="", expected="", train={}, rate="cosine", steady=False) == Technique("", "")
        return same and set(self.train) <= {"lr", "ema", "seed"}


TECHNIQUES = [
    Technique("base", "Muon, v, cosine, fold by 2, bfloat16 where fast, spread times, batch 64, EMA 0.995"),
    Technique("base, seed 1", "the same, but for chance", {"seed": 1}),
    Technique("base, seed 2", "the same, but for chance", {"seed": 2}),
    Technique("base, seed 3", "the same, but for chance", {"seed": 3}),
    Technique("base, seed 4", "the same, but for chance", {"seed": 4}),
    Technique("AdamW", "two thirds of Muon's progress a step, a little faster a step", {"optimiser": "adamw"}),
    Technique("float32", "twice as slow on a CPU with bfloat16 units", {"bf16": False}),
    Technique("no folding", "four times the arithmetic at the finest level: far fewer steps", network={"patch": 1}),
    Technique("fold by 4", "half the arithmetic; strokes are thinner than 4 pixels, so worse in the end",
              network={"patch": 4, "channels": [160]}),  # 7 × 7 places, and no coarser level
    Technique("narrow", "a third of the time a step: better in a few minutes", network={"channels": [32, 80]}),
    Technique("wide at 7×7", "as fast, since small pictures leave the units idle: better", network={"channels": [48, 192]}),
    Technique("two blocks a level", "slower steps, better ones: about even in so short a run", network={"blocks": 2}),
    Technique("channels_last", "10 % faster convolutions on a CPU", channels_last=True),
    Technique("torch.compile", "a fifth faster after a start of half a minute", compiled=True),
    Technique("predict ε", "worse at few calls: the first step divides by a small signal", predicts="eps"),
    Technique("predict x₀", "about even", predicts="x0"),
    Technique("linear schedule", "worse: too little time at the noise levels where digits form",
              schedule={"name": "linear", "T": 1000}),
    Technique("flow", "about even", schedule={"name": "flow", "T": 1000}, predicts="flow"),
    Technique("sigmoid schedule", "about even: close to the cosine, with less time at both ends",
              schedule={"name": "sigmoid", "T": 1000}),
    Technique("noise comes later", "a little better: the same noise hides more of a small picture than of a large one, for "
              "which the cosine was made (Hoogeboom et al. 2023)", shift=1.0),
    Technique("noise comes sooner", "worse, by the same reasoning", shift=-1.0),
    Technique("min-SNR 5", "less weight on fine detail: slightly better in a short run",
              weight=partial(min_snr_weight, cap=5.0)),
    Technique("weights of ε", "worse: an error at late times, where the digit is decided, counts for next to nothing",
              weight=error_of_x0(lambda snr: snr)),
    Technique("weights of x₀", "a little better in a short run, for the opposite reason; grainier strokes",
              weight=error_of_x0(torch.ones_like)),
    Technique("independent times", "no difference in fd: the noise that spreading removes averages out", times="independent"),
    Technique("late times", "better: without labels, what the digit is gets decided late", times="late"),
    Technique("batch 32", "more steps: better in a short run, with its noise calmed by the cosine", {"batch": 32}),
    Technique("batch 256", "too few steps", {"batch": 256}),
    Technique("batch ramp", "between batch 32 and batch 64: many noisy steps first, calm ones at the end", ramp=True),
    Technique("linear fall of the rate", "even with the cosine", rate="linear"),
    Technique("constant rate", "worse, unless the average does the calming", rate="constant"),
    Technique("half the rate", "slower", {"lr": 0.75e-3}),
    Technique("twice the rate", "on the edge", {"lr": 3e-3}),
    Technique("no average", "even: the cosine calms the weights by itself", {"ema": 0.0}),
    Technique("short average", "even, for the same reason", {"ema": 0.95}),
    Technique("long average", "the same in fewer than 1,800 steps, in which the rising average has not reached 0.995 yet; "
              "worse beyond, as it remembers the beginning", {"ema": 0.9995}),
    Technique("average that does not rise", "worse: 0.995 remembers the random start for a thousand steps", steady=True),
]


RATES = {"linear": lambda fraction: 1 - fraction, "constant": lambda fraction: 1.0}


def rate_of(shape: str) -> RateFn:
    """The package's learning rate, or one of another shape after the same rise."""
    if shape == "cosine":
        return learning_rate
    return lambda config, step, fraction: config.lr * min(1.0, step / config.warmup) * RATES[shape](min(1.0, fraction))


def shifted(schedule: Schedule, shift: float) -> Schedule:
    """ᾱ ← σ(ln(ᾱ/(1 − ᾱ)) + shift) at each t, σ the logistic function; Hoogeboom et al. (2023) shift by 2·ln(64/d) for pictures
    of d × d pixels."""
    if shift == 0:
        return schedule
    return from_alpha_bar(torch.sigmoid(torch.logit(schedule.alpha_bar) + shift), f"{schedule.name}, shifted")


def changed(technique: Technique, minutes: float | None, steps: int = 10**9) -> DiffusionRecipe:
    """The recipe of mnist-unet from scratch, for so many minutes or else steps, with the one change."""
    recipe = from_scratch()
    base = TrainConfig(steps=steps, minutes=minutes, batch=64, lr=1.5e-3, warmup=50, ema=0.995, log_every=10, optimiser="muon")
    return replace(recipe, predicts=technique.predicts, schedule=technique.schedule or recipe.schedule,
                   network=recipe.network | technique.network, train=replace(base, **technique.train))


def minutes_for(recipe: DiffusionRecipe, steps: int, data: ImageData, device: torch.device, measured: int = 50) -> float:
    """Minutes that this machine needs for so many steps of the recipe, from the last 4 of 5 of so many that are measured."""
    recipe = replace(recipe, train=replace(recipe.train, steps=measured, minutes=None, log_every=measured // 5))
    net = recipe.build().to(device)
    _, first, *_, last = fit(net, recipe.loss_fn(data, device, Group()), len(data), recipe.train)
    return steps * (last.seconds - first.seconds) / (last.step - first.step) / 60


def train(technique: Technique, recipe: DiffusionRecipe, data: ImageData, device: torch.device) -> tuple[int, nn.Module]:
    """Train from scratch; returns the number of steps and the network to draw with."""
    net = recipe.build().to(device)
    if technique.channels_last:
        net = net.to(memory_format=torch.channels_last)
    schedule, data = shifted(recipe.make_schedule(), technique.shift), data.to(device)
    run = compiled(net, device) if technique.compiled else net

    def loss(_: nn.Module, step: Step) -> Tensor:
        rows, generator = step.rows, step.generator
        if technique.ramp:
            rows = rows[:round(len(rows) * (0.25 + 0.75 * min(1.0, step.fraction)))]
        if technique.times == "independent":
            t = torch.randint(1, schedule.T + 1, (len(rows),), generator=generator)
        else:
            t = spread_times(len(rows), schedule.T, generator, power=2.0 if technique.times == "late" else 1.0)
        x0, eps = data.x0(rows.to(device)), torch.randn((len(rows), 1, 28, 28), generator=generator).to(device)
        weight = technique.weight(schedule, technique.predicts, t) if technique.weight else None
        return diffusion_loss(run, schedule, technique.predicts, x0, t, eps, weight=weight)

    average = copy.deepcopy(net).requires_grad_(False)
    for progress in fit(net, loss, len(data), recipe.train, rate=rate_of(technique.rate)):
        if technique.steady:  # once in log_every steps, with as many factors of the decay at once
            mix(average, net, 1 - recipe.train.ema**recipe.train.log_every)
        else:
            average = progress.ema_net
    return progress.step, average


@torch.no_grad()
def mix(average: nn.Module, net: nn.Module, share: float) -> None:
    """average ← (1 − share)·average + share·net, weight by weight."""
    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), share)


def measure(net: nn.Module, schedule: Schedule, predicts: str, sampler: Sampler, yardstick: Yardstick, n: int,
            device: torch.device) -> float:
    """The Fréchet distance of n samples."""
    x = draw(Denoiser(net, schedule, predicts, clip=(-1, 1)), schedule, n, (1, 28, 28), sampler, device=device)
    return round(yardstick.distance(x.clamp(-1, 1)), 3)


def result(technique: Technique, recipe: DiffusionRecipe, n: int, data: ImageData, yardstick: Yardstick,
           device: torch.device) -> dict:
    """What was expected and what came out. Raises CannotCompile where that is the change."""
    steps, net = train(technique, recipe, data, device)
    schedule = shifted(recipe.make_schedule(), technique.shift)
    return {"expected": technique.expected, "steps": steps, "batch": recipe.train.batch,
            "parameters": sum(p.numel() for p in net.parameters()),
            "fd": measure(net, schedule, recipe.predicts, Sampler(**recipe.sampling), yardstick, n, device)}


def main() -> None:
    """Measure what is missing in the record."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=[t.name for t in TECHNIQUES])
    parser.add_argument("--steps", type=int, help="of the base, where it took its minutes on another machine")
    args = parser.parse_args()
    names = args.only or [t.name for t in TECHNIQUES]
    device, yardstick, data = pick_device(args.device), Yardstick(), load_mnist("train")
    minutes, n = (0.5, 500) if args.quick else (3.0, 1000)
    results = Results("techniques", device, "Fréchet distance of n samples to the training digits, in features of "
                      "mnist-classifier, after the same minutes of training", n, {"minutes": minutes}, args.quick,
                      anywhere=args.steps is not None)
    missing = [t for t in TECHNIQUES if t.name in names and t.name not in results.record["parts"]]
    if args.steps and not all(technique.costs_as_the_base for technique in missing):
        minutes = minutes_for(changed(TECHNIQUES[0], None), args.steps, data, device)
        print(f"{args.steps} steps of the base take {minutes:.2f} minutes here", flush=True)
    for technique in missing:
        as_many = args.steps and technique.costs_as_the_base
        recipe = changed(technique, None, args.steps) if as_many else changed(technique, minutes)
        try:
            results.part(technique.name, partial(result, technique, recipe, n, data, yardstick, device))
        except CannotCompile as error:
            print(f"{technique.name}: not possible here, {error}")


if __name__ == "__main__":
    main()
