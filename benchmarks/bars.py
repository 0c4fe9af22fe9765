"""What the records say of the goals that the package set itself: each with its figure, and whether it is met.

    python benchmarks/bars.py [--device cpu]

A goal whose record does not exist yet is named as not measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from math import hypot, pi, sqrt
from operator import itemgetter
from pathlib import Path
from statistics import median

from qm9_bars import goals as molecules
from timing import read, say
from unclip_judged import goals as unclip
from video_bars import goals as video

from diffusion_utils.chapters.speed import first_arrival, one_clock, training_rates
from diffusion_utils.checkpoints import read_card
from diffusion_utils.records import FOLDER

# Of each goal: what it says, the figure, and whether the figure meets it (None: there is nothing to meet).
Bar = tuple[str, str, bool | None]
MISSING = "not measured yet"


def time_to_quality(race: dict, device: str, rates: dict[str, float]) -> Iterator[Bar]:
    """Ours against the best peer, at 20 and at 5 times the test floor, on one clock."""
    try:
        race = one_clock(race, rates)
    except ValueError as error:
        return (yield "time to quality", f"{MISSING}: {error}", None)
    race = race | {"parts": {name: part for name, part in race["parts"].items() if part["finished"]}}  # others may yet arrive
    arms = {part["arm"] for part in race["parts"].values()}
    goals = {20: 3.0 if device == "cpu" else None, 5: None if device == "cpu" else 5.0}
    for factor, goal in goals.items():
        what = f"time to {factor} × floor" + (f": {goal:g} × less than the best peer" if goal else "")
        times = {arm: first_arrival(race, arm, factor * race["settings"]["floor_test"]) for arm in arms}
        if "ours" not in times or len(times) < 2:
            yield what, MISSING, None
            continue
        (ours, arrived), best = times.pop("ours"), min(times.values(), key=lambda found: (not found[1], found[0]))
        words = f"{ours:.1f} minutes" if arrived else f"not within {ours:.0f} minutes"
        said = f"{best[0]:.1f}" if best[1] else f"not within {best[0]:.0f}"
        figure = f"{words}; the best peer of {len(times)} {said}"
        met = None if goal is None else arrived and best[0] >= goal * ours
        yield what, figure, met


def throughput(record: dict, device: str) -> Iterator[Bar]:
    """What is not the network, and samples a second beside diffusers around the same network."""
    parts = record["parts"]
    for sampler in ("ddim", "dpmpp_2m", "dpmpp_2m_sde"):
        share = parts["no network"][f"ours {sampler}"]["median_s"] / parts["our network"][f"ours {sampler}"]["median_s"]
        yield f"{sampler}: at most 2 % of the time is not the network", f"{share:.2%}", share <= 0.02
        goal = 1.0 if device == "cpu" else 3.0
        for name in ("our network", "diffusers' network"):
            ways = [parts[name].get(f"ours {sampler}{how}") for how in ("", ", graph")]
            ours, theirs = min((way for way in ways if way), key=itemgetter("median_s")), parts[name][f"diffusers {sampler}"]
            ratio = theirs["median_s"] / ours["median_s"]
            error = ratio * hypot(*(uncertainty(way, record["n"]) for way in (ours, theirs)))
            yield f"{sampler}, {name}: {goal:g} × diffusers' samples a second", f"{ratio:.3f} ± {error:.3f} ×", ratio >= goal
    yield ("a step of training reaches of the machine's matrix rate", f"{parts['training']['utilisation']:.0%}", None)


def uncertainty(timed: dict, rounds: int) -> float:
    """The standard error of a median, as a share of it, were the rounds normal and independent.

    Then σ = IQR/1.349, and the median of n scatters by √(π/2)·σ/√n.
    """
    return sqrt(pi / 2 / rounds) * timed["iqr_s"] / 1.349 / timed["median_s"]


def live(record: dict) -> Iterator[Bar]:
    """Chapter 3's live training, the median over the seeds."""
    for minutes, goal in ((2, 80), (5, 40)):
        what = f"chapter 3's live training: fd after {minutes} minutes at most {goal} × floor"
        fds = [part["fd"] for part in record["parts"].values() if part["minutes"] == minutes]
        factor = median(fds) / record["settings"]["floor_test"] if fds else None
        yield (what, f"{factor:.1f} × floor, median of {len(fds)} seeds", factor <= goal) if fds else (what, MISSING, None)


def waiting(record: dict) -> Iterator[Bar]:
    """The share of a call in which a GPU waits to be told what to do."""
    part = record["parts"].get("CUDA graph, one call", {"timed": {}})
    for name, found in part["timed"].items():
        share = 1 - part["kernels_s"][name] / found["median_s"]
        yield f"one call, {name}: the GPU waits", f"{max(0.0, share):.0%} of the time", None


def quality(record: dict) -> Iterator[Bar]:
    """fd of mnist-unet against calls. floor_test: that of 10,000 test digits, beside what the record holds."""
    found = {(part, point["name"], point["steps"]): point["fd"]
             for part in ("points", "default", "rival", "long") for point in record.get(part, [])}
    own, floor = record["own"], record["floor_test"]
    twenty, what = found.get(("default", own, 20)), "mnist-unet: fd at 20 calls at most 2 × floor"
    yield (what, f"{twenty / floor:.2f} × floor", twenty <= 2 * floor) if twenty else (what, MISSING, None)
    ten, many = found.get(("points", own, 10)), found.get(("long", own, 250))  # of as many samples
    what = "mnist-unet: fd at 10 calls at most 1.2 × fd at 250"
    yield (what, f"{ten / many:.2f} ×", ten <= 1.2 * many) if ten and many else (what, MISSING, None)
    for (part, name, steps), fd in found.items():
        if part == "rival" and ("default", own, steps) in found:  # of as many samples
            mine = found["default", own, steps]
            yield (f"mnist-unet: its own sampler beside the next best at {steps} calls, at most 1.05 ×",
                   f"{mine:.3f}; {name} {fd:.3f}", mine <= 1.05 * fd)
    if not record.get("peer"):
        yield "3 × fewer calls for the distances of diffusers' solvers", MISSING, None
    for calls in sorted({peer["calls"] for peer in record.get("peer", [])}):
        peer = min((p for p in record["peer"] if p["calls"] == calls), key=lambda p: p["fd"])
        ours = record["points"]
        for again in record.get("best-peer", []):  # both with more samples, where that was measured
            if (again["name"], again["calls"]) == (peer["name"], calls):
                peer, ours = again, record["default"]
        good = [p["calls"] for p in ours if p["steps"] > 1 and p["fd"] <= 1.05 * peer["fd"]]
        ratio = peer["calls"] / min(good) if good else 0.0
        yield (f"3 × fewer calls for the distance of {peer['name']} at {calls}, n = {peer['n']:,}",
               f"{ratio:.1f} ×" if good else "not reached", ratio >= 3)


def scenes(record: dict) -> Iterator[Bar]:
    """Chapter 6's: what scenes-latent draws of captions. Intervals are of 95 %."""
    parts = record["parts"]

    def said(one: dict) -> str:
        return f"{one['share']:.1%} ({one['low']:.1%}…{one['high']:.1%}, n = {one['n']})"

    if "reconstruction" in parts:
        part = parts["reconstruction"]
        yield "scenes: 35 dB after the round trip", f"{part['psnr']:.1f} dB, n = {part['before']['n']}", part["psnr"] >= 35
        kept = part["after"]["share"] / part["before"]["share"]
        yield "scenes: reading after the round trip at least 0.97 × before", f"{kept:.3f} ×", kept >= 0.97
    if "seen" in parts:
        right, ceiling = parts["seen"]["right"], parts["seen"]["ceiling"]["everything"]["share"]
        yield ("scenes: all as asked, 75 % (85 hoped for)",
               f"{said(right['everything'])} at w = {parts['weight']['weight']:g}; "
               f"real ones {ceiling:.1%}", right["everything"]["share"] >= 0.75)
        for kind, words in (("colours", "everything"), ("pairs", "two digits")):
            if kind in parts:
                ratio = parts[kind]["right"][words]["share"] / max(1e-9, right[words]["share"])
                yield (f"scenes: {kind} never shown, {words}, at least 0.85 × those seen",
                       f"{ratio:.2f} ×; {said(parts[kind]['right'][words])}", ratio >= 0.85)
    if "distance" in parts:
        ratio = parts["distance"]["fd"] / parts["distance"]["floor"]
        yield "scenes: distance of digits cut out at most 3 × floor", f"{ratio:.2f} × floor", ratio <= 3
    if "a 3" in parts:
        part = parts["a 3"]["over_weight"]["1"]
        yield ("scenes: colours of \"a 3\" at w = 1 within 0.10 of equal shares of those shown",
               f"{part['total_variation']:.3f}, n = {part['n']}; a fair die {part['perfect']['mean']:.3f}",
               part["total_variation"] <= 0.10)
    if "attention" in parts:
        own = parts["attention"]["whole walk"]["own"]
        yield "scenes: a digit's word looks most at its own digit, 80 %", said(own), (own["share"] or 0) >= 0.8
    if "seconds" in parts:
        took = parts["seconds"]["eight_s"]
        yield "scenes: a prompt of eight pictures within 10 s", f"{took:.1f} s", took <= 10


def emoji(record: dict) -> Iterator[Bar]:
    """The emoji of chapter 6: what was never shown is drawn better than it could be copied, or by a line from other styles."""
    parts = record["parts"]

    def said(one: dict) -> str:
        return f"{one['share']:.1%} ({one['low']:.1%}…{one['high']:.1%}, n = {one['n']})"

    for kind, others in (("styles", ("copy of the better one", "linear")), ("tones", ("copy of the better one",))):
        if kind in parts:
            drawn, beside = parts[kind]["drawn"], parts[kind]["others"]
            best = max(others, key=lambda name: beside[name]["top_1"]["share"])
            yield (f"emoji: {kind} never shown, the right one nearest, more often than a {best}",
                   f"{said(drawn['top_1'])}, top 5 {said(drawn['top_5'])}; {best} {said(beside[best]['top_1'])}",
                   drawn["top_1"]["low"] > beside[best]["top_1"]["share"])


def bars(folder: Path, device: str) -> Iterator[Bar]:
    """All goals that the records in the folder can answer."""
    each = training_rates(read(folder, "throughput", device))
    judges = {"time_to_quality": lambda record: time_to_quality(record, device, each),
              "throughput": lambda record: throughput(record, device)}
    judges |= {"speedups": waiting} if device == "cuda" else {"live": live}
    for name, judge in judges.items():
        record = read(folder, name, device)
        yield from judge(record) if record else [(name, MISSING, None)]
    if record := read(folder, "scenes_bars", device):
        yield from scenes(record)
    if record := read(folder, "emoji_bars", device):
        yield from emoji(record)
    if record := read(folder, "unclip_bars", device):
        yield from unclip(record)
    if record := read(folder, "qm9_bars", device):
        yield from molecules(record)
    if record := read(folder, "video_bars", device):
        yield from video(record)
    path = folder / ("quality_vs_calls.json" if device == "cpu" else f"quality_vs_calls-{device}.json")
    if not path.exists():
        return (yield "quality_vs_calls", MISSING, None)
    floor = read_card("mnist-classifier")["figures"]["floor_test"]  # what the 10,000 test digits themselves score
    yield from quality(json.loads(path.read_text(encoding="utf-8")) | {"floor_test": floor})


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "mps"))
    say(bars(FOLDER, parser.parse_args().device))


if __name__ == "__main__":
    main()
