"""The figures of the chapter on video: each frame in its place, with the calls that made it, and paths in the room."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from diffusion_utils.chapters.coin_figure import DOWN, NEITHER, UP, coin_fan
from diffusion_utils.chapters.video_figures import (
    choose_frames,
    chosen,
    noise_to_frames,
    packed,
    plot_calls,
    plot_tasks,
    unpacked,
    where_words,
    who_comes_back,
)
from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.video import MOST, SCHEMES, hierarchy_2

LENGTH, LONG, VIDEOS = 8, 12, 2
DATA = load_next_door("test")
RNG = np.random.default_rng(0)
LEGAL = [[[20 - k, 16] for k in range(6)] + [[16 + k, 16 - k] for k in range(4)],
         [[20 - k, 16] for k in range(6)] + [[16 + k, 16 + k] for k in range(4)]]


def pictures(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, (*shape, 32, 32), dtype=np.uint8)


@pytest.fixture(scope="module")
def record() -> dict:
    """As benchmarks/video_figures.py makes it."""
    kept = {f"given {k}": pictures(3 * LENGTH) for k in range(4)}
    kept |= {f"memory {name}": pictures(VIDEOS * LONG) for name in ("real", *SCHEMES)}
    parts = {name: {"frames": packed(frames), "read_as": [3, -1]} for name, frames in kept.items()}
    for end in ("up", "down"):
        kept |= {f"{end} {kind}": pictures(2 * 10) for kind in ("x_t", "x0_hat")}
        parts[f"walk {end}"] = {kind: packed(kept[f"{end} {kind}"]) for kind in ("x_t", "x0_hat")}
    for told in ("nothing", "a frame"):
        paths = [LEGAL[0], LEGAL[1], [[None, None] if k == 7 else [x, 16] for k, (x, _) in enumerate(LEGAL[0])]]
        parts[f"coin {told}"] = {"centres": paths, "up": [True, False, True], "legal": [True, True, False],
                                 "legal_paths": LEGAL}
    settings = {"parts": {"0, 1": [0, 1], "6": [6]}, "length": LENGTH, "samples": 3, "start": 1, "seen": 5, "new": 5,
                "long": LONG, "videos": VIDEOS, "times": [1000, 0], "told": ["nothing", "a frame"], "ends": ["up", "down"]}
    return {"settings": settings, "parts": parts, "kept": kept}


def shown(widget) -> np.ndarray:
    """The pictures of the frame that the sliders stand at."""
    count = len(widget.settings["panels"])
    places = np.frombuffer(widget.places, "<u2")[count * widget.frame:count * (widget.frame + 1)]
    return widget._pictures[places]


def test_pictures_come_back_from_their_text() -> None:
    frames = pictures(7)
    np.testing.assert_array_equal(unpacked(packed(frames), 7), frames)
    np.testing.assert_array_equal(unpacked(packed(frames[:6]), 2, 3), frames[:6].reshape(2, 3, 32, 32))


def test_what_is_given_is_chosen_part_by_part(record) -> None:
    widget = choose_frames(record)
    assert chosen(record["settings"]["parts"], 3) == [0, 1, 6]
    for pattern in range(4):
        widget.index, widget.index2 = 5, pattern
        np.testing.assert_array_equal(shown(widget), record["kept"][f"given {pattern}"].reshape(3, LENGTH, 32, 32)[:, 5])
        given, calls = widget.maps[pattern][0]
        assert given == chosen(record["settings"]["parts"], pattern)
        assert calls == [[list(call.observed), list(call.latent)] for call in hierarchy_2(given, LENGTH)]


def test_a_walk_shows_what_it_holds_and_what_it_expects(record) -> None:
    widget = noise_to_frames(record)
    widget.index, widget.index2, widget.index3 = 8, 1, 1
    wanted = [record["kept"][f"down {kind}"].reshape(2, 10, 32, 32)[1, 8] for kind in ("x_t", "x0_hat")]
    np.testing.assert_array_equal(shown(widget), wanted)
    assert widget.captions[widget.frame] == "Frame 8 was made with 5–7, 9; seen: 0–4."
    assert widget.says[widget.frame] == "At t = 0 of a walk that ends down, frame 8 is on its way"
    assert widget.says[0] == "At t = 1000 of a walk that ends up, frame 0 is as it was given"


def test_three_schemes_stand_beside_what_happened(record) -> None:
    widget = who_comes_back(record)
    widget.index, widget.index2 = 11, 1
    wanted = [record["kept"][f"memory {name}"].reshape(VIDEOS, LONG, 32, 32)[1, 11] for name in ("real", *SCHEMES)]
    np.testing.assert_array_equal(shown(widget), wanted)
    assert {name: texts[widget.frame] for name, texts in widget.readouts} == {"went out": "–", **dict.fromkeys(SCHEMES, "–")}
    assert widget.captions[widget.frame].startswith("autoregressive: was made with 10; seen: 2–9. long-range: ")


def test_a_digit_is_said_to_be_where_it_is() -> None:
    places = torch.tensor([[[12.0, 12.0], [18.0, 16.0], [29.0, 20.0], [50.0, 16.0]]])
    frames = ((DATA.drawn(torch.tensor([0]), places)[0, :, 0] + 1) * 127.5).round().to(torch.uint8).numpy()
    assert where_words(frames) == ["high at the wall", "half-way up on the way", "low at the door", "nobody"]


def test_paths_have_the_colour_of_the_way_they_go(record) -> None:
    widget = coin_fan(record)
    first, last = widget._frames[2 * 2], widget._frames[2 * 9]

    def inked(picture, colour) -> int:
        return int((np.abs(picture.astype(int) - colour).max(-1) < 30).sum())

    assert all(inked(last, colour) > 20 for colour in (UP, DOWN, NEITHER)) and inked(first, UP) == 0
    assert widget.on_white and widget.readouts[0] == ["up", ["2 of 3"] * 20]
    top = np.argwhere(np.abs(last.astype(int) - UP).max(-1) < 30)[:, 0].min()
    assert top < np.argwhere(np.abs(last.astype(int) - DOWN).max(-1) < 30)[:, 0].min()  # up is up
    assert widget.captions[2 * 4] == "Frame 4 was given." and widget.captions[2 * 7] == "Frame 7: 2 after the wall."


def test_plots_show_each_frame_of_each_call() -> None:
    fig = plot_calls(SCHEMES, list(range(5)), 30)
    made = [line for line in fig.axes[0].lines if line.get_marker() == "s"]
    assert [list(line.get_xdata()) for line in made] == [list(range(k, k + 5)) for k in range(5, 30, 5)]
    tasks = [(torch.arange(MOST), torch.arange(MOST) < 4)]
    lines = plot_tasks(tasks).axes[0].lines
    assert list(lines[1].get_xdata()) == list(range(4, MOST)) and list(lines[2].get_xdata()) == list(range(4))
    plt.close("all")
