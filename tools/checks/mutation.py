"""Change the core of the package in every small way that mutmut knows, one change at a time: which does no test notice?

    python tools/build.py run mutation            the five modules of MODULES, one after the other
    python tools/build.py run mutation losses     this module only

A run can be stopped and repeated: it goes on where it was, and tests again only what changed, and what survived. Each
module is worked on in a folder of its own, book/_build/mutation/<module>, so that the checkout is never touched. Changes
that no test can or need notice are listed, with the reason, in tests/mutants/survivors.toml. Exit status 1 if another one
survives, if more than 5 % of a module's do, or if a line of the list is out of date. Needs mutmut, and so a Unix.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

from pages import mirror
from project import BUILD, PYTHON, ROOT, run

FOLDER = BUILD / "mutation"
LIST = ROOT / "tests" / "mutants" / "survivors.toml"
MOST = 0.05       # the share of a module's changes that may survive
# The fast tests of each module, where a package is one: what they leave undone is not done by slower ones either, or the list
# says which does it.
MODULES = {
    "losses": ["tests/test_losses.py", "tests/test_bound.py"],
    "guidance": ["tests/test_guidance.py", "tests/test_editing.py", "tests/test_guidance_noise.py",
                 "tests/series/test_observed.py"],
    "denoiser": ["tests/test_denoiser.py"],
    "schedules": ["tests/test_schedules.py"],
    "sampling": ["tests/test_update.py", "tests/test_sampling.py", "tests/test_walks.py", "tests/test_walk_state.py"],
}
# What an error says is for people to read: the tests check a part of it, and its wording is free.
SETTINGS = """
[tool.mutmut]
source_paths = ["diffusion_utils"]
only_mutate = {files}
do_not_mutate_patterns = ["^ *raise "]
pytest_add_cli_args_test_selection = {tests}
also_copy = ["diffusion_utils", "tests", "tools", "book"]
use_git_change_detection = false

[tool.pytest.ini_options]
pythonpath = {paths}
addopts = "--import-mode=importlib --strict-markers -p no:cacheprovider"
markers = ["slow: takes more than ten seconds"]
"""
SURVIVED = (0, 33)  # the exit status of tests that passed, and of none that reaches the change


def undecorated(source: str) -> str:
    """The same module with `f = decorator(f)` after each function in place of `@decorator` before it.

    The two mean the same; but mutmut leaves decorated functions alone, and with them properties and samplers.
    """
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef) and node.decorator_list]
    for node in sorted(functions, key=lambda node: node.lineno, reverse=True):
        indent, wrapped = " " * node.col_offset, node.name
        for decorator in reversed(node.decorator_list):
            wrapped = f"{ast.unparse(decorator)}({wrapped})"
        lines.insert(node.end_lineno, f"{indent}{node.name} = {wrapped}")
        del lines[node.decorator_list[0].lineno - 1:node.lineno - 1]
    return "\n".join(lines) + "\n"


def files(module: str) -> list[str]:
    """What is changed: the module's file, or those of the package that it is, seen from the root."""
    package = ROOT / "diffusion_utils" / module
    found = sorted(package.glob("*.py")) if package.is_dir() else [package.with_suffix(".py")]
    return [path.relative_to(ROOT).as_posix() for path in found if path.name != "__init__.py"]


def stage(module: str) -> Path:
    """Bring the module's folder up to date; what did not change keeps its results."""
    folder = FOLDER / module
    for name in ("diffusion_utils", "tests", "tools", "book/_ext"):
        mirror(ROOT / name, folder / name)
    paths = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]["pythonpath"]
    for name in files(module):
        (folder / name).write_text(undecorated((ROOT / name).read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "pyproject.toml").write_text(SETTINGS.format(files=json.dumps(files(module)), tests=json.dumps(MODULES[module]),
                                                             paths=json.dumps(paths)))
    return folder


def metas(folder: Path, module: str) -> list[Path]:
    """Where mutmut keeps its verdicts, a file for each of the module's."""
    return [folder / "mutants" / f"{name}.meta" for name in files(module)]


def results(folder: Path, module: str) -> dict[str, int | None]:
    """mutmut's name of each change → the exit status of its tests; None where they have not run."""
    found = {}
    for meta in metas(folder, module):
        found |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def retry_survivors(folder: Path, module: str) -> None:
    """Forget the verdict on each change that survived: a test may have come that notices it."""
    for meta in filter(Path.exists, metas(folder, module)):
        kept = json.loads(meta.read_text(encoding="utf-8"))
        kept["exit_code_by_key"] = {name: None if code in SURVIVED else code for name, code in kept["exit_code_by_key"].items()}
        meta.write_text(json.dumps(kept), encoding="utf-8")


def change(folder: Path, name: str) -> tuple[str, str]:
    """What the change takes out and what it puts in, each in one line."""
    command = [PYTHON.parent / "mutmut", "show", name]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(" ".join(" ".join(line[1:] for line in shown if line.startswith(sign) and line[:3] != 3 * sign).split())
                 for sign in "-+")


def listed(module: str) -> Counter[tuple[str, str]]:
    """The changes of this module that are known to survive, as `change` tells them."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8")).get(module, [])
    return Counter((entry["right"], entry["wrong"]) for entry in entries)


def work(module: str) -> bool:
    """Run one module to its end and report it. Returns whether all is as the list says."""
    folder = stage(module)
    retry_survivors(folder, module)
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": "", "PYTHONUTF8": "1"}
    run(PYTHON.parent / "mutmut", "run", "--max-children", str(os.cpu_count() or 1), env=environment, cwd=folder)
    status = results(folder, module)
    undone = [name for name, code in status.items() if code is None]
    found = Counter(change(folder, name) for name, code in sorted(status.items()) if code in SURVIVED)
    known = listed(module)
    print(f"\n{module}: {len(status)} changes, {sum(found.values())} survive, {len(undone)} not tried yet")
    for right, wrong in (found - known).elements():
        print(f"  NOT NOTICED  {right}\n          as  {wrong}")
    for _, wrong in (known - found).elements() if not undone else ():
        print(f"  NOTICED BY NOW, so it can leave the list: {wrong}")
    return not undone and found == known and sum(found.values()) <= MOST * len(status)


def main(word: str = "") -> int:
    if word and word not in MODULES:
        print(f"No module is called {word!r}. There are: {', '.join(MODULES)}")
        return 1
    outcomes = [work(module) for module in MODULES if word in ("", module)]
    return int(not all(outcomes))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
