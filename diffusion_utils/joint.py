"""Pictures and captions in one space: unit vectors, close to each other where a caption fits a picture.

Sources: Radford et al. 2021 (CLIP: the contrastive loss), Ramesh et al. 2022 (unCLIP: what can be done with the vectors).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn import functional as F

FIRST = math.log(1 / 0.07)  # the logarithm of the scale at first
LARGEST = math.log(100)  # and at most: beyond it a rounding of a cosine decides (Radford et al. 2021, section 2.5)
UNIT = 0.01  # by which a length may differ from 1: that of a vector in half precision does
NEAR = 1e-4  # radians: on so short an arc a straight line is the arc


def unit(x: Tensor) -> Tensor:
    """x/‖x‖, float32: (…, D) → (…, D). Once more changes nothing."""
    return F.normalize(x.float(), dim=-1)


def check_unit(**vectors: Tensor) -> None:
    """Raise ValueError unless all are float (N, D), and each row has the length 1. On a GPU lengths are not looked at: it would
    wait."""
    for name, x in vectors.items():
        if x.ndim != 2 or not x.is_floating_point():
            raise ValueError(f"{name} must be unit vectors, float (N, D), got {x.dtype} {tuple(x.shape)}")
        if x.device.type != "cpu":
            continue
        length = x.detach().float().norm(dim=1)
        if not bool(((length - 1).abs() < UNIT).all()):
            raise ValueError(f"{name} must have the length 1 (divide by it: joint.unit), got {float(length.min()):.3g}…"
                             f"{float(length.max()):.3g}")


def contrastive_loss(image: Tensor, text: Tensor, log_scale: Tensor,
                     fits: Tensor) -> Tensor:
    """½·(H(captions → pictures) + H(pictures → captions)), a scalar.

    H is the cross-entropy of softmax_j(scale·text_i·image_j) to the
    pictures that caption i fits, all alike; and the other way round. Where
    a caption fits its own picture alone, that is CLIP's loss (Radford et
    al. 2021, figure 3); several pictures may be right (Khosla et al. 2020,
    eq. 2).
    image, text: unit vectors (B, D), B ≥ 2; log_scale: scalar, the logarithm
    of the scale, so that it stays above 0, at most ln 100; fits: bool (B, B),
    whether caption i fits picture j. Raises ValueError for a batch of one,
    whose loss is 0 whatever was learnt, and for vectors of another length.
    """
    check_unit(image=image, text=text)
    check_fits(fits, len(text), len(image))
    scale = log_scale.float().clamp(max=LARGEST).exp()
    # half precision would round a cosine, times 100, to ±0.4
    with torch.autocast(image.device.type, enabled=False):
        logits = scale * text.float() @ image.float().T  # (captions, pictures)
    return 0.5 * (shared_entropy(logits, fits)
                  + shared_entropy(logits.T, fits.T))


def shared_entropy(logits: Tensor, right: Tensor) -> Tensor:
    """−Σ_j right_ij/Σ_k right_ik · ln softmax_j(logits_ij), averaged over i.

    logits: (N, M); right: bool (N, M), one or more in each row.
    """
    wanted = right / right.sum(1, keepdim=True)
    return -(wanted * logits.log_softmax(1)).sum(1).mean()


def check_fits(fits: Tensor, captions: int, pictures: int) -> None:
    """Raise ValueError unless these are two pairs or more, and each caption fits its own picture."""
    if captions < 2 or captions != pictures:
        raise ValueError(f"a picture and a caption are told from others: at least two of each are needed, and as many of both; "
                         f"got {pictures} pictures and {captions} captions")
    if fits.dtype != torch.bool or fits.shape != (captions, pictures):
        raise ValueError(f"fits must be bool {(captions, pictures)}, got {fits.dtype} {tuple(fits.shape)}")
    if fits.device.type == "cpu" and not bool(fits.diagonal().all()):
        raise ValueError("caption i must fit picture i: fits is not true on its diagonal")


def top_one(asking: Tensor, answers: Tensor, among: int = 100) -> Tensor:
    """Whether each asking vector is nearest to its own answer, among `among` of them: bool (N,).

    asking, answers: unit vectors (N, D), of which the i-th belong together; blocks of `among` are asked one by one.
    Raises ValueError where N is no multiple of `among`, or vectors are no unit vectors.
    """
    check_unit(asking=asking, answers=answers)
    blocks = zip(asking.split(_blocks(len(asking), among)), answers.split(among), strict=True)
    return torch.cat([(a @ b.T).argmax(1) == torch.arange(among, device=a.device) for a, b in blocks])


def ceiling(fits: Tensor, among: int = 100) -> float:
    """How often the own picture of a caption can be found among `among`: the mean of 1/(number of pictures that it fits).

    A caption is as likely for every picture that it fits, so that nobody can do better than to guess among these. Given fits.T
    it is the other way round: there, who also knows how rarely a caption is true can do a little better.
    fits: bool (N, N), of which the blocks along the diagonal are read; each caption fits its own picture.
    """
    count = _blocks(len(fits), among)
    found = [fits[first:first + count, first:first + count] for first in range(0, len(fits), count)]
    return float(torch.cat([1 / block.sum(1).cpu().double() for block in found]).mean())


def _blocks(n: int, among: int) -> int:
    if among < 2 or n < 1 or n % among:
        raise ValueError(f"{n} rows cannot be asked in blocks of {among}: it must be at least 2, and divide their number")
    return among


def slerp(a: Tensor, b: Tensor, share: float | Tensor) -> Tensor:
    """sin((1 − s)·θ)/sin θ·a + sin(s·θ)/sin θ·b: the point of the arc from a to b, θ apart.

    a, b: unit vectors (N, D); share: s, one number or (N,), 0 is a and 1
    is b. Where they are nearly equal, sin θ is nearly 0, and the straight
    line serves. Raises ValueError for opposite vectors, between which there
    is no one arc. Source: Shoemake 1985.
    """
    check_unit(a=a, b=b)
    a, b = unit(a), unit(b)
    s = torch.as_tensor(share, dtype=a.dtype, device=a.device)
    s = s.reshape(-1, 1)
    # as arccos(a·b), but exact for small angles, too
    apart, along = (vector_norm(v, dim=1, keepdim=True)
                    for v in (a - b, a + b))
    theta = 2 * torch.atan2(apart, along)
    if bool((theta > math.pi - NEAR).any()):
        raise ValueError("a and b are opposite: many arcs lead from one to the other")
    near = theta < NEAR
    sine = torch.where(near, 1.0, theta.sin())
    on_arc = (((1 - s) * theta).sin() * a + (s * theta).sin() * b) / sine
    return unit(torch.where(near, (1 - s) * a + s * b, on_arc))


def text_difference(image: Tensor, before: Tensor, after: Tensor,
                    angle: float) -> Tensor:
    """slerp(z_i, d, angle), d = unit(z_t − z_t′): a picture moved as its words are.

    image: z_i; before, after: z_t′ and z_t, the embeddings of two captions;
    all unit vectors (N, D). angle: how far, as a share of the arc from z_i
    to d; 0.25…0.5 in the paper. Source: Ramesh et al. 2022, section 3.3.
    """
    check_unit(image=image, before=before, after=after)
    return slerp(image, unit(after - before), angle)
