"""Where things are, and how to run a command. Standard library only, as it runs before anything is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
ROOMS = sorted(folder for folder in TOOLS.iterdir() if folder.is_dir() and not folder.name.startswith((".", "_")))
sys.path += [str(room) for room in ROOMS if str(room) not in sys.path]      # the tools import each other by name

ROOT = TOOLS.parent
NOTEBOOKS = ROOT / "notebooks"
READABLE = ROOT / "run"            # the same as readers open them: resolved.py writes them
BUILD = ROOT / "book" / "_build"
EXECUTED = BUILD / "executed"      # the notebooks with their outputs, and beside each what it was made from
STAGED = BUILD / "staged"          # what Sphinx reads: config, prose and executed notebooks
HTML = BUILD / "html"
OFFLINE = BUILD / "offline"        # the same of `make test`'s short book: executed, staged and html
TIMINGS = BUILD / "timings.json"

VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def chapters() -> list[Path]:
    """The stored notebooks, in reading order."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def run(*command: str | Path, env: Mapping[str, str | None] | None = None, cwd: Path = ROOT) -> int:
    """Run a command in the foreground and return its exit status; `env` is added to the environment."""
    return subprocess.run([str(part) for part in command], env=environment(env), cwd=cwd).returncode


def environment(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """This process's environment with these changes; None takes a variable away."""
    return {name: value for name, value in {**os.environ, **(changes or {})}.items() if value is not None}


def python(*arguments: str | Path, env: Mapping[str, str | None] | None = None, cwd: Path = ROOT) -> int:
    """Run the project's own Python (`.venv`) with these arguments."""
    return run(PYTHON, *arguments, env={"PYTHONUTF8": "1", **(env or {})}, cwd=cwd)


def tool(name: str, *arguments: str | Path, interpreter: Path = PYTHON) -> int:
    """Run the file of this name, in whichever room it is, so that it finds the others; SystemExit if there is none."""
    found = [path for room in ROOMS for path in room.glob("*.py") if path.stem == name]
    if not found:
        names = ", ".join(sorted(path.stem for room in ROOMS for path in room.glob("*.py")))
        sys.exit(f"No tool is called {name!r}. There are: {names}")
    path = os.pathsep.join([str(TOOLS), *map(str, ROOMS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return run(interpreter, found[0], *arguments, env={"PYTHONUTF8": "1", "PYTHONPATH": path})


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
