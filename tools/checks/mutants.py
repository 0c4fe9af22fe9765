"""Prove that the tests notice: plant each known mistake in a copy of the package and run the test that should catch it.

    python tools/build.py run mutants            every mistake of tests/mutants/mistakes.toml
    python tools/build.py run mutants clip       those whose description holds this word

Exit status 1 if a mistake survives. The package itself is never touched.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from project import ROOT

TABLE = ROOT / "tests" / "mutants" / "mistakes.toml"
PACKAGE = ROOT / "diffusion_utils"
SECONDS = 600                      # a test that hangs on a mistake has noticed it too
PASSED, FAILED = 0, 1              # pytest's exit statuses; any other is a fault of this script or of the table


def mistakes() -> list[dict[str, str]]:
    """The table: seen, file, right, wrong, caught_by."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))["mistake"]


def find_test(name: str) -> str:
    """`name` or `file::name` as pytest wants it. Raises ValueError unless there is exactly one such test."""
    if "::" in name:
        return str(ROOT / name)
    definition = re.compile(rf"^def {re.escape(name)}\(", flags=re.MULTILINE)
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    found = [path for path in files if definition.search(path.read_text(encoding="utf-8"))]
    if len(found) != 1:
        raise ValueError(f"there are {len(found)} tests called {name}, one is needed (file::name tells which)")
    return f"{found[0]}::{name}"


def planted(text: str, mistake: dict[str, str]) -> str:
    """The source with the mistake in it. Raises ValueError unless the correct text occurs exactly once."""
    count = text.count(mistake["right"])
    if count != 1:
        raise ValueError(f"{mistake['file']} holds {count} times, and should once: {mistake['right']}")
    return text.replace(mistake["right"], mistake["wrong"])


def run_tests(folder: Path, tests: list[str]) -> None:
    """In a process of its own: pytest with the package of `folder`; the exit status is pytest's."""
    import pytest

    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # those for notebooks and browsers take seconds to load
    sys.path.insert(0, str(folder))
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(output):
        status = int(pytest.main([*tests, "-x", "-q", "--no-header", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]))
    where = Path(sys.modules["diffusion_utils"].__file__)
    if folder not in where.parents or status not in (PASSED, FAILED):
        print(output.getvalue(), f"the tests ran on {where}", sep="\n", file=sys.stderr)
        status = 9
    sys.exit(status)


def outcome(folder: Path, tests: list[str]) -> str:
    """'passed', 'failed' or 'broken' (the tests could not be run)."""
    process = CONTEXT.Process(target=run_tests, args=(folder, tests))
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return "failed"
    return {PASSED: "passed", FAILED: "failed"}.get(process.exitcode, "broken")


def main(word: str = "") -> int:
    chosen = [mistake for mistake in mistakes() if word.lower() in mistake["seen"].lower()]
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name).resolve()
        shutil.copytree(PACKAGE, folder / "diffusion_utils", ignore=shutil.ignore_patterns("__pycache__"))
        tests = {mistake["caught_by"]: find_test(mistake["caught_by"]) for mistake in chosen}
        if outcome(folder, list(tests.values())) != "passed":
            print("The tests do not pass without any mistake, so that they prove nothing.")
            return 1
        for number, mistake in enumerate(chosen, start=1):
            path = folder / "diffusion_utils" / mistake["file"]
            correct = path.read_text(encoding="utf-8")
            path.write_text(planted(correct, mistake), encoding="utf-8")
            result = outcome(folder, [tests[mistake["caught_by"]]])
            path.write_text(correct, encoding="utf-8")
            survivors += result != "failed"
            verdict = {"failed": "caught by", "passed": "SURVIVES", "broken": "NOT TESTED by"}[result]
            print(f"{number:3d}  {mistake['seen']}\n     {mistake['file']}: {verdict} {mistake['caught_by']}", flush=True)
    print(f"{len(chosen)} mistakes planted, {survivors} survived")
    return int(survivors > 0 or not chosen)


# Where processes can be forked (not on Windows) what takes seconds to import is imported once, for all.
CAN_FORK = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
CONTEXT = multiprocessing.get_context("fork" if CAN_FORK else "spawn")

if __name__ == "__main__":
    if CAN_FORK:
        import hypothesis  # noqa: F401
        import matplotlib.pyplot  # noqa: F401
        import pytest  # noqa: F401
        import scipy.stats  # noqa: F401
        import torch
        import torchvision  # noqa: F401

        torch.set_num_threads(1)  # a forked process must not inherit a pool of threads
    sys.exit(main(*sys.argv[1:]))
