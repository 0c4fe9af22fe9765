"""A run's folder: one run at a time, no state lost, and a save that fails ends nothing but is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from diffusion_utils.files import InUseError
from diffusion_utils.training import Progress, TrainConfig, fit

CONFIG = TrainConfig(steps=6, batch=2, log_every=2, bf16=False)
DATA = torch.randn((8, 3), generator=torch.Generator().manual_seed(0))


def start(folder: Path, **options) -> Iterator[Progress]:
    torch.manual_seed(0)
    return fit(nn.Linear(3, 1), lambda net, step: net(DATA[step.rows]).square().mean(), 8, CONFIG, folder=folder, **options)


def weights(folder: Path) -> torch.Tensor:
    return load_file(folder / "state.safetensors")["net.weight"]


# Begins a run in the folder, makes a step, and then does what it is told.
FIRST = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("this", sys.argv[1])
this = importlib.util.module_from_spec(spec)
spec.loader.exec_module(this)
run = this.start(pathlib.Path(sys.argv[2]))
next(run)
print("at work", flush=True)
"""


def first_run(folder: Path, then: str) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", FIRST + then, __file__, folder], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert process.stdout.readline() == "at work\n", process.stderr.read()
    return process


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is Unix's")
def test_a_second_run_in_the_folder_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with first_run(tmp_path, "input()") as process:
        for resume in (False, True):
            with pytest.raises(InUseError, match=f"the folder {tmp_path} is in use: another run"):
                next(start(tmp_path, resume=resume))
        process.send_signal(signal.SIGKILL)
    assert [line.step for line in start(tmp_path)] == [1, 2, 4, 6], "one that was killed is in nobody's way"


def test_two_runs_of_one_process_are_two(tmp_path: Path) -> None:
    run = start(tmp_path)
    next(run)
    with pytest.raises(InUseError, match="in this process or elsewhere.*close"):
        next(start(tmp_path))
    run.close()
    assert next(start(tmp_path, resume=True)).step == 1


def test_a_new_run_does_not_replace_another_ones_state(tmp_path: Path) -> None:
    list(start(tmp_path))
    with pytest.raises(FileExistsError, match=f"{tmp_path} holds a run already: go on with --resume, or choose another"):
        next(start(tmp_path))


def test_a_program_that_ends_in_the_middle_of_a_run_leaves_a_whole_state_or_none(tmp_path: Path) -> None:
    """And no words of an exception that nobody could catch."""
    with first_run(tmp_path, "sys.exit()") as process:
        _, told = process.communicate()
    assert process.returncode == 0 and told == ""
    if (tmp_path / "state.safetensors").exists():
        assert next(start(tmp_path, resume=True)).step == 1


def test_a_full_disk_is_told_and_training_goes_on(tmp_path: Path, full_disk, capsys: pytest.CaptureFixture) -> None:
    run = start(tmp_path, save_minutes=0)
    next(run)
    kept = weights(tmp_path)
    with full_disk(100):
        assert next(run).step == 2
        told = capsys.readouterr().err
        assert "Notice: at step 2: cannot write" in told and "the state of step 1 is kept" in told
        assert torch.equal(weights(tmp_path), kept)
    list(run)  # there is room again
    list(start(whole := tmp_path / "whole"))
    assert torch.equal(weights(tmp_path), weights(whole))


def test_a_disk_that_is_full_at_the_end_is_an_error_and_the_old_state_kept(tmp_path: Path, full_disk) -> None:
    run = start(tmp_path, save_minutes=0)
    for _ in range(3):
        line = next(run)
    kept = weights(tmp_path)
    with full_disk(100), pytest.raises(OSError, match="at step 6: cannot write .*; the state of step 4 is kept"):
        next(run)
    assert line.step == 4 and torch.equal(weights(tmp_path), kept)
    assert [line.step for line in start(tmp_path, resume=True)] == [4, 6]


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    next(run)
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    (tmp_path / "run").rmdir()
    list(run)
    assert next(start(tmp_path / "run", resume=True)).step == 6
