"""Videos of any length from a network that sees ten frames: which frames it sees when is a scheme, and any scheme will do.

Source: Harvey et al. 2022, section 3 and figure 2 (arXiv 2205.11495).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .conditions import Condition
from .denoiser import DenoiserFn
from .drawing import in_batches
from .errors import unknown_name
from .guidance import observed
from .noise import mixed_seed
from .sampling import Sampler, State, sample
from .schedules import Schedule

if TYPE_CHECKING:
    from .checkpoints import Checkpoint

MOST = 10  # frames that the network sees at once, of which it makes half
REACH = 120  # frames of one call lie within so many, as in training
SPACING = 11  # frames from one key frame to the next


class Call(NamedTuple):
    """The numbers of the frames that one call of the network is shown, and of those that it makes."""

    observed: list[int]
    latent: list[int]


# (frames that are given, length of the video) -> calls, each of which may look at what is finished by then
Scheme = Callable[[Sequence[int], int], Iterator[Call]]


def missing(done: Sequence[int], length: int) -> list[int]:
    """The frames that are still to be made, in order."""
    return sorted(set(range(length)) - set(done))


def latest(done: Sequence[int], latent: Sequence[int], most: int) -> list[int]:
    """The last finished frames before the latent ones; where there are fewer, also the first ones after."""
    before = sorted(frame for frame in done if frame < latent[0])
    after = sorted(set(done) - set(before))
    return before[-most:] + after[:max(0, most - len(before))]


def around(done: Sequence[int], latent: Sequence[int], most: int) -> list[int]:
    """The nearest finished frames on both sides: three of five before the first latent one, the others after it."""
    before = sorted(frame for frame in done if frame < latent[0])
    after = sorted(set(done) - set(before))
    ahead = min(len(after), max(2 * most // 5, most - len(before)))
    return before[max(0, len(before) - (most - ahead)):] + after[:ahead]


def within_reach(done: Sequence[int], latent: Sequence[int]) -> list[int]:
    """Those of the finished frames that one call may hold together with the latent ones."""
    return [frame for frame in done if frame > latent[-1] - REACH and frame < latent[0] + REACH]


def autoregressive(given: Sequence[int], length: int) -> Iterator[Call]:
    """Five frames after the last five, and so on: all that came before those is forgotten."""
    done = list(given)
    while todo := missing(done, length):
        latent = todo[:MOST if not done else MOST // 2]
        near = within_reach(done, latent)
        yield Call(latest(near, latent, MOST - len(latent)), latent)
        done += latent


def long_range(given: Sequence[int], length: int) -> Iterator[Call]:
    """As `autoregressive`, but two of the five places are for the oldest frames within reach."""
    done = list(given)
    while todo := missing(done, length):
        latent = todo[:MOST if not done else MOST // 2]
        near = within_reach(done, latent)
        oldest = sorted(near)[:2]
        rest = [frame for frame in near if frame not in oldest]
        places = MOST - len(latent) - len(oldest)
        yield Call(oldest + latest(rest, latent, places), latent)
        done += latent


def hierarchy_2(given: Sequence[int], length: int) -> Iterator[Call]:
    """First every eleventh frame that is missing, five at a time; then what lies between, with both sides in sight."""
    done = list(given)
    keys = missing(done, length)[SPACING - 1::SPACING]
    for level in ("keys", "between"):
        todo = keys if level == "keys" else missing(done, length)
        for first in range(0, len(todo), MOST // 2):
            latent = todo[first:first + MOST // 2]
            near = within_reach(done, latent)
            yield Call(around(near, latent, MOST - len(latent)), latent)
            done += latent


SCHEMES: dict[str, Scheme] = {"autoregressive": autoregressive, "long-range": long_range, "hierarchy-2": hierarchy_2}


def scheme_named(name: str) -> Scheme:
    """Raises ValueError for an unknown name, with the nearest."""
    if name not in SCHEMES:
        raise unknown_name("scheme", name, SCHEMES)
    return SCHEMES[name]


def checked(calls: Iterator[Call], given: Sequence[int], length: int) -> Iterator[Call]:
    """The same calls, one by one. Raises ValueError for one that looks at a frame that is not finished, makes one twice, or
    holds too many; and at the end where a frame is missing."""
    done = set(given)
    for number, call in enumerate(calls, 1):
        frames = [*call.observed, *call.latent]
        if not call.latent or len(frames) > MOST or len(set(frames)) < len(frames):
            raise ValueError(f"call {number} must make at least one frame and hold at most {MOST}, each once; got {call}")
        if not set(call.observed) <= done:
            raise ValueError(f"call {number} looks at {sorted(set(call.observed) - done)}, which are not finished")
        if set(call.latent) & done or not all(0 <= frame < length for frame in call.latent):
            raise ValueError(f"call {number} must make frames of 0…{length - 1} that are not there yet, got {call.latent}")
        yield Call(list(call.observed), list(call.latent))
        done |= set(call.latent)
    if left := missing(sorted(done), length):
        raise ValueError(f"the scheme leaves out {len(left)} frames, the first of them {left[0]}")


def call_walk(denoiser: DenoiserFn, schedule: Schedule, video: Tensor,
              call: Call, sampler: Sampler, *, seed: int = 0,
              rows: Sequence[int] | None = None) -> Iterator[State]:
    """The walk of one call, from noise to frames in the order of time: states are (B, K, C, H, W). video: (B, N, C, H, W),
    of which the observed frames are looked at. Sample i depends on (seed, rows[i])."""
    frames = sorted([*call.observed, *call.latent])
    index = torch.tensor(frames, device=video.device)
    known = video[:, index]
    mask = torch.tensor([frame in call.observed for frame in frames],
                        device=video.device)[:, None, None, None]
    told = observed(denoiser, schedule, known,
                    mask.expand(known.shape[1:])[None])
    cond = {"index": index.expand(len(known), -1)}
    yield from sample(told, schedule, known.shape, sampler, cond=cond,
                      seed=seed, indices=rows, device=video.device)


def sample_video(denoiser: DenoiserFn, schedule: Schedule, known: Tensor,
                 given: Sequence[int], scheme: Scheme, sampler: Sampler,
                 *, seed: int = 0, batch: int = 50,
                 device: torch.device | str = "cpu",
                 progress: bool = False) -> Tensor:
    """Videos of which some frames are given, float32 (B, N, C, H, W) on the CPU; given frames come back to the bit.

    known: (B, N, C, H, W), which is looked at only where frames are given; given: their numbers; scheme: of `SCHEMES`, or your
    own. Sample i depends on (seed, i) and its own frames, whatever the batch. Raises ValueError for a scheme that does not
    keep to what `checked` asks for.
    """
    given, length = sorted(map(int, given)), known.shape[1]
    there = torch.tensor(given, dtype=torch.int64)
    video = torch.zeros_like(known, dtype=torch.float32, device="cpu")
    video[:, there] = known[:, there].float().cpu()
    calls = checked(scheme(given, length), given, length)
    with tqdm(total=length - len(given), unit="frame",
              disable=not progress, delay=2) as bar:
        for number, call in enumerate(calls):
            own = mixed_seed(seed, 10, number)  # noise of its own
            video[:, call.latent] = _drawn(
                denoiser, schedule, video, call, sampler, own, batch,
                device)
            bar.update(len(call.latent))
    return video


def _drawn(denoiser, schedule: Schedule, video: Tensor, call: Call, sampler: Sampler, seed: int, batch: int, device) -> Tensor:
    """The latent frames of one call, (B, k, C, H, W), in the order in which the call names them."""
    frames = sorted([*call.observed, *call.latent])

    def walk_of(rows: range) -> Iterator[State]:
        return call_walk(denoiser, schedule, video[rows.start:rows.stop].to(device), call, sampler, seed=seed, rows=rows)

    x = in_batches(walk_of, len(video), batch, device).float()
    return x[:, [frames.index(frame) for frame in call.latent]]


def loop(first: Tensor, length: int) -> tuple[Tensor, list[int]]:
    """known and given of videos that end as they begin: first, (B, C, H, W), is frame 0 and the last one, too."""
    known = first.new_zeros(len(first), length, *first.shape[1:])
    known[:, 0] = known[:, -1] = first
    return known, [0, length - 1]


def draw_video(checkpoint: Checkpoint, n: int, sampler: Sampler, *, cond: Condition = None, weight: float | Tensor = 1.0,
               seed: int = 0, batch: int = 50, progress: bool = False) -> Tensor:
    """n videos of the checkpoint's own length by hierarchy-2, (n, N, C, H, W). One of `drawing.KINDS`.

    cond: known (n, N, C, H, W) and seen, bool (n, N), the same frames of all; None: nothing is given.
    """
    if not bool((torch.as_tensor(weight) == 1).all()):
        raise ValueError(f"{checkpoint.name} knows no guidance: weight must be 1, got {weight}")
    known, given = torch.zeros(n, *checkpoint.shape), []
    if cond is not None:
        known, seen = cond["known"], cond["seen"]
        if not bool((seen == seen[:1]).all()):
            raise ValueError("the same frames must be given of all videos that are drawn together")
        given = seen[0].nonzero()[:, 0].tolist()
    return sample_video(checkpoint.denoiser, checkpoint.schedule, known, given, hierarchy_2, sampler, seed=seed,
                        batch=min(batch, 50), device=checkpoint.device, progress=progress)
