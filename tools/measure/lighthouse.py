"""Lighthouse's scores of every chapter: `python tools/build.py run lighthouse [CHAPTER ...]`, where Node is installed.

Serves the built site from this machine, lets npx fetch Lighthouse, prints the median scores over the rounds and writes them
to book/_build/lighthouse.json. A `!` marks a score below the least that we want.
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
from pathlib import Path

from local_site import INSTALLED, NO_BROWSER, QUIET, serve
from project import BUILD, HTML, chapters

LIGHTHOUSE = "lighthouse@12.8.2"
LEAST = {"desktop": {"performance": 98, "accessibility": 100, "best-practices": 95, "seo": 95},
         "mobile": {"performance": 90, "accessibility": 100, "best-practices": 95, "seo": 95}}


def scores(address: str, device: str) -> dict[str, float]:
    """The scores of one visit, 0 to 100."""
    preset = ["--preset=desktop"] if device == "desktop" else []  # mobile is what Lighthouse does unasked
    command = ["npx", "--yes", LIGHTHOUSE, address, *preset, "--quiet", "--output=json", "--output-path=stdout",
               f"--only-categories={','.join(LEAST[device])}", f"--chrome-flags=--headless=new {' '.join(QUIET)}"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    categories = json.loads(answer.stdout)["categories"]
    return {name: 100 * categories[name]["score"] for name in LEAST[device]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", default=[path.stem for path in chapters()])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=BUILD / "lighthouse.json")
    arguments = parser.parse_args()
    if not shutil.which("npx"):
        sys.exit("Lighthouse needs Node and its npx on the path: nodejs.org")
    browser = os.environ.get("CHROME_PATH") or next(filter(None, map(shutil.which, INSTALLED)), None)
    if browser is None:
        sys.exit(NO_BROWSER)
    os.environ["CHROME_PATH"] = browser
    result = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "lighthouse": LIGHTHOUSE,
              "rounds": arguments.rounds, "least": LEAST, "pages": {}}
    with serve(HTML) as site:
        for name in arguments.chapters:
            for device, least in LEAST.items():
                visits = [scores(f"{site}/notebooks/{name}.html", device) for _ in range(arguments.rounds)]
                medians = {key: round(statistics.median(visit[key] for visit in visits)) for key in least}
                result["pages"].setdefault(name, {})[device] = medians
                marks = (f"{key} {medians[key]}{'!' if medians[key] < least[key] else ''}" for key in least)
                print(f"{name:<26}{device:<9}" + ", ".join(marks), flush=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
