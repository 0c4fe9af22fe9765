"""The list of changes that survive `make mutation` fits the package as it is, and the tool sees what decorators hide."""

from __future__ import annotations

import ast
import tomllib

import mutation
import pytest
from project import ROOT

ENTRIES = [(module, entry) for module, entries in tomllib.loads(mutation.LIST.read_text(encoding="utf-8")).items()
           for entry in entries]


@pytest.mark.parametrize("module", mutation.MODULES)
def test_the_modules_and_their_tests_exist(module: str) -> None:
    assert [path for path in mutation.MODULES[module] if not (ROOT / path).exists()] == []
    decorated = [node for node in ast.walk(ast.parse(undecorated(module))) if getattr(node, "decorator_list", None)]
    assert [node.name for node in decorated if isinstance(node, ast.FunctionDef)] == []


@pytest.mark.parametrize("module, entry", ENTRIES)
def test_a_survivor_is_still_in_the_package_and_has_a_reason(module: str, entry: dict[str, str]) -> None:
    assert " ".join(entry["right"].split()) in " ".join(undecorated(module).split())
    assert entry["wrong"] != entry["right"] and len(entry["reason"].split()) >= 5


def undecorated(module: str) -> str:
    return "\n".join(mutation.undecorated((ROOT / name).read_text(encoding="utf-8")) for name in mutation.files(module))


def test_a_package_is_changed_file_by_file() -> None:
    assert mutation.files("losses") == ["diffusion_utils/losses.py"]
    assert {"diffusion_utils/sampling/kernels.py", "diffusion_utils/sampling/walking.py"} < set(mutation.files("sampling"))


def test_decorators_are_written_as_calls() -> None:
    source = "class A:\n    @property\n    def b(self):\n        return 1\n\n\n@c\n@d(2)\ndef e():\n    return 3\n"
    wanted = "class A:\n    def b(self):\n        return 1\n    b = property(b)\n\n\ndef e():\n    return 3\ne = c(d(2)(e))\n"
    assert mutation.undecorated(source) == wanted
