"""What the record of chapter 8's figures is made of: which frames are given, which way a future goes."""

from __future__ import annotations

import torch
from video_bars import around_toss, tossed_in_the_middle
from video_figures import GIVEN, LENGTH, NEW, PARTS, grey, judged

from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.video import Call

DATA = load_next_door("test")


def test_futures_are_told_apart_and_a_blend_is_neither() -> None:
    rows = tossed_in_the_middle(DATA, 1, GIVEN).repeat(3)
    _, index, toss = around_toss(DATA, rows, GIVEN, NEW - 1)
    legal = [DATA.walks(rows).with_coin(toss, down).positions(index) for down in (False, True)]
    places = torch.stack([legal[0][0], legal[1][0], (legal[0][0] + legal[1][0]) / 2])
    x = DATA.drawn(rows, places)
    x[0, 7] = -1
    call = Call(list(range(GIVEN)), list(range(GIVEN, GIVEN + NEW)))
    found = judged(x, legal, call)
    assert found["up"][1] is False and found["legal"] == [False, True, False]  # a frame without a digit is on no way
    assert found["centres"][0][7] == [None, None] and len(found["centres"][1]) == GIVEN + NEW
    x[0, 7] = DATA.drawn(rows, places)[0, 7]
    found = judged(x, legal, call)
    assert found["up"][:2] == [True, False] and found["legal"] == [True, True, False]


def test_the_parts_that_a_reader_gives_lie_before_at_and_after_the_wall() -> None:
    frames = [frame for part in PARTS.values() for frame in part]
    assert len(set(frames)) == len(frames) and max(frames) == LENGTH - 1
    start = tossed_in_the_middle(DATA, 1, 8)
    _, index, toss = around_toss(DATA, start, 8, LENGTH - 9)
    where = DATA.walks(start).positions(index)[0, :, 0]
    assert index.shape[1] == LENGTH and int(where.argmin()) in (8, 9)
    assert float(where[PARTS["6"][0]]) < 22 and float(where[PARTS["11"][0]]) < 22  # both are wholly in sight


def test_a_frame_with_its_noise_has_few_greys() -> None:
    found = grey(torch.randn(2, 3, 1, 32, 32), 16)
    assert found.shape == (6, 32, 32) and len(found.unique()) <= 16 and int(found.max()) == 255
