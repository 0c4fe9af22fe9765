"""What every benchmark writes: a record that grows part by part, with hardware, versions, commit, settings and date."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from diffusion_utils.chapters.speed import copy_rate, disturbed, matrix_rate
from diffusion_utils.checkpoints import json_bytes
from diffusion_utils.devices import describe
from diffusion_utils.files import write_atomic
from diffusion_utils.records import FOLDER

HERE = Path(__file__).parent / "here"
RUNS = Path(__file__).parent / "runs"  # what is not finished
PAUSE = 2.0  # seconds until the machine is looked at once more
UNKNOWN = "not recorded"
PACKAGES = ("torch", "diffusers", "denoising-diffusion-pytorch", "smalldiffusion")


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    parser.add_argument("--quick", action="store_true", help="a reduced form of some minutes, written to benchmarks/here")
    return parser


def versions() -> dict[str, str]:
    """Of Python and of the packages that are compared, where they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Of this checkout: the commit, "and changes" where files differ from it; "not recorded" where there is no checkout."""
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD").strip() + (" and changes" if changed.strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN


def processor() -> str:
    """The model of the processor, in the numbers that Linux gives beside a name that may say little, "AMD EPYC" for one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        found = dict(reversed([tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line]))
        return f"{found['model name']}, family {found['cpu family']}, model {found['model']}, stepping {found['stepping']}"
    except (OSError, KeyError):
        return platform.processor() or UNKNOWN


def machine(device: torch.device) -> dict[str, float]:
    """The two limits of the roofline now: if they differ before and after a part, something else was running."""
    return {"matrix_gflop_per_s": round(matrix_rate(device) / 1e9, 1), "copy_gbyte_per_s": round(copy_rate(device) / 1e9, 2)}


def read(folder: Path, name: str, device: str) -> dict | None:
    """The record of this name and kind of device, or None."""
    path = folder / f"{name}-{device}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


class Results:
    """NAME-KIND.json, rewritten after each part, so that an interrupted run goes on where it was.

    kind: of device, its type unless given; n: samples or rounds behind each figure; settings: what else must be the same
    for parts to stand in one file. The full form lies among the package's records, which the chapter shows; --quick in
    benchmarks/here.
    Where the file was made with other settings or on other hardware the run ends, so that no measurement is lost.
    anywhere: what is measured does not depend on the hardware; a part made on another machine says on which.
    """

    def __init__(self, name: str, device: torch.device, measure: str, n: int, settings: dict, quick: bool,
                 anywhere: bool = False, kind: str | None = None):
        self.device, self.path = device, (HERE if quick else FOLDER) / f"{name}-{kind or device.type}.json"
        self.path.parent.mkdir(exist_ok=True)
        head = {"measure": measure, "n": n, "settings": settings, "hardware": describe(device)}
        self.record = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else head | {"parts": {}}
        changed = {key: (self.record[key], value) for key, value in head.items() if self.record[key] != value}
        self.elsewhere = {"hardware": changed.pop("hardware")[1]} if anywhere and "hardware" in changed else {}
        if changed:
            sys.exit(f"{self.path} was made differently; move it away to begin anew. There and here: {changed}")

    def write(self, name: str, figures: dict) -> None:
        """Put one part, complete or not, into the file."""
        today = date.today().isoformat()
        self.record["parts"][name] = figures | self.elsewhere | {
            "versions": versions(), "commit": commit(), "processor": processor(), "date": today}
        write_atomic(self.path, json_bytes(self.record | {"date": today}))

    def part(self, name: str, function: Callable[[], dict]) -> dict:
        """The figures of one part: those in the file, or those that the function returns, with the machine's state."""
        if name in self.record["parts"]:
            return self.record["parts"][name]
        print(f"{time.strftime('%H:%M:%S')} {name} …", flush=True)
        before, started = machine(self.device), time.perf_counter()
        figures = function()
        took, after = round(time.perf_counter() - started, 1), machine(self.device)
        looks = 1
        while disturbed(before, after) and looks < 3:  # threads that have waited may share one core for a moment
            time.sleep(PAUSE)
            after, looks = machine(self.device), looks + 1
        self.write(name, figures | {"took_s": took, "machine": {"before": before, "after": after}, "looks": looks})
        if disturbed(before, after):
            print(f"{name}: WARNING, something else was running: delete the part and measure it again. {before}, {after}")
        print(f"{time.strftime('%H:%M:%S')} {name}: {json.dumps(figures, ensure_ascii=False)[:300]} ({took} s)", flush=True)
        return self.record["parts"][name]

    def measure(self, parts: dict[str, Callable[[], dict]], only: list[str] | None) -> None:
        """Write the parts that are not in the file, or of those the named ones alone; their times are no figures."""
        for name, function in parts.items():
            if name in self.record["parts"] or only and name not in only:
                continue
            started = time.perf_counter()
            figures = function()
            self.write(name, figures | {"took_s": round(time.perf_counter() - started, 1)})
            print(f"{time.strftime('%H:%M:%S')} {name}: {str(figures)[:400]}", flush=True)


def say(judged: Iterable[tuple[str, str, bool | None]]) -> None:
    """Print what was measured and whether it meets its goal."""
    for what, figure, met in judged:
        print(f"{ {True: 'met', False: 'MISSED', None: ''}[met]:7s} {what}: {figure}")
