"""Networks: shapes, what they depend on, and what they refuse."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.networks import DigitClassifier, UNet
from diffusion_utils.networks.embedding import ConditionEmbedding, sinusoidal
from diffusion_utils.networks.unet import SelfAttention


def tiny(**options) -> UNet:
    """A small U-Net whose zero-initialised layers were moved, as training would."""
    torch.manual_seed(0)
    net = UNet(**({"channels": (8, 16), "emb_dim": 16} | options)).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


@pytest.mark.parametrize("channels, patch, side", [((8,), 1, 5), ((8, 16), 1, 6), ((8, 16), 2, 28), ((8, 8, 16), 1, 12)])
def test_unet_keeps_the_shape(channels, patch, side) -> None:
    net = UNet(in_channels=3, channels=channels, patch=patch, emb_dim=16)
    x = torch.randn(2, 3, side, 2 * side if len(channels) == 1 else side)
    assert net(x, torch.tensor([1.0, 900.0])).shape == x.shape


def test_unet_starts_at_zero() -> None:
    """With zero output an ε-network starts at the loss of "no noise at all", 1, and not far above it."""
    assert UNet(channels=(8,), emb_dim=16)(torch.randn(2, 1, 4, 4), torch.zeros(2)).abs().max() == 0


def test_unet_depends_on_the_time() -> None:
    net, x = tiny(), torch.randn(1, 1, 8, 8)
    times = torch.tensor([0.0, 1.0, 500.0, 501.0, 1000.0])
    out = net(x.expand(5, -1, -1, -1), times).flatten(1)
    apart = torch.cdist(out, out) + torch.eye(5)
    assert apart.min() > 1e-4, "two times give the same output: the network is blind to the noise level"


def test_unet_depends_on_the_label_and_none_is_the_last_entry() -> None:
    net, x, time = tiny(num_classes=10), torch.randn(2, 1, 8, 8), torch.full((2,), 300.0)
    none, zero, one = (net(x, time, cond) for cond in (None, torch.tensor([0, 0]), torch.tensor([1, 1])))
    assert torch.equal(none, net(x, time, torch.tensor([10, 10])))
    assert (zero - one).abs().max() > 1e-3 and (zero - none).abs().max() > 1e-3


def test_a_sample_does_not_depend_on_its_batch() -> None:
    net, x, time = tiny(), torch.randn(4, 1, 8, 8), torch.rand(4) * 1000
    together = net(x, time)
    for i in range(4):
        alone = net(x[i:i + 1], time[i:i + 1])[0]
        # float32 sums of at most 300 terms, perhaps in another order: 300·6e-8 of their size a layer, 20 layers
        assert (together[i] - alone).abs().max() < 20 * 300 * 6e-8 * alone.abs().max()


def test_unet_sees_the_whole_image() -> None:
    """A change in one corner reaches the other one, by way of attention, in one call."""
    net, x = tiny(), torch.randn(1, 1, 16, 16)
    changed = x.clone()
    changed[..., 0, 0] += 1
    time = torch.zeros(1)
    assert (net(x, time) - net(changed, time))[..., -1, -1].abs() > 1e-7


@pytest.mark.parametrize("channels, patch, shape, divisor", [((8, 16), 2, (30, 28), 4), ((8, 8, 16), 1, (28, 26), 4)])
def test_an_indivisible_size_is_refused(channels, patch, shape, divisor) -> None:
    net = UNet(channels=channels, patch=patch, emb_dim=16)
    with pytest.raises(ValueError, match=f"divisible by {divisor}, got {shape[0]}×{shape[1]}"):
        net(torch.zeros(1, 1, *shape), torch.zeros(1))


def test_attention_does_not_depend_on_the_order_of_the_pixels() -> None:
    torch.manual_seed(0)
    layer = SelfAttention(8).double()
    torch.nn.init.normal_(layer.out.weight)
    x = torch.randn(1, 8, 4, 4, dtype=torch.float64)
    order = torch.randperm(16)

    def permuted(a: torch.Tensor) -> torch.Tensor:
        return a.flatten(2)[:, :, order].reshape(a.shape)

    assert (layer(permuted(x)) - permuted(layer(x))).abs().max() < 1e-12  # rounding of sums in another order
    assert (layer(x) - x).abs().max() > 1e-3


def test_embedding_tells_neighbouring_times_apart() -> None:
    near = sinusoidal(torch.arange(0, 1001.0), 128)
    steps = (near[1:] - near[:-1]).norm(dim=1)
    # The fastest frequency is 1: its cosine and sine move by 2·sin(1/2) = 0.96 from one time to the next.
    assert steps.min() > 0.95


def test_embedding_of_times_up_to_one_is_nearly_blind() -> None:
    """Why networks get 1000·t/T: of t in [0, 1] only a few frequencies notice anything."""
    wrong = sinusoidal(torch.tensor([0.0, 1.0]), 128)
    right = sinusoidal(torch.tensor([0.0, 1000.0]), 128)
    moved = [((e[1] - e[0]).abs() > 0.1).double().mean() for e in (wrong, right)]
    assert moved[0] < 0.25 < 0.6 < moved[1]


def test_a_clock_in_half_precision_still_tells_neighbouring_times_apart() -> None:
    """bfloat16 has 4 as its step at 1000: there 900 and 901 would be one time. The weights round what comes of them to 2⁻⁸."""
    embed = ConditionEmbedding(32).bfloat16()
    near = embed(torch.tensor([900.0, 901.0]), None)
    assert near.dtype == torch.bfloat16 and not torch.equal(near[0], near[1])


def test_sinusoidal_values() -> None:
    e = sinusoidal(torch.tensor([2.0]), 4)[0]
    omega = torch.tensor([1.0, 0.01])
    assert torch.allclose(e, torch.cat([(2 * omega).cos(), (2 * omega).sin()]), atol=1e-6)
    assert e.dtype == torch.float32


def test_a_network_with_labels_compiles_in_one_piece() -> None:
    """To look at the labels would break it in two; a `Denoiser` looks at them before."""
    net, x, time, label = tiny(num_classes=3), torch.randn(2, 1, 8, 8), torch.full((2,), 300.0), torch.tensor([0, 3])
    compiled = torch.compile(net, backend="eager", fullgraph=True)  # the graph alone, without a C++ compiler
    assert torch.equal(compiled(x, time, label), net(x, time, label))


def test_embedding_without_classes_refuses_labels() -> None:
    with pytest.raises(ValueError, match="num_classes=0"):
        ConditionEmbedding(8)(torch.zeros(2), torch.tensor([1, 2]))


def test_classifier_features_and_logits() -> None:
    net, x = DigitClassifier(width=4).eval(), torch.randn(3, 1, 28, 28)
    features = net.features(x)
    assert features.shape == (3, 128) and (features >= 0).all()
    assert torch.equal(net.head(features), net(x)) and net(x).shape == (3, 10)
