"""Lighthouse's scores of every chapter: `python tools/build.py run lighthouse [CHAPTER ...]`, where Node is installed.

Serves the built site from this machine, lets npx fetch Lighthouse, prints a table of the medians over the rounds and writes
them to book/_build/lighthouse.json, page by page. A `!` marks a score below the least that we want. The last columns are what
the performance is made of: when the first and the largest thing of the page is seen (FCP, LCP), how soon it is filled
(speed index), how long it does not answer (TBT), and how much moves meanwhile (CLS).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from local_site import INSTALLED, NO_BROWSER, QUIET, serve
from project import BUILD, HTML, chapters

LIGHTHOUSE = "lighthouse@12.8.2"
LEAST = {"desktop": {"performance": 98, "accessibility": 100, "best-practices": 95, "seo": 95},
         "mobile": {"performance": 90, "accessibility": 100, "best-practices": 95, "seo": 95}}
# The audit of each column and what its value is divided by.
MADE_OF = {"FCP s": ("first-contentful-paint", 1000), "LCP s": ("largest-contentful-paint", 1000),
           "SI s": ("speed-index", 1000), "TBT ms": ("total-blocking-time", 1), "CLS": ("cumulative-layout-shift", 1)}


def visit(address: str, device: str) -> dict[str, float]:
    """The scores of one visit, 0 to 100, and what the performance is made of."""
    preset = ["--preset=desktop"] if device == "desktop" else []  # mobile is what Lighthouse does unasked
    command = ["npx", "--yes", LIGHTHOUSE, address, *preset, "--quiet", "--output=json", "--output-path=stdout",
               f"--only-categories={','.join(LEAST[device])}", f"--chrome-flags=--headless=new {' '.join(QUIET)}"]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    scores = {name: 100 * answer["categories"][name]["score"] for name in LEAST[device]}
    return scores | {name: answer["audits"][audit]["numericValue"] / unit for name, (audit, unit) in MADE_OF.items()}


def medians(visits: list[dict[str, float]]) -> dict[str, float]:
    """Of each column; scores are whole numbers, and so are milliseconds."""
    middle = {name: statistics.median(visit[name] for visit in visits) for name in visits[0]}
    return {name: round(value, 2) if name in MADE_OF and "ms" not in name else round(value) for name, value in middle.items()}


def print_row(name: str, device: str, cells: Iterable[object]) -> None:
    """Each cell below the name of its column."""
    places = zip(cells, [*LEAST[device or "mobile"], *MADE_OF], strict=False)
    print(f"{name:<24}{device:<9}" + "".join(f"{cell!s:>{max(7, len(column)) + 2}}" for cell, column in places), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", default=[path.stem for path in chapters()])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=LEAST, help="only as this one; otherwise as both")
    parser.add_argument("--out", type=Path, default=BUILD / "lighthouse.json")
    arguments = parser.parse_args()
    if not shutil.which("npx"):
        sys.exit("Lighthouse needs Node and its npx on the path: nodejs.org")
    browser = os.environ.get("CHROME_PATH") or next(filter(None, map(shutil.which, INSTALLED)), None)
    if browser is None:
        sys.exit(NO_BROWSER)
    os.environ["CHROME_PATH"] = browser
    devices = [arguments.device] if arguments.device else list(LEAST)
    result = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "lighthouse": LIGHTHOUSE,
              "rounds": arguments.rounds, "least": LEAST, "pages": {}}
    print_row("", "", [*LEAST["mobile"], *MADE_OF])
    with serve(HTML) as site:
        for name in arguments.chapters:
            for device in devices:
                values = medians([visit(f"{site}/notebooks/{name}.html", device) for _ in range(arguments.rounds)])
                result["pages"].setdefault(name, {})[device] = values
                print_row(name, device, [f"{value}{'!' if value < LEAST[device].get(column, value) else ''}"
                                         for column, value in values.items()])
                arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    for device in devices:
        print_row("at least", device, LEAST[device].values())
    return 0


if __name__ == "__main__":
    sys.exit(main())
