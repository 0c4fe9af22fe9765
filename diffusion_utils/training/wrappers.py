"""What PyTorch puts around a network, and the network without it."""

from __future__ import annotations

from torch import nn

AROUND = (nn.parallel.DistributedDataParallel, nn.DataParallel)


def unwrapped(net: nn.Module) -> nn.Module:
    """The network inside of torch.compile and DistributedDataParallel, in whatever order; a plain one is itself.

    It shares its weights with what is around it, but names them as a plain network does, without `_orig_mod.` or `module.`:
    so optimisers, states and checkpoints use these names and can be loaded anywhere.
    """
    while isinstance(net, AROUND) or hasattr(net, "_orig_mod"):
        net = net.module if isinstance(net, AROUND) else net._orig_mod
    return net
