"""What a network does to the shapes: one line a layer, recorded while it runs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Layer(NamedTuple):
    """name: the module's path in the network; kind: its class; shape: of its output for one sample; parameters: how many."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


@torch.no_grad()
def layer_shapes(net: nn.Module, x: Tensor, *rest: Tensor) -> list[Layer]:
    """The layers of a network in the order in which net(x, *rest) calls them.

    x: (B, …). Layers are the network's own children, with module lists opened up. Returns a list of Layer.
    """
    layers, hooks = [], []

    def record(name: str):
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            count = sum(parameter.numel() for parameter in module.parameters())
            layers.append(Layer(name, type(module).__name__, tuple(output.shape[1:]), count))

        return hook

    for name, child in net.named_children():
        parts = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        for number, module in parts:
            hooks.append(module.register_forward_hook(record(f"{name}.{number}".rstrip("."))))
    try:
        net(x, *rest)
    finally:
        for hook in hooks:
            hook.remove()
    return layers
