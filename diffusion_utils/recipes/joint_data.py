"""The data of what learns from a joint embedding: unit vectors of pictures, and of their captions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import checkpoints
from ..checkpoints import Checkpoint, find_trained
from ..data.scenes import SceneData
from ..metrics.joint import images_of, texts_of


@dataclass(frozen=True, eq=False)
class VectorData:
    """vectors: unit vectors of all pictures, float16 (N, size); data: what they are of; net: the joint embedding.

    A sample is a vector times √size, so that its numbers are of the size of the noise's: those of a unit vector are ⅛ where
    there are 64, and a little noise would drown them. It has no range.
    """

    vectors: Tensor
    data: SceneData
    net: nn.Module
    clip = None

    @property
    def name(self) -> str:
        return f"embeddings of {self.data.name}"

    @property
    def source(self) -> str:
        return self.data.source

    @property
    def sha256(self) -> str:
        return self.data.sha256

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one vector, (size,)."""
        return tuple(self.vectors.shape[1:])

    def __len__(self) -> int:
        return len(self.vectors)

    def to(self, device: torch.device) -> VectorData:
        """The same vectors on the device."""
        return replace(self, vectors=self.vectors.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        """The vectors of these rows times √size, float32."""
        return self.vectors[rows].float() * self.vectors.shape[1] ** 0.5

    def condition(self, rows: Tensor) -> dict[str, Tensor]:
        """Full captions of these rows, and their unit vectors."""
        return with_vectors(self.net, self.data.condition(rows))


def with_vectors(net: nn.Module, tokens: Tensor) -> dict[str, Tensor]:
    """Captions int64 (N, L) with their unit vectors, as the prior is told them; both where the captions are."""
    return {"tokens": tokens, "text": texts_of(net, tokens).to(tokens.device)}


def vectors_of(data: SceneData, net: nn.Module) -> Tensor:
    """Unit vectors of all pictures, float16 (N, size) on the CPU."""
    return images_of(net, data, len(data)).half()


def embedding(name: str, runs: Path, device: torch.device | str) -> Checkpoint:
    """The joint embedding of that name, trained in the folder `runs` or shipped."""
    return checkpoints.load(find_trained(name, runs), device)


def needed(name: str, runs: Path) -> dict[str, str]:
    """What a card says of the joint embedding that it needs: its name, and that no other will do."""
    return {"checkpoint": name, "sha256": checkpoints.read_card(find_trained(name, runs))["sha256"]}
