"""Muon against the definition (a singular value decomposition), against PyTorch's own, and its other half against AdamW."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from diffusion_utils.networks import MLP, Network, UNet
from diffusion_utils.training.muon import Muon, newton_schulz, orthogonal


def matrix(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(16, 16), (8, 72), (72, 8), (1, 5)])
def test_all_directions_are_kept_and_made_alike(shape: tuple[int, int]) -> None:
    g = matrix(*shape)
    u, _, vt = torch.linalg.svd(g, full_matrices=False)
    rotated = u.T @ orthogonal([g])[0] @ vt.T  # diagonal where the singular vectors are kept
    # five steps of the quintic leave singular values in 0.68…1.13 unless they started below 0.01 of the norm; off the
    # diagonal only float32's rounding of 2⁻²⁴ is left, of a Gram matrix whose small part is raised by up to 3.44¹⁰
    values = rotated.diagonal()
    assert ((values > 0.66) & (values < 1.15)).all()
    assert (rotated - values.diag()).abs().max() < 3.44**10 * 2**-24


def test_matrices_of_many_shapes_go_together() -> None:
    """Each as if it were alone, in the order given: shapes alternate, and two share their smaller side only."""
    matrices = [matrix(8, 24), matrix(5, 5), matrix(40, 8), matrix(5, 7), matrix(8, 24) ** 3]
    together, alone = orthogonal(matrices), [orthogonal([one])[0] for one in matrices]
    for found, wanted, given in zip(together, alone, matrices, strict=True):
        assert found.shape == given.shape
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)  # products in batches may round otherwise


def test_the_small_matrix_does_what_the_large_one_would() -> None:
    """Q·X against the five steps on X itself, in float64."""
    x = matrix(6, 20).double()
    x, wanted = x / x.norm(), x / x.norm()
    for _ in range(5):
        gram = wanted @ wanted.T
        wanted = 3.4445 * wanted + (-4.7750 * gram + 2.0315 * gram @ gram) @ wanted
    torch.testing.assert_close(newton_schulz(x @ x.T) @ x, wanted, rtol=1e-9, atol=1e-9)


def test_scale_does_not_matter() -> None:
    g = matrix(8, 24)
    # a power of two changes no bit but the exponent; 1e-7 beside the norm is below float32's resolution
    torch.testing.assert_close(orthogonal([g]), orthogonal([1024 * g]), rtol=1e-4, atol=1e-4)


def train(net: nn.Module, optimiser: torch.optim.Optimizer, steps: int = 5) -> list[torch.Tensor]:
    """A few steps down a fixed quadratic; returns the weights."""
    generator = torch.Generator().manual_seed(1)
    goal = [torch.randn(p.shape, generator=generator) for p in net.parameters()]
    for _ in range(steps):
        optimiser.zero_grad()
        sum(((p - g) ** 2).sum() for p, g in zip(net.parameters(), goal, strict=True)).backward()
        optimiser.step()
    return [p.detach().clone() for p in net.parameters()]


def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(24, 16, bias=False)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch has it from 2.9 on")
def test_agrees_with_pytorchs_muon() -> None:
    mine, peer = layer(), layer()
    ours = train(mine, Muon(mine, lr=0.1, weight_decay=0.01))[0]
    theirs = train(peer, torch.optim.Muon(peer.parameters(), lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))[0]
    # PyTorch's multiplies in bfloat16: 15 roundings of 2⁻⁹ each, five steps of lr·0.2·√24
    assert (ours - theirs).abs().max() < 5 * 0.1 * 0.2 * 24**0.5 * 15 * 2**-9
    assert (ours - layer().weight).abs().max() > 0.1, "something moved"


def test_vectors_follow_adamw() -> None:
    torch.manual_seed(0)
    mine, peer = nn.BatchNorm1d(5), nn.BatchNorm1d(5)  # only vectors
    ours = train(mine, Muon(mine, lr=0.1, weight_decay=0.01), 20)
    theirs = train(peer, torch.optim.AdamW(peer.parameters(), lr=0.1, weight_decay=0.01, betas=(0.9, 0.99)), 20)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)  # the same numbers in another order, float32


def shared_out(net: nn.Module) -> tuple[set[str], set[str]]:
    """Names of the parameters that Muon makes orthogonal, and of those that are Adam's."""
    names = {id(p): name for name, p in net.named_parameters()}
    of_muon, of_adam = ({names[id(p)] for p in group["params"]} for group in Muon(net, lr=1e-3).param_groups)
    assert of_muon | of_adam == set(names.values()) and not of_muon & of_adam
    return of_muon, of_adam


def test_the_layers_next_to_pixels_time_and_labels_are_adams() -> None:
    of_muon, of_adam = shared_out(UNet(channels=(8, 16), emb_dim=16, num_classes=10))
    assert {"conv_in.weight", "conv_out.weight", "embed.table.weight", "embed.mlp.0.weight"} <= of_adam
    assert {"mid_attention.qkv.weight", "down.0.conv1.weight", "down.0.emb.weight"} <= of_muon
    assert not any(name.endswith("bias") or "norm" in name for name in of_muon)


def test_the_layers_next_to_points_are_adams() -> None:
    """They were Muon's, because none of them is called as a layer next to pixels is."""
    of_muon, of_adam = shared_out(MLP(width=8, blocks=2, num_classes=3))
    assert {"read.weight", "write.weight", "embed.table.weight", "embed.mlp.0.weight", "embed.mlp.2.weight"} <= of_adam
    assert of_muon == {f"blocks.{block}.{layer}.weight" for block in range(2) for layer in (1, 3)}


class Tokens(Network):
    """A table that is looked up, a matrix of positions, and one hidden layer."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(5, 4), nn.Parameter(torch.zeros(3, 4))
        self.hidden = nn.Linear(4, 4)

    def outer(self) -> Iterator[nn.Parameter]:
        yield self.places


def test_tables_are_adams_whatever_they_are_called() -> None:
    """The rows of a table multiply nothing. Positions are a matrix like any other, unless the network says so."""
    assert shared_out(Tokens()) == ({"hidden.weight"}, {"words.weight", "places", "hidden.bias"})
    plain = nn.Sequential(nn.EmbeddingBag(5, 4), nn.Linear(4, 4))
    assert shared_out(plain) == ({"1.weight"}, {"0.weight", "1.bias"}), "a network that says nothing has hidden layers alone"


def test_kernels_of_any_number_of_axes_are_matrices() -> None:
    """Of a convolution over time and space each row is made as orthogonal as that of a matrix of the same numbers."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(2, 4, 3, bias=False))
    flat = nn.Sequential(nn.Linear(2 * 27, 4, bias=False))
    flat[0].weight.data.copy_(net[0].weight.flatten(1))
    goal = torch.randn(4, 2 * 27)
    for one, target in ((net, goal.view(4, 2, 3, 3, 3)), (flat, goal)):
        optimiser = Muon(one, lr=0.1)
        for _ in range(3):
            optimiser.zero_grad()
            (one[0].weight - target).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(net[0].weight.flatten(1), flat[0].weight, rtol=1e-6, atol=1e-6)
