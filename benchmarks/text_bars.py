"""The goals of chapter 9, measured: records/text_bars-cpu.json.

    python benchmarks/text_bars.py [--checkpoint shakespeare] [--twin PATH …] [--only PART …] [--quick]

--twin: the checkpoints of shakespeare-left-to-right and of the one that is stopped early, which are not shipped.
Resumable, part by part. Goals that are beside the figures as "met" are those of Shakespeare.
"""

from __future__ import annotations

import time
from functools import partial
from math import log

import numpy as np
import torch
from timing import Results, arguments

from diffusion_utils import checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data import load_data
from diffusion_utils.data.text import TextWindows
from diffusion_utils.discrete import DiscreteDenoiser, DiscreteSampler, Limit, any_order, bound, make_limit
from diffusion_utils.generate import generate
from diffusion_utils.metrics.few_steps import cost_of_steps
from diffusion_utils.metrics.infilling import hit_rates
from diffusion_utils.metrics.ngram import NGram
from diffusion_utils.metrics.text import JUDGE, bits_left_to_right, bits_of, figures_of, in_bits, judge_of, spread
from diffusion_utils.schedules import Schedule, cosine, straight

REACH, AMBITIOUS, TO_TWIN = 2.60, 2.45, 1.22  # bits a letter of held-out text, and times those of the twin
WORDS, MORE_WORDS = 0.65, 0.75  # of at least four letters, that occur in the training text
SURPRISE, ENTROPY = (2.1, 3.0), 4.45  # bits a letter for the judge; of the letters of a window
COPY, LONGEST = 24, 60  # letters in a row of the training text: the median, and what no text reaches
HITS, SECONDS, SIZE = 1.3, 20.0, 6 * 2**20  # hidden words to those of a 5-gram; for 16 texts; bytes of a checkpoint
LEFT = 0.005  # bits a letter by which the bound at T = 1000 may lie above
APART = 3  # standard errors within which two estimates agree
SCHEDULES = {"straight": straight, "cosine": partial(cosine, beta_max=1.0)}
FEWER = (4, 8, 16, 32, 64, 128, 1000)  # T of the bounds that are compared with the one over any order
STEPS, KAPPA = (4, 8, 16, 32, 64, 256), 0.05  # 128 steps are those of the samples


def apart(checkpoint: Checkpoint, limit: Limit, schedule: Schedule, test: TextWindows, rows: int, draws: int = 8) -> dict:
    """The sum over t less the bound over any order, row by row. That sum lies above, and comes down to it as T rises. It is by
    far the noisier of the two."""
    denoiser, usual = DiscreteDenoiser(checkpoint.net, schedule), checkpoint.denoiser

    def difference(x: torch.Tensor, seed: int) -> torch.Tensor:
        other = any_order(usual, (x,), limit, checkpoint.schedule.T, draws // 2, seed=seed)
        return bound(denoiser, (limit,), schedule, (x,), draws, seed=seed + 1000) - other

    found = in_bits(difference, test, rows)
    off, error = found["bits_per_letter"], found["standard_error"]
    met = {"not below": off >= -APART * error}
    if schedule.T >= 1000:
        met["there"] = abs(off) <= APART * error
    return {"difference": off, "standard_error": error, "rows": found["rows"], "met": met}


def few_steps(checkpoint: Checkpoint, limit: Limit, test: TextWindows, each: int) -> dict:
    """How far the bound at T lies above the one over any order, from the same draws for all T."""
    schedules = {f"{name} {T}": make(T) for name, make in SCHEDULES.items() for T in FEWER}
    found = cost_of_steps(DiscreteDenoiser(checkpoint.net, straight(*test.shape)), limit, test, schedules, each)
    left = [found[f"{name} 1000"]["difference"] for name in SCHEDULES]
    return found | {"each": each, "met": {"there": max(map(abs, left)) <= LEFT}}


def held_out(checkpoint: Checkpoint, limit: Limit, twins: list[Checkpoint], train: TextWindows, test: TextWindows, rows: int,
             orders: range) -> dict:
    """Bits a letter of the same held-out windows: by the network, its twins, and counts of letters; and by networks, of what
    they have read."""
    own, read = (bits_of(checkpoint.net, limit, checkpoint.schedule, part, draws=16, most=rows) for part in (test, train))
    found = {"network": own | {"read": read}, "n-grams": {str(order): by_counts(train, test, order, rows) for order in orders}}
    bits = own["bits_per_letter"]
    met = {"reach": bits <= REACH, "ambitious": bits <= AMBITIOUS}
    if twins:
        found["left_to_right"] = {str(twin.card["training"]["steps_done"]): bits_left_to_right(twin.net, test, rows) | {
            "read": bits_left_to_right(twin.net, train, rows), "sha256": twin.card["sha256"]} for twin in twins}
        found["ratio"] = bits / min(one["bits_per_letter"] for one in found["left_to_right"].values())
        met["twin"] = found["ratio"] <= TO_TWIN
    return found | {"met": met}


def by_counts(train: TextWindows, test: TextWindows, order: int, rows: int) -> dict:
    """What an n-gram model says of the windows, each read alone."""
    model = NGram(train.tokens.numpy(), len(train.alphabet), order)
    return in_bits(lambda x, seed: torch.from_numpy(model.bits(x.numpy()).sum(1) * log(2)), test, rows)


def quality(rows: np.ndarray, train: TextWindows) -> dict:
    """What `evaluate` measures of texts, without what stands beside it."""
    return {"n": len(rows), **figures_of(rows, judge_of(None, rows.shape[1]), train)}


def judged(figures: dict) -> dict:
    """The goals of texts, none of which says much alone: text that repeats itself surprises no judge."""
    low, high = SURPRISE
    words, copy = figures["real_words"] or 0.0, figures["longest_copy"]
    met = {"words": words >= WORDS, "more words": words >= MORE_WORDS, "judge": low <= figures["judge_bits"] <= high,
           "entropy": figures["entropy"] >= ENTROPY, "copies": copy["median"] <= COPY and copy["most"] < LONGEST}
    return figures | {"met": met}


def drawn(checkpoint: Checkpoint, train: TextWindows, n: int, **changes) -> dict:
    """Figures of n texts that the checkpoint draws so, and how."""
    rows = generate(checkpoint, n, progress=True, **changes).numpy()
    return judged(quality(rows, train)) | {"sampling": changes}


def references(train: TextWindows, test: TextWindows, n: int) -> dict:
    """The same figures of real text, and of what counts of letters write."""
    real = spread(test, n).numpy()
    found = {"real": quality(real, train)}
    for order in (3, 4, 5, 6):
        model = judge_of(None, real.shape[1]) if order == JUDGE else NGram(train.tokens.numpy(), len(train.alphabet), order)
        found[f"{order}-gram"] = quality(model.sample(n, real.shape[1]), train)
    return found


def infilling(checkpoint: Checkpoint, test: TextWindows, n: int) -> dict:
    """Hidden words found again; and whether what is kept stays as it is, where any half of the letters is hidden."""
    found = hit_rates(checkpoint, test, n=n)
    rows = test.x0(torch.arange(min(64, len(test))))
    hidden = torch.rand(rows.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    known = torch.where(hidden, -1, rows)
    filled = checkpoint.kind.draw(checkpoint, len(rows), DiscreteSampler(8, order="random"), known=known)
    changed = int((filled != rows)[~hidden].sum())
    return found | {"kept": int((~hidden).sum()), "kept_changed": changed,
                    "met": {"kept": changed == 0, "hits": found["network"] >= max(0.01, HITS * found[f"{JUDGE}-gram"])}}


def waiting(checkpoint: Checkpoint, n: int = 16) -> dict:
    """Seconds for texts as the card draws them, twice."""
    seconds = []
    for seed in (0, 1):
        started = time.perf_counter()
        generate(checkpoint, n, seed=seed)
        seconds.append(round(time.perf_counter() - started, 2))
    return {"texts": n, "calls": checkpoint.sampler.calls(), "seconds": seconds, "threads": torch.get_num_threads(),
            "met": {"seconds": max(seconds) <= SECONDS}}


def size(checkpoint: str) -> dict:
    """Bytes of the weights."""
    taken = checkpoints.find_card(checkpoint).with_suffix(".safetensors").stat().st_size
    return {"bytes": taken, "met": {"size": taken <= SIZE}}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="shakespeare", help="a shipped one, or a path (default: shakespeare)")
    parser.add_argument("--twin", nargs="+", default=[], help="left-to-right checkpoints, for 'held out'")
    parser.add_argument("--only", nargs="+", help="parts whose names begin so")
    args = parser.parse_args()
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    twins = [checkpoints.load(twin, args.device) for twin in args.twin]
    data, limit = checkpoint.card["config"]["data"], make_limit(checkpoint.card["config"]["limit"])
    train, test = load_data(data, "train"), load_data(data, "test")
    n, rows, words = (4, 16, 16) if args.quick else (256, len(test), 4000)
    parts = {"size": lambda: size(args.checkpoint), "waiting": lambda: waiting(checkpoint),
             "held out": lambda: held_out(checkpoint, limit, twins, train, test, rows, range(1, 4 if args.quick else 9))}
    for T in (128, 1000):
        for name, make in SCHEDULES.items():
            parts[f"bound {name} {T}"] = partial(apart, checkpoint, limit, make(T), test, rows)
    parts["few steps"] = lambda: few_steps(checkpoint, limit, test, 1 if args.quick else 24)
    parts |= {"infilling": lambda: infilling(checkpoint, test, words), "references": lambda: references(train, test, n),
              "samples": lambda: drawn(checkpoint, train, n)}
    draw = partial(drawn, checkpoint, train, n)
    for steps in STEPS[:2] if args.quick else STEPS:
        parts[f"steps {steps}"] = partial(draw, steps=steps, order="random")
    draw = partial(draw, steps=8 if args.quick else checkpoint.shape[0])
    parts |= {f"order {order}": partial(draw, order=order) for order in ("confidence", "independent")}
    parts["order remasking"] = partial(draw, order="independent", kappa=KAPPA)
    settings = {"checkpoint": checkpoint.card["sha256"], "data": test.name, "data_sha256": test.sha256,
                **{name: checkpoint.card["config"][name] for name in ("sampling", "schedule")}, "rows": rows}
    results = Results("text_bars", checkpoint.device, "bits a letter, texts and infilling against their floors", n, settings,
                      args.quick, anywhere=True)
    for name, function in parts.items():
        if not args.only or any(name.startswith(word) for word in args.only):
            results.part(name, function)
    for name, part in results.record["parts"].items():
        print(f"{name} ({part['took_s']} s): " + ", ".join(
            f"{goal} {'met' if met else 'MISSED'}" for goal, met in part.get("met", {}).items()))


if __name__ == "__main__":
    main()
