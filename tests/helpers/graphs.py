"""Molecules that know nothing of each other's places, and the few whose every conditional is known, under the names of old."""

from __future__ import annotations

from torch import Tensor

from diffusion_utils.chapters.few_molecules import NOTHING, FewMolecules, all_orders
from diffusion_utils.discrete import Limit
from diffusion_utils.networks.graph import GraphTransformer

ExactGraphs = FewMolecules
__all__ = ["NOTHING", "ExactGraphs", "all_orders", "independent"]


def independent(limits: tuple[Limit, Limit], places: int):
    """Exact for molecules whose atoms and bonds know nothing of each other: f = m, but for what their number says."""
    net = GraphTransformer(places, NOTHING, dim=8, pair_dim=4, layers=0)

    def denoiser(x_t: tuple[Tensor, Tensor], t: int | Tensor, told: dict) -> tuple[Tensor, Tensor]:
        logits = [limit.m.log().nan_to_num(neginf=0.0).expand(*x.shape, -1) for limit, x in zip(limits, x_t, strict=True)]
        return tuple(one.double().log_softmax(-1) for one in net.only_possible(*logits, *net.existing(told["atoms"])))

    return denoiser
