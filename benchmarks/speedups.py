"""What each technique is worth in time: the same arithmetic, or nearly, done faster. Candidates take turns.

    python benchmarks/speedups.py [--quick] [--device cpu]

Each part compares ways to do one thing, the first of them the plain one, and says what was expected before it was
measured. Quality is not touched by these; techniques.py measures those that touch it. CPUs that compute in float32 have a
record of their own, speedups-cpu-float32.json.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from platform import libc_ver
from time import perf_counter

import torch
from peers import from_scratch
from timing import Results, arguments
from torch import Tensor, nn
from torch.autograd import DeviceType
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader

from diffusion_utils.chapters.speed import finish, interleaved
from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, has_fast_bf16, keep_freed_memory, pick_device
from diffusion_utils.errors import first_line
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.training.muon import Muon, orthogonal

BATCH = 64


def network(device: torch.device) -> nn.Module:
    """The network of mnist-unet, with its initial weights."""
    return from_scratch().build().to(device)


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


def call_of(net: Callable, x: torch.Tensor, time: torch.Tensor) -> Callable[[], None]:
    """A call of the network in the device's precision."""
    def run() -> None:
        with torch.no_grad(), autocast(x.device):
            net(x, time)

    return run


def precision(device: torch.device) -> dict:
    """A training step in each number format; a CPU without bfloat16 would emulate it, far more slowly than is worth a wait."""
    x, time = inputs(device)
    formats = {"float32": None, "bfloat16": torch.bfloat16} | ({"float16": torch.float16} if device.type == "cuda" else {})
    if device.type == "cpu" and not has_fast_bf16(device):
        del formats["bfloat16"]
    return {name: step_of(network(device), x, time, dtype) for name, dtype in formats.items()}


class CannotCompile(RuntimeError):
    """torch.compile needs a compiler that this machine does not have; the message says which."""


def compiled(net: nn.Module, device: torch.device) -> Callable:
    """torch.compile(net), tried on a function of one line first. Raises CannotCompile.

    Nothing is taken from an earlier run's cache on the disk, so that the first call takes as long as it does for a reader.
    """
    from torch._inductor import config
    config.force_disable_caches = True
    try:
        torch.compile(lambda x: (x + 1).relu())(torch.zeros(64, device=device))
    except Exception as error:  # each backend has errors of its own, and not all share a class
        raise CannotCompile(first_line(error)) from error
    return torch.compile(net)


def layout_and_compiler(device: torch.device) -> dict:
    """A training step with the other memory layout, and compiled where that is possible, in the device's precision."""
    (x, time), dtype = inputs(device), torch.bfloat16 if has_fast_bf16(device) else None
    nets = {"plain": network(device), "channels_last": network(device).to(memory_format=torch.channels_last)}
    try:
        nets |= {"torch.compile": compiled(network(device), device),
                 "both": compiled(network(device).to(memory_format=torch.channels_last), device)}
    except CannotCompile as error:
        print(f"torch.compile is left out: {error}")
    return {name: step_of(net, x, time, dtype) for name, net in nets.items()}


def layout_of_calls(device: torch.device) -> dict:
    """A call of the network with each memory layout, as sampling makes many of."""
    x, time = inputs(device)
    return {"plain": call_of(network(device).eval(), x, time),
            "channels_last": call_of(network(device).to(memory_format=torch.channels_last).eval(), x, time)}


def work(turns: Connection, device: torch.device, keep: bool) -> None:
    """One training step at each turn, in a process of its own."""
    if keep:
        keep_freed_memory()
    (x, time), dtype = inputs(device), torch.bfloat16 if has_fast_bf16(device) else None
    step = step_of(network(device), x, time, dtype)
    turns.send(None)  # ready
    with suppress(EOFError):  # when the other end is gone
        while True:
            turns.recv()
            step()
            turns.send(None)


def freed_memory(device: torch.device) -> dict:
    """A training step in each of two processes, one of which keeps the memory of freed tensors."""
    context, pipes = get_context("spawn"), {}
    for name, keep in (("returned", False), ("kept", True)):
        pipes[name], there = context.Pipe()
        context.Process(target=work, args=(there, device, keep), daemon=True).start()
        there.close()  # so that a process that fails is an error here, and not waited for
    for pipe in pipes.values():
        pipe.recv()

    def turn(pipe: Connection) -> None:
        pipe.send(None)
        pipe.recv()

    return {name: partial(turn, pipe) for name, pipe in pipes.items()}


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


def plain_polynomial(matrix: Tensor) -> Tensor:
    """What `orthogonal` computes of one matrix, by its definition: five steps of the large matrix itself, in bfloat16 where
    that is fast."""
    x = matrix.T if len(matrix) > matrix.shape[1] else matrix
    x = (x / (x.norm() + 1e-7)).to(torch.bfloat16 if has_fast_bf16(matrix.device) else torch.float32)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.T if len(matrix) > matrix.shape[1] else x).float()


def polynomials(device: torch.device) -> dict:
    """Muon's polynomial for the hidden layers of the network."""
    weights = Muon(network(device), 1e-5).param_groups[0]["params"]
    matrices = [torch.randn_like(weight).flatten(1) for weight in weights]
    return {"on the matrix": lambda: [plain_polynomial(one) for one in matrices],
            "on its Gram": lambda: [orthogonal([one])[0] for one in matrices],
            "Grams together": lambda: orthogonal(matrices)}


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
        dtype = torch.bfloat16 if has_fast_bf16(device) else torch.float32
        q, k, v = (torch.randn(BATCH, 4, positions, 40, device=device, dtype=dtype) for _ in range(3))

        def run() -> None:
            with sdpa_kernel(kernels):
                nn.functional.scaled_dot_product_attention(q, k, v)

        return run

    kernels = {"written out": [SDPBackend.MATH], "fused": [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]}
    return {name: ready(chosen) for name, chosen in kernels.items()}


class Graphed:
    """A call of the network, recorded once as a CUDA graph and replayed: net(x, time), always of the same shapes.

    The graph reads and writes the memory that it was recorded with, so what goes in and what comes out is copied.
    """

    def __init__(self, net: nn.Module, x: torch.Tensor, time: torch.Tensor):
        self.net, self.x, self.time = net, x.clone(), time.clone()
        side = torch.cuda.Stream()  # kernels choose their algorithms in a few runs before the recording
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.call()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.found = self.call()

    @torch.no_grad()
    def call(self) -> torch.Tensor:
        """The network on the graph's own memory; weights are cast anew each time, so that no cache outlives the recording."""
        fast = has_fast_bf16(self.x.device)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=fast, cache_enabled=False):
            return self.net(self.x, self.time)

    def __call__(self, x: torch.Tensor, time: torch.Tensor, cond=None) -> torch.Tensor:
        self.x.copy_(x)
        self.time.copy_(time)
        self.graph.replay()
        return self.found.clone()


def launched_and_graphed(device: torch.device) -> dict[str, Callable]:
    """The same network, launched kernel by kernel and as a graph."""
    net, (x, time) = network(device).eval(), inputs(device)
    return {"launched": lambda x, time, cond=None: net(x, time), "graph": Graphed(net, x, time)}


def one_call(device: torch.device) -> dict:
    """A call of the network."""
    x, time = inputs(device)
    return {name: call_of(net, x, time) for name, net in launched_and_graphed(device).items()}


def sampling_loop(device: torch.device) -> dict:
    """20 steps of DPM-Solver++(2M), a batch of digits."""
    schedule = from_scratch().make_schedule()

    def ready(net: Callable) -> Callable[[], None]:
        denoiser = Denoiser(net, schedule, "v", clip=(-1, 1))

        def run() -> None:
            with autocast(device):
                for _ in sample(denoiser, schedule, (BATCH, 1, 28, 28), Sampler("dpmpp_2m", steps=20), device=device):
                    pass
        return run

    return {name: ready(net) for name, net in launched_and_graphed(device).items()}


def kernel_seconds(function: Callable[[], None], device: torch.device) -> float:
    """How long the GPU works in one run; the rest of the run's time it waits to be told what to do."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as report:
        function()
        finish(device)
    rows = [row for row in report.key_averages() if row.device_type == DeviceType.CUDA and not row.is_user_annotation]
    return sum(row.self_device_time_total for row in rows) / 1e6  # of microseconds


PARTS = {
    "precision": (precision, "bfloat16 halves the time where the hardware multiplies it, and loses where it does not"),
    "layout and compiler": (layout_and_compiler, "channels_last 10 % faster; the compiler a fifth, by fusing norms and "
                            "activations; on a GPU more of both"),
    "layout of a call": (layout_of_calls, "as for a step"),
    "optimiser": (optimisers, "foreach and fused several times faster than a loop, on a step that is short anyway; Muon a few "
                  "times AdamW"),
    "Muon's polynomial": (polynomials, "two fifths of the arithmetic on the small Gram matrices, but in float32, which is "
                          "slower where there is bfloat16: about even; together faster, by fewer calls"),
    "data": (data, "resident data ten times faster than a DataLoader; a few per cent of a step on a CPU, half of it on a GPU"),
    "attention, 7 × 7": (partial(attention, positions=49), "no difference: 49 positions are few"),
    "attention, 28 × 28": (partial(attention, positions=784), "a fused kernel is several times faster, and needs less memory"),
}
CPU_PARTS = {
    "freed memory": (freed_memory, "a tenth faster: fewer pages to fill with zeros, beside convolutions that take most of the "
                     "time"),
}
CUDA_PARTS = {
    "CUDA graph, one call": (one_call, "three times faster: small kernels are waited for longer than they run"),
    "CUDA graph, sampling": (sampling_loop, "a little less than that: the steps between two calls are not in the graph"),
}


def kind_of(device: torch.device) -> str:
    """What the record's name calls the device: its type, or "cpu-float32" for a CPU that computes in float32."""
    return "cpu-float32" if device.type == "cpu" and not has_fast_bf16(device) else device.type


def part(make: Callable[[torch.device], dict], expected: str, device: torch.device, rounds: int) -> dict:
    """What was expected, the first run of each candidate, in which compilers compile, and the median of those after it;
    on CUDA also how long the GPU worked in one."""
    candidates = make(device)
    first = {name: once(function, device) for name, function in candidates.items()}
    figures = {"expected": expected, "first_s": first, "timed": interleaved(candidates, device, rounds)}
    if device.type == "cuda":
        figures["kernels_s"] = {name: kernel_seconds(function, device) for name, function in candidates.items()}
    return figures


def once(function: Callable[[], None], device: torch.device) -> float:
    """Seconds of one run."""
    finish(device)
    started = perf_counter()
    function()
    finish(device)
    return perf_counter() - started


def main() -> None:
    """Measure what is missing and record it."""
    args = arguments(__doc__).parse_args()
    device, rounds = pick_device(args.device), 3 if args.quick else 15
    results = Results("speedups", device, "seconds, medians of n rounds that take turns", rounds, {"batch": BATCH}, args.quick,
                      kind=kind_of(device))
    own = CUDA_PARTS if device.type == "cuda" else CPU_PARTS if device.type == "cpu" and libc_ver()[0] == "glibc" else {}
    for name, (make, expected) in (PARTS | own).items():
        results.part(name, lambda make=make, expected=expected: part(make, expected, device, rounds))


if __name__ == "__main__":
    main()
