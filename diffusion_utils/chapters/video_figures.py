"""The figures of the chapter on video: a record of frames as films, futures at the coin, who sees whom."""

from __future__ import annotations

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from diffusion_utils.chapters.plotting import BLUE, GREY, ORANGE
from diffusion_utils.data.next_door import SIDE
from diffusion_utils.metrics.video_reading import read
from diffusion_utils.video import SCHEMES, Call, Scheme, hierarchy_2
from diffusion_utils.widgets import Axis, Film
from diffusion_utils.widgets.sprites import encode_webp, sprite_sheet, to_uint8


def packed(frames: object) -> str:
    """Pictures (n, 32, 32), uint8 or float in [−1, 1], as text, without a loss: how a record keeps them."""
    return base64.b64encode(encode_webp(sprite_sheet(to_uint8(frames))[0])).decode()


def unpacked(text: str, *shape: int) -> np.ndarray:
    """The pictures of such a text, uint8 (*shape, 32, 32)."""
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("L"))
    cells = sheet.reshape(-1, SIDE, sheet.shape[1] // SIDE, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    return cells[:int(np.prod(shape))].reshape(*shape, SIDE, SIDE)


def chosen(parts: dict[str, list[int]], pattern: int) -> list[int]:
    """The frames of those of the parts whose bits are set in the pattern."""
    return sorted(frame for k, part in enumerate(parts.values()) if pattern >> k & 1 for frame in part)


def where_words(frames: np.ndarray) -> list[str]:
    """Where a digit is in each frame, uint8 (n, 32, 32), in words."""
    reading = read(torch.from_numpy(frames.astype(np.float32) / 127.5 - 1)[:, None])
    found = []
    for empty, (x, y) in zip(reading.empty.tolist(), reading.centre.tolist(), strict=True):
        high = "high" if y < 14 else "low" if y > 18 else "half-way up"
        found.append("nobody" if empty else f"{high} {'at the wall' if x < 14 else 'on the way' if x < 24 else 'at the door'}")
    return found


def said_of(panels: list[str], frames: np.ndarray) -> list:
    """What is to be seen in frames (…, panels, 32, 32), a text for each of them, nested as the rest is."""
    words = np.array(where_words(frames.reshape(-1, SIDE, SIDE)), dtype=object).reshape(-1, len(panels))
    texts = ["; ".join(f"{panel}: {word}" for panel, word in zip(panels, row, strict=True)) for row in words]
    return np.array(texts, dtype=str).reshape(frames.shape[:-3]).tolist()


def choose_frames(record: dict, **options) -> Film:
    """Videos of which any of four parts is given. record: video_figures, made by benchmarks/video_figures.py."""
    settings = record["settings"]
    parts, length, samples = settings["parts"], settings["length"], settings["samples"]
    patterns = range(2 ** len(parts))
    frames = np.stack([unpacked(record["parts"][f"given {k}"]["frames"], samples, length) for k in patterns])
    frames = frames.transpose(2, 0, 1, 3, 4)  # (length, patterns, samples, …)
    given = [chosen(parts, k) for k in patterns]
    panels = [f"sample {k + 1}" for k in range(samples)]
    about = {"title": "Choose what the network sees", "name": "fig-choose-the-frames", "panels": panels,
             "says": said_of(panels, frames), "alt": f"{samples} videos of a digit, made around given frames"} | options
    axes = [Axis("frame", range(length), 7), Axis.of_words("given", list(parts), settings["start"])]
    return Film.from_frames(frames, [[(seen, list(hierarchy_2(seen, length)))] for seen in given], axes=axes, **about)


def noise_to_frames(record: dict, **options) -> Film:
    """Five frames on their way out of noise, behind five that were given: what the walk holds, and what it expects."""
    settings = record["settings"]
    times, ends, given = settings["times"], settings["ends"], list(range(settings["seen"]))
    length = settings["seen"] + settings["new"]
    kinds = ["x_t", "x0_hat"]
    frames = np.stack([np.stack([unpacked(record["parts"][f"walk {end}"][kind], len(times), length) for kind in kinds])
                       for end in ends])  # (ends, kinds, times, length, …)
    call = Call(given, list(range(len(given), length)))
    says = [[[f"At t = {t} of a walk that ends {end}, frame {k} is {'as it was given' if k in given else 'on its way'}"
              for end in ends] for t in times] for k in range(length)]
    about = {"title": "Two futures come out of noise", "name": "fig-two-futures-out-of-noise", "says": says,
             "panels": ["x_t", "x̂_0"], "alt": "A frame with its noise, and what the network expects it to be"} | options
    axes = [Axis("frame", range(length), length - 3), Axis("t", times, len(times) // 2), Axis("end", ends, buttons=True)]
    return Film.from_frames(frames.transpose(3, 2, 0, 1, 4, 5), [[[(given, [call])]] * len(ends)] * len(times), axes=axes,
                            **about)


def who_comes_back(record: dict, **options) -> Film:
    """The same videos by three schemes, beside what happened."""
    settings = record["settings"]
    given, length, videos = list(range(settings["seen"])), settings["long"], settings["videos"]
    panels = ["real", *SCHEMES]
    parts = [record["parts"][f"memory {name}"] for name in panels]
    frames = np.stack([unpacked(part["frames"], videos, length) for part in parts], 2)  # (videos, length, panels, …)
    frames = frames.swapaxes(0, 1)
    digits = {name: [[str(digit) if digit >= 0 else "–" for digit in part["read_as"]]] * length
              for name, part in zip(["went out", *SCHEMES], parts, strict=True)}
    rows = [(given, list(scheme(given, length))) for scheme in SCHEMES.values()]
    about = {"title": "Who comes back?", "name": "fig-who-comes-back", "panels": panels, "rows": list(SCHEMES),
             "says": said_of(panels, frames), "readouts": digits, "interval_ms": 100,
             "alt": "A digit leaves and somebody comes back, as it happened and by three schemes"} | options
    axes = [Axis("frame", range(length), length // 2), Axis("video", range(1, videos + 1), buttons=True)]
    return Film.from_frames(frames, [rows] * videos, axes=axes, **about)


def plot_calls(schemes: dict[str, Scheme], given: list[int], length: int) -> Figure:
    """A row for each call, a column for each frame: what it sees, and what it makes."""
    fig, axes = plt.subplots(len(schemes), 1, figsize=(5.6, 1.8 * len(schemes)), sharex=True, squeeze=False)
    for ax, (name, scheme) in zip(axes[:, 0], schemes.items(), strict=True):
        calls = list(scheme(given, length))
        for row, call in enumerate(calls, 1):
            ax.plot(call.latent, [row] * len(call.latent), "s", color=ORANGE, ms=4.5, label="made" if row == 1 else None)
            ax.plot(call.observed, [row] * len(call.observed), "o", color=BLUE, ms=4.5, mfc="none",
                    label="seen" if row == 1 else None)
        ax.set(ylabel="call", ylim=(len(calls) + 0.7, 0.3), yticks=[1, len(calls)])
        ax.set_title(name, fontsize=12, loc="left")
    axes[0, 0].legend(fontsize=11, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    axes[-1, 0].set_xlabel("frame")
    return fig


def plot_tasks(tasks: list[tuple[Tensor, Tensor]]) -> Figure:
    """A row for each task of training: the frames that are seen, and those that are to be made."""
    fig, ax = plt.subplots(figsize=(5.6, 3.4))
    for row, (index, seen) in enumerate(tasks, 1):
        ax.plot(index[[0, -1]] - index[0], [row, row], color=GREY, lw=0.7)
        ax.plot((index - index[0])[~seen], [row] * int((~seen).sum()), "s", color=ORANGE, ms=5, label="made" * (row == 1))
        ax.plot((index - index[0])[seen], [row] * int(seen.sum()), "o", color=BLUE, mfc="none", ms=5, label="seen" * (row == 1))
    ax.set(xlabel="frames since the first one", ylabel="task", ylim=(len(tasks) + 0.7, 0.3), yticks=[1, len(tasks)])
    ax.legend(fontsize=11, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    return fig
