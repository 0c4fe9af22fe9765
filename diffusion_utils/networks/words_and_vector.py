"""What the prior and the decoder of unCLIP are told: the words of a caption, and one vector of the joint embedding."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ..conditions import Condition, check_names
from ..joint import UNIT
from .network import Network
from .text_unet import check_prompts, empty_prompts


class WordsAndVector(Network):
    """A network whose condition is a dictionary: "tokens", int64 (B, length), and a unit vector, float (B, size), by a name of
    the network's own. None tells nothing, and nothing has one form only: the empty prompt, and a vector of zeros.

    vocabulary, length, size: set by the network.
    """

    conditional = True
    vector: ClassVar[str]

    vocabulary: int
    length: int
    size: int

    def nothing(self, like: Tensor) -> dict[str, Tensor]:
        """What is told where nothing is, for each sample of `like`."""
        return {"tokens": empty_prompts(len(like), self.length, like.device), self.vector: like.new_zeros(len(like), self.size)}

    def check_condition(self, cond: Condition, batch: int) -> None:
        """Raise ValueError unless these are words and unit vectors (or zeros) of so many samples."""
        if cond is None:
            return
        check_names(cond, "tokens", self.vector)
        check_prompts(cond["tokens"], batch, self.length, self.vocabulary)
        x = cond[self.vector]
        if x.shape != (batch, self.size) or not x.is_floating_point():
            raise ValueError(f"{self.vector} must be float {(batch, self.size)}, got {x.dtype} {tuple(x.shape)}")
        length = torch.linalg.vector_norm(x.float(), dim=1)
        if not bool(((length == 0) | ((length - 1).abs() < UNIT)).all()):
            raise ValueError(f"{self.vector} must hold unit vectors (joint.unit), or zeros for nothing; got lengths "
                             f"{float(length.min()):.3g}…{float(length.max()):.3g}")

    def hide(self, cond: Condition, hidden: Tensor, words: Tensor | None = None) -> Condition:
        """Nothing told of the samples where `hidden`, bool (B,), is true; of the words where `words` is, if that is given."""
        vector, tokens = cond[self.vector], cond["tokens"]
        hidden = hidden.to(tokens.device)[:, None]
        words = hidden if words is None else words.to(tokens.device)[:, None]
        return {"tokens": torch.where(words, empty_prompts(len(tokens), self.length, tokens.device), tokens),
                self.vector: vector.masked_fill(hidden, 0.0)}

    def told(self, cond: Condition, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, length), and vectors times √size, so that their numbers are of the noise's size: (B, size), as x is."""
        cond = self.nothing(x) if cond is None else cond
        return cond["tokens"].to(x.device), cond[self.vector].to(x) * self.size**0.5
