"""Make `.venv` ready: created, filled with the pinned versions, and with the package installed from this checkout."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from project import BUILD, PYTHON, ROOT, VENV, run

STAMP = VENV / ".ready"
NO_VENV = """This Python cannot make virtual environments: {python}
On Debian and Ubuntu:  apt-get install python3-venv
Elsewhere install Python 3.11 or newer from your system's packages or from python.org, and try again."""


def ensure() -> None:
    """Do whatever set-up is still missing. Takes no time when nothing changed since the last call.

    The environment variable TORCH_INDEX names the address of another build of PyTorch; the last one given stays.
    """
    if not PYTHON.exists():
        create()
    digest, _, chosen = STAMP.read_text().strip().partition("\n") if STAMP.exists() else ("", "", "")
    index = os.environ.get("TORCH_INDEX") or chosen
    if digest == wanted() and index == chosen:
        return
    install(index, another_build=bool(digest) and index != chosen)
    STAMP.write_text(f"{wanted()}\n{index}\n")


def wanted() -> str:
    """A digest of what the environment is made from."""
    text = (ROOT / "requirements.txt").read_bytes() + (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()
    return hashlib.sha256(text).hexdigest()


def create(folder: Path = VENV) -> None:
    print(f"Creating {folder.relative_to(ROOT)} with Python {sys.version.split()[0]}", flush=True)
    # `--clear`: a folder without an interpreter is what an interrupted set-up leaves behind.
    if run(sys.executable, "-m", "venv", "--clear", folder) != 0:
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit(NO_VENV.format(python=sys.executable))


def install(index: str, another_build: bool) -> None:
    print("Installing what requirements.txt names: several GB the first time, seconds later on.", flush=True)
    if another_build:  # pip keeps what is there as long as its version is right
        pip("install", "--force-reinstall", "--no-deps", *torch_pins(), "--index-url", index)
    if index:
        pip("install", *torch_pins(), "--index-url", index)
    pip("install", "-r", "requirements.txt")
    # Editable, so that notebooks and tests see the checkout's own code; no build isolation, so that it works offline.
    pip("install", "--no-deps", "--no-build-isolation", "-e", ".")


def separate(name: str, requirements: list[str]) -> Path:
    """Make an environment of its own, `book/_build/NAME`, with these requirements. Returns its interpreter."""
    folder = BUILD / name
    stamp, text = folder / ".ready", "\n".join(requirements) + "\n"
    interpreter = folder / PYTHON.relative_to(VENV)
    if not (stamp.exists() and stamp.read_text() == text):
        create(folder)
        print(f"Installing {len(requirements)} packages: several GB", flush=True)
        listed = folder / "requirements.txt"
        listed.write_text(text)
        if index := os.environ.get("TORCH_INDEX"):
            pip("install", *torch_pins(text), "--index-url", index, interpreter=interpreter)
        pip("install", "-r", listed, interpreter=interpreter)
        stamp.write_text(text)
    return interpreter


def oldest() -> list[str]:
    """The oldest versions of its libraries that the package allows, by pyproject.toml."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return [requirement.replace(">=", "==") for requirement in needed]


def pins(*names: str) -> list[str]:
    """The lines of requirements.txt for these packages."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line.partition("==")[0] in names]


def torch_pins(requirements: str | None = None) -> list[str]:
    text = requirements or (ROOT / "requirements.txt").read_text()
    return re.findall(r"^torch(?:vision)?==\S+", text, flags=re.MULTILINE)


def pip(*arguments: str | Path, interpreter: Path = PYTHON) -> None:
    if run(interpreter, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check") != 0:
        sys.exit("Installation failed; the lines above say why. Nothing else was changed: repeat the command to go on.")


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FIND_BROWSER = """
import pathlib, playwright.sync_api as api
with api.sync_playwright() as p:
    raise SystemExit(not pathlib.Path(p.chromium.executable_path).exists())
"""


def ensure_browser() -> None:
    """A browser for the checks of the built pages: the system's, or Playwright's own, fetched if need be."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    if subprocess.run([PYTHON, "-c", FIND_BROWSER], stderr=subprocess.DEVNULL).returncode == 0:
        return
    print("No Chrome or Chromium found: asking Playwright for one.", flush=True)
    if run(PYTHON, "-m", "playwright", "install", "chromium") != 0:
        print("NOTICE: no browser was found or fetched for the checks of the built pages. Install Chrome or Chromium.")
