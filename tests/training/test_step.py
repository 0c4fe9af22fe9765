"""The steps of `fit`, repeated by hand: the gradient of the loss itself, AdamW, then the average of the weights.

And what must not happen in a step: that it waits for the value of its loss.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from diffusion_utils.training import TrainConfig, batch_rows, fit, learning_rate

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
