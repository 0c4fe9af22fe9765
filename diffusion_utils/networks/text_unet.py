"""A U-Net that reads: a transformer turns a prompt into one vector a word, and every block of the U-Net looks at them.

Source: Rombach et al. 2022, section 3.3. Unless it is told the prompt as a `whole`, too, there is no other way from the words
to the picture, so the maps of the attention mean something. Each pixel knows its place: "left of" asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..conditions import Condition
from .attention import Context
from .network import Network
from .transformer import Transformer
from .unet import UNet

PAD, BEGIN = 0, 1  # the numbers that stand for no word, and for the beginning of a prompt


class TextEncoder(nn.Module):
    """Prompts, int64 (B, L), to a `Context` of vectors (B, L, dim): a table of words, one of places, and a transformer."""

    def __init__(self, words: int, length: int, dim: int = 128, layers: int = 3, heads: int = 4):
        super().__init__()
        self.words, self.places = nn.Embedding(words, dim), nn.Embedding(length, dim)
        self.body = Transformer(dim, layers, heads)

    def forward(self, tokens: Tensor) -> Context:
        mask = tokens != PAD
        place = torch.arange(tokens.shape[1], device=tokens.device)
        return Context(self.body(self.words(tokens) + self.places(place), mask), mask)


def empty_prompts(n: int, length: int, device: torch.device | str) -> Tensor:
    """n prompts without a word, int64 (n, length)."""
    prompts = torch.full((n, length), PAD, device=device)
    prompts[:, 0] = BEGIN
    return prompts


def check_prompts(tokens: object, batch: int, length: int, vocabulary: int) -> None:
    """Raise ValueError unless these are so many prompts of so many numbers, each below `vocabulary`."""
    allowed = f"prompts must be int64 ({batch}, {length}), 0…{vocabulary - 1}, and begin with {BEGIN}"
    if not isinstance(tokens, Tensor) or tokens.dtype != torch.int64 or tokens.shape != (batch, length):
        given = f"{tokens.dtype} {tuple(tokens.shape)}" if isinstance(tokens, Tensor) else type(tokens).__name__
        raise ValueError(f"{allowed}; got {given}")
    if bool((tokens < 0).any() | (tokens >= vocabulary).any() | (tokens[:, 0] != BEGIN).any()):
        first = tokens[:, 0].unique().tolist()
        raise ValueError(f"{allowed}; got {int(tokens.min())}…{int(tokens.max())}, beginning with {first}")


class TextUNet(Network):
    """net(x, time, tokens): x (B, in_channels, H, W); tokens int64 (B, length), 1 first, then words, then 0; None is the empty
    prompt, 1 alone. words: how many; channels, blocks, emb_dim, places, patch: of the `UNet`; dim, layers: of the encoder.
    whole: whether the vector of the beginning, which has looked at all words, also scales and shifts every block, as the time
    does. That suits pictures of one thing; of several, each word has to find its own place (Podell et al. 2024, section 2.1).
    """

    conditional = True

    def __init__(self, words: int, length: int, in_channels: int = 4, channels: Sequence[int] = (64, 128), blocks: int = 1,
                 emb_dim: int = 128, dim: int = 128, layers: int = 3, places: bool = True, patch: int = 1, whole: bool = False):
        super().__init__()
        self.vocabulary, self.length = words, length
        self.text = TextEncoder(words, length, dim, layers)
        self.unet = UNet(in_channels, channels, blocks, patch, emb_dim=emb_dim, context_dim=dim, places=places)
        self.whole = nn.Linear(dim, emb_dim) if whole else None

    def outer(self) -> Iterator[nn.Module]:
        """Those of the U-Net, and the tables."""
        yield from self.unet.outer()
        yield from (self.text.words, self.text.places)

    def check_condition(self, cond: Condition, batch: int) -> None:
        """Raise ValueError unless these are prompts of so many samples."""
        if cond is not None:
            check_prompts(cond, batch, self.length, self.vocabulary)

    def empty(self, like: Tensor) -> Tensor:
        """The empty prompt for each sample of `like`, (B, length)."""
        return empty_prompts(len(like), self.length, like.device)

    def hide(self, cond: Condition, hidden: Tensor) -> Condition:
        """The empty prompt where `hidden`, bool (B,), is true."""
        return torch.where(hidden.to(cond.device)[:, None], self.empty(cond), cond)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        tokens = self.empty(x) if cond is None else cond.to(x.device)
        context = self.text(tokens)
        also = None if self.whole is None else self.whole(context.values[:, 0])
        return self.unet(x, time, context=context, also=also)
