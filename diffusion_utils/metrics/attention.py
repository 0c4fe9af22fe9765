"""Which word looked where: the maps of a walk, and whether a digit's word finds its own digit."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..conditions import Condition
from ..data.scenes.captions import NAMES, NUMERALS, TURNED, words_of
from ..data.scenes.drawing import SIDE
from ..denoiser import DenoiserFn, Prediction
from ..networks.attention import attention_maps

OWN, OTHER, GROUND, NOTHING = 0, 1, 2, -1  # where a map is largest: in its digit's box, the other's, neither; no such word


def watched(denoiser: DenoiserFn,
            net: nn.Module) -> tuple[DenoiserFn, list[tuple[int, Tensor]]]:
    """The same denoiser, and a list to which each call that is told something adds t and its maps, (B, L, h, w) on the CPU.

    net: the network that the denoiser asks. A map is the mean over heads and over the layers of the finest resolution; at each
    place those of all words sum to 1.
    """
    kept: list[tuple[int, Tensor]] = []

    def denoise(x_t: Tensor, t: int,
                cond: Condition = None) -> Prediction:
        if cond is None:
            return denoiser(x_t, t, cond)
        with attention_maps(net) as layers:
            prediction = denoiser(x_t, t, cond)
        maps = [layer[0] for layer in layers]
        finest = max(one.shape[-1] for one in maps)
        fine = [one for one in maps if one.shape[-1] == finest]
        kept.append((int(t), torch.stack(fine).float().mean(0).cpu()))
        return prediction

    return denoise, kept


def digit_words(tokens: Tensor) -> np.ndarray:
    """Where the words of the first and of the second digit stand, int64 (N, 2), in the order of the facts, which is
    that of their places; −1 where there is none. tokens: int64 (N, L), captions of scenes.
    """
    places = np.full((len(tokens), 2), NOTHING)
    for row, prompt in zip(places, tokens, strict=True):
        words = words_of(prompt)
        found = [1 + k for k, word in enumerate(words) if word in NUMERALS + NAMES]  # 1 for the beginning
        turned = any(phrase in " ".join(words) for phrase in TURNED)
        row[:len(found)] = found[:2][::-1] if turned else found[:2]
    return places


def peaks(maps: Tensor, tokens: Tensor, boxes: np.ndarray) -> np.ndarray:
    """Where the map of each digit's word is largest, int64 (N, 2): OWN, OTHER, GROUND, or NOTHING where there is no such word.

    maps: (N, L, h, w); boxes: int64 (N, 2, 4), top, left, bottom, right of each digit in pixels, as `read_scenes` has them. A
    place of the map is several pixels wide, and lies in a box where they overlap.
    """
    words, (h, w) = digit_words(tokens), maps.shape[-2:]
    result = np.full(words.shape, NOTHING)
    for i, k in zip(*np.nonzero(words != NOTHING), strict=True):
        at = int(maps[i, words[i, k]].argmax())
        row, column = at // w * (SIDE // h), at % w * (SIDE // w)
        hit = [box[0] < row + SIDE // h and row < box[2] and box[1] < column + SIDE // w and column < box[3]
               for box in boxes[i]]
        result[i, k] = OWN if hit[k] else OTHER if hit[1 - k] else GROUND
    return result
