"""What a reader waits for, page by page: `python tools/build.py run page_speed [CHAPTER ...]`, on a quiet machine.

Measures the built site, served compressed from this machine to a desktop browser with an empty cache, prints a table and
writes book/_build/page_speed.json. Every number is the median over the rounds:

ready   seconds until the first figure can be moved         first   kB sent until then, compressed
total   kB sent until nothing more comes, without scrolling
script  ms of JavaScript for one move of a slider of frames that were computed beforehand, and
frame   ms from the move until its frame is drawn, of all figures: of all moves on the page, the 95th percentile

Then the figures that compute what they show (Explorable), while their first slider runs through all its positions:

median, p95   ms of JavaScript for one frame; in 16.7 ms a browser shows 60 of them a second
change        ms of JavaScript for one move of the second slider, with which all is computed anew: the longest
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from local_site import NO_BROWSER, launch, serve
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from project import BUILD, HTML, chapters

BARS = {"ready": 0.8, "first": 600, "total": 1000, "script": 1.0, "frame": 33.0}  # at most
COMPUTED_BARS = {"median": 16.7, "p95": 16.7}
SETTLED_MS = 2500  # after the last figure is ready, for what late scripts still ask for
SLOWEST_MS = 120_000

WATCH = """new MutationObserver((_, observer) => {
    if (!document.querySelector(".fs[data-ready]")) return;
    window.readyAt = performance.now();
    observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"] })"""

SENT = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .filter((entry) => entry.name.startsWith("http")).map((entry) => [entry.responseEnd, entry.encodedBodySize])"""

# drawn(): until a frame has been drawn, as the message arrives after that. move(): as a reader's hand makes it, and the
# milliseconds of its script.
HELPERS = """
    const drawn = () => new Promise((resolve) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(0);
    }));
    function move(slider, position) {
        slider.value = position;
        const start = performance.now();
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        return performance.now() - start;
    }
"""

MOVES = f"""async (figure) => {{
    {HELPERS}
    const slider = figure.querySelector("input[type=range]");
    const computed = figure.querySelector("canvas[data-kind]") !== null;
    const moves = [];
    for (let k = 0; k < 40; k++) {{
        await drawn();
        const start = performance.now();
        const script = move(slider, (7 * k) % (Number(slider.max) + 1));
        await drawn();
        moves.push([computed ? null : script, performance.now() - start]);
    }}
    return moves.slice(5);  // the first ones compile the code
}}"""

RUN = f"""async (figure) => {{
    {HELPERS}
    const [first, second] = figure.querySelectorAll("input[type=range]");
    const [changes, frames] = [[], []];
    for (let setting = 0; setting <= Number(second.max); setting++) {{
        changes.push(move(second, setting));
        for (let position = 0; position <= Number(first.max); position++) {{
            await drawn();
            frames.push(move(first, position));
        }}
    }}
    return [changes, frames];
}}"""


def measure(browser: Browser, address: str) -> dict[str, float]:
    """One visit of a page by a reader who has not been there before."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address, wait_until="load", timeout=SLOWEST_MS)
    page.wait_for_function("window.readyAt", timeout=SLOWEST_MS)
    page.wait_for_timeout(SETTLED_MS)
    ready, sent = page.evaluate("window.readyAt"), page.evaluate(SENT)
    script, frame = zip(*(move for figure in figures(page) for move in figure.evaluate(MOVES)), strict=True)
    context.close()
    return {"ready": ready / 1000, "first": sum(size for end, size in sent if end <= ready) / 1000,
            "total": sum(size for _, size in sent) / 1000,
            "script": percentile_95([time for time in script if time is not None]), "frame": percentile_95(frame)}


def measure_computed(browser: Browser, address: str) -> dict[str, dict[str, float]]:
    """Each figure of the page that computes what it shows, by its name."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address, wait_until="load", timeout=SLOWEST_MS)
    found = {}
    for figure in figures(page):
        if figure.locator("canvas[data-kind]").count():
            changes, frames = figure.evaluate(RUN)
            name = figure.evaluate("figure => figure.closest('.widget-figure').id")
            found[name] = {"median": statistics.median(frames), "p95": percentile_95(frames), "change": max(changes)}
    page.close()
    return found


def figures(page: Page) -> Iterator[Locator]:
    """Each figure of the page, ready and in view."""
    for place in page.locator(".widget-figure").all():
        place.scroll_into_view_if_needed()
        figure = place.locator(".fs[data-ready]")
        figure.wait_for(timeout=SLOWEST_MS)
        yield figure


def percentile_95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def medians(visits: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(statistics.median(visit[key] for visit in visits), 2) for key in visits[0]}


def marked(values: dict[str, float], bars: dict[str, float]) -> list[str]:
    """The numbers, those above their bar with a `!`."""
    return [f"{value}{'!' if value > bars.get(key, value) else ' '}" for key, value in values.items()]


def print_row(name: str, cells: Iterable[object]) -> None:
    print(f"{name:<34}" + "".join(f"{cell:>9}" for cell in cells), flush=True)


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
                  "browser": browser.version, "rounds": arguments.rounds, "bars": BARS, "pages": {},
                  "computed_bars": COMPUTED_BARS, "computed": {}}
        print_row("", BARS)
        for name in arguments.chapters:
            visits = [measure(browser, f"{site}/notebooks/{name}.html") for _ in range(arguments.rounds)]
            result["pages"][name] = medians(visits)
            print_row(name, marked(result["pages"][name], BARS))
        print_row("at most", BARS.values())
        print()
        print_row("figures that compute", ["median", "p95", "change"])
        for name in arguments.chapters:
            visits = [measure_computed(browser, f"{site}/notebooks/{name}.html") for _ in range(arguments.rounds)]
            for figure in visits[0]:
                result["computed"][figure] = medians([visit[figure] for visit in visits])
                print_row(figure, marked(result["computed"][figure], COMPUTED_BARS))
        print_row("at most", COMPUTED_BARS.values())
        browser.close()
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
