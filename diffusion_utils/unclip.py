"""Pictures by way of an embedding: from a caption by the prior, from a picture by the encoder; and what only that can do.

A checkpoint of the kind "unclip" is the decoder. It needs the joint embedding, "clip", and the "prior".
Source: Ramesh et al. 2022, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .checkpoints import Checkpoint
from .conditions import each
from .drawing import draw, in_batches
from .edits import encoded, ready
from .guidance import guided
from .inversion import invert
from .joint import unit
from .noise import mixed_seed
from .sampling import Sampler, State, sample

BEST_OF = 2  # embeddings that the prior draws for a caption


def check_unclip(checkpoint: Checkpoint) -> None:
    """Raise ValueError unless the checkpoint draws by way of embeddings of pictures."""
    if not {"clip", "prior"} <= set(checkpoint.needs):
        raise ValueError(f"{checkpoint.name} knows no embedding of pictures, by which another is drawn; scenes-unclip does")


@torch.no_grad()
def picture_vectors(checkpoint: Checkpoint, pictures: Tensor, batch: int = 250) -> Tensor:
    """z_i: unit vectors of pictures (N, 3, H, W) in [−1, 1], float32 (N, D) on the CPU. Raises ValueError for another size."""
    check_unclip(checkpoint)
    clip, x = checkpoint.needs["clip"], ready(pictures)
    return torch.cat([clip.net.image(part.to(clip.device)).cpu() for part in x.split(batch)])


@torch.no_grad()
def caption_vectors(checkpoint: Checkpoint, tokens: Tensor, batch: int = 1000) -> Tensor:
    """z_t: unit vectors of captions int64 (N, L), float32 (N, D) on the CPU; zeros for a caption without a word, which says
    nothing."""
    check_unclip(checkpoint)
    clip = checkpoint.needs["clip"]
    found = torch.cat([clip.net.text(part.to(clip.device)).cpu() for part in tokens.split(batch)])
    return found * (tokens.cpu()[:, 1:] != 0).any(1, keepdim=True)


def imagine(checkpoint: Checkpoint, tokens: Tensor, *,
            weight: float | None = None, best_of: int = BEST_OF,
            seed: int = 0, batch: int = 1000) -> Tensor:
    """Embeddings of pictures for captions, drawn by the prior: (N, D).

    Of `best_of` draws the one with the largest dot product with the
    caption's embedding is kept (Ramesh et al. 2022, section 2.2). They are
    brought to unit length here, and nowhere else.
    tokens: int64 (N, L); weight: guidance of the prior, by default the
    card's. Returns unit vectors, float32 on the CPU.
    """
    prior = checkpoint.needs["prior"]
    text = caption_vectors(checkpoint, tokens)
    if weight is None:
        weight = checkpoint.card["config"]["prior_weight"]
    cond = {"tokens": tokens.cpu(), "text": text}
    drawn = torch.stack([
        unit(draw(prior.denoiser, prior.schedule, len(tokens), prior.shape,
                  prior.sampler, cond=cond, weight=weight, batch=batch,
                  seed=mixed_seed(seed, 7, k), device=prior.device))
        for k in range(best_of)])  # (best_of, N, D)
    best = (drawn * text).sum(-1).argmax(0)
    return drawn[best, torch.arange(len(best))]


def told(checkpoint: Checkpoint, vectors: Tensor, tokens: Tensor | None = None) -> dict[str, Tensor]:
    """The decoder's condition: embeddings of pictures, and captions, or no word. Both on the CPU."""
    nothing = checkpoint.net.nothing(vectors)
    return {"tokens": nothing["tokens"] if tokens is None else tokens.cpu(), "image": vectors}


def paint(checkpoint: Checkpoint, vectors: Tensor,
          tokens: Tensor | None = None, *, weight: float = 1.0,
          seed: int = 0, batch: int = 250, progress: bool = False,
          **changes) -> Tensor:
    """Pictures (N, 3, H, W) of embeddings (N, D), drawn by the decoder.

    tokens: captions int64 (N, L) that it is told as well; without them all
    that it knows of a picture is its embedding. weight: guidance w, away
    from neither being told; seed: the noise of picture i is of (seed, i);
    changes: settings of the sampler.
    """
    check_unclip(checkpoint)
    how = checkpoint.sampler.changed(**changes)
    z = draw(checkpoint.denoiser, checkpoint.schedule, len(vectors),
             checkpoint.shape, how, cond=told(checkpoint, vectors, tokens),
             weight=weight, seed=seed, batch=batch, progress=progress,
             device=checkpoint.device)
    return torch.cat([checkpoint.codec.decode(part)
                      for part in z.split(batch)])


def variations(checkpoint: Checkpoint, pictures: Tensor, n: int, **how) -> Tensor:
    """n pictures of the embedding of each: (N·n, 3, H, W), those of one picture side by side. how: of `paint`.

    What the embedding holds stays; what it does not hold is drawn anew.
    """
    vectors = picture_vectors(checkpoint, pictures)
    return paint(checkpoint, vectors.repeat_interleave(n, 0), **how)


def draw_unclip(checkpoint: Checkpoint, n: int, sampler: Sampler, *, cond: Tensor | None = None, **how) -> Tensor:
    """n codes of pictures for captions int64 (n, L), by way of embeddings that the prior draws; without captions, of anything.

    The decoder is told the embedding alone. how: weight (of the decoder), seed, batch and progress of `draw`.
    """
    check_unclip(checkpoint)
    if cond is not None:
        cond = told(checkpoint, imagine(checkpoint, cond, seed=how.get("seed", 0)))
    return draw(checkpoint.denoiser, checkpoint.schedule, n, checkpoint.shape, sampler, cond=cond, device=checkpoint.device,
                **how)


def upward(checkpoint: Checkpoint, pictures: Tensor, *, steps: int = 50,
           batch: int = 250) -> tuple[Tensor, Tensor]:
    """(z_i, x_T) of pictures: their embeddings (N, D), and the noise from
    which the decoder draws them again, (N, …), by DDIM walked upward.

    The two together are the picture, nearly: what the embedding does not
    hold is in x_T (Ramesh et al. 2022, section 2.2).
    """
    vectors = picture_vectors(checkpoint, pictures)
    codes = encoded(checkpoint, ready(pictures), batch)
    cond, how = told(checkpoint, vectors), Sampler("ddim", steps)
    times = how.times(checkpoint.schedule)[::-1]

    def walk_of(rows: range) -> Iterator[State]:
        part = slice(rows.start, rows.stop)
        mine = each(lambda entry: entry[part].to(checkpoint.device), cond)
        return invert(checkpoint.denoiser, checkpoint.schedule, codes[part],
                      times, cond=mine)

    return vectors, in_batches(walk_of, len(vectors), batch, checkpoint.device)


def downward(checkpoint: Checkpoint, vectors: Tensor, x_T: Tensor, *,
             steps: int = 50, weight: float = 1.0,
             batch: int = 250) -> Tensor:
    """Pictures (N, 3, H, W) of embeddings from this noise, by DDIM: those of
    `upward`, or of embeddings that were moved, from the same noise."""
    cond, how = told(checkpoint, vectors), Sampler("ddim", steps)
    steered = guided(checkpoint.denoiser, checkpoint.schedule, weight)

    def walk_of(rows: range) -> Iterator[State]:
        part = slice(rows.start, rows.stop)
        mine = each(lambda entry: entry[part].to(checkpoint.device), cond)
        return sample(steered, checkpoint.schedule, sampler=how, cond=mine,
                      x_start=x_T[part].to(checkpoint.device))

    z = in_batches(walk_of, len(vectors), batch, checkpoint.device)
    return torch.cat([checkpoint.codec.decode(part)
                      for part in z.split(batch)])

