"""All full runs, in the order in which their figures are needed, as far as the time reaches.

    python benchmarks/programme.py [--within 150] [--device cpu] [--folder benchmarks/runs]

Start it again with the same words as often as you like: what is in the records is not measured again, and a run that was
stopped in the middle goes on, if its state is still in the folder. At the end it says what the records give so far.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from timing import RUNS

from diffusion_utils.devices import pick_device

ROOT = Path(__file__).parent.parent

# Minutes on 2 CPU cores with bfloat16, about, and the command; each group fits into a session of 150 minutes. A race that
# takes longer goes on in the next one.
CPU: list[list[tuple[int, str]]] = [
    [(45, "throughput.py"), (50, "time_to_quality.py ours --minutes 30"), (35, "time_to_quality.py ours --minutes 18")],
    [(130, "techniques.py"), (11, "speedups.py")],
    [(10, "growth.py"), (25, "live.py"), (110, "time_to_quality.py diffusers --minutes 60")],
    [(41, "quality_vs_calls.py --only default rival"), (105, "quality_vs_calls.py --n 2000 --only points")],
    [(149, "quality_vs_calls.py --only peer best-peer long")],
    [(200, "time_to_quality.py denoising-diffusion-pytorch --minutes 120")],
    [(150, "time_to_quality.py ours --minutes 120")],
    [(180, "time_to_quality.py diffusers --minutes 120")],
    [(20, "bugs.py"), (40, "article.py")],
    [(60, "scenes_bars.py"), (10, "emoji_bars.py"), (15, "latent_vs_pixel.py vae-16 --minutes 10"),
     (15, "latent_vs_pixel.py vae-8 --minutes 10")],
    [(55, "latent_vs_pixel.py latent --minutes 40"), (60, "latent_vs_pixel.py pixels-4 --minutes 40")],
    [(70, "latent_vs_pixel.py pixels-2 --minutes 40")],
    [(20, "series_baselines.py"), (15, "series_bars.py"), (15, "series_figures.py")],
    [(30, "text_bars.py"), (10, "text_figures.py"), (10, "names_bars.py")],
    [(60, "qm9_bars.py"), (15, "molecule_figures.py"), (30, "video_bars.py"), (5, "video_figures.py")],
    [(25, "unclip_bars.py"), (5, "unclip_figures.py"), (30, "speech_bars.py"),
     (5, "speech_figures.py")],
]
# bugs.py, article.py and live.py are of no device or of the CPU. A peer gets ten times as long as our shorter run.
CUDA: list[list[tuple[int, str]]] = [
    [(5, "throughput.py"), (5, "speedups.py"), (8, "time_to_quality.py ours --minutes 6"),
     (5, "quality_vs_calls.py --only default"), (65, "time_to_quality.py diffusers --minutes 60")],
    [(17, "time_to_quality.py ours --minutes 15"), (5, "growth.py"), (35, "quality_vs_calls.py"), (110, "techniques.py")],
    [(75, "time_to_quality.py denoising-diffusion-pytorch --minutes 60")],
]


def commands(device: str, folder: Path = RUNS) -> list[list[str]]:
    """The arguments of Python, in order, for this kind of device. folder: of what is not finished."""
    kept = {"time_to_quality.py": folder, "quality_vs_calls.py": folder, "article.py": folder / "article",
            "scenes_bars.py": folder, "emoji_bars.py": folder, "latent_vs_pixel.py": folder, "unclip_bars.py": folder,
            "unclip_figures.py": folder}
    found = []
    for _, line in sum(CUDA if device == "cuda" else CPU, []):
        name, *arguments = line.split()
        kind = [] if name in ("bugs.py", "article.py", "series_figures.py") else ["--device", device]
        where = ["--folder", str(kept[name].absolute())] if name in kept else []
        found.append([str(ROOT / "benchmarks" / name), *arguments, *kind, *where])
    return found


def run(programme: list[list[str]], seconds: float) -> list[list[str]]:
    """Run the commands one after the other until the time is over, when the one that runs is stopped; returns those that
    are not finished, or that failed: a package that is missing does not hold up the rest."""
    end, failed = time.monotonic() + seconds, []
    for number, arguments in enumerate(programme):
        print(f"{time.strftime('%H:%M:%S')} --- {' '.join(arguments)}", flush=True)
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT)
        try:
            status = process.wait(timeout=max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return failed + programme[number:]
        finally:  # at the end of the time, and where this program itself is interrupted
            process.terminate()
            process.wait()
        if status != 0:
            failed.append(arguments)
    return failed


def main() -> None:
    """Run what is missing and print where the goals stand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    parser.add_argument("--within", type=float, metavar="MINUTES", default=float("inf"), help="stop after so many")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where the states of unfinished runs are kept")
    args = parser.parse_args()
    device = pick_device(args.device).type
    for arguments in run(commands(device, args.folder), 60 * args.within):
        print(f"not finished: {' '.join(arguments)}")
    subprocess.run([sys.executable, ROOT / "benchmarks" / "bars.py", "--device", device], check=True)


if __name__ == "__main__":
    main()
