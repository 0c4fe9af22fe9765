"""Several devices under PyTorch's own `torchrun`: each process takes its share of every batch (DDP).

All processes draw the randomness of the whole batch and keep their own rows of it, so that two processes give the
same loss curve as one process with the whole batch, up to the rounding of the gradient average.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn
from torch import distributed as dist

from .state import differences


class Group:
    """The processes that train together; alone, every method does nothing."""

    rank, size = 0, 1

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes files."""
        return self.rank == 0

    def share(self, whole: Tensor) -> Tensor:
        """This process's rows of a whole batch: (batch, …) → (batch/size, …). Raises ValueError if they do not divide."""
        if len(whole) % self.size:
            raise ValueError(f"a batch of {len(whole)} cannot be shared by {self.size} processes")
        return whole[self.rank::self.size]

    def wrap(self, net: nn.Module) -> nn.Module:
        """The network whose gradients are averaged over the group."""
        return net

    def mean(self, values: Tensor) -> Tensor:
        """The average over the group."""
        return values

    def any(self, flag: bool) -> bool:
        """Whether any process of the group says so."""
        return flag

    def check_same(self, facts: dict) -> None:
        """Raise ValueError in all processes if they differ in these facts, a dict of what JSON can hold."""


class TorchrunGroup(Group):
    """Made from the variables that torchrun sets; NCCL on CUDA, gloo elsewhere."""

    def __init__(self, device: torch.device):
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        self.rank, self.size, self.device = dist.get_rank(), dist.get_world_size(), device

    def wrap(self, net: nn.Module) -> nn.Module:
        return nn.parallel.DistributedDataParallel(net)

    def mean(self, values: Tensor) -> Tensor:
        values = values.clone()
        dist.all_reduce(values)
        return values / self.size

    def any(self, flag: bool) -> bool:
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def check_same(self, facts: dict) -> None:
        of_all: list[dict] = [{}] * self.size
        dist.all_gather_object(of_all, facts)
        for rank, theirs in enumerate(of_all):
            found = differences(of_all[0], theirs)
            if found:
                told = "; ".join(f"{name}: {first!r} and {other!r}" for name, (first, other) in found.items())
                raise ValueError("all processes must train the same network on the same data, but processes 0 and "
                                 f"{rank} differ in {told}")

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()


def under_torchrun() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def local_device(device: torch.device) -> torch.device:
    """On CUDA, the GPU that torchrun gave to this process; else the device itself."""
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device
