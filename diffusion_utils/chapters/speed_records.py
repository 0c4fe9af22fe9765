"""The tables that chapter 18 shows of what was recorded: when a quality was reached, what each remedy is worth."""

from __future__ import annotations

import numpy as np

from ..records import dates, load_record
from . import speed
from .show import table

# Student's t for 95 %, both sides, by the number of seeds: where further runs of the base should fall.
STUDENT = {3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57}


def race_of(kind: str) -> dict:
    """The race of a kind of device, 'cpu' or 'cuda', on one clock: pictures seen over pictures a second of each arm."""
    rates = speed.training_rates(load_record(f"throughput-{kind}"))
    return speed.one_clock(load_record(f"time_to_quality-{kind}"), rates)


def arrivals(kind: str) -> None:
    """Show when each way to train is at 20 times the floor, and at 5 times."""
    race, rates = race_of(kind), load_record(f"throughput-{kind}")
    floor, parts = race["settings"]["floor_test"], race["parts"].values()
    going = {part["arm"] for part in parts if not part["finished"]}

    def when(arm: str, factor: int) -> str:
        minutes, there = speed.first_arrival(race, arm, factor * floor)
        still = ", which goes on" if arm in going else ""
        return f"{minutes:.1f}" if there else f"not in {minutes:.0f}{still}"

    table([(arm, when(arm, 20), when(arm, 5)) for arm in dict.fromkeys(part["arm"] for part in parts)],
          ["minutes until", f"20 × the floor, {20 * floor:.2f}", f"5 × the floor, {5 * floor:.2f}"],
          f"on {rates['hardware']}, {dates(race)}; floor {floor:.3f}")


def base_distances(parts: dict) -> np.ndarray:
    """Fréchet distances of the runs of the base, one for each seed."""
    return np.array([part["fd"] for name, part in parts.items() if name.startswith("base")])


def by_chance(distances: np.ndarray) -> tuple[float, float]:
    """Between which distances 95 % of further runs should fall: Student's t, and one more run's scatter around the mean."""
    logs = np.log(distances)
    far = STUDENT[len(logs)] * logs.std(ddof=1) * (1 + 1 / len(logs)) ** 0.5
    return float(np.exp(logs.mean() - far)), float(np.exp(logs.mean() + far))


def verdict(part: dict, low: float, high: float) -> str:
    """What a run's distance says, where low to high is chance."""
    return "better" if part["fd"] < low else "worse" if part["fd"] > high else "as the base"


def techniques_table(record: dict) -> None:
    """Show each technique with what was expected of it, the best first; a star: on another machine than the base."""
    parts = record["parts"]
    low, high = by_chance(base_distances(parts))
    rows = [(f"{name}: {part['expected']}", f"{part['fd']:.2f}", f"{part['steps']}{' *' * ('hardware' in part)}",
             verdict(part, low, high)) for name, part in sorted(parts.items(), key=lambda item: item[1]["fd"])]
    others = sorted({part["hardware"] for part in parts.values() if "hardware" in part})
    stars = [f" * on {machine}: as many steps of the base as the first machine made." for machine in others]
    table(rows, ["what, and what was expected", "distance", "steps", "verdict"],
          f"{record['settings']['minutes']:g} minutes each, {record['n']:,} samples; by chance {low:.2f} to {high:.2f}; "
          f"{record['hardware']}, {dates(record)}.{''.join(stars)}")


def gains(record: dict, known: dict | tuple = ()) -> None:
    """Show the candidates of each group, the plain way first; what was expected stands above a group that is not known."""
    where = [f"{record['hardware']}, {dates(record)}, medians of {record['n']} rounds"]
    for group, part in record["parts"].items():
        if len(part["timed"]) < 2:  # nothing to compare with on this machine
            continue
        plain = next(iter(part["timed"].values()))["median_s"]
        notes = [where.pop()] if where else []      # above the first one
        if group not in known:
            notes.append("Expected: " + part["expected"])
        if speed.disturbed(**part["machine"]):
            notes.append("The machine was not at rest: no more than the order of size can be read from it.")
        rows = [(name, f"{1000 * value['median_s']:.2f} ± {500 * value['iqr_s']:.2f}",
                 f"{plain / value['median_s']:.2f} ×", f"{part['first_s'][name]:.1f}")
                for name, value in part["timed"].items()]
        table(rows, [group, "ms", "as fast", "first, s"], ". ".join(notes))


def gpu_gains(record: dict) -> None:
    """Show the same of a GPU, with the share of the time in which it waits."""
    rows = []
    for group, part in record["parts"].items():
        plain = next(iter(part["timed"].values()))["median_s"]
        for name, value in part["timed"].items():
            waits = max(0, 1 - part["kernels_s"][name] / value["median_s"])
            rows.append((f"{group}: {name}", f"{1000 * value['median_s']:.2f}", f"{plain / value['median_s']:.2f} ×",
                         f"{waits:.0%}"))
    table(rows, ["what", "ms", "as fast", "the GPU waits"], f"{record['hardware']}, {record['date']}")


def sampling_pace(record: dict) -> None:
    """Show the samples a second of each sampler around either network, and what share is outside ours."""
    def pace(timed: dict) -> str:
        rate = timed["samples_per_s"]
        return f"{rate:.1f} ± {rate * timed['iqr_s'] / timed['median_s'] / 2:.1f}"

    alone, ours, theirs = (record["parts"][name] for name in ("no network", "our network", "diffusers' network"))
    rows = [(who, pace(ours[who]), pace(theirs[who]), f"{alone[who]['median_s'] / ours[who]['median_s']:.1%}")
            for who in alone if " " in who]
    table(rows, ["samples a second", "our network", "diffusers' one", "outside ours"],
          f"{record['settings']['calls']} calls, medians of {record['n']} rounds, ± half the interquartile range; "
          f"{record['hardware']}, {dates(record)}")


def walks(record: dict) -> list[tuple[str, list[dict], str]]:
    """(label, recorded points in the order of calls, matplotlib's style) of each walk, from 5 calls on."""
    def ours(name: str) -> list[dict]:
        points = [p for p in record["points"] + record["long"] if p["name"] == name and p["calls"] >= 5]
        return sorted(points, key=lambda p: p["calls"])

    def theirs(name: str) -> str:
        return f"diffusers' {name.replace('Multistep', '').replace('Scheduler', '')}"

    found = [("its own way, n = 10,000", sorted(record["default"], key=lambda p: p["calls"]), "o-"),
             ("its own way", ours(record["own"]), "s-"), ("DDIM", ours("ddim"), "<-"), ("DDPM", ours("ddpm"), ">-")]
    peers = dict.fromkeys(p["name"] for p in record["peer"])
    for name, marker in zip(peers, "*v^DP", strict=True):
        found.append((theirs(name), [p for p in record["peer"] if p["name"] == name], f"{marker}:"))
    # with as many digits as the first line
    return found + [(f"{theirs(p['name'])}, n = {p['n']:,}", [p], "X:") for p in record.get("best-peer", [])]
