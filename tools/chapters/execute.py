"""Execute the chapters once, as a stranger would: in an empty folder, with the package installed, not the checkout.

Each chapter has a folder, a home folder, a folder for temporary files and a kernel of its own, and must leave nothing in
any of them, so that no chapter can depend on another having run before: they run in any order. All they share is the
digits, whose files are checked by their digest. A warning is an error.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import made_from
from alike import differing_cells
from project import EXECUTED, PYTHON, ROOT, TIMINGS, chapters, clock, environment, python, run
from short import shortened
from tally import Tally

CELL_TIMEOUT = 300      # seconds; a whole chapter is to stay under 120
LIMIT = 1800            # seconds after which a chapter is stopped, whatever keeps it
HERE = Path(__file__).parent
# Run by the kernel before the first cell, and after it imported what it needs itself.
WARNINGS_ARE_ERRORS = """
import warnings
warnings.simplefilter("error")
# ipykernel 7 warns of a method of its own while it shuts down; as an error this would keep it from ending.
warnings.filterwarnings("ignore", category=PendingDeprecationWarning, module="ipykernel")
del warnings
"""
# Each plot is drawn in a second form, for pages in the dark (dark_plots.py).
DARK_PLOTS = f"""
import sys
sys.path.append({str(HERE)!r})
import dark_plots
sys.path.remove({str(HERE)!r})
dark_plots.begin()
del sys, dark_plots
"""


def execute(notebooks: list[Path], reuse: bool = True) -> Tally:
    """Bring the executed copies up to date and keep them in book/_build/executed. Returns what passed and failed."""
    changes = {path: changed(path) if reuse else "asked for" for path in notebooks}
    stale = {path: change for path, change in changes.items() if change}
    result = Tally(passed=len(notebooks) - len(stale))
    if stale:
        names = ", ".join(f"{path.stem} ({change})" for path, change in stale.items())
        print(f"Executing {len(stale)} of {len(notebooks)} notebooks: {names}", flush=True)
        around = made_from.surroundings(ROOT)
        for done in run_in_empty_folders(list(stale)):
            store(done, around)
            result += done.tally
    return result


def execute_again(notebooks: list[Path], place: Place | None = None) -> Tally:
    """Run them without keeping anything; a cell that shows anything else than in the stored copy is a failure."""
    result = Tally()
    for done in run_in_empty_folders(notebooks, place):
        result += done.tally if done.tally.failed else done.tally + compared(done.notebook, done.copy)
    return result


def execute_into(folder: Path, notebooks: list[Path], place: Place) -> Tally:
    """Run them and keep the executed copies, also those that failed, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    result = Tally()
    for done in run_in_empty_folders(notebooks, place):
        shutil.copyfile(done.copy, folder / done.notebook.name)
        result += done.tally
    return result


def record_of(notebook: Path) -> Path:
    """Where it is kept what the executed copy was made from."""
    return EXECUTED / f"{notebook.stem}.json"


def changed(notebook: Path) -> str | None:
    """What has changed since the executed copy was made, in words; None if it is up to date."""
    return made_from.changed(record_of(notebook), notebook, ROOT) if (EXECUTED / notebook.name).exists() else "no earlier run"


def failed_chapters() -> list[str]:
    """The names of the chapters whose last run failed: `store` keeps no record of what their copies were made from."""
    return [path.stem for path in chapters() if not record_of(path).exists()]


@dataclass(frozen=True)
class Place:
    """Where and how chapters run. As it is: this project's environment, whole chapters, a warning is an error."""

    python: Path = PYTHON                # the interpreter; it needs nbclient and an IPython kernel
    libraries: Path | None = None        # a folder whose packages come before the installed ones
    environment: Mapping[str, str | None] = field(default_factory=dict)  # added to the environment; None: taken away
    short: bool = False                  # with the short values of each notebook's metadata (short.py)
    strict: bool = True                  # False for versions that are not the pinned ones, and warn of what has changed since


@dataclass
class Run:
    """What came of one chapter. `copy`, the executed notebook, and `opened` are there only until the next one starts."""

    notebook: Path
    source: bytes       # the notebook as it was when it started: an edit made meanwhile must not count as executed
    tally: Tally
    copy: Path
    seconds: float
    opened: Path        # a list of the files of the package that it opened
    package: Path       # the folder into which the package was installed


def run_in_empty_folders(notebooks: list[Path], place: Place | None = None) -> Iterator[Run]:
    """Run each notebook in a folder of its own, outside the checkout."""
    place = place or Place()
    with tempfile.TemporaryDirectory(prefix="chapters-") as name:
        work = Path(name).resolve()
        install_package(work / "package")
        startup = work / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        shutil.copyfile(HERE / "opened.py", startup / "opened.py")
        (startup / "plots.py").write_text(DARK_PLOTS)
        if place.strict:
            (startup / "warnings_are_errors.py").write_text(WARNINGS_ARE_ERRORS)
        fetch_digits(work, place)
        for notebook in notebooks:
            yield run_one(notebook, work, place)


def fetch_digits(work: Path, place: Place) -> None:
    """Without a folder of data, download the digits now: so no chapter's page shows the download, and all find the same.

    Where that fails, the package remembers it for some minutes, and no chapter waits for a dead network again.
    """
    changes = {"PYTHONPATH": str(work / "package"), **place.environment}
    if not environment(changes).get("DIFFUSION_DATA"):
        run(place.python, "-c", "from diffusion_utils.data import check_mnist; check_mnist('test')", env=changes, cwd=work)


def install_package(target: Path) -> None:
    """Install the package from a wheel, without its dependencies, into `target`; see that it is the one imported."""
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if run(*pip, "--no-deps", "--no-build-isolation", "--target", target, ROOT) != 0:
        raise SystemExit("The package cannot be installed; the lines above say why.")
    check = f"""
from importlib.util import find_spec
raise SystemExit(not find_spec("diffusion_utils").origin.startswith({str(target)!r}))
"""
    if python("-c", check, env={"PYTHONPATH": str(target)}, cwd=target) != 0:
        raise SystemExit(f"The chapters would not import the installed package in {target}, but another one.")


def run_one(notebook: Path, work: Path, place: Place) -> Run:
    """Execute one notebook in `work/<its name>/`, where the package has been installed into `work/package`."""
    folder, package = work / notebook.stem, work / "package"
    log, opened = (work / f"{notebook.stem}.{name}" for name in ("log", "opened"))
    own = {name: work / f"{notebook.stem}-{name}" for name in ("home", "temporary")}
    for path in (folder, *own.values()):
        path.mkdir()
    copy, source = folder / notebook.name, notebook.read_bytes()
    copy.write_bytes(source)
    if place.short:
        copy.write_text(json.dumps(shortened(json.loads(source))), encoding="utf-8")
    path = os.pathsep.join(str(folder) for folder in (place.libraries, package) if folder)
    changes = {"PYTHONPATH": path, "PYTHONUTF8": "1", "IPYTHONDIR": str(work / "ipython"),
               "XDG_CACHE_HOME": str(made_from.CACHE),
               "CHAPTER_PACKAGE": str(package / "diffusion_utils"), "CHAPTER_OPENED": str(opened),
               **dict.fromkeys(("HOME", "USERPROFILE"), str(own["home"])),
               **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own["temporary"])), **place.environment}
    started = time.perf_counter()
    ok = run_logged([place.python, HERE / "run_notebook.py", copy, CELL_TIMEOUT], log, changes, folder)
    seconds = time.perf_counter() - started
    result = Tally(passed=int(ok), failed=int(not ok))
    left = sorted(path.name for root in (folder, *own.values()) for path in root.rglob("*") if path.is_file() and path != copy)
    if left:
        result += Tally(failed=1, notes=[f"{notebook.stem} left files behind: {', '.join(left)}"])
    print(f"  {notebook.stem}: {clock(seconds)}, {'FAILED' if result.failed else 'ok'}", flush=True)
    return Run(notebook, source, result, copy, seconds, opened, package)


def run_logged(command: list, log: Path, changes: Mapping[str, str | None], folder: Path, limit: float = LIMIT) -> bool:
    """Run a command that may take `limit` seconds. What it printed is shown if it failed.

    It prints into a file and not into a pipe: a process that it leaves behind would keep a pipe open, and us waiting.
    """
    with open(log, "w", encoding="utf-8") as file:
        try:
            done = subprocess.run([str(part) for part in command], env=environment(changes), cwd=folder,
                                  stdout=file, stderr=file, timeout=limit)
        except subprocess.TimeoutExpired:
            print(f"stopped after {clock(limit)}, the limit for a chapter", file=file)
        else:
            if done.returncode == 0:
                return True
    print(log.read_text(encoding="utf-8", errors="replace"), flush=True)
    return False


def compared(notebook: Path, copy: Path) -> Tally:
    """Does this run show the same as the stored one, cell by cell and bit by bit? One check; none if that is out of date."""
    if changed(notebook):
        return Tally(notes=[f"{notebook.stem} has no earlier run to compare with"])
    differing = differing_cells(EXECUTED / notebook.name, copy)
    if differing:
        return Tally(failed=1, notes=[f"{copy.stem} shows something else the second time in: {', '.join(differing)}"])
    return Tally(passed=1)


def store(done: Run, around: dict[str, str]) -> None:
    """Keep the executed copy (also a failed one, as far as it got), what it was made from if it is good, and its wall time."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(done.copy, EXECUTED / done.notebook.name)
    record = record_of(done.notebook)
    record.unlink(missing_ok=True)
    if not done.tally.failed:
        made_from.write(record, done.source, around, done.opened, done.package)
    times = json.loads(TIMINGS.read_text()) if TIMINGS.exists() else {}
    times[done.notebook.stem] = {"seconds": round(done.seconds, 1), "cores": os.cpu_count(), "machine": platform.machine(),
                                 "date": datetime.date.today().isoformat()}
    known = {path.stem for path in chapters()}
    TIMINGS.write_text(json.dumps({name: times[name] for name in sorted(times) if name in known}, indent=1) + "\n")
