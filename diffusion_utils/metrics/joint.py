"""What is measured of a joint embedding: do captions find their pictures, and pictures their captions?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..data.scenes import SceneData, draw_captions, facts_of, tokens_of
from ..data.scenes.captions import SAID
from ..data.scenes.facts import fits
from ..joint import ceiling, top_one
from .edits import wilson

AMONG = 100


@torch.no_grad()
def images_of(net: nn.Module, data: SceneData, n: int, batch: int = 250) -> Tensor:
    """Unit vectors of the first n pictures, float32 (n, D) on the CPU."""
    device = next(net.parameters()).device
    return torch.cat([net.image(data.x0(rows).to(device)).cpu() for rows in torch.arange(n).split(batch)])


@torch.no_grad()
def texts_of(net: nn.Module, tokens: Tensor, batch: int = 1000) -> Tensor:
    """Unit vectors of captions int64 (N, 14), float32 (N, D) on the CPU."""
    device = next(net.parameters()).device
    return torch.cat([net.text(part.to(device)).cpu() for part in tokens.split(batch)])


def retrieval(net: nn.Module, data: SceneData, n: int, among: int = AMONG) -> dict:
    """How often the right one of `among` is the nearest, beside the exact ceiling: what the grammar leaves undecided is shared.

    Of full captions and of captions with words left out; from a text to pictures, from a picture to texts.
    """
    n -= n % among
    image, found = images_of(net, data, n), {"n": n, "among": among}
    for name, said in (("full", 1.0), ("left out", SAID)):
        texts = draw_captions(data.facts[:n], torch.Generator().manual_seed(0), said)
        right = torch.from_numpy(fits(np.stack([facts_of(text) for text in texts]), data.facts[:n].cpu().numpy()))
        text = texts_of(net, tokens_of(texts))
        for way, asking, answers, fit in (("text to picture", text, image, right), ("picture to text", image, text, right.T)):
            found[f"{name}, {way}"] = wilson(int(top_one(asking, answers, among).sum()), n)._asdict() | {
                "ceiling": ceiling(fit, among)}
    return found
