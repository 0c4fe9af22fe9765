"""Build, test and read the book: `python tools/build.py COMMAND`. The Makefile calls this and adds nothing.

Needs Python 3.11 or newer and nothing else: each command first makes what is missing in `.venv`.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this is where an older Python is told so)
    sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]} ({sys.executable}).")

import argparse
import fnmatch
import functools
import http.server
import os
import shutil
import time

from project import BUILD, HTML, NOTEBOOKS, READABLE, ROOT, chapters, python, tool  # which puts the rooms on the path

# isort: split
import check
import environment
import pages
from execute import execute, failed_chapters
from mutation import MODULES as CORE_TESTS
from tally import Tally

# What `bench` runs, the most telling first, and the minutes after which it begins with nothing more: the whole shall take
# no more than half an hour, also where arithmetic in bfloat16 is slow.
BENCHMARKS = [("throughput",), ("time_to_quality", "ours", "--minutes", "3"),
              ("time_to_quality", "diffusers", "--minutes", "3"), ("speedups",), ("growth",)]
LAST_BENCHMARK = 20


def book(only: str | None) -> int:
    """Execute what changed and build the pages."""
    environment.ensure()
    return execute_and_build(only)


def execute_and_build(only: str | None) -> int:
    """The same where everything is installed. A chapter that fails keeps no other from being built; the status says so."""
    wanted = [path for path in chapters() if only is None or fnmatch.fnmatch(path.stem, only)]
    if only and not wanted:
        names = ", ".join(path.stem for path in chapters())
        sys.exit(f"No chapter is called {only!r}. There are: {names}")
    for note in execute(wanted).notes:
        print(f"NOTE: {note}")
    failed = [path.stem for path in wanted if path.stem in failed_chapters()]
    folder = BUILD / "preview" / "-".join(path.stem[:2] for path in wanted)
    status = pages.preview(wanted, folder, failed) if only else pages.build(failed=failed)
    if status == 0 or failed:
        print(f"The book is in {(folder / '_build' / 'html' if only else HTML).relative_to(ROOT)}/index.html")
    if failed:
        sys.exit(f"{len(failed)} of {len(wanted)} chapters failed: {', '.join(failed)}. The errors are above and in the pages.")
    return status


def serve(port: int) -> int:
    """Show the built book on http://localhost:PORT, building it first if it is not there."""
    if not 0 <= port <= 65535:
        sys.exit(f"A port is a number in 0…65535 (0: any that is free); {port} was given.")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(HTML))
    try:  # before the book is built, which takes minutes
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        other = port % 65535 + 1
        sys.exit(f"Port {port} cannot be used: {error.strerror}. Choose another one: make serve PORT={other}, "
                 f"or without make: python tools/build.py serve --port {other}")
    with server:
        if not (HTML / "index.html").exists() and book(None) != 0:
            return 1
        print(f"The book is on http://localhost:{server.server_port} (Ctrl-C stops)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0


def pdf() -> int:
    """Print the built book into one PDF, with Chromium."""
    environment.ensure()
    environment.ensure_browser()
    return tool("pdf")


def pack() -> int:
    """Pack the built pages for a stick: unpack, double-click index.html."""
    environment.ensure()
    return tool("site_zip")


def twice() -> int:
    """Run every chapter twice, the second time the last one first: does each show the same, to the bit?"""
    environment.ensure()
    return told(check.twice())


def colab(short: bool) -> int:
    """Run every chapter with the versions that Colab ships (tools/checks/colab.txt), in an environment of its own."""
    environment.ensure()
    return told(check.colab(short))


def oldest() -> int:
    """Run the package's tests with the oldest versions of its libraries that it allows, in an environment of its own."""
    return told(check.oldest())


def told(result: Tally) -> int:
    """Print what came of it; the exit status is 1 if anything failed."""
    for note in result.notes:
        print(f"NOTE: {note}")
    print(result)
    return int(result.failed > 0)


def mutants(only: str) -> int:
    """Plant each known mistake in a copy of the package and show which test catches it."""
    environment.ensure()
    return tool("mutants", only)


def mutation(only: str) -> int:
    """Change the core in every small way that mutmut knows and show which changes no test notices; can be resumed."""
    environment.ensure()
    environment.pip("install", "-e", ".[mutation]")
    return tool("mutation", *filter(None, [only]))


def coverage() -> int:
    """Measure which lines and branches of the core its own tests reach; it fails below the bar of pyproject.toml."""
    environment.ensure()
    environment.pip("install", "-e", ".[mutation]")
    tests = [path for paths in CORE_TESTS.values() for path in paths]
    return python("-m", "coverage", "run", "-m", "pytest", "-q", *tests) or python("-m", "coverage", "report")


def run_tool(name: str, arguments: list[str]) -> int:
    """Run a file of tools/ by its name, with any arguments, in the project's environment."""
    environment.ensure()
    return tool(name, *arguments)


def lab(edit: bool) -> int:
    """Open JupyterLab on the chapters as readers see them, or on their sources."""
    environment.ensure()
    try:
        return python("-m", "jupyterlab", NOTEBOOKS if edit else READABLE)
    except KeyboardInterrupt:
        return 0


def lint() -> int:
    """Check the style of the code, the notebooks' too."""
    environment.ensure()
    return python("-m", "ruff", "check", ".")


def bench(device: str) -> int:
    """Run the benchmarks in a reduced form on this machine; their figures go to benchmarks/here."""
    environment.ensure()
    environment.pip("install", "-r", "benchmarks/requirements.txt")
    folder = ROOT / "benchmarks"
    shutil.rmtree(folder / "here", ignore_errors=True)  # an earlier run's parts would not be measured again
    started = time.monotonic()
    for name, *arguments in BENCHMARKS:
        command = " ".join([f"benchmarks/{name}.py", *arguments, "--quick", "--device", device])
        if time.monotonic() - started > 60 * LAST_BENCHMARK:
            print(f"--- left out, {LAST_BENCHMARK} minutes are over: python {command}")
            continue
        print(f"--- {command}", flush=True)
        status = python(*command.split())
        if status != 0:
            return status
    print(f"The figures are in {(folder / 'here').relative_to(ROOT)}; those recorded by us are in diffusion_utils/records.")
    return 0


def clean() -> int:
    """Remove everything built. The environment in .venv stays."""
    shutil.rmtree(BUILD, ignore_errors=True)
    for folder in (".pytest_cache", ".ruff_cache", "dist"):
        shutil.rmtree(ROOT / folder, ignore_errors=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/build.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    set_up = argparse.ArgumentParser(add_help=False)
    set_up.add_argument("--torch-index", metavar="ADDRESS", default=os.environ.get("TORCH_INDEX", ""),
                        help="install PyTorch from here, e.g. a build for your GPU, or without one: pytorch.org's selector "
                             "shows the address (also the environment variable TORCH_INDEX)")

    def command(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, description=help, parents=[set_up])

    part = command("book", book.__doc__)
    part.add_argument("--only", metavar="NAME", help="preview only the chapters of this name, such as 01_*")
    part = command("serve", serve.__doc__)
    part.add_argument("--port", type=int, default=8000)
    part = command("test", "Run every test and end with one summary")
    part.add_argument("--reuse", action="store_true", help="do not execute again the notebooks that did not change")
    part.add_argument("--full", action="store_true", help="run every chapter under the old ipywidgets too")
    part = command("colab", colab.__doc__)
    part.add_argument("--short", action="store_true", help="with fewer samples and shorter training")
    part = command("mutants", mutants.__doc__)
    part.add_argument("--only", metavar="WORD", default="", help="only the mistakes whose description holds this word")
    part = command("mutation", mutation.__doc__)
    part.add_argument("--only", metavar="MODULE", default="", help="only this module, such as losses")
    part = command("lab", lab.__doc__)
    part.add_argument("--edit", action="store_true", help="the sources, to change a chapter")
    command("zip", pack.__doc__)
    for simple in (pdf, twice, oldest, coverage, lint):
        command(simple.__name__, simple.__doc__)
    part = command("bench", bench.__doc__)
    part.add_argument("--device", default="cpu", choices=("cpu", "cuda", "mps"))
    command("setup", "Only make .venv ready")
    part = command("run", run_tool.__doc__)
    part.add_argument("name", help="such as page_speed; tools/README.md says what there is")
    part.add_argument("arguments", nargs=argparse.REMAINDER)
    part = commands.add_parser("repository", help="Move the book to another repository address")
    part.add_argument("url")
    part.add_argument("--tag", action="store_true", help="the version's tag is there already, and is what chapters install")
    commands.add_parser("release", help="Is what the chapters install on Colab there? (needs a network)")
    commands.add_parser("clean", help=clean.__doc__)
    arguments = parser.parse_args()
    if getattr(arguments, "torch_index", ""):
        os.environ["TORCH_INDEX"] = arguments.torch_index
    match arguments.command:
        case "book":
            return book(arguments.only)
        case "serve":
            return serve(arguments.port)
        case "test":
            environment.ensure()
            return check.test(arguments.reuse, arguments.full)
        case "bench":
            return bench(arguments.device)
        case "mutants":
            return mutants(arguments.only)
        case "mutation":
            return mutation(arguments.only)
        case "setup":
            return environment.ensure() or 0
        case "run":
            return run_tool(arguments.name, arguments.arguments)
        case "colab":
            return colab(arguments.short)
        case "lab":
            return lab(arguments.edit)
        case "repository":
            tag = ["--tag"] if arguments.tag else []
            return tool("repository", arguments.url, *tag, interpreter=sys.executable)
        case "release":
            return tool("release", interpreter=sys.executable)
        case other:
            return {"pdf": pdf, "zip": pack, "twice": twice, "oldest": oldest, "coverage": coverage, "lint": lint,
                    "clean": clean}[other]()


if __name__ == "__main__":
    sys.exit(main())
