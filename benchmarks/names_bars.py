"""What chapter 9 compares on first names: kinds of noise, orders of showing, a network told the time, and counting.

    python benchmarks/names_bars.py [--quick] [--device cpu]

Each network is as large as the one that the chapter trains live, and is trained for the same minute. What is measured of the
names that it draws stands beside held-out names.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from timing import Results, arguments
from torch import Tensor, nn

from diffusion_utils.data.text import END, NAME_LENGTH, load_names, names_of
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, pick_device, place
from diffusion_utils.discrete import DiscreteDenoiser, DiscreteSampler, make_limit, sample_discrete
from diffusion_utils.losses import diffusion_loss, spread_times
from diffusion_utils.metrics.ngram import NGram
from diffusion_utils.metrics.text import bits_of, evaluate_names
from diffusion_utils.networks.embedding import sinusoidal
from diffusion_utils.networks.token_transformer import TokenTransformer, norm
from diffusion_utils.recipes.discrete import DiscreteRecipe
from diffusion_utils.recipes.names import CLASSES, names
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import cosine
from diffusion_utils.training import Step, fit
from diffusion_utils.training.distributed import Group

N, DRAWS = 2000, 8  # names drawn; estimates of the bound of each held-out name
STEPS = 64          # of a walk in which every letter may change at any time
ORDERS = range(1, 8)
SCALE = (CLASSES - 1) ** 0.5 / CLASSES  # deviation of the numbers 0 and 1 of which one in 27 is 1


def points(x: Tensor) -> Tensor:
    """Letters as points, an axis for each, of mean 0 and deviation 1 along all numbers: int64 (B, L) → (B, L, 27)."""
    return (nn.functional.one_hot(x, CLASSES) - 1 / CLASSES) / SCALE


class SoftTokens(TokenTransformer):
    """The same transformer over points: noisy points (B, L, 27) go in, a mean of the 27 points comes out."""

    def forward(self, x: Tensor, time: Tensor, cond: None = None) -> Tensor:
        clock = self.time(sinusoidal(time, self.table.embedding_dim))[:, None]
        h = norm(x @ self.table.weight + clock + (0 if self.place is None else self.place.weight[:x.shape[1]]))
        for block in self.blocks:
            h = block(h, self.angle[:x.shape[1]])
        return (self.head(norm(h)).softmax(-1) - 1 / CLASSES) / SCALE


def versions(minutes: float, shares: Tensor) -> dict[str, DiscreteRecipe]:
    """The recipes. Without a mask a network is told the time, the schedule is cosine, and letters may change to the end."""
    mask = names(minutes)
    seen = {"schedule": {"name": "cosine", "T": 1000}, "sampling": {"steps": STEPS},
            "network": mask.network | {"states": CLASSES, "timed": True}}
    return {
        "mask": mask,
        "told the time": replace(mask, network=mask.network | {"timed": True}),
        "uniform": replace(mask, limit={"name": "uniform", "classes": CLASSES}, **seen),
        "marginal": replace(mask, limit={"name": "marginal", "shares": shares.tolist()}, **seen),
    }


def trained(net: nn.Module, loss: object, n: int, recipe: DiscreteRecipe) -> tuple[nn.Module, dict]:
    """The averaged network after the minutes of the recipe, and what it saw."""
    *_, progress = fit(net, loss, n, recipe.train)
    return progress.ema_net.eval(), {"minutes": recipe.train.minutes, "steps_done": progress.step,
                                     "names_seen": progress.step * recipe.train.batch}


def look(x: Tensor) -> dict:
    """What `evaluate` says of names, the most frequent ones, and some."""
    figures = {key: value for key, value in evaluate_names(x).items() if key not in ("calls", "real_names")}
    return figures | {"most_frequent": Counter(names_of(x)).most_common(8), "examples": names_of(x[:16])}


def draw_names(net: nn.Module, recipe: DiscreteRecipe, sampler: DiscreteSampler, n: int, device: torch.device) -> Tensor:
    """n rows, int64 (n, 16)."""
    schedule, limit = recipe.make_schedule(), make_limit(recipe.limit)
    with autocast(device):
        *_, last = sample_discrete(DiscreteDenoiser(net, schedule), schedule, (limit,), [(NAME_LENGTH,)], sampler, batch=n)
    return last.x_t[0]


def classes(recipe: DiscreteRecipe, n: int, device: torch.device) -> tuple[dict, dict]:
    """Figures of a network of letters: in the recipe's order, and by confidence where it has masks."""
    train, limit, sampler = load_names("train"), make_limit(recipe.limit), DiscreteSampler(**recipe.sampling)
    net, seen = trained(place(recipe.build(), device), recipe.loss_fn(train, device, Group()), len(train), recipe)
    bits = bits_of(net, limit, recipe.make_schedule(), load_names("test"), DRAWS, n)
    figures = seen | bits | {"standard_error_per_row": bits["standard_error"] * NAME_LENGTH, "steps": sampler.steps}
    surest = look(draw_names(net, recipe, sampler.changed(order="confidence"), n, device)) if limit.hides else {}
    return figures | look(draw_names(net, recipe, sampler, n, device)), surest


def gaussian(recipe: DiscreteRecipe, n: int, device: torch.device) -> dict:
    """Figures of Gaussian diffusion of points: the loss and the sampler of pictures, then the nearest letter."""
    torch.manual_seed(recipe.train.seed)
    train, schedule = load_names("train"), cosine(1000)
    config = {name: value for name, value in recipe.network.items() if name != "kind"}
    net = place(SoftTokens(**config | {"states": CLASSES, "timed": True}), device)

    def loss(net: nn.Module, step: Step) -> Tensor:
        x0 = points(train.x0(step.rows))
        t = spread_times(len(x0), schedule.T, step.generator)
        eps = torch.randn(x0.shape, generator=step.generator)
        return diffusion_loss(net, schedule, "x0", x0.to(device), t, eps.to(device))

    net, seen = trained(net, loss, len(train), recipe)
    sampler = Sampler("ddpm", steps=STEPS)
    with autocast(device):
        *_, last = sample(Denoiser(net, schedule, "x0"), schedule, (n, NAME_LENGTH, CLASSES), sampler, device=device)
    return seen | {"steps": STEPS, "sampler": sampler.sampler} | look(last.x_t.cpu().argmax(-1))


def one_after_the_other(x: Tensor, ends: int) -> tuple[np.ndarray, np.ndarray]:
    """All names in a row, so many ends before each, and which places are scored: a name's letters and its first end, if it has
    one. A counting model that looks back at so many letters then knows that a name begins, and nothing of the one before."""
    row, scored = [], []
    for name in x.tolist():
        name = name[:name.index(END) + 1] if END in name else name
        before = ends if not row or row[-1] != END else ends - 1  # the end of a name is the first of those before the next
        row += [END] * before + name
        scored += [False] * before + [True] * len(name)
    return np.array(row), np.array(scored)


def counted(orders: range = ORDERS) -> dict:
    """Bits a name of n-gram models, its end included, held out."""
    train, test = (load_names(split).values for split in ("train", "test"))
    bits = {}
    for k in orders:
        (read, _), (unread, scored) = (one_after_the_other(x, max(1, k - 1)) for x in (train, test))
        bits[str(k)] = float(NGram(read, CLASSES, k).bits(unread[None])[0, scored].sum()) / len(test)
    return {"bits_a_name": bits, "held_out": len(test)}


def main() -> None:
    """Measure what is missing and record it."""
    args = arguments(__doc__).parse_args()
    device, (minutes, n) = pick_device(args.device), (0.02, 50) if args.quick else (1.0, N)
    results = Results("names_bars", device, "held-out first names in bits, and what n drawn ones are like", n,
                      {"minutes": minutes, "draws": DRAWS}, args.quick)
    results.part("n-grams", counted)
    results.part("real names", lambda: look(load_names("test").values[:n]))
    shares = torch.bincount(load_names("train").values.flatten(), minlength=CLASSES).double()
    for name, recipe in versions(minutes, shares / shares.sum()).items():
        if name not in results.record["parts"]:
            found = {}
            figures = results.part(name, lambda recipe=recipe, found=found: found.setdefault(
                "all", classes(recipe, n, device))[0])
            if name == "mask":
                results.write("confidence", {"steps": figures["steps"]} | found["all"][1])
    results.part("gaussian", lambda: gaussian(names(minutes), n, device))


if __name__ == "__main__":
    main()
