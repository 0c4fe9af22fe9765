"""What the chapters call of the package, read off their cells without running them."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import torch

import diffusion_utils


def trees(chapter: Path) -> Iterator[tuple[str, ast.Module]]:
    """(id, syntax tree) of each code cell."""
    for cell in json.loads(chapter.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield cell["id"], ast.parse("".join(cell["source"]))


def calls(chapter: Path) -> set[str]:
    """Functions, classes and methods of the package that the chapter calls: 'guidance.guided', 'exact.ExactDenoiser.weights' …

    A method is told by its name alone, unless tensors, lists or dictionaries have one of that name, too.
    """
    nodes = [node for _, tree in trees(chapter) for node in ast.walk(tree)]
    imported = dict(pair for node in nodes if isinstance(node, ast.ImportFrom) for pair in _imports(node))
    others = {alias.asname or alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    methods, found = _methods(), set()
    for function in (node.func for node in nodes if isinstance(node, ast.Call)):
        thing = _resolved(function, imported)
        if thing is not None and _is_ours(thing):
            found.add(_name(thing))
        elif thing is None and isinstance(function, ast.Attribute) and _root(function) not in others:
            found |= methods.get(function.attr, set())
    return found


def _imports(node: ast.ImportFrom) -> Iterator[tuple[str, object]]:
    if (node.module or "").split(".")[0] != "diffusion_utils":
        return
    module = importlib.import_module(node.module)
    for alias in node.names:
        if not hasattr(module, alias.name):
            importlib.import_module(f"{node.module}.{alias.name}")
        yield alias.asname or alias.name, getattr(module, alias.name)


def _resolved(node: ast.expr, imported: dict[str, object]) -> object | None:
    """What `name` or `name.of.something` is, where the name was imported from the package."""
    if isinstance(node, ast.Name):
        return imported.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(_resolved(node.value, imported), node.attr, None)
    return None


def _root(node: ast.expr) -> str | None:
    """The name that `name.of.something` begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_ours(thing: object) -> bool:
    return (inspect.isroutine(thing) or inspect.isclass(thing)) and (thing.__module__ or "").startswith("diffusion_utils")


def _name(thing: object) -> str:
    return f"{thing.__module__}.{thing.__qualname__}".removeprefix("diffusion_utils.").removeprefix("chapters.")


def _methods() -> dict[str, set[str]]:
    """Name of a public method → the classes' methods of that name."""
    known, found = set(dir(torch.Tensor)) | set(dir(dict)) | set(dir(list)), {}
    for module in pkgutil.walk_packages(diffusion_utils.__path__, "diffusion_utils."):
        if module.name.endswith("__main__"):
            continue
        for _, made in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            for name, method in vars(made).items():
                plain = method.__func__ if isinstance(method, classmethod | staticmethod) else method
                if not name.startswith("_") and name not in known and inspect.isfunction(plain) and _is_ours(plain):
                    found.setdefault(name, set()).add(_name(plain))
    return found
