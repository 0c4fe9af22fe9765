"""What a reader waits for, page by page: `python tools/page_speed.py [CHAPTER ...]`, on a machine with nothing else to do.

Measures the built site, served compressed from this machine to a desktop browser with an empty cache, prints a table and
writes book/_build/page_speed.json. Every number is the median over the rounds:

ready   seconds until the first figure can be moved         first   kB sent until then, compressed
total   kB sent until nothing more comes, without scrolling
script  ms of JavaScript for one move of a slider, and
frame   ms from the move until its frame is drawn: of all moves of all figures of the page, the 95th percentile
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
from pathlib import Path

from local_site import NO_BROWSER, launch, serve
from playwright.sync_api import Browser, Page, sync_playwright
from project import BUILD, HTML, chapters

BARS = {"ready": 0.8, "first": 600, "total": 1000, "script": 1.0, "frame": 33.0}  # at most
SETTLED_MS = 2500  # after the last figure is ready, for what late scripts still ask for
SLOWEST_MS = 120_000

WATCH = """new MutationObserver((_, observer) => {
    if (!document.querySelector(".fs[data-ready]")) return;
    window.readyAt = performance.now();
    observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"] })"""

SENT = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .filter((entry) => entry.name.startsWith("http")).map((entry) => [entry.responseEnd, entry.encodedBodySize])"""

# Each move as a reader's hand makes it, then on to the next when its frame has been drawn: the message arrives after that.
MOVE = """async (figure) => {
    const slider = figure.querySelector("input[type=range]");
    const drawn = () => new Promise((resolve) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(0);
    }));
    const moves = [];
    for (let k = 0; k < 40; k++) {
        await drawn();
        slider.value = (7 * k) % (Number(slider.max) + 1);
        const start = performance.now();
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        const script = performance.now() - start;
        await drawn();
        moves.push([script, performance.now() - start]);
    }
    return moves.slice(5);  // the first ones compile the code
}"""


def measure(browser: Browser, address: str) -> dict[str, float]:
    """One visit of a page by a reader who has not been there before."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address, wait_until="load", timeout=SLOWEST_MS)
    page.wait_for_function("window.readyAt", timeout=SLOWEST_MS)
    page.wait_for_timeout(SETTLED_MS)
    ready, sent = page.evaluate("window.readyAt"), page.evaluate(SENT)
    script, frame = zip(*moves(page), strict=True)
    context.close()
    return {"ready": ready / 1000, "first": sum(size for end, size in sent if end <= ready) / 1000,
            "total": sum(size for _, size in sent) / 1000,
            "script": percentile_95(script), "frame": percentile_95(frame)}


def moves(page: Page) -> list[list[float]]:
    """Script and frame time of each move of each figure's first slider, in milliseconds."""
    found = []
    for place in page.locator(".widget-figure").all():
        place.scroll_into_view_if_needed()
        figure = place.locator(".fs[data-ready]")
        figure.wait_for(timeout=SLOWEST_MS)
        found += figure.evaluate(MOVE)
    return found


def percentile_95(values: tuple[float, ...]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", default=[path.stem for path in chapters()])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=BUILD / "page_speed.json")
    arguments = parser.parse_args()
    with sync_playwright() as playwright, serve(HTML) as site:
        browser = launch(playwright)
        if browser is None:
            sys.exit(NO_BROWSER)
        result = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "machine": platform.machine(),
                  "browser": browser.version, "rounds": arguments.rounds, "bars": BARS, "pages": {}}
        print(f"{'':<26}" + "".join(f"{name:>9}" for name in BARS), flush=True)
        for name in arguments.chapters:
            visits = [measure(browser, f"{site}/notebooks/{name}.html") for _ in range(arguments.rounds)]
            medians = {key: round(statistics.median(visit[key] for visit in visits), 2) for key in BARS}
            result["pages"][name] = medians
            marks = (f"{medians[key]:>8}{'!' if medians[key] > bar else ' '}" for key, bar in BARS.items())
            print(f"{name:<26}" + "".join(marks), flush=True)
        browser.close()
    print(f"{'at most':<26}" + "".join(f"{bar:>8} " for bar in BARS.values()))
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
