"""The device that is not there refuses what a GPU refuses, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pretended_device import pretended
from torch import Tensor, nn

KINDS = pytest.mark.parametrize("kind", ["cuda", "mps"])


@KINDS
@pytest.mark.parametrize(("refused", "words"), [
    (lambda x: x + torch.ones(2, 3), "same device"),
    (lambda x: torch.ones(4, 2) @ x, "same device"),
    (lambda x: torch.where(x > 0, x, torch.ones(2, 3)), "same device"),
    (lambda x: torch.stack([x.sum(), torch.tensor(1.0)]), "same device"),
    (lambda x: torch.ones(3)[x.long()], "same device"),
    (lambda x: nn.Linear(3, 1)(x), "same device"),
    (lambda x: torch.randn(3, device=x.device, generator=torch.Generator()), "generator"),
    (lambda x: x.normal_(generator=torch.Generator()), "generator"),
    (lambda x: x.numpy(), "numpy"),
    (lambda x: np.asarray(x), "numpy"),
])
def test_what_a_gpu_refuses(kind: str, refused: Callable[[Tensor], object], words: str) -> None:
    with pretended(kind) as device:
        x = torch.zeros(2, 3, device=device)
        with pytest.raises((RuntimeError, TypeError), match=words):
            refused(x)


@pytest.mark.parametrize("wide", [
    lambda x: x.double(), lambda x: x.to(torch.float64), lambda x: x.to("cpu", torch.float64),
    lambda x: torch.zeros(3, dtype=torch.float64, device=x.device), lambda x: torch.zeros(3).double().to(x.device),
    lambda x: torch.as_tensor(x, dtype=torch.float64), lambda x: torch.tensor([1.0], dtype=torch.float64, device="mps"),
])
def test_float64_is_refused_by_apples_gpu_alone(wide: Callable[[Tensor], object]) -> None:
    with pretended("mps") as device, pytest.raises(TypeError, match="float64"):
        wide(torch.zeros(3, device=device))
    with pretended("cuda") as device:
        assert torch.zeros(3, device=device).double().dtype == torch.float64


@KINDS
def test_what_a_gpu_takes(kind: str) -> None:
    with pretended(kind) as device:
        x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
        assert str(x.device) == f"{kind}:0" and x.device.type == device.type and x.cpu().device.type == "cpu"
        assert x[torch.tensor([1])].tolist() == [[3, 4]], "rows chosen on the CPU"
        assert (x * torch.tensor(2.0)).tolist() == [[2, 4], [6, 8]], "one number of the CPU"
        assert (float(x.sum()), f"{x.mean():.1f}", len(x), bool((x > 0).all())) == (10, "2.5", 2, True)
        assert torch.tensor([1.5], dtype=torch.float64).to(x).tolist() == [1.5], "cast on the CPU before it is copied"
        target = torch.zeros(2, 2)
        target.copy_(x)
        assert target.tolist() == x.tolist() and target.device.type == "cpu"
        x += 1
        x[0] = 0.0
        assert x.cpu().tolist() == [[0, 0], [4, 5]], "changed in place"


@KINDS
def test_networks_learn_and_are_copied_there(kind: str) -> None:
    with pretended(kind) as device:
        net = nn.Linear(2, 1).to(device)
        twin = copy.deepcopy(net)
        optimiser = torch.optim.AdamW(net.parameters(), lr=0.1, fused=True)
        net(torch.ones(3, 2, device=device)).square().mean().backward()
        optimiser.step()
        for now, before in zip(net.parameters(), twin.parameters(), strict=True):
            assert now.device.type == before.device.type == kind and not torch.equal(now, before)


def test_nothing_is_left_behind() -> None:
    with pretended("mps"):
        assert torch.backends.mps.is_available()
    assert torch.zeros(1).double().dtype == torch.float64 and type(torch.zeros(1)) is Tensor
