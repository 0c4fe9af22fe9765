"""Make `.venv` ready: created, filled with the pinned versions, and with the package installed from this checkout."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys

from project import PYTHON, ROOT, VENV, run

STAMP = VENV / ".ready"
NO_VENV = """This Python cannot make virtual environments: {python}
On Debian and Ubuntu:  apt-get install python3-venv
Elsewhere install Python 3.11 or newer from your system's packages or from python.org, and try again."""


def ensure() -> None:
    """Do whatever set-up is still missing. Takes no time when nothing changed since the last call."""
    if not PYTHON.exists():
        create()
    digest = wanted()
    if STAMP.exists() and STAMP.read_text() == digest:
        return
    install()
    STAMP.write_text(digest)


def wanted() -> str:
    """A digest of what the environment is made from."""
    text = (ROOT / "requirements.txt").read_bytes() + (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()
    return hashlib.sha256(text).hexdigest()


def create() -> None:
    print(f"Creating {VENV.relative_to(ROOT)} with Python {sys.version.split()[0]}", flush=True)
    # `--clear`: a folder without an interpreter is what an interrupted set-up leaves behind.
    if run(sys.executable, "-m", "venv", "--clear", VENV) != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(NO_VENV.format(python=sys.executable))


def install() -> None:
    print("Installing what requirements.txt names: several GB the first time, seconds later on.", flush=True)
    if index := os.environ.get("TORCH_INDEX"):
        # A build of torch without CUDA libraries, from the address the selector on pytorch.org shows.
        pip("install", *torch_pins(), "--index-url", index)
    pip("install", "-r", "requirements.txt")
    # Editable, so that notebooks and tests see the checkout's own code; no build isolation, so that it works offline.
    pip("install", "--no-deps", "--no-build-isolation", "-e", ".")


def torch_pins() -> list[str]:
    return re.findall(r"^torch(?:vision)?==\S+", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)


def pip(*arguments: str) -> None:
    if run(PYTHON, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check") != 0:
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
        print("NOTICE: no browser could be had for the checks of the built pages. Install Chrome or Chromium.")
