"""What each technique is worth in time: the same arithmetic, or nearly, done faster. Candidates take turns.

    python benchmarks/speedups.py [--quick] [--device cpu]

Each part compares ways to do one thing, the first of them the plain one, and says what was expected before it was
measured. Quality is not touched by these; techniques.py measures those that touch it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import torch
from timing import Results, arguments
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader

from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.devices import has_fast_bf16, pick_device
from diffusion_utils.muon import Muon
from diffusion_utils.recipes import get_recipe
from diffusion_utils.speed import interleaved

BATCH = 64


def network(device: torch.device) -> nn.Module:
    """The network of mnist-unet, with its initial weights."""
    return get_recipe("mnist-unet").build().to(device)


def inputs(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of noise and its times."""
    return torch.randn(BATCH, 1, 28, 28, device=device), torch.full((BATCH,), 500.0, device=device)


def step_of(net: Callable, x: torch.Tensor, time: torch.Tensor, dtype: torch.dtype | None) -> Callable[[], None]:
    """Forward and back, under autocast to dtype (None: float32)."""
    def run() -> None:
        with torch.autocast(x.device.type, dtype=dtype) if dtype else nullcontext():
            loss = net(x, time).float().square().mean()
        loss.backward()

    return run


def precision(device: torch.device) -> dict:
    """A training step in each number format."""
    x, time = inputs(device)
    formats = {"float32": None, "bfloat16": torch.bfloat16} | ({"float16": torch.float16} if device.type == "cuda" else {})
    return {name: step_of(network(device), x, time, dtype) for name, dtype in formats.items()}


def layout_and_compiler(device: torch.device) -> dict:
    """A training step with the other memory layout, and compiled, in the precision that suits the device."""
    (x, time), dtype = inputs(device), torch.bfloat16 if has_fast_bf16(device) else None
    last = network(device).to(memory_format=torch.channels_last)
    nets = {"plain": network(device), "channels_last": last, "torch.compile": torch.compile(network(device)),
            "both": torch.compile(network(device).to(memory_format=torch.channels_last))}
    return {name: step_of(net, x.to(memory_format=torch.channels_last) if net is last else x, time, dtype)
            for name, net in nets.items()}


def optimisers(device: torch.device) -> dict:
    """A step of each optimiser on the network's parameters."""
    def ready(make: Callable[[nn.Module], torch.optim.Optimizer]) -> Callable[[], None]:
        net = network(device)
        for parameter in net.parameters():
            parameter.grad = 1e-3 * torch.randn_like(parameter)
        return make(net).step

    return {name: ready(lambda net, how=how: torch.optim.AdamW(net.parameters(), lr=1e-5, **how))
            for name, how in (("AdamW, a loop", {"foreach": False}), ("AdamW, foreach", {"foreach": True}),
                              ("AdamW, fused", {"fused": True}))} | {"Muon": ready(lambda net: Muon(net, 1e-5))}


def data(device: torch.device) -> dict:
    """The next batch of digits on the device: from a DataLoader, or from a tensor that lives there."""
    images = load_mnist("train").images
    resident = images.to(device)

    def forever():
        while True:
            yield from DataLoader(images, BATCH, shuffle=True)

    loader = forever()
    return {"DataLoader": lambda: to_model(next(loader).to(device)),
            "resident": lambda: to_model(resident[torch.randint(len(images), (BATCH,)).to(device)])}


def attention(device: torch.device, positions: int) -> dict:
    """Self-attention over so many positions, 4 heads of 40, written out and by a fused kernel."""
    def ready(kernels: list[SDPBackend]) -> Callable[[], None]:
        dtype = torch.bfloat16
        q, k, v = (torch.randn(BATCH, 4, positions, 40, device=device, dtype=dtype) for _ in range(3))

        def run() -> None:
            with sdpa_kernel(kernels):
                nn.functional.scaled_dot_product_attention(q, k, v)

        return run

    kernels = {"written out": [SDPBackend.MATH], "fused": [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]}
    return {name: ready(chosen) for name, chosen in kernels.items()}


def graphs(device: torch.device) -> dict:
    """A call of the network launched kernel by kernel, and replayed as one CUDA graph."""
    net, (x, time) = network(device).eval(), inputs(device)

    def call() -> None:
        with torch.no_grad(), torch.autocast("cuda", dtype=torch.bfloat16, cache_enabled=False):
            net(x, time)

    side = torch.cuda.Stream()  # kernels choose their algorithms in a few runs before the capture
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return {"launched": call, "graph": graph.replay}


PARTS = {
    "precision": (precision, "bfloat16 halves the time where the hardware multiplies it, and loses where it does not"),
    "layout and compiler": (layout_and_compiler, "channels_last 10 % faster; the compiler a fifth, by fusing norms and "
                            "activations; on a GPU more of both"),
    "optimiser": (optimisers, "foreach and fused several times faster than a loop, on a step that is short anyway; Muon a few "
                  "times AdamW"),
    "data": (data, "resident data ten times faster than a DataLoader; a few per cent of a step on a CPU, half of it on a GPU"),
    "attention, 7 × 7": (partial(attention, positions=49), "no difference: 49 positions are few"),
    "attention, 28 × 28": (partial(attention, positions=784), "a fused kernel is several times faster, and needs less memory"),
}
CUDA_PARTS = {"CUDA graph": (graphs, "three times faster: small kernels are waited for longer than they run")}


def main() -> None:
    """Measure what is missing and record it."""
    args = arguments(__doc__).parse_args()
    device, rounds = pick_device(args.device), 3 if args.quick else 15
    results = Results("speedups", device, "seconds, medians of n rounds that take turns", rounds, {"batch": BATCH}, args.quick)
    for name, (make, expected) in (PARTS | (CUDA_PARTS if device.type == "cuda" else {})).items():
        results.part(name, lambda make=make, expected=expected: {
            "expected": expected, "timed": interleaved(make(device), device, rounds)})


if __name__ == "__main__":
    main()
