"""What next-door-fdm draws, against the world that it learnt from, and the goals of chapter 8: records/video_bars-cpu.json.

    python benchmarks/video_bars.py [--checkpoint next-door-fdm] [--only PART …] [--quick]

Resumable, part by part. Given frames are never counted, and all figures are of the numbers that were drawn, not of films.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch
from timing import Results, arguments, say
from torch import Tensor

from diffusion_utils import checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.next_door import GIVEN, NextDoor, load_next_door
from diffusion_utils.data.next_door.walk import CEILING, FLOOR
from diffusion_utils.metrics.video import (
    IN_SIGHT,
    distance,
    distances,
    forecast_errors,
    long_videos,
    looks,
    memory,
    short_forecasts,
    shuffled,
)
from diffusion_utils.metrics.video_reading import read
from diffusion_utils.video import SCHEMES, hierarchy_2, sample_video

SIZE = 6 * 2**20  # bytes of the checkpoint
LEGAL = 1.5  # pixels within which a future is one of the two
TEN = 10  # frames at either end of a long video
MIDDLE = 2.0  # pixels: a toss so near the middle of the room has two futures that differ
LONG = 200  # frames of a long video
Bar = tuple[str, str, bool | None]


def drawn(model: Checkpoint, frames: Tensor, given: Sequence[int], scheme=hierarchy_2, seed: int = 1) -> Tensor:
    """Videos that go on with the given ones of these frames."""
    return sample_video(model.denoiser, model.schedule, frames, given, scheme, model.sampler, seed=seed, batch=20,
                        device=model.device, progress=True)


def forecast(model: Checkpoint, data: NextDoor, n: int) -> dict:
    """Five seen, five new, and no wall but floor and ceiling."""
    frames, truth = short_forecasts(data, torch.arange(n))
    steps = truth[:, GIVEN - 1] - truth[:, GIVEN - 2]
    guesses = {"standing_still": truth[:, GIVEN - 1], "straight_on": truth[:, GIVEN - 1] + GIVEN * steps}
    off = {name: float((guess - truth[:, -1]).norm(dim=-1).median()) for name, guess in guesses.items()}
    errors = forecast_errors(drawn(model, frames, range(GIVEN)), truth)
    return {"n": n, "median_error": float(errors[:, -1].median()), "by_frame": errors[:, GIVEN:].nanmedian(0).values.tolist(),
            "reader": float(forecast_errors(frames, truth)[:, -1].median()), **off}


def around_toss(data: NextDoor, rows: Tensor, before: int, after: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames from `before` before the last one ahead of a toss to `after` behind it; their numbers; and the number of the
    toss."""
    walks = data.walks(rows)
    toss = walks.next_toss(torch.full((len(rows),), before + 1.0))
    index = walks.tosses().gather(1, toss[:, None]).floor().long() + torch.arange(-before, after + 1)
    return data.frames(rows, index), index, toss


def infilling(model: Checkpoint, data: NextDoor, n: int) -> dict:
    """Ten frames missing between five and five, with a toss in the gap: what was seen after it says how it came out."""
    rows = torch.arange(n)
    frames, index, _ = around_toss(data, rows, 9, 10)
    truth, given = data.walks(rows).positions(index), [*range(5), *range(15, 20)]
    off = forecast_errors(drawn(model, frames, given), truth)[:, 5:15]
    real = forecast_errors(frames, truth)[:, 5:15]
    return {"n": n, "median_error": float(off.nanmedian()), "reader": float(real.nanmedian())}


def tossed_in_the_middle(data: NextDoor, n: int, before: int) -> Tensor:
    """Videos in which the next toss finds the digit half-way between floor and ceiling."""
    rows = torch.arange(len(data))
    walks = data.walks(rows)
    toss = walks.next_toss(torch.full((len(rows),), before + 1.0))
    height = walks.positions(walks.tosses().gather(1, toss[:, None]))[:, 0, 1]
    return rows[(height - (CEILING + FLOOR) / 2).abs() <= MIDDLE][:n]


def coin(model: Checkpoint, data: NextDoor, starts: int, each: int, told: bool) -> dict:
    """Futures of videos that are seen until just before the toss; told: also one frame, the second after it."""
    before, after = 5, 4
    rows = tossed_in_the_middle(data, starts, before).repeat_interleave(each)
    frames, index, toss = around_toss(data, rows, before, after)
    given = [*range(GIVEN), *([before + 2] if told else [])]
    x, walks = drawn(model, frames, given), data.walks(rows)
    reading = read(x)
    new = torch.tensor([frame not in given for frame in range(before + after + 1)])
    off = []
    for down in (False, True):
        truth = walks.with_coin(toss, down).positions(index)
        away = torch.where(reading.whole, (reading.centre - truth).norm(dim=-1), torch.inf)
        off.append(torch.where(new & (truth[..., 0] <= IN_SIGHT), away, 0.0).amax(1))
    up, legal = off[0] < off[1], torch.minimum(*off) <= LEGAL
    is_down = walks.coins.gather(1, toss[:, None])[:, 0]
    return {"n": len(rows), "up": float(up.double().mean()), "legal": float(legal.double().mean()),
            "obeys": float((up != is_down).double().mean()) if told else None,
            "up_by_start": up.view(-1, each).double().mean(1).tolist()}


def remembered(model: Checkpoint, data: NextDoor, n: int, name: str | None) -> dict:
    """Sixty frames, five of them given, by a scheme: who comes back, and the distances; None for real videos, the ceiling."""
    rows = torch.arange(n)
    real, _ = long_videos(data, rows)
    train, _ = long_videos(load_next_door("train"), rows)
    x = real if name is None else drawn(model, real, range(GIVEN), SCHEMES[name])
    kept = bool((x[:, :GIVEN] == real[:, :GIVEN]).all())
    return memory(x, real, data, rows) | distances(x, train) | {"shuffled": distances(shuffled(x), train), "given_kept": kept}


def drift(model: Checkpoint, data: NextDoor, n: int, length: int) -> dict:
    """Distances of the digits in the first and the last ten new frames that show one, in long videos, and in real ones."""
    real, _ = long_videos(data, torch.arange(n), length)
    reference = looks(long_videos(load_next_door("train"), torch.arange(500), 10)[0])
    found = {}
    for name, x in (("network", drawn(model, real, range(GIVEN))), ("real", real)):
        whole = read(x).whole
        for end, order in (("first", range(GIVEN, length)), ("last", range(length - 1, GIVEN - 1, -1))):
            shown = [x[i, [k for k in order if whole[i, k]][:TEN]] for i in range(n)]
            found[f"{name}_{end}"] = distance(looks(torch.cat(shown)), reference)
    return {"n": n, "frames": length} | found


def seconds(model: Checkpoint, data: NextDoor, n: int = 4) -> dict:
    """For videos of sixty frames."""
    started = time.perf_counter()
    drawn(model, data.x0(torch.arange(n)), range(GIVEN))
    return {"videos": n, "seconds": round(time.perf_counter() - started, 1), "threads": torch.get_num_threads()}


def goals(record: dict) -> Iterator[Bar]:
    """What was required, and what was found."""
    parts = record["parts"]
    if "size" in parts:
        yield "video: a checkpoint of at most 6 MiB", f"{parts['size']['bytes'] / 2**20:.2f}", parts["size"]["bytes"] <= SIZE
    if "forecast" in parts:
        part = parts["forecast"]
        yield ("video: the fifth new frame within 0.5 px, the median", f"{part['median_error']:.2f} (standing still "
               f"{part['standing_still']:.1f}, straight on {part['straight_on']:.1f})", part["median_error"] <= 0.5)
    if "infilling" in parts:
        error = parts["infilling"]["median_error"]
        yield "video: a gap of ten filled within 0.4 px, the median", f"{error:.2f}", error <= 0.4
    if "coin" in parts:
        part = parts["coin"]
        yield "video: the coin sends it up in 40 to 60 %", f"{part['up']:.1%}, n = {part['n']}", 0.4 <= part["up"] <= 0.6
        yield "video: 95 % of the futures are one of the two", f"{part['legal']:.1%}", part["legal"] >= 0.95
    if "coin told" in parts:
        share = parts["coin told"]["obeys"]
        yield "video: 98 % obey one frame after the toss", f"{share:.1%}", share >= 0.98
    for name in SCHEMES:
        if f"memory {name}" in parts:
            part = parts[f"memory {name}"]
            forgets = name == "autoregressive"
            yield (f"video: the same digit comes back, {name}, {'25 % at most' if forgets else '80 %'}",
                   f"{part['identity']:.1%}, n = {part['n']}", part["identity"] <= 0.25 if forgets else part["identity"] >= 0.8)
            if not forgets:
                yield f"video: in its own hand, {name}, 60 %", f"{part['own_style']:.1%}", part["own_style"] >= 0.6
                late = part["return_error_frames"]
                yield f"video: its return, {name}, within a frame, the median", f"{late:g}", late <= 1
    if "drift" in parts:
        first, last = parts["drift"]["network_first"], parts["drift"]["network_last"]
        there = None not in (first, last)
        yield (f"video: digits at the end of {parts['drift']['frames']} frames at most twice as far off as the first",
               f"{first:.1f}, {last:.1f}" if there else "no digits", there and last <= 2 * first)


def main() -> None:
    """Measure what is missing, and say which goals are met."""
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="next-door-fdm", help="its name, or the path of its card")
    parser.add_argument("--only", nargs="+", help="parts whose names begin so")
    args = parser.parse_args()
    model, data = checkpoints.load(args.checkpoint, args.device), load_next_door("test")
    n, many, length = (4, 2, 30) if args.quick else (80, 200, LONG)
    ours = args.checkpoint == "next-door-fdm"
    settings = {"checkpoint": model.name, "sha256": model.card["sha256"], "sampling": model.card["config"]["sampling"],
                "data": data.name, "data_sha256": data.sha256}
    results = Results("video_bars", model.device, "videos next door against the world they are of", n, settings,
                      args.quick or not ours, anywhere=True)
    starts, each = (2, 1) if args.quick else (10, 20)
    parts: dict[str, Callable[[], dict]] = {
        "size": lambda: {"bytes": checkpoints.find_card(args.checkpoint).with_suffix(".safetensors").stat().st_size},
        "seconds": lambda: seconds(model, data, 1 if args.quick else 2),
        "forecast": lambda: forecast(model, data, many), "infilling": lambda: infilling(model, data, many // 2),
        "coin": lambda: coin(model, data, starts, each, told=False),
        "coin told": lambda: coin(model, data, starts, each, told=True),
        "memory real": lambda: remembered(model, data, n, None)}
    parts |= {f"memory {name}": lambda name=name: remembered(model, data, n, name) for name in SCHEMES}
    parts["drift"] = lambda: drift(model, data, n // 5 or 1, length)
    for name, measure in parts.items():
        if not args.only or any(name.startswith(word) for word in args.only):
            results.part(name, measure)
    say(goals(results.record))


if __name__ == "__main__":
    main()
