"""Execute the chapters once, as a stranger would: in an empty folder, with the package installed, not the checkout.

Each chapter has a folder, a home folder, a folder for temporary files and a kernel of its own, and must leave nothing in
any of them, so that no chapter can depend on another having run before: they run in any order. All they share is the
digits, whose files are checked by their digest. A warning is an error.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

from alike import differing_cells
from project import EXECUTED, PYTHON, ROOT, TIMINGS, chapters, clock, python, run
from tally import Tally, from_junit

CELL_TIMEOUT = 300      # seconds; a whole chapter is to stay under 120
# Run by the kernel before the first cell, and after it imported what it needs itself.
WARNINGS_ARE_ERRORS = """
import warnings
warnings.simplefilter("error")
# ipykernel 7 warns of a method of its own while it shuts down; as an error this would keep it from ending.
warnings.filterwarnings("ignore", category=PendingDeprecationWarning, module="ipykernel")
"""


def execute(notebooks: list[Path], reuse: bool = True) -> Tally:
    """Bring the executed copies up to date and keep them in book/_build/executed. Returns what passed and failed."""
    package = package_digest()
    stale = [path for path in notebooks if not (reuse and is_fresh(path, package))]
    result = Tally(passed=len(notebooks) - len(stale))
    if stale:
        names = ", ".join(path.stem for path in stale)
        print(f"Executing {len(stale)} of {len(notebooks)} notebooks: {names}", flush=True)
        result += run_in_empty_folders(stale, keep=package)
    return result


def package_digest() -> str:
    """A digest of all that a notebook can import, and of the data it was told to use."""
    digest = hashlib.sha256(os.environ.get("DIFFUSION_DATA", "").encode())
    files = sorted(path for path in (ROOT / "diffusion_utils").rglob("*") if path.is_file())
    for path in [ROOT / "requirements.txt", *files]:
        if "__pycache__" not in path.parts:
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def key(notebook: Path, package: str) -> str:
    return hashlib.sha256(notebook.read_bytes()).hexdigest() + package


def is_fresh(notebook: Path, package: str) -> bool:
    stored = EXECUTED / f"{notebook.stem}.key"
    return stored.exists() and (EXECUTED / notebook.name).exists() and stored.read_text() == key(notebook, package)


def run_in_empty_folders(notebooks: list[Path], keep: str | None, libraries: Path | None = None) -> Tally:
    """Run each notebook with nbmake in a folder of its own, outside the checkout.

    keep: the package's digest, to store the executed copies under; with None nothing is kept, but each is compared with
    the stored copy: a cell that shows anything else is a failure. libraries: a folder whose packages come before the
    installed ones (another version of ipywidgets).
    """
    with tempfile.TemporaryDirectory(prefix="chapters-") as name:
        work = Path(name)
        install_package(work / "package")
        path = os.pathsep.join(str(folder) for folder in (libraries, work / "package") if folder)
        # An empty ini file keeps pytest from finding the checkout's settings, and with them its folders.
        (work / "pytest.ini").write_text("[pytest]\n")
        startup = work / "ipython" / "profile_default" / "startup" / "warnings_are_errors.py"
        startup.parent.mkdir(parents=True)
        if not libraries:  # versions that are not the pinned ones warn of what has changed since
            startup.write_text(WARNINGS_ARE_ERRORS)
        result = Tally()
        for notebook in notebooks:
            # The key is computed before the run: an edit made meanwhile must not count as executed.
            digest = key(notebook, keep) if keep else None
            outcome, copy, seconds = run_one(notebook, work, path)
            if digest:
                store(notebook, copy, digest, seconds, ok=not outcome.failed)
            elif not outcome.failed:
                outcome += compared(notebook, copy)
            result += outcome
        return result


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


def run_one(notebook: Path, work: Path, python_path: str) -> tuple[Tally, Path, float]:
    """Execute one notebook in `work/<its name>/`: what came of it, the executed copy, and the wall time in seconds."""
    folder, report = work / notebook.stem, work / f"{notebook.stem}.xml"
    own = {name: work / f"{notebook.stem}-{name}" for name in ("home", "temporary")}
    for path in (folder, *own.values()):
        path.mkdir()
    copy = Path(shutil.copyfile(notebook, folder / notebook.name))
    environment = {"PYTHONPATH": python_path, "IPYTHONDIR": str(work / "ipython"),
                   "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),  # downloaded digits
                   **dict.fromkeys(("HOME", "USERPROFILE"), str(own["home"])),
                   **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own["temporary"]))}
    started = time.perf_counter()
    status = python("-m", "pytest", "--nbmake", "--overwrite", f"--nbmake-timeout={CELL_TIMEOUT}", "-q", "--no-header",
                    "-p", "no:cacheprovider", "-c", work / "pytest.ini", f"--junitxml={report}", copy,
                    env=environment, cwd=folder)
    seconds = time.perf_counter() - started
    result = from_junit(report, status)
    left = sorted(path.name for root in (folder, *own.values()) for path in root.rglob("*") if path.is_file() and path != copy)
    if left:
        result += Tally(failed=1, notes=[f"{notebook.stem} left files behind: {', '.join(left)}"])
    print(f"  {notebook.stem}: {clock(seconds)}, {'FAILED' if result.failed else 'ok'}", flush=True)
    return result, copy, seconds


def compared(notebook: Path, copy: Path) -> Tally:
    """Does this run show the same as the stored one, cell by cell and bit by bit? One check; none if that is out of date."""
    if not is_fresh(notebook, package_digest()):
        return Tally(notes=[f"{notebook.stem} has no earlier run to compare with"])
    differing = differing_cells(EXECUTED / notebook.name, copy)
    if differing:
        return Tally(failed=1, notes=[f"{copy.stem} shows something else the second time in: {', '.join(differing)}"])
    return Tally(passed=1)


def store(notebook: Path, copy: Path, digest: str, seconds: float, ok: bool) -> None:
    """Keep the executed copy (also a failed one, for looking at), its key if it is good, and its wall time."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(copy, EXECUTED / notebook.name)
    stamp = EXECUTED / f"{notebook.stem}.key"
    stamp.unlink(missing_ok=True)
    if ok:
        stamp.write_text(digest)
    times = json.loads(TIMINGS.read_text()) if TIMINGS.exists() else {}
    times[notebook.stem] = {"seconds": round(seconds, 1), "cores": os.cpu_count(), "machine": platform.machine(),
                            "date": datetime.date.today().isoformat()}
    known = {path.stem for path in chapters()}
    TIMINGS.write_text(json.dumps({name: times[name] for name in sorted(times) if name in known}, indent=1) + "\n")
