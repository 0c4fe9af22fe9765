"""The record of chapter 8's figures: videos of which any parts are given, two futures out of noise, who comes back, the coin.

    python benchmarks/video_figures.py [--checkpoint next-door-fdm] [--quick] [--only PART …]

Resumable, part by part; about five minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from timing import Results, arguments
from torch import Tensor
from video_bars import LEGAL, around_toss, drawn, tossed_in_the_middle

from diffusion_utils import checkpoints
from diffusion_utils.chapters.video_figures import chosen, packed
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data import to_pixels
from diffusion_utils.data.next_door import FRAMES, GIVEN, NextDoor, load_next_door
from diffusion_utils.devices import autocast
from diffusion_utils.metrics.video import IN_SIGHT, long_videos
from diffusion_utils.metrics.video_reading import digits_in, read, returned
from diffusion_utils.video import SCHEMES, Call, call_walk, hierarchy_2

PARTS = {"0–2": [0, 1, 2], "6": [6], "11": [11], "17–19": [17, 18, 19]}  # frames that a reader gives or not
LENGTH, SAMPLES, START = 20, 3, 0b0001
VIDEOS, NEW, FUTURES = 4, 5, 60
AFTER = 2  # frames after the last given one: the frame that is told of the other side of the wall
LEVELS, NOISY = 32, 16  # greys of a frame, and of one with its noise, which does not compress
TOLD, ENDS = ("nothing", "a frame, up", "a frame, down"), ("up", "down")


def grey(frames: Tensor, levels: int = LEVELS) -> Tensor:
    """Frames (…, 1, 32, 32) as so many greys, uint8 (n, 32, 32)."""
    pixels = to_pixels(frames.float().cpu()).flatten(0, -4)[:, 0].int()
    return (pixels * levels // 256 * 255 // (levels - 1)).to(torch.uint8)


def given_parts(model: Checkpoint, data: NextDoor, pattern: int) -> dict:
    """Videos around a toss, between frames 8 and 9, of which these parts are given."""
    start = tossed_in_the_middle(data, 1, 8).repeat(SAMPLES)
    frames, _, _ = around_toss(data, start, 8, LENGTH - 9)
    x = drawn(model, frames, chosen(PARTS, pattern), hierarchy_2)
    return {"frames": packed(grey(x))}


@torch.no_grad()
def futures(model: Checkpoint, data: NextDoor, told: str) -> tuple[list, Tensor, dict]:
    """The walk of sixty futures of one video; of its states the times, what it holds and what it expects, and where the digits
    are at the end."""
    rows = tossed_in_the_middle(data, 1, GIVEN).repeat(FUTURES)
    frames, index, toss = around_toss(data, rows, GIVEN, NEW - 1)
    walks, seen = data.walks(rows), list(range(GIVEN))
    legal = [walks.with_coin(toss, down).positions(index) for down in (False, True)]
    if told != TOLD[0]:
        frames = data.drawn(rows, legal[told.endswith("down")])
        seen = [*seen, GIVEN + AFTER]
    call = Call(seen, [frame for frame in range(GIVEN + NEW) if frame not in seen])
    with autocast(model.device):
        states = [(state.t, state.x_t.cpu(), state.x0_hat.cpu()) for state in call_walk(
            model.denoiser, model.schedule, frames.to(model.device), call, model.sampler, seed=1, rows=range(FUTURES))]
    return states, frames, judged(states[-1][1].float(), legal, call)


def judged(x: Tensor, legal: list[Tensor], call: Call) -> dict:
    """Where the digits of futures are, frame by frame, which of the two paths each is nearer to, and whether it is one of them:
    as in `video_bars.coin`."""
    reading = read(x)
    off = []
    for truth in legal:
        away = torch.where(reading.whole, (reading.centre - truth).norm(dim=-1), torch.inf)
        counts = (truth[..., 0] <= IN_SIGHT) & torch.isin(torch.arange(x.shape[1]), torch.tensor(call.latent))
        off.append(torch.where(counts, away, 0.0).amax(1))
    centres = [[[round(v, 2) for v in place] if there else [None, None] for place, there in zip(path, whole, strict=True)]
               for path, whole in zip(reading.centre.tolist(), (~reading.empty).tolist(), strict=True)]
    return {"centres": centres, "up": (off[0] < off[1]).tolist(), "legal": (torch.minimum(*off) <= LEGAL).tolist(),
            "legal_paths": [[[round(v, 2) for v in place] for place in path[0].tolist()] for path in legal]}


def walk(model: Checkpoint, data: NextDoor, end: str) -> dict:
    """The first of the futures that goes this way, at each time: of a given frame what was given, of the others what the walk
    holds and what it expects. Where none goes this way, the first one."""
    states, frames, found = futures(model, data, TOLD[0])
    wanted = [k for k, up in enumerate(found["up"]) if up == (end == "up") and found["legal"][k]]
    which = wanted[0] if wanted else 0
    given = frames[which, :GIVEN]
    held, expected = (torch.stack([torch.cat([given, state[kind][which, GIVEN:].float().clamp(-1, 1)]) for state in states])
                      for kind in (1, 2))
    return {"x_t": packed(grey(held, NOISY)), "x0_hat": packed(grey(expected, NOISY)), "future": which,
            "goes_this_way": bool(wanted)}


def remembered(model: Checkpoint, data: NextDoor, name: str | None) -> dict:
    """Long videos by a scheme, None for real ones, and which digit comes back; of real ones, which digit went out."""
    rows = torch.arange(VIDEOS)
    real, _ = long_videos(data, rows)
    x = real if name is None else drawn(model, real, range(GIVEN), SCHEMES[name])
    reading = read(x)
    digits = data.labels(rows) if name is None else digits_in(x, reading, returned(reading))
    return {"frames": packed(grey(x)), "read_as": [int(digit) for digit in digits]}


def parts_of(model: Checkpoint, data: NextDoor, patterns: Sequence[int]) -> dict[str, Callable[[], dict]]:
    parts: dict[str, Callable[[], dict]] = {f"given {k}": lambda k=k: given_parts(model, data, k) for k in patterns}
    parts |= {f"walk {end}": lambda end=end: walk(model, data, end) for end in ENDS}
    parts |= {f"coin {told}": lambda told=told: futures(model, data, told)[2] for told in TOLD}
    parts |= {"memory real": lambda: remembered(model, data, None)}
    return parts | {f"memory {name}": lambda name=name: remembered(model, data, name) for name in SCHEMES}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="next-door-fdm", help="its name, or the path of its card")
    parser.add_argument("--only", nargs="+", help="these parts alone")
    args = parser.parse_args()
    model, data = checkpoints.load(args.checkpoint, args.device), load_next_door("test")
    settings = {"checkpoint": model.card["sha256"], "sampling": model.card["config"]["sampling"], "parts": PARTS,
                "length": LENGTH, "samples": SAMPLES, "start": START, "seen": GIVEN, "new": NEW, "long": FRAMES,
                "videos": VIDEOS, "times": model.sampler.times(model.schedule), "told": list(TOLD), "ends": list(ENDS),
                "data": data.name, "data_sha256": data.sha256}
    results = Results("video_figures", model.device, "videos next door: any parts given, two futures out of noise, three "
                      "schemes, futures at the coin", FUTURES, settings, args.quick, anywhere=True)
    results.measure(parts_of(model, data, range(2 ** len(PARTS))), args.only)
    print(f"{results.path}: {results.path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
