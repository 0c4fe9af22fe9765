"""The training loop: what it draws, that it resumes bit for bit, that several processes are as good as one, how it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from diffusion_utils import checkpoints
from diffusion_utils.data import ImageData
from diffusion_utils.networks import UNet
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.training import Step, TrainConfig, TrainingDiverged, TrainingInterrupted, batch_rows, fit, learning_rate
from diffusion_utils.training.distributed import Group

CPU = torch.device("cpu")
TINY = DiffusionRecipe(
    name="tiny", predicts="v", schedule={"name": "cosine", "T": 100}, sampling={"sampler": "ddim", "steps": 5},
    network={"kind": "unet", "channels": [8], "patch": 4, "emb_dim": 8, "num_classes": 10, "dropout": 0.2},
    train=TrainConfig(steps=30, batch=8, lr=3e-3, warmup=5, ema=0.9, weight_decay=0.01, log_every=5, bf16=False),
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Such a small network gains nothing from more, and loses much where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def digits(n: int = 50) -> ImageData:
    """Random pixels and labels: the loop does not look at them."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 28, 28), generator=generator).to(torch.uint8)
    return ImageData(images, torch.arange(n) % 10, "random", "made here", "none")


def start(recipe: DiffusionRecipe = TINY, **options):
    """A fresh network of the recipe, training."""
    net, data = recipe.build(), digits()
    return fit(net, recipe.loss_fn(data, CPU, Group()), len(data), recipe.train, **options)


def state(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "state.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Network, average and optimiser equal to the last bit."""
    return a.keys() == b.keys() and all(torch.equal(a[k].view(torch.uint8), b[k].view(torch.uint8)) for k in a if a[k].ndim)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    *_, last = start(folder=folder)
    assert last.step == 30
    return folder


# --- what is drawn


def test_batches_cover_each_epoch_exactly_once() -> None:
    config = TrainConfig(batch=4, seed=1)
    rows = torch.cat([batch_rows(10, config, step) for step in range(1, 11)])  # 40 rows: 4 epochs
    epochs = rows.split(10)
    assert all(sorted(epoch.tolist()) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 4, "each epoch in another order"
    assert not torch.equal(batch_rows(10, replace(config, seed=2), 1), batch_rows(10, config, 1))


def test_a_batch_larger_than_the_data_takes_several_epochs() -> None:
    rows = batch_rows(3, TrainConfig(batch=8), 1)
    assert [rows.tolist().count(k) for k in range(3)] in ([3, 3, 2], [3, 2, 3], [2, 3, 3])


def test_learning_rate_rises_then_falls_to_nothing() -> None:
    config = TrainConfig(steps=1000, lr=2.0, warmup=100)

    def lr(step: int) -> float:
        return learning_rate(config, step, (step - 1) / config.steps)

    assert lr(1) == pytest.approx(2 / 100)
    assert lr(50) == pytest.approx(1.0, rel=0.01), "half of the peak; the cosine has fallen by 0.6 %"
    assert lr(501) == pytest.approx(1.0), "half of the peak, half-way"
    assert 0 < lr(1000) < 1e-4
    rates = [lr(step) for step in range(1, 1001)]
    top = rates.index(max(rates))
    assert 90 < top < 110 and max(rates) <= 2
    assert all(a < b for a, b in zip(rates[:top], rates[1:top + 1], strict=True))
    assert all(a > b for a, b in zip(rates[top:-1], rates[top + 1:], strict=True))
    assert learning_rate(config, 1000, 1.5) == 0, "a clock that overruns does not go up again"


def test_another_rate_can_be_given() -> None:
    """It is asked at each step, and AdamW's first step is as long as the rate, whatever the gradient."""
    torch.manual_seed(0)
    net, asked = torch.nn.Linear(1, 1), []
    before = net.weight.item()

    def rate(config: TrainConfig, step: int, fraction: float) -> float:
        asked.append((step, fraction))
        return 0.25 if step == 1 else 0.0

    config = TrainConfig(steps=4, batch=1, bf16=False)
    lines = list(fit(net, lambda net, step: net(torch.ones(1, 1)).square().sum(), 1, config, rate=rate))
    assert asked == [(1, 0.0), (2, 0.25), (3, 0.5), (4, 0.75)]
    assert abs(net.weight.item() - before) == pytest.approx(0.25, rel=1e-4)
    assert [line.lr for line in lines] == [0.25, 0.0]


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    list(start(replace(TINY, train=replace(TINY.train, steps=3))))
    assert torch.equal(torch.randn(3), expected)


def test_progress_lines() -> None:
    lines = list(start(replace(TINY, train=replace(TINY.train, steps=12))))
    assert [line.step for line in lines] == [1, 5, 10, 12]
    assert [step for step, _ in lines[-1].history] == [1, 5, 10, 12]
    assert lines[-1].history[-1][1] == lines[-1].loss
    assert all(a.seconds <= b.seconds for a, b in zip(lines[:-1], lines[1:], strict=True))


def test_the_loss_falls() -> None:
    """On one batch of one image, which can be learned by heart."""
    recipe = replace(TINY, train=replace(TINY.train, steps=150, lr=1e-2, log_every=10))
    net = recipe.build()
    *_, last = fit(net, recipe.loss_fn(digits(1), CPU, Group()), 1, recipe.train)
    assert last.loss < 0.8 * last.history[0][1]


def test_minutes_stop_the_run(tmp_path: Path) -> None:
    recipe = replace(TINY, train=replace(TINY.train, steps=10**9, minutes=0.01))
    lines, began = [], time.monotonic()
    for line in start(recipe, folder=tmp_path, save_minutes=9):
        lines.append(line)
        time.sleep(0.05)  # a reader who draws between two lines: the run must still end with a saved state
    assert 0.6 <= lines[-1].seconds < 60 and lines[-1].step < 10**9
    assert lines[-1].seconds <= time.monotonic() - began - 0.05 * len(lines), "drawing was counted as training"
    header = (tmp_path / "state.safetensors").read_bytes()
    assert f'\\"step\\": {lines[-1].step},'.encode() in header


def test_however_few_minutes_a_step_is_made_and_yielded() -> None:
    recipe = replace(TINY, train=replace(TINY.train, steps=10**9, minutes=1e-9))
    assert [line.step for line in start(recipe)] == [1]


# --- interruptions


# Trains the recipe of this file; in step 18 it hangs until it is killed. States are saved at every line.
KILLED = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("this", sys.argv[1])
this = importlib.util.module_from_spec(spec)
spec.loader.exec_module(this)
inner, calls = this.TINY.loss_fn(this.digits(), this.CPU, this.Group()), 0
def loss_fn(net, step):
    global calls
    calls += 1
    if calls == 18:
        print("in step 18", flush=True)
        time.sleep(600)
    return inner(net, step)
for progress in this.fit(this.TINY.build(), loss_fn, 50, this.TINY.train, folder=sys.argv[2], save_minutes=0):
    pass
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is Unix's")
def test_resumes_bit_for_bit_after_sigkill(tmp_path: Path, uninterrupted: Path) -> None:
    command = [sys.executable, "-c", KILLED, __file__, tmp_path]
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in step 18\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not same(state(tmp_path), state(uninterrupted))
    resumed = list(start(folder=tmp_path, resume=True))
    assert resumed[0].step == 15, "the last state that was saved"
    assert same(state(tmp_path), state(uninterrupted))


def test_muon_resumes_bit_for_bit(tmp_path: Path) -> None:
    """Its Adam counts steps for each parameter; a count that came back as a float would change the last digits."""
    recipe = replace(TINY, train=replace(TINY.train, steps=12, optimiser="muon"))
    list(start(recipe, folder=tmp_path / "whole"))
    for line in start(recipe, folder=tmp_path / "halves", save_minutes=0):
        if line.step == 5:
            break  # as if killed here, after the save
    list(start(recipe, folder=tmp_path / "halves", resume=True))
    assert same(state(tmp_path / "whole"), state(tmp_path / "halves"))


def signalled(number: int, at: int):
    """The loss of this file's recipe, which sends this process the signal in its step number `at`."""
    inner, steps = TINY.loss_fn(digits(), CPU, Group()), []

    def loss_fn(net: nn.Module, step: Step) -> torch.Tensor:
        steps.append(len(steps) + 1)
        if steps[-1] == at:
            signal.raise_signal(number)
        return inner(net, step)

    return loss_fn


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_finishes_the_step_saves_and_says_how_to_go_on(tmp_path: Path, uninterrupted: Path, number: int,
                                                              status: int) -> None:
    """Ctrl-C, and what a scheduler sends before it kills."""
    before = signal.getsignal(number)
    with pytest.raises(TrainingInterrupted, match=r"stopped at step 7 of 30; saved in .*state.safetensors.* --resume") as stop:
        list(fit(TINY.build(), signalled(number, 7), 50, TINY.train, folder=tmp_path))
    assert isinstance(stop.value, KeyboardInterrupt) and stop.value.status == status
    assert signal.getsignal(number) is before, "it works as before"
    assert [line.step for line in start(folder=tmp_path, resume=True)] == [7, 10, 15, 20, 25, 30]
    assert same(state(tmp_path), state(uninterrupted))


def test_ctrl_c_without_a_folder_says_so_plainly() -> None:
    with pytest.raises(TrainingInterrupted, match="stopped at step 2 of 30$"):
        list(fit(TINY.build(), signalled(signal.SIGINT, 2), 50, TINY.train))


def test_while_a_run_is_paused_ctrl_c_is_the_callers() -> None:
    """A named run that a `break` left, or whose caller draws samples between two lines."""
    run = start()
    next(run)
    with pytest.raises(KeyboardInterrupt) as stop:
        signal.raise_signal(signal.SIGINT)
    assert not isinstance(stop.value, TrainingInterrupted)
    assert next(run).step == 5, "and the run goes on when asked"


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As Ctrl-C is in a program that was started with nohup or in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        *_, last = fit(TINY.build(), signalled(signal.SIGINT, 2), 50, replace(TINY.train, steps=3))
    finally:
        signal.signal(signal.SIGINT, before)
    assert last.step == 3


def test_a_run_that_its_caller_leaves_is_saved(tmp_path: Path, uninterrupted: Path) -> None:
    """By a break, an error between two lines, or Ctrl-C there: the next run goes on from the line that was seen last."""
    with pytest.raises(KeyboardInterrupt):
        for line in start(folder=tmp_path):
            if line.step == 15:
                signal.raise_signal(signal.SIGINT)
    assert next(start(folder=tmp_path, resume=True)).step == 15
    list(start(folder=tmp_path, resume=True))
    assert same(state(tmp_path), state(uninterrupted))


def test_trains_outside_the_main_thread() -> None:
    lines = []
    thread = threading.Thread(target=lambda: lines.extend(start()))
    thread.start()
    thread.join()
    assert lines[-1].step == 30


def test_a_run_may_change_threads() -> None:
    """Begun in the main thread and ended in another one, which may not touch signal handlers."""
    run = start()
    next(run)
    with ThreadPoolExecutor() as other:
        assert other.submit(list, run).result()[-1].step == 30


def test_resuming_a_finished_run_yields_its_last_line(tmp_path: Path, uninterrupted: Path) -> None:
    (tmp_path / "state.safetensors").write_bytes((uninterrupted / "state.safetensors").read_bytes())
    lines = list(start(folder=tmp_path, resume=True))
    assert [line.step for line in lines] == [30] and len(lines[0].history) == 7


# --- what goes wrong


@pytest.mark.parametrize("bad, name", [(float("nan"), "loss is nan"), (float("inf"), "loss is inf")])
def test_a_loss_that_is_no_number_stops_with_the_step_and_keeps_the_last_state(tmp_path: Path, bad: float, name: str) -> None:
    inner, calls = TINY.loss_fn(digits(), CPU, Group()), []

    def loss_fn(net: nn.Module, step: Step) -> torch.Tensor:
        calls.append(0)
        return inner(net, step) * (bad if len(calls) == 12 else 1)

    kept = None
    with pytest.raises(TrainingDiverged, match=f"the {name} at step 12.*last good state is kept in .*state.safetensors"):
        for _line in fit(TINY.build(), loss_fn, 50, TINY.train, folder=tmp_path, save_minutes=0):
            kept = state(tmp_path)
    assert same(state(tmp_path), kept), "the state of step 10"
    assert all(torch.isfinite(v).all() for v in state(tmp_path).values())


def test_a_gradient_that_is_no_number_is_noticed_before_it_is_saved(tmp_path: Path) -> None:
    """The loss of step 10 is finite, but the weights after it are not: that state must not replace the good one."""
    inner, calls = TINY.loss_fn(digits(), CPU, Group()), []

    def loss_fn(net: nn.Module, step: Step) -> torch.Tensor:
        calls.append(0)
        loss = inner(net, step)
        return loss + (0 * loss).sqrt() if len(calls) == 10 else loss  # the derivative of √0 is infinite, times 0: NaN

    with pytest.raises(TrainingDiverged, match="gradient's norm is nan at step 10.*last good state"):
        list(fit(TINY.build(), loss_fn, 50, TINY.train, folder=tmp_path, save_minutes=0))
    assert all(torch.isfinite(v).all() for v in state(tmp_path).values())


def test_a_read_only_folder_is_an_error_before_the_first_step(read_only_folder: Path) -> None:
    def never(*_: object) -> torch.Tensor:
        raise AssertionError("a step was made")

    with pytest.raises(PermissionError, match=f"cannot write in the folder {read_only_folder}"):
        next(fit(TINY.build(), never, 50, TINY.train, folder=read_only_folder))


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing to resume: .*state.safetensors does not exist"):
        next(start(folder=tmp_path, resume=True))
    with pytest.raises(ValueError, match="resume needs the folder"):
        next(start(resume=True))


def test_another_configuration_is_refused(uninterrupted: Path) -> None:
    other = replace(TINY, train=replace(TINY.train, lr=1e-4))
    with pytest.raises(ValueError, match=r"belongs to another run: config.lr was 0.003 and is now 0.0001\. Go on with what"):
        next(start(other, folder=uninterrupted, resume=True))


def test_another_network_is_refused(uninterrupted: Path) -> None:
    other = replace(TINY, network=TINY.network | {"channels": [16]})
    with pytest.raises(ValueError, match="belongs to another network.*size mismatch"):
        next(start(other, folder=uninterrupted, resume=True))


@pytest.mark.parametrize("size", [0, 5, 1000, -1])
def test_a_truncated_state_is_named(tmp_path: Path, uninterrupted: Path, size: int) -> None:
    (tmp_path / "state.safetensors").write_bytes((uninterrupted / "state.safetensors").read_bytes()[:size])
    with pytest.raises(ValueError, match="state.safetensors is truncated or not a training state"):
        next(start(folder=tmp_path, resume=True))


def test_a_checkpoint_is_no_state(tmp_path: Path) -> None:
    card = checkpoints.save(tmp_path, {"name": "state"}, checkpoints.half(TINY.build()))
    assert card.with_suffix(".safetensors").name == "state.safetensors"
    with pytest.raises(ValueError, match="not a training state"):
        next(start(folder=tmp_path, resume=True))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"log_every": 0}, {"lr": 0}, {"clip": -1}, {"minutes": 0},
                                   {"optimiser": "mouon"}])
def test_a_senseless_configuration_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainConfig(**wrong)


# --- several processes

DDP_STEPS = 12
TOGETHER = replace(TINY, network=TINY.network | {"dropout": 0.0},
                   train=replace(TINY.train, steps=DDP_STEPS, log_every=1))
WORKER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("this", sys.argv[1])
this = importlib.util.module_from_spec(spec)
spec.loader.exec_module(this)
this.TOGETHER.run(sys.argv[2], device="cpu", data=this.digits())
"""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")
def test_two_processes_give_the_loss_curve_of_one(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1",
               f"--master-port={free_port()}", tmp_path / "worker.py", __file__, tmp_path / "two"]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    TOGETHER.run(tmp_path / "one", device="cpu", data=digits(), log=lambda _: None)
    one, two = (json.loads((tmp_path / name / "tiny" / "tiny.json").read_text())["training"] for name in ("one", "two"))
    assert (one["processes"], two["processes"]) == (1, 2)
    a, b = (torch.tensor([loss for _, loss in training["history"]], dtype=torch.float64) for training in (one, two))
    assert len(a) == len(b) == DDP_STEPS
    # The mean over 8 · 784 squared errors, and each gradient, is summed in another order: a relative error of a few
    # float32 roundings, say 10 · 6e-8. Each step adds as much again, and 20 layers of about equal share carry it on.
    assert ((a - b).abs() / a).max() < DDP_STEPS * 20 * 10 * 6e-8
    # What the test would see if the processes did not share: the loss on half of the batch alone
    net, half = TOGETHER.build(), Group()
    half.size = 2

    def first_step(net: nn.Module) -> Step:
        return Step(1, 0.0, torch.arange(8), torch.Generator().manual_seed(0), net)

    whole_loss, half_loss = (TOGETHER.loss_fn(digits(), CPU, group)(net, first_step(net)).item()
                             for group in (Group(), half))
    assert abs(half_loss / whole_loss - 1) > 10 * DDP_STEPS * 20 * 10 * 6e-8


def test_shares_are_disjoint_and_make_the_whole() -> None:
    batch, parts = torch.arange(12), []
    for rank in range(3):
        group = Group()
        group.rank, group.size = rank, 3
        parts.append(group.share(batch))
    assert sorted(torch.cat(parts).tolist()) == batch.tolist()
    with pytest.raises(ValueError, match="batch of 8 cannot be shared by 3 processes"):
        group.share(torch.arange(8))


def test_several_processes_refuse_a_clock() -> None:
    group = Group()
    group.size = 2
    with pytest.raises(ValueError, match="minutes = 1 cannot be used with 2 processes"):
        next(fit(UNet(channels=(8,)), lambda *_: None, 8, TrainConfig(minutes=1), group=group))
