"""The book's address is kept in one place, and moving the book leaves the old address nowhere behind."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import install_cell
import pytest
import repository
from page_polish import metadata
from project import ROOT
from sphinx.config import Config

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
    changed = {path.relative_to(copy).as_posix() for path in repository.move(copy, NEW, "tag")}
    assert {"_config.yml", "README.md", "CITATION.cff", "pyproject.toml"} <= changed
    assert install_cell.address(copy) == NEW
    forms = f"{re.escape(owner)}/{re.escape(name)}", rf"{re.escape(owner)}\.github\.io"
    old = re.compile(rf"(?<![\w.-])({'|'.join(forms)})(?![\w-])", flags=re.IGNORECASE)
    assert [path.as_posix() for path, text in contents(copy).items() if old.search(text)] == []


def test_moving_there_and_back_changes_nothing(copy: Path) -> None:
    before = contents(copy)
    repository.move(copy, NEW, "branch")
    assert contents(copy) != before
    repository.move(copy, install_cell.address(), "tag")
    assert contents(copy) == before


@pytest.mark.parametrize("install_from, archive", [("branch", "refs/heads/main"),
                                                   ("tag", f"refs/tags/v{install_cell.version()}")])
def test_a_copy_without_tags_installs_its_branch(copy: Path, install_from: str, archive: str) -> None:
    repository.move(copy, NEW, install_from)
    assert install_cell.archive(copy) == f"{NEW}/archive/{archive}.zip"
    for path in (copy / "notebooks").glob("*.ipynb"):
        cell, = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["id"] == install_cell.CELL_ID]
        source = "".join(cell["source"])
        assert f'REPOSITORY = "{NEW}"\n' in source and f'"/archive/{archive}.zip"\n' in source


def test_only_whole_addresses_are_moved() -> None:
    old, new = ("me", "mine"), ("you", "yours")
    text = "github.com/me/mine, some/mine me/mine2 github.com/me/mine.git me.github.io/mine/ at-me/mine me/mine."
    assert repository.moved(text, old, new) == (
        "github.com/you/yours, some/mine me/mine2 github.com/you/yours.git you.github.io/yours/ at-me/mine you/yours.")


USER = "You", "you.github.io"        # a user's own page, which has the whole host


def test_a_user_page_has_no_folder() -> None:
    text = "see https://me.github.io/mine/a.html, https://github.com/me/mine"
    there = "see https://you.github.io/a.html, https://github.com/You/you.github.io"
    assert repository.moved(text, ("me", "mine"), USER) == there
    assert repository.moved(there, USER, ("me", "mine")) == text


@pytest.mark.parametrize("owner, name, address", [("Me", "Mine", "https://me.github.io/Mine/"), (*USER, "https://you.github.io/")])
def test_the_pages_know_their_own_address(owner: str, name: str, address: str, tmp_path: Path) -> None:
    config = Config({}, {"html_theme_options": {"repository_url": f"https://github.com/{owner}/{name}"}})
    config.add("html_theme_options", {}, "html", dict)
    config.add("html_baseurl", "", "html", str)
    metadata.set_address(None, config)
    assert config.html_baseurl == address


@pytest.mark.parametrize("url", ["", "me/mine", "https://example.org/me/mine", "https://github.com/me", "a.b/c/d"])
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(SystemExit, match="must look like https://github.com/OWNER/NAME"):
        repository.parse(url)


@pytest.mark.parametrize("ending", ["", "/", ".git"])
def test_usual_forms_are_taken(ending: str) -> None:
    assert repository.parse(f"https://github.com/me/mine{ending}") == ("me", "mine")
