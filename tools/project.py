"""Where things are, and how to run a command. Standard library only, as it runs before anything is installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
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


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
