"""The table of planted mistakes fits the package as it is. `make mutants` plants them and runs the tests they name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mutants
import pytest
from project import ROOT

MISTAKES = mutants.mistakes()
every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake["seen"][:60] for mistake in MISTAKES])


@every_mistake
def test_the_mistake_can_be_planted_and_names_a_test(mistake: dict[str, str]) -> None:
    source = (mutants.PACKAGE / mistake["file"]).read_text(encoding="utf-8")
    wrong = mutants.planted(source, mistake)
    assert wrong != source
    compile(wrong, mistake["file"], "exec")
    assert mutants.find_test(mistake["caught_by"])


def test_text_that_is_gone_or_not_unique_is_named() -> None:
    mistake = {"file": "a.py", "right": "x = 1", "wrong": "x = 2"}
    for text in ("y = 1", "x = 1\nx = 1"):
        with pytest.raises(ValueError, match="a.py holds . times"):
            mutants.planted(text, mistake)
    with pytest.raises(ValueError, match="there are 0 tests called test_of_nothing"):
        mutants.find_test("test_of_nothing")


MISTAKE = """
[[mistake]]
seen = "{0}"
file = "{0}.py"
right = "x = 1"
wrong = "x = 2"
caught_by = "test_{0}"
"""


def planted_in(project: Path) -> tuple[int, list[str]]:
    """`make mutants` in a project of its own: the exit status, and the last words of each line that tells an outcome."""
    path = os.pathsep.join([str(project / "tools"), str(project / "tools" / "checks")])
    done = subprocess.run([sys.executable, project / "tools" / "checks" / "mutants.py"], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"})
    return done.returncode, [line.strip() for line in done.stdout.splitlines() if ".py: " in line]


@pytest.mark.slow
def test_what_was_caught_is_tried_again_only_when_something_changed(tmp_path) -> None:
    for name in ("tools/project.py", "tools/checks/mutants.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    package, tests, table = tmp_path / "diffusion_utils", tmp_path / "tests", tmp_path / "tests" / "mutants" / "mistakes.toml"
    package.mkdir(), table.parent.mkdir(parents=True)
    (package / "__init__.py").touch()
    lines = {"good": "assert x == 1", "other": "assert x == 1", "blind": "assert x > 0", "broken": "assert x == 3"}
    for name, line in lines.items():
        (package / f"{name}.py").write_text("x = 1\n")
        (tests / f"test_of_{name}.py").write_text(f"def test_{name}():\n    from diffusion_utils.{name} import x\n    {line}\n")
    table.write_text("".join(map(MISTAKE.format, lines)))

    caught = ["good.py: caught by test_good", "other.py: caught by test_other"]
    not_caught = ["blind.py: SURVIVES test_blind", "broken.py: FAILS WITHOUT IT, TOO: test_broken"]
    assert planted_in(tmp_path) == (1, caught + not_caught)
    (package / "other.py").write_text("x = 1  # as before\n")
    assert planted_in(tmp_path) == (1, caught[1:] + not_caught)
    assert (package / "other.py").read_text() == "x = 1  # as before\n", "the package itself is never touched"
