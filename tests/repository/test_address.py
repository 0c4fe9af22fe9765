"""The book's address is kept in one place, and moving the book leaves the old address nowhere behind."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import install_cell
import pytest
import repository
from project import ROOT

OWNER, NAME = "someone-else", "another.repo"
NEW = f"https://github.com/{OWNER}/{NAME}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's text files, in a folder of their own."""
    for path in repository.files(ROOT):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return tmp_path


def contents(root: Path) -> dict[Path, str]:
    return {path.relative_to(root): path.read_text(encoding="utf-8") for path in repository.files(root)}


def test_moving_leaves_no_straggler(copy: Path) -> None:
    owner, name = repository.parse(install_cell.address())
    changed = {path.relative_to(copy).as_posix() for path in repository.move(copy, NEW)}
    assert {"_config.yml", "README.md", "CITATION.cff", "pyproject.toml"} <= changed
    assert install_cell.address(copy) == NEW
    forms = f"{re.escape(owner)}/{re.escape(name)}", rf"{re.escape(owner)}\.github\.io"
    old = re.compile(rf"(?<![\w.-])({'|'.join(forms)})(?![\w-])", flags=re.IGNORECASE)
    assert [path.as_posix() for path, text in contents(copy).items() if old.search(text)] == []


def test_moving_there_and_back_changes_nothing(copy: Path) -> None:
    before = contents(copy)
    repository.move(copy, NEW)
    assert contents(copy) != before
    repository.move(copy, install_cell.address())
    assert contents(copy) == before


def test_only_whole_addresses_are_moved() -> None:
    old, new = ("me", "mine"), ("you", "yours")
    text = "github.com/me/mine, some/mine me/mine2 github.com/me/mine.git me.github.io/mine/ at-me/mine me/mine."
    assert repository.moved(text, old, new) == (
        "github.com/you/yours, some/mine me/mine2 github.com/you/yours.git you.github.io/yours/ at-me/mine you/yours.")


@pytest.mark.parametrize("url", ["", "me/mine", "https://example.org/me/mine", "https://github.com/me", "a.b/c/d"])
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(SystemExit, match="must look like https://github.com/OWNER/NAME"):
        repository.parse(url)


@pytest.mark.parametrize("ending", ["", "/", ".git"])
def test_usual_forms_are_taken(ending: str) -> None:
    assert repository.parse(f"https://github.com/me/mine{ending}") == ("me", "mine")
