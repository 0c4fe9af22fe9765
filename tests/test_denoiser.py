"""From a network's output to x̂₀ and ε̂, and back: every target, every schedule, every place where a division fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from diffusion_utils.denoiser import PREDICTS, Denoiser, eps_from_x0, network_time, score_from_eps, split, target
from diffusion_utils.networks import MLP, Network, UNet
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import SCHEDULES, Schedule

ROUNDING = torch.finfo(torch.float64).eps
schedules = pytest.mark.parametrize("schedule", [make(1000) for make in SCHEDULES.values()], ids=list(SCHEDULES))
targets = pytest.mark.parametrize("predicts", PREDICTS)


def pair(shape=(4, 1, 8, 8), dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.rand(shape, generator=generator, dtype=dtype) * 2 - 1
    return x0, torch.randn(shape, generator=generator, dtype=dtype)


def loss_of_digits(predicts: str, signal: torch.Tensor, noise: torch.Tensor) -> float:
    """How much a rounding error grows: the conversions divide by signal (ε) or by noise (x_0), the others by about 1."""
    divisor = {"eps": signal, "x0": noise}.get(predicts, torch.tensor(0.5))
    return 32 * ROUNDING / float(divisor)  # 32: a few roundings of numbers up to about 5 in size


@schedules
@targets
@pytest.mark.parametrize("t", [1, 2, 500, 999, 1000])
def test_split_undoes_target(schedule: Schedule, predicts: str, t: int) -> None:
    x0, eps = pair()
    signal, noise = schedule.at(t, like=x0)
    if predicts == "eps" and signal == 0:
        return  # ε says nothing of x_0 without signal: the error that this gives is tested below
    output = target(predicts, x0, eps, signal, noise)
    x0_hat, eps_hat = split(predicts, output, schedule.add_noise(x0, t, eps), signal, noise)
    tolerance = loss_of_digits(predicts, signal, noise)
    torch.testing.assert_close(x0_hat, x0, rtol=0, atol=tolerance)
    torch.testing.assert_close(eps_hat, eps, rtol=0, atol=tolerance)


@schedules
@targets
@pytest.mark.parametrize("t", [1, 500, 999])
def test_target_undoes_split(schedule: Schedule, predicts: str, t: int) -> None:
    """Any output, also a wrong one, is the target that belongs to the estimates made from it."""
    x_t, output = pair()
    signal, noise = schedule.at(t, like=x_t)
    x0_hat, eps_hat = split(predicts, output, x_t, signal, noise)
    tolerance = loss_of_digits(predicts, signal, noise)
    torch.testing.assert_close(target(predicts, x0_hat, eps_hat, signal, noise), output, rtol=0, atol=tolerance)
    torch.testing.assert_close(signal * x0_hat + noise * eps_hat, x_t, rtol=0, atol=tolerance)


@schedules
def test_the_targets_are_those_of_the_notation(schedule: Schedule) -> None:
    x0, eps = pair()
    signal, noise = schedule.at(300, like=x0)
    assert target("eps", x0, eps, signal, noise) is eps
    assert target("x0", x0, eps, signal, noise) is x0
    torch.testing.assert_close(target("v", x0, eps, signal, noise), signal * eps - noise * x0)
    torch.testing.assert_close(target("flow", x0, eps, signal, noise), eps - x0)


def test_every_sample_may_have_its_own_t() -> None:
    schedule = SCHEDULES["cosine"](1000)
    x0, eps = pair()
    t = torch.tensor([1, 10, 500, 1000])
    denoiser = Denoiser(lambda x, time, cond: x.cos(), schedule, "v")
    x_t = schedule.add_noise(x0, t, eps)
    together = denoiser(x_t, t)
    for i in range(len(t)):
        alone = denoiser(x_t[i:i + 1], int(t[i]))
        torch.testing.assert_close(together.x0_hat[i:i + 1], alone.x0_hat, rtol=0, atol=0)
        torch.testing.assert_close(together.eps_hat[i:i + 1], alone.eps_hat, rtol=0, atol=0)


@pytest.mark.parametrize("predicts", PREDICTS)
def test_clipping_derives_eps_again(predicts: str) -> None:
    schedule = SCHEDULES["linear"](1000)
    x_t, output = pair()
    clipped = Denoiser(lambda x, time, cond: 3 * output, schedule, predicts, clip=(-1, 1))(x_t, 500)
    free = Denoiser(lambda x, time, cond: 3 * output, schedule, predicts)(x_t, 500)
    assert free.x0_hat.abs().max() > 1.5  # otherwise nothing is clipped and the test says nothing
    torch.testing.assert_close(clipped.x0_hat, free.x0_hat.clamp(-1, 1), rtol=0, atol=0)
    signal, noise = schedule.at(500, like=x_t)
    torch.testing.assert_close(signal * clipped.x0_hat + noise * clipped.eps_hat, x_t, rtol=0, atol=32 * ROUNDING)
    assert (clipped.eps_hat - free.eps_hat).abs().max() > 0.1


def test_nothing_changes_where_the_clip_does_not_bite() -> None:
    schedule = SCHEDULES["cosine"](1000)
    x0, eps = pair()
    oracle = Denoiser(lambda x, time, cond: x0, schedule, "x0", clip=(-1, 1))
    prediction = oracle(schedule.add_noise(x0, 700, eps), 700)
    torch.testing.assert_close(prediction.x0_hat, x0, rtol=0, atol=0)
    torch.testing.assert_close(prediction.eps_hat, eps, rtol=0, atol=loss_of_digits("x0", *schedule.at(700, like=x0)))


@pytest.mark.parametrize("T", [10, 1000])
def test_the_network_sees_the_same_clock_whatever_T(T: int) -> None:
    seen = []

    def net(x_t, time, cond):
        seen.append((time, cond))
        return x_t

    x_t, _ = pair()
    Denoiser(net, SCHEDULES["cosine"](T), "v")(x_t, T // 2, "a label")
    time, cond = seen[0]
    assert time.dtype == torch.float32 and time.tolist() == [500.0] * 4 and cond == "a label"


@pytest.mark.parametrize("t", [torch.tensor(7), torch.tensor([3, 5, 7, 9])], ids=["one t", "a t for each sample"])
def test_the_clock_is_float32_on_the_device_of_the_state(t: torch.Tensor) -> None:
    """Whatever the default dtype is. The device `meta`, which holds shapes alone, stands for a GPU."""
    x_t, _ = pair()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        time, there = network_time(t, 10, x_t), network_time(t, 10, x_t.to("meta"))
    finally:
        torch.set_default_dtype(before)
    assert time.dtype == there.dtype == torch.float32 and time.shape == there.shape == (4,)
    assert time.device.type == "cpu" and there.device.type == "meta"


def test_a_network_in_bfloat16_does_not_make_the_estimates_so() -> None:
    """The network's answer is rounded, but what is computed from it is not: x̂₀ and ε̂ still explain x_t."""
    schedule = SCHEDULES["cosine"](1000)
    x_t, output = pair(dtype=torch.float32)
    found = Denoiser(lambda x, time, cond: output.bfloat16(), schedule)(x_t, 300)
    assert found.x0_hat.dtype == found.eps_hat.dtype == torch.float32
    assert torch.equal(found.eps_hat, output.bfloat16().float())  # what a denoiser is taken to predict unless it is said: ε
    signal, noise = schedule.at(300, like=x_t)
    # A few roundings of float32, 6e-8 each, of numbers up to about 5.
    torch.testing.assert_close(signal * found.x0_hat + noise * found.eps_hat, x_t, rtol=0, atol=2e-6)


def test_score_is_minus_eps_over_noise() -> None:
    """For data at one point, q(x_t) is N(signal·x_0, noise²), whose score is known."""
    schedule = SCHEDULES["linear"](1000)
    x0, eps = pair()
    signal, noise = schedule.at(200, like=x0)
    x_t = schedule.add_noise(x0, 200, eps)
    torch.testing.assert_close(score_from_eps(eps, noise), (signal * x0 - x_t) / noise**2, rtol=1e-12, atol=1e-12)


# Bad input


def test_eps_prediction_without_signal_is_refused() -> None:
    x_t, output = pair()
    with pytest.raises(ValueError, match="signal = 0.*predict v, x0 or flow"):
        split("eps", output, x_t, *SCHEDULES["flow"](1000).at(1000, like=x_t))


@pytest.mark.parametrize("predicts", ["x0", "v", "flow"])
def test_the_other_targets_need_no_signal(predicts: str) -> None:
    x_t, output = pair()
    for part in split(predicts, output, x_t, *SCHEDULES["flow"](1000).at(1000, like=x_t)):
        assert torch.isfinite(part).all()


def test_no_noise_is_refused() -> None:
    schedule = SCHEDULES["cosine"](1000)
    x_t, output = pair()
    signal, noise = schedule.at(0, like=x_t)
    for call in (lambda: eps_from_x0(output, x_t, signal, noise), lambda: split("x0", output, x_t, signal, noise),
                 lambda: score_from_eps(output, noise),
                 lambda: Denoiser(lambda x, time, cond: x, schedule, "v", clip=(-1, 1))(x_t, 0),
                 lambda: Denoiser(lambda x, time, cond: x, schedule, "v")(x_t, 0)):  # without a clip nothing divides by noise
        with pytest.raises(ValueError, match="t in 1…T"):
            call()


def test_unknown_target_names_the_nearest() -> None:
    x0, eps = pair()
    one = torch.ones(())
    for call in (lambda: target("epsilon", x0, eps, one, one), lambda: split("epsilon", x0, eps, one, one),
                 lambda: Denoiser(lambda x, time, cond: x, SCHEDULES["cosine"](10), "epsilon")):
        with pytest.raises(ValueError, match="unknown prediction target 'epsilon'.*Did you mean 'eps'.*Allowed: eps, flow"):
            call()


@pytest.mark.parametrize("clip", [(1.0, -1.0), (0.0, 0.0), (float("nan"), 1.0), (1.0,)])
def test_a_clip_that_leaves_nothing_is_refused(clip: tuple) -> None:
    """Turned round, PyTorch makes every number the upper end."""
    with pytest.raises(ValueError, match=r"clip must be None or \(low, high\) with low < high, got \("):
        Denoiser(lambda x, time, cond: x, SCHEDULES["cosine"](10), "v", clip=clip)


def test_a_level_for_each_column_is_refused() -> None:
    """ᾱ_t of shape (B,) against data (B, B), which PyTorch multiplies along the columns without a word."""
    x = torch.zeros(4, 4)
    signal, noise = torch.full((4,), 0.6), torch.full((4,), 0.8)
    for call in (lambda: target("v", x, x, signal, noise), lambda: split("v", x, x, signal, noise),
                 lambda: eps_from_x0(x, x, signal, noise), lambda: score_from_eps(x, noise)):
        with pytest.raises(ValueError, match=r"must be one number or \(4, 1\) for data of shape \(4, 4\), got \(4,\)"):
            call()


def test_two_quantities_of_different_shapes_are_refused() -> None:
    x, row, one = torch.zeros(4, 4), torch.zeros(1, 4), torch.ones(())
    for call in (lambda: target("flow", x, row, one, one), lambda: split("flow", row, x, one, one),
                 lambda: eps_from_x0(row, x, one, one)):
        with pytest.raises(ValueError, match=r"must have the shape of \w+ \(4, 4\), got \(1, 4\)"):
            call()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_a_state_of_whole_numbers_is_refused(dtype: torch.dtype) -> None:
    """In their type signal and noise are 0, so that x̂₀ would be 0/0 or nothing."""
    x = torch.ones(2, 1, 4, 4, dtype=dtype)
    with pytest.raises(TypeError, match=f"x_t must be floating point.* got {dtype}"):
        Denoiser(lambda x, time, cond: x, SCHEDULES["cosine"](10), "v")(x, 5)
    with pytest.raises(TypeError, match=f"multiply floating point numbers, got {dtype}"):
        SCHEDULES["cosine"](10).at(5, like=x)


# The precision of networks and states


def moved(net: nn.Module) -> nn.Module:
    """Its zero-initialised layers filled, or it would ignore its input."""
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=draw))
    return net.eval().requires_grad_(False)


NETS = {"unet": lambda: UNet(channels=(8, 16), emb_dim=16, num_classes=3), "mlp": lambda: MLP(dim=2, width=8, num_classes=3)}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("weights", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("state", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_precision_of_weights_answers_any_precision_of_states(kind: str, weights: torch.dtype, state: torch.dtype) -> None:
    """What is computed with the network's answer is in float32 at least, and right to the coarsest of the roundings."""
    schedule, net = SCHEDULES["cosine"](1000), moved(NETS[kind]())
    shape = (3, 1, 8, 8) if kind == "unet" else (3, 2)
    x_t, label = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(state), torch.tensor([0, 1, 3])
    wanted = Denoiser(net.double(), schedule, "v")(x_t.double(), 300, label)
    found = Denoiser(net.to(weights), schedule, "v")(x_t, 300, label)
    kept = torch.promote_types(state, torch.float32)
    assert found.x0_hat.dtype == found.eps_hat.dtype == kept
    # Some twenty layers, each of which rounds its sums to 2⁻⁸ (bfloat16) … 2⁻⁵³ of themselves.
    tolerance = 20 * max(torch.finfo(a).eps for a in (weights, kept)) * float(wanted.x0_hat.abs().max())
    assert float((found.x0_hat - wanted.x0_hat).abs().max()) < tolerance


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_in_another_precision_draws_the_same_samples(dtype: torch.dtype) -> None:
    """To the rounding of its answers; the walk itself is in float32."""
    schedule, net, label = SCHEDULES["cosine"](1000), moved(NETS["mlp"]()), torch.tensor([0, 1, 2, 3, 0])
    walks = []
    for weights in (torch.float32, dtype):
        *_, last = sample(Denoiser(net.to(weights), schedule, "v"), schedule, (5, 2), Sampler(steps=4), cond=label)
        walks.append(last.x_t)
    assert walks[1].dtype == torch.float32
    # bfloat16 rounds an answer of the size of 1 to 2⁻⁸ some four layers long: 0.02; four steps may add as many of those up.
    assert float((walks[1] - walks[0]).abs().max()) < 4 * 0.02


# Labels


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize(("label", "message"), [
    (torch.tensor([0, 1, 4]), "got 0…4"), (torch.tensor([-1, 0, 1]), "got -1…1"), (torch.tensor(7), "got 7…7"), (7, "got 7…7"),
    (torch.tensor([0.0, 1.0, 2.0]), r"got torch.float32 \(3,\)"), (torch.tensor([True] * 3), r"got torch.bool \(3,\)"),
    (torch.tensor([1, 2]), r"got torch.int64 \(2,\)"), (torch.tensor([1]), r"got torch.int64 \(1,\)"),
    (torch.zeros(3, 1, dtype=torch.int64), r"got torch.int64 \(3, 1\)"),
], ids=str)
def test_labels_that_the_network_does_not_have_are_refused(kind: str, label, message: str) -> None:
    """Outside the table PyTorch says "index out of range in self", and on a GPU the process is lost."""
    schedule, net = SCHEDULES["cosine"](1000), moved(NETS[kind]())
    x_t, time = torch.zeros((3, 1, 8, 8) if kind == "unet" else (3, 2)), torch.full((3,), 500.0)
    allowed = r"labels must be one integer or int64 \(3,\), 0…2, or 3 for no label; "
    for call in (lambda: Denoiser(net, schedule, "v")(x_t, 500, label), lambda: net(x_t, time, label)):
        with pytest.raises(ValueError, match=allowed + message):
            call()


@pytest.mark.parametrize("label", [torch.tensor([2, 2, 2], dtype=torch.uint8), torch.tensor([2, 2, 2], dtype=torch.int32),
                                   torch.tensor(2), 2, [2, 2, 2], np.array([2, 2, 2])], ids=repr)
def test_labels_may_be_integers_of_any_kind(label) -> None:
    net, x_t = moved(NETS["mlp"]()), torch.zeros(3, 2)
    denoiser = Denoiser(net, SCHEDULES["cosine"](1000), "v")
    assert torch.equal(denoiser(x_t, 500, label).x0_hat, denoiser(x_t, 500, torch.tensor([2, 2, 2])).x0_hat)
    assert not torch.equal(denoiser(x_t, 500, label).x0_hat, denoiser(x_t, 500, torch.tensor([1, 1, 1])).x0_hat)


class Looks(TorchDispatchMode):
    """How often one tensor's numbers are compared, for which a GPU would have to be waited for."""

    def __init__(self, looked_at: torch.Tensor):
        super().__init__()
        self.looked_at, self.count = looked_at, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten.lt.Scalar and args[0] is self.looked_at
        return function(*args, **(kwargs or {}))


def test_labels_are_looked_at_once_in_a_walk() -> None:
    """Otherwise a GPU would wait in each step. The network stands for one whose labels lie on the GPU: it looks at none."""

    class Net(Network):
        num_classes = 3

        def forward(self, x: torch.Tensor, time: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
            return x * cond[:, None]

    schedule, label = SCHEDULES["cosine"](1000), torch.tensor([0, 1, 3])
    with Looks(label) as looks:
        list(sample(Denoiser(Net(), schedule, "v"), schedule, (3, 2), Sampler(steps=6), cond=label))
    assert looks.count == 1
    with pytest.raises(ValueError, match=r"0…2, or 3 for no label; got 4…4"):
        list(sample(Denoiser(Net(), schedule, "v"), schedule, (3, 2), Sampler(steps=6), cond=label * 0 + 4))


def test_a_network_of_the_wrong_shape_is_named() -> None:
    x_t, _ = pair()
    denoiser = Denoiser(lambda x, time, cond: x[:, :, :4], SCHEDULES["cosine"](10), "v")
    with pytest.raises(ValueError, match=r"\(4, 1, 4, 8\).*\(4, 1, 8, 8\)"):
        denoiser(x_t, 5)


@pytest.mark.parametrize(("t", "error"), [(11, ValueError), (-1, ValueError), (2.0, TypeError)])
def test_t_outside_the_table_is_refused(t, error) -> None:
    x_t, _ = pair()
    with pytest.raises(error, match="0…10"):
        Denoiser(lambda x, time, cond: x, SCHEDULES["cosine"](10), "v")(x_t, t)
