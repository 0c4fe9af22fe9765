"""A chapter is executed again when something that it used has changed, and not when anything else has."""

from __future__ import annotations

import json
from pathlib import Path

import execute
import made_from
import nbformat
import pytest

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "tiny"
version = "1"

[tool.hatch.build.targets.wheel]
packages = ["diffusion_utils"]
"""
PACKAGE = {
    "__init__.py": "",
    "used.py": "from .through import x",
    "through.py": "x = 1",
    "other.py": "y = 1",
    "reads.py": """from pathlib import Path
def read(name): return (Path(__file__).parent / name).read_text()
def there(name):
    try: return read(name)
    except FileNotFoundError: return None""",
    "weights/mine.json": "1",
    "weights/anothers.json": "1",
}
CHAPTER = """from diffusion_utils.used import x
from diffusion_utils.reads import read, there
read('weights/mine.json')
there('weights/later.json')
print('shown', x)"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one chapter, executed."""
    root = tmp_path_factory.mktemp("tiny")
    for name, text in {"pyproject.toml": PROJECT, "requirements.txt": "a==1\n",
                       **{f"diffusion_utils/{name}": text for name, text in PACKAGE.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    chapter = root / "notebooks" / "01_a.ipynb"
    chapter.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CHAPTER)]), chapter)
    with pytest.MonkeyPatch.context() as patch:
        use(root, patch)
        assert str(execute.execute([chapter])) == "1 passed, 0 failed, 0 skipped"
    return root


@pytest.fixture
def chapter(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use(tiny, monkeypatch)
    return tiny / "notebooks" / "01_a.ipynb"


def use(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(execute, "ROOT", root)
    patch.setattr(execute, "EXECUTED", root / "executed")
    patch.setattr(execute, "TIMINGS", root / "timings.json")
    patch.setenv("DIFFUSION_DATA", str(root))     # no chapter asks for digits


USED = {f"diffusion_utils/{name}": "changed" for name in ("__init__.py", "used.py", "through.py", "reads.py",
                                                          "weights/mine.json", "weights/later.json")}
UNUSED = {f"diffusion_utils/{name}": None for name in ("other.py", "weights/anothers.json", "another.py", "weights/new.json")}


@pytest.mark.parametrize("name, says", {**USED, "requirements.txt": "changed", **UNUSED}.items())
def test_only_what_the_chapter_used_makes_it_stale(tiny: Path, chapter: Path, name: str, says: str | None) -> None:
    path, before = tiny / name, (tiny / name).read_bytes() if (tiny / name).exists() else None
    assert execute.changed(chapter) is None
    path.write_text("z = 2\n")
    try:
        assert execute.changed(chapter) == (says and f"{name} {says}")
    finally:
        path.unlink() if before is None else path.write_bytes(before)
    assert execute.changed(chapter) is None, "as it was"


def test_a_new_import_counts_from_the_run_that_makes_it(tiny: Path, chapter: Path) -> None:
    """The file with the import has changed; then the one that it imports is used, too."""
    (tiny / "diffusion_utils" / "through.py").write_text("from .other import y as x")
    assert execute.changed(chapter) == "diffusion_utils/through.py changed"
    execute.execute([chapter])
    assert execute.changed(chapter) is None
    (tiny / "diffusion_utils" / "other.py").write_text("y = 3")
    assert execute.changed(chapter) == "diffusion_utils/other.py changed"
    execute.execute([chapter])
    shown, = json.loads((execute.EXECUTED / chapter.name).read_text())["cells"][0]["outputs"]
    assert "".join(shown["text"]) == "shown 3\n"


def test_the_tools_leave_no_name_in_a_chapter(tiny: Path, chapter: Path) -> None:
    """Or a chapter that forgets an import would work here and nowhere else."""
    lean = chapter.with_name("02_lean.ipynb")
    names = "print(sorted(set(dir()) & {'os', 'sys', 'warnings', 'hook', 'write_down', 'dark_plots'}))"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(names)]), lean)
    execute.execute([lean])
    shown, = json.loads((execute.EXECUTED / lean.name).read_text())["cells"][0]["outputs"]
    assert "".join(shown["text"]) == "[]\n"


def test_a_chapter_is_executed_again_once_other_digits_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages made without a network would otherwise keep the smaller digits for ever."""
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    monkeypatch.setattr(made_from, "CACHE", tmp_path)
    found = [made_from.surroundings(tmp_path)]
    raw = tmp_path / "diffusion_utils" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").touch()
    found.append(made_from.surroundings(tmp_path))
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path / "mine"))
    found.append(made_from.surroundings(tmp_path))
    assert len({around["the digits"] for around in found}) == 3


@pytest.mark.parametrize("content", ["", "12ab34", "[]", "{}"])
def test_a_record_that_cannot_be_read_means_that_the_chapter_is_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "01_a.json").write_text(content)
    assert made_from.changed(tmp_path / "01_a.json", tmp_path / "01_a.ipynb", tmp_path) == "no good run yet"
