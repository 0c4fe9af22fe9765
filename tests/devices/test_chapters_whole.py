"""Whole chapters, in short, on Apple's GPU that is not there: it refuses all that CUDA refuses, and float64.

Takes a few minutes, and so runs where DIFFUSION_CHAPTERS is set. What a chapter calls is checked in test_chapter_functions.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from pretended_device import pretended
from project import chapters
from short import shortened

ON_A_DEVICE = [path for path in chapters() if "pick_device" in path.read_text(encoding="utf-8")]
# Counts the operations of networks on PyTorch's own device "meta", for which the pretended one stands in.
LEFT_OUT = {"install", "on-paper", "on-paper-clock", "ex1"}


@pytest.mark.slow
@pytest.mark.skipif("DIFFUSION_CHAPTERS" not in os.environ, reason="takes a few minutes; runs with DIFFUSION_CHAPTERS=1")
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chapter", ON_A_DEVICE, ids=lambda path: path.stem)
def test_the_chapter_runs_on_a_gpu(chapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", plt.close)
    notebook = shortened(json.loads(chapter.read_text(encoding="utf-8")))
    names = {"__name__": "__main__"}
    with pretended("mps"):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and cell["id"] not in LEFT_OUT:
                exec(compile("".join(cell["source"]), f"{chapter.stem}, cell {cell['id']}", "exec"), names)
    plt.close("all")
