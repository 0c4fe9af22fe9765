"""`make test`: every stage once, each reported, and one summary at the end."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import environment
import pages
from execute import Place, execute, execute_again, execute_into, failed_chapters
from project import BUILD, HTML, OFFLINE, PYTHON, TIMINGS, chapters, clock, python, run
from tally import Tally, from_junit, from_status

# Colab has shipped ipywidgets 7.7.1; ipython_genutils is what that version needs and later ones do not.
OLD_WIDGETS = ("ipywidgets==7.7.1", "ipython_genutils==0.2.0")
COLAB = Path(__file__).with_name("colab.txt")     # the versions that Colab ships
OLD_WIDGETS_BUDGET = 240     # seconds of chapters to run a second time, the quickest first
# No network: everything that asks for one is sent to a port where nobody listens. No data: no variable names a folder.
DEAD_PROXY = "http://127.0.0.1:9"
NO_NETWORK = {**dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), DEAD_PROXY),
              "no_proxy": None, "NO_PROXY": None, "DIFFUSION_DATA": None}

# Two processes share the tests, by the file, and those of the pages by the page (tests/book/conftest.py).
IN_TWO = ("-n", "2", "--dist")


def test(reuse: bool, full: bool) -> int:
    """Run all stages, print the summary, and return the exit status.

    reuse: take the executed notebooks of an earlier run where nothing they depend on has changed.
    full: run every chapter under the old ipywidgets, not only the quickest ones.
    """
    stages: list[tuple[str, Callable[[], Tally]]] = [
        ("lint", lambda: from_status(python("-m", "ruff", "check", "--quiet", "."))),
        ("unit tests", lambda: pytest("tests", "--ignore=tests/book", *IN_TWO, "loadfile")),
        ("notebooks", lambda: execute(chapters(), reuse)),
        ("notebooks, ipywidgets 7.7.1", lambda: old_widgets(full)),
        ("book, warnings are errors", lambda: from_status(pages.build(fresh=True, failed=failed_chapters()))),
        ("book without data or a network", offline),
        ("pages in a browser", browser),
    ]
    rows = []
    for name, stage in stages:
        print(f"\n=== {name}", flush=True)
        started = time.perf_counter()
        rows.append((name, attempt(stage), time.perf_counter() - started))
    return summary(rows)


def attempt(stage: Callable[[], Tally]) -> Tally:
    """A stage that breaks off counts as one failure; the later stages still run."""
    try:
        return stage()
    except (Exception, SystemExit) as error:
        return Tally(failed=1, notes=[f"{type(error).__name__}: {error}"])


def pytest(*arguments: str, interpreter: Path = PYTHON) -> Tally:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        threads = {"OMP_NUM_THREADS": "1"} if "-n" in arguments else {}     # each process has a core
        status = run(interpreter, "-m", "pytest", "-q", f"--junitxml={report}", *arguments, env={"PYTHONUTF8": "1", **threads})
        return from_junit(report, status)


def old_widgets(full: bool) -> Tally:
    """Run chapters again with the ipywidgets of Colab: all of them, or the quickest that fit the budget.

    It is their second run, so that it also shows whether they do the same twice.
    """
    times = json.loads(TIMINGS.read_text()) if TIMINGS.exists() else {}
    wanted, spent = [], 0.0
    for notebook in sorted(chapters(), key=lambda path: times.get(path.stem, {}).get("seconds", 0.0)):
        spent += times.get(notebook.stem, {}).get("seconds", 0.0)
        if full or not wanted or spent <= OLD_WIDGETS_BUDGET:
            wanted.append(notebook)
    with tempfile.TemporaryDirectory(prefix="ipywidgets-") as folder:
        install = ("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", folder)
        if run(PYTHON, "-m", "pip", *install, *OLD_WIDGETS) != 0:
            return Tally(failed=1, notes=["ipywidgets 7.7.1 cannot be installed"])
        is_old = "import ipywidgets; raise SystemExit(ipywidgets.__version__ != '7.7.1')"
        if python("-c", is_old, env={"PYTHONPATH": folder}) != 0:
            return Tally(failed=1, notes=["ipywidgets 7.7.1 is installed, but another version is imported"])
        result = execute_again(wanted, Place(libraries=Path(folder), strict=False))
    left_out = [path.stem for path in chapters() if path not in wanted]
    if left_out:
        names = ", ".join(left_out)
        result += Tally(skipped=len(left_out), notes=[f"for time, not run with ipywidgets 7.7.1: {names}"])
    return result


def twice() -> Tally:
    """Run every chapter a second time, the last one first, and compare what each cell shows with the first time."""
    first = execute(chapters())
    return first if first.failed else execute_again(chapters()[::-1])


def offline() -> Tally:
    """Run every chapter in short, and build the whole book, as on a machine without data, network or an earlier download."""
    shutil.rmtree(OFFLINE, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="cache-") as cache:
        result = execute_into(OFFLINE / "executed", chapters(),
                              Place(environment={**NO_NETWORK, "XDG_CACHE_HOME": cache}, short=True))
    return result + from_status(pages.build_offline())


def colab(short: bool) -> Tally:
    """Run every chapter with the versions that Colab ships; the executed copies are in book/_build/colab-executed."""
    listed = COLAB.read_text(encoding="utf-8").splitlines()
    interpreter = environment.separate("colab", [line for line in listed if not line.startswith("#")])
    return execute_into(BUILD / "colab-executed", chapters(), Place(python=interpreter, short=short, strict=False))


# What needs more than the package and its libraries: the book's tools and pages, and the comparisons with others' packages.
NOT_THE_PACKAGE = ("book", "repository", "notebooks", "benchmarks", "peers")


def oldest() -> Tally:
    """Run the tests of the package with the oldest versions of its libraries that it allows."""
    tools = environment.pins("pytest", "pytest-timeout", "hypothesis", "ipykernel", "nbclient")
    interpreter = environment.separate("oldest", environment.oldest() + tools)
    left_out = [f"--ignore=tests/{name}" for name in NOT_THE_PACKAGE]
    return pytest("tests", *left_out, "-p", "no:cacheprovider", interpreter=interpreter)


def browser() -> Tally:
    if not (HTML / "index.html").exists():
        return Tally(failed=1, notes=["no pages to look at: the book was not built"])
    environment.ensure_browser()
    return pytest("tests/book", *IN_TWO, "loadgroup")


def summary(rows: list[tuple[str, Tally, float]]) -> int:
    """Print each stage and, alone on the last line, the sum. The exit status is 1 if anything failed."""
    total = sum((tally for _, tally, _ in rows), Tally())
    print("\n" + "=" * 78)
    for name, tally, seconds in rows:
        print(f"{name:<30} {str(tally):<36} {clock(seconds):>7}")
    for notebook, entry in (json.loads(TIMINGS.read_text()) if TIMINGS.exists() else {}).items():
        print(f"  {notebook:<28} {entry['seconds']:>6.1f} s on {entry['cores']} cores")
    for note in total.notes:
        print(f"NOTE: {note}")
    print(f"{'wall time':<67} {clock(sum(seconds for _, _, seconds in rows)):>7}")
    print(total, flush=True)
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        Path(os.environ["GITHUB_STEP_SUMMARY"]).write_text(f"{total}\n")
    BUILD.mkdir(parents=True, exist_ok=True)
    return int(total.failed > 0)
