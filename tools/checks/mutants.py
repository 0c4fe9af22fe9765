"""Prove that the tests notice: plant each known mistake in a copy of the package and run the test that should catch it.

    python tools/build.py run mutants            every mistake of tests/mutants/mistakes.toml
    python tools/build.py run mutants clip       those whose description holds this word

A run can be stopped and repeated: what was caught stands in book/_build/mutants.json and is tried again only once the mistake,
the file that it is planted in or the file of its test has changed. Delete that file to try everything anew.

Exit status 1 if a mistake survives. The package itself is never touched.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from project import BUILD, ROOT

TABLE = ROOT / "tests" / "mutants" / "mistakes.toml"
PACKAGE = ROOT / "diffusion_utils"
RECORD = BUILD / "mutants.json"    # fingerprint → what was caught
SECONDS = 600                      # a test that hangs on a mistake has noticed it too
PASSED, FAILED = 0, 1              # pytest's exit statuses; any other is a fault of this script or of the table
VERDICTS = {"failed": "caught by", "passed": "SURVIVES", "broken": "NOT TESTED by", "useless": "FAILS WITHOUT IT, TOO:"}


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


def fingerprint(mistake: dict[str, str], test: str) -> str:
    """Of what the verdict depends on: what is planted, the file that it is planted in, and the file of the test."""
    parts = [mistake["right"], mistake["wrong"], test.removeprefix(str(ROOT))]
    parts += [path.read_text(encoding="utf-8") for path in (PACKAGE / mistake["file"], Path(test.split("::")[0]))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def caught_before() -> dict[str, str]:
    """Fingerprint → description of each mistake that a test has noticed."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def note(mark: str, mistake: dict[str, str]) -> None:
    """Add a mistake to those that were caught; the file is whole at any time."""
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    beside = RECORD.with_suffix(".new")
    beside.write_text(json.dumps(caught_before() | {mark: mistake["seen"]}, ensure_ascii=False, indent=1), encoding="utf-8")
    beside.replace(RECORD)


def tried(folder: Path, mistake: dict[str, str], test: str) -> str:
    """Plant the mistake in the copy, run the test, mend the copy: the outcome."""
    path = folder / "diffusion_utils" / mistake["file"]
    correct = path.read_text(encoding="utf-8")
    path.write_text(planted(correct, mistake), encoding="utf-8")
    result = outcome(folder, [test])
    path.write_text(correct, encoding="utf-8")
    return result


def main(word: str = "") -> int:
    chosen = [mistake for mistake in mistakes() if word.lower() in mistake["seen"].lower()]
    tests = {mistake["caught_by"]: find_test(mistake["caught_by"]) for mistake in chosen}
    marks = [fingerprint(mistake, tests[mistake["caught_by"]]) for mistake in chosen]
    known = caught_before()
    left = [(mark, mistake) for mark, mistake in zip(marks, chosen, strict=True) if mark not in known]
    print(f"{len(chosen) - len(left)} of {len(chosen)} mistakes were caught before", flush=True)
    passes, missed = {}, 0  # test → whether it passes without any mistake: one that does not proves nothing
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name).resolve()
        shutil.copytree(PACKAGE, folder / "diffusion_utils", ignore=shutil.ignore_patterns("__pycache__"))
        for number, (mark, mistake) in enumerate(left, start=1):
            test = tests[mistake["caught_by"]]
            if test not in passes:
                passes[test] = outcome(folder, [test]) == "passed"
            result = tried(folder, mistake, test) if passes[test] else "useless"
            if result == "failed":
                note(mark, mistake)
            missed += result != "failed"
            verdict = f"{VERDICTS[result]} {mistake['caught_by']}"
            print(f"{number:3d}  {mistake['seen']}\n     {mistake['file']}: {verdict}", flush=True)
    print(f"{len(left)} mistakes planted, {missed} not caught")
    return int(missed > 0 or not chosen)


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
