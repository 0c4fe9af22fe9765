"""A transformer over the atoms of a molecule and the pairs of them: whatever order its atoms stand in, it answers alike.

Source: Vignac et al. 2023 (atoms that attend to each other, biased by their pairs); Ma et al. 2023 (random walks say where an
atom stands); Zhang & Sennrich 2019 (RMSNorm); So et al. 2021 (ReLU²).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..conditions import Condition
from ..molecules.rows import ABSENT, BONDS, bond_matrix, pairs
from .embedding import check_labels, sinusoidal
from .network import Network
from .token_transformer import norm

WALKS = 6   # steps of the longest random walk
NO = -1e4   # the logit of what cannot be: finite, since guidance takes the difference of two of them


class GraphBlock(nn.Module):
    """x ← x + attention + messages + mlp, e ← e + mlp: atoms (B, N, dim) and pairs of atoms (B, P, pair_dim); all begin as
    nothing. A pair looks at its two atoms by their sum and product, which do not know which is the first."""

    def __init__(self, dim: int, pair_dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.bias = nn.Linear(pair_dim, heads, bias=False)
        self.message = nn.Linear(pair_dim, pair_dim, bias=False)
        self.out = nn.Linear(dim + pair_dim, dim, bias=False)
        self.wide = nn.Linear(dim, 4 * dim, bias=False)
        self.narrow = nn.Linear(4 * dim, dim, bias=False)
        self.ends = nn.Linear(dim, 2 * pair_dim, bias=False)
        self.pair_wide = nn.Linear(3 * pair_dim, 2 * pair_dim, bias=False)
        self.pair_narrow = nn.Linear(2 * pair_dim, pair_dim, bias=False)
        for layer in (self.out, self.narrow, self.pair_narrow):
            nn.init.zeros_(layer.weight)

    def forward(self, x: Tensor, e: Tensor, here: Tensor,
                both: Tensor) -> tuple[Tensor, Tensor]:
        """here: bool (B, N), whether a place has an atom; both: bool (B, P), whether both places of a pair have."""
        N, seen = x.shape[1], norm(e)
        parts = self.qkv(norm(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, N, d)
        near = bond_matrix(self.bias(seen).transpose(1, 2))
        near = near.masked_fill(~here[:, None, None, :], NO)  # (B, heads, N, N)
        y = F.scaled_dot_product_attention(
            norm(q), norm(k), v.to(q.dtype), attn_mask=near.to(q.dtype))
        told = F.relu(self.message(seen)) * both[..., None]
        told = torch.cat([y.transpose(1, 2).flatten(2), gathered(told, N)], -1)
        x = x + self.out(told)
        x = x + self.narrow(F.relu(self.wide(norm(x))).square())
        i, j = (part.to(x.device) for part in pairs(N))
        a, b = self.ends(norm(x)).chunk(2, -1)
        ends = [norm(e), a[:, i] + a[:, j], b[:, i] * b[:, j]]
        wide = F.relu(self.pair_wide(torch.cat(ends, -1))).square()
        return x, e + self.pair_narrow(wide)


def gathered(e: Tensor, N: int) -> Tensor:
    """The sum over all pairs of each atom: (B, P, D) → (B, N, D)."""
    return incidence(N).to(e) @ e


def incidence(N: int) -> Tensor:
    """1 where an atom is an end of a pair: float32 (N, P)."""
    i, j = pairs(N)
    places = torch.arange(N)[:, None]
    return ((places == i) | (places == j)).float()


def walks(bonds: Tensor) -> Tensor:
    """How random walks of 1…WALKS steps along bonds get from place to place: (B, N, N, WALKS), symmetric.

    Powers of D^(−1/2)·A·D^(−1/2), A_ij = 1 where there is any bond, D its row sums: on the diagonal the chance to be back, from
    which rings are seen.
    """
    A = (bond_matrix(bonds) > 0).float()
    scale = A.sum(-1).clamp(min=1).rsqrt()
    A = scale[:, :, None] * A * scale[:, None, :]
    powers = [A]
    for _ in range(WALKS - 1):
        powers.append(powers[-1] @ A)
    return torch.stack(powers, -1)


class GraphTransformer(Network):
    """Atoms int64 (B, N) and pairs (B, N·(N − 1)/2) → logits of both, (B, N, ABSENT + 1) and (B, P, BONDS).

    cond: a dictionary of "atoms", how many there are, int64 (B,), which it must be told and which stand in the first places,
    and "rings", 0…num_classes − 1, or num_classes for "not told". It knows what follows from the number of atoms: an atom in
    each of so many places, none in the others, and no bond there.
    """

    def __init__(self, places: int, num_classes: int, dim: int = 128, pair_dim: int = 64, layers: int = 6, heads: int = 8):
        super().__init__()
        self.places, self.num_classes = places, num_classes
        self.elements, self.kinds = nn.Embedding(ABSENT + 1, dim), nn.Embedding(BONDS, pair_dim)
        self.size, self.rings = nn.Embedding(places + 1, dim), nn.Embedding(num_classes + 1, dim)
        self.time = nn.Linear(dim, dim)
        self.whole = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim + pair_dim))
        self.place = nn.Linear(WALKS + BONDS, dim, bias=False)
        self.pair = nn.Linear(WALKS, pair_dim, bias=False)
        self.blocks = nn.ModuleList(GraphBlock(dim, pair_dim, heads) for _ in range(layers))
        self.head, self.pair_head = nn.Linear(dim, ABSENT + 1), nn.Linear(pair_dim, BONDS)
        for layer in (self.head, self.pair_head):
            nn.init.zeros_(layer.weight)

    def outer(self) -> Iterator[nn.Module]:
        """The layers next to the graph, the time and the condition."""
        yield from (self.elements, self.kinds, self.size, self.rings, self.time, self.whole, self.place, self.pair,
                    self.head, self.pair_head)

    def check_condition(self, cond: Condition, batch: int) -> None:
        """Raise ValueError unless it says how many atoms, and rings that the network knows."""
        if not isinstance(cond, dict) or set(cond) != {"atoms", "rings"}:
            raise ValueError("a network of graphs must be told a dictionary of atoms, how many there are, and of rings")
        check_labels(cond["rings"], self.num_classes, batch)
        check_labels(cond["atoms"], self.places, batch)

    def hide(self, cond: Condition, hidden: Tensor) -> Condition:
        """The rings are not told where `hidden`, bool (B,); the number of atoms always is."""
        rings = cond["rings"]
        return cond | {"rings": torch.where(hidden.to(rings.device), self.num_classes, rings)}

    def forward(self, atoms: Tensor, bonds: Tensor, time: Tensor, cond: Condition) -> tuple[Tensor, Tensor]:
        here, both = self.existing(cond["atoms"])
        bonds = bonds * both  # between places without an atom x_t is noise that says nothing
        way = walks(bonds).to(self.place.weight.dtype)
        i, j = (part.to(bonds.device) for part in pairs(self.places))
        used = F.one_hot(bonds, BONDS).to(way)
        used = gathered(used * both[..., None], self.places)  # bonds of each kind at each atom
        whole = (self.size(cond["atoms"]) + self.rings(cond["rings"])
                 + self.time(sinusoidal(time, self.time.in_features).to(way)))
        of_atoms, of_pairs = self.whole(whole).split([self.time.in_features, self.pair.out_features], -1)
        back = way.diagonal(dim1=1, dim2=2).transpose(1, 2)
        x = norm(self.elements(atoms) + self.place(torch.cat([back, used], -1)) + of_atoms[:, None])
        e = norm(self.kinds(bonds) + self.pair(way[:, i, j]) + of_pairs[:, None])
        for block in self.blocks:
            x, e = block(x, e, here, both)
        return self.only_possible(self.head(norm(x)), self.pair_head(norm(e)), here, both)

    def existing(self, count: Tensor) -> tuple[Tensor, Tensor]:
        """Whether each place has an atom, bool (B, N), and whether both places of a pair have, bool (B, P)."""
        here = torch.arange(self.places, device=count.device) < count[:, None]
        i, j = (part.to(count.device) for part in pairs(self.places))
        return here, here[:, i] & here[:, j]

    @staticmethod
    def only_possible(of_atoms: Tensor, of_pairs: Tensor, here: Tensor, both: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, with what cannot be ruled out: an absent atom among so many, an element or a bond beyond them.

        So what is believed of a place without an atom is certain and right: in the bound it costs nothing.
        """
        absent = torch.arange(of_atoms.shape[-1], device=here.device) == ABSENT
        bound = torch.arange(of_pairs.shape[-1], device=here.device) > 0
        return (of_atoms.float().masked_fill(here[..., None] == absent, NO),
                of_pairs.float().masked_fill(~both[..., None] & bound, NO))
