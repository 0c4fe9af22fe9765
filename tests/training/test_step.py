"""The steps of `fit`, repeated by hand: the gradient of the loss itself, AdamW, then the average of the weights.

Also what a loss is told of its step; and what must not happen in one: that it waits for the value of its loss.
"""

from __future__ import annotations

import copy
import time
from dataclasses import replace

import torch
from torch import nn

from diffusion_utils.training import Step, TrainConfig, batch_rows, fit, learning_rate

CONFIG = TrainConfig(steps=8, batch=4, lr=0.05, warmup=2, clip=0.5, ema=0.5, weight_decay=0.1, log_every=8, bf16=False)
DATA = torch.randn((12, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def loss_of(net: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    return (net(DATA[rows]) - DATA[rows].sum(1, keepdim=True) - 3).square().mean()


def test_a_run_is_the_steps_it_says() -> None:
    net = nn.Linear(3, 1).double()
    by_hand, average = copy.deepcopy(net), copy.deepcopy(net)
    optimiser = torch.optim.AdamW(by_hand.parameters(), lr=CONFIG.lr, weight_decay=0.1, betas=(0.9, 0.99))
    for step in range(1, CONFIG.steps + 1):
        optimiser.param_groups[0]["lr"] = learning_rate(CONFIG, step, (step - 1) / CONFIG.steps)
        optimiser.zero_grad()
        loss_of(by_hand, batch_rows(12, CONFIG, step)).backward()
        # Scaled to the length 0.5 where it is longer: the loss begins near 10, so that at first it is.
        nn.utils.clip_grad_norm_(by_hand.parameters(), 0.5)
        optimiser.step()
        keep = min(0.5, (1 + step) / (10 + step))
        for mean, now in zip(average.parameters(), by_hand.parameters(), strict=True):
            mean.data.mul_(keep).add_((1 - keep) * now.data)
    *_, last = fit(net, lambda net, step: loss_of(net, step.rows), 12, CONFIG)
    for found, wanted in ((net, by_hand), (last.ema_net, average)):
        for a, b in zip(found.parameters(), wanted.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)  # the same operations on numbers of order 1


def test_a_loss_is_told_which_step_it_is_and_how_much_of_the_run_is_over() -> None:
    told = []

    def loss(net: nn.Module, step: Step) -> torch.Tensor:
        told.append((step.number, step.fraction, step.rows.tolist()))
        return loss_of(net, step.rows)

    list(fit(nn.Linear(3, 1).double(), loss, 12, CONFIG))
    assert told == [(k, (k - 1) / 8, batch_rows(12, CONFIG, k).tolist()) for k in range(1, 9)]


def test_by_the_clock_the_fraction_is_of_the_time() -> None:
    config, told = replace(CONFIG, steps=10**9, minutes=0.2 / 60), []

    def loss(net: nn.Module, step: Step) -> torch.Tensor:
        told.append(step.fraction)
        time.sleep(0.02)
        return loss_of(net, step.rows)

    *_, last = fit(nn.Linear(3, 1).double(), loss, 12, config)
    assert told == sorted(told) and 0 <= told[0] < 0.5 and 0.1 < told[-1] < 1, "of ten steps or fewer, each before its end"
    assert last.step == len(told)


def test_what_a_loss_draws_depends_on_the_seed_and_the_step_alone() -> None:
    drawn = {}

    def loss(net: nn.Module, step: Step) -> torch.Tensor:
        drawn.setdefault(step.number, []).append(torch.rand(3, generator=step.generator))
        return loss_of(net, step.rows)

    for config in (CONFIG, CONFIG, replace(CONFIG, seed=1)):
        list(fit(nn.Linear(3, 1).double(), loss, 12, config))
    assert all(torch.equal(first, again) and not torch.equal(first, other) for first, again, other in drawn.values())
    assert len({tuple(first.tolist()) for first, *_ in drawn.values()}) == 8, "each step draws other numbers"


def test_a_loss_may_ask_the_average_of_the_steps_before_it() -> None:
    """A teacher: first the weights that the network began with, then what is averaged after each step; without a gradient."""
    net, found = nn.Linear(3, 1).double(), []
    average = copy.deepcopy(net)

    def loss(net: nn.Module, step: Step) -> torch.Tensor:
        keep = min(0.5, step.number / (9 + step.number))  # of the step before: (1 + k)/(10 + k)
        if step.number > 1:
            for mean, now in zip(average.parameters(), net.parameters(), strict=True):
                mean.data.mul_(keep).add_((1 - keep) * now.data)
        found.append(step.average)
        for a, b in zip(step.average.parameters(), average.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
            assert not a.requires_grad
        return loss_of(net, step.rows) + (net(DATA) - step.average(DATA)).square().mean()

    *_, last = fit(net, loss, 12, CONFIG)
    assert len(found) == 8 and all(one is last.ema_net for one in found)


class Watched(torch.Tensor):
    """A loss that remembers when somebody asks for its value, for which a GPU would have to finish all it was told to do."""

    asked: list[str] = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("item", "tolist", "cpu", "numpy", "__float__", "__bool__", "__array__"):
            cls.asked.append(name)
        return super().__torch_function__(function, types, args, kwargs or {})


def test_the_loss_is_asked_for_its_value_only_where_a_line_is_reported() -> None:
    Watched.asked.clear()
    config = TrainConfig(steps=8, batch=4, log_every=4, bf16=False)
    lines = list(fit(nn.Linear(3, 1).double(), lambda net, step: loss_of(net, step.rows).as_subclass(Watched), 12, config))
    assert [line.step for line in lines] == [1, 4, 8]
    assert Watched.asked == ["tolist"] * 3
