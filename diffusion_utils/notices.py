"""What a reader should know and need not act upon: one line, where it will be seen and harm nothing."""

from __future__ import annotations

import sys


def notice(text: str) -> None:
    """Print the line "Notice: text": in a notebook with the cell's output, elsewhere on stderr.

    A notebook's page shows the line as it stands; on stderr it would be taken for a warning. On the command line stdout
    carries results, such as JSON for another program, and a notice must not get among them.
    """
    print(f"Notice: {text}", file=sys.stdout if in_notebook() else sys.stderr)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code; IPython in a terminal is none, nor is a process that a notebook starts."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
