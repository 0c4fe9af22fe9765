"""The world next door: its physics, its coin, its pictures, and that no split leaks into another."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.data import load_data, load_mnist
from diffusion_utils.data.next_door import FRAMES, load_next_door
from diffusion_utils.data.next_door.walk import ACROSS, CEILING, DOWN, FAR, FLOOR, NEAR, ROUND, draw_walks
from diffusion_utils.metrics.video_reading import read

ROWS = torch.arange(200)


def walked(across: float, down: float, coins: list[bool], frames: int) -> list[tuple[float, float]]:
    """The same walk, event by event: straight on to the next wall, where it turns round, or obeys the coin."""
    there, below = across <= FAR - NEAR, down <= FLOOR - CEILING
    x, vx = (NEAR + across, ACROSS) if there else (2 * FAR - NEAR - across, -ACROSS)
    y, vy = (CEILING + down, DOWN) if below else (2 * FLOOR - CEILING - down, -DOWN)
    coins, found = iter(coins), []
    for _ in range(frames):
        found.append((x, y))
        left = 1.0
        while left > 0:
            to_x = ((FAR if vx > 0 else NEAR) - x) / vx
            to_y = ((FLOOR if vy > 0 else CEILING) - y) / vy
            t = min(left, to_x, to_y)
            x, y, left = x + vx * t, y + vy * t, left - t
            if t == to_x:
                vx = -vx
                if vx > 0:
                    vy = DOWN if next(coins) else -DOWN
                    if (y <= CEILING and vy < 0) or (y >= FLOOR and vy > 0):
                        vy = -vy
            elif t == to_y:
                vy = -vy
    return found


def test_walks_are_those_of_the_laws_of_motion() -> None:
    walks = draw_walks(torch.arange(40), 1, 0)
    found = walks.positions(torch.arange(200))
    for row in range(40):
        wanted = torch.tensor(walked(float(walks.across[row]), float(walks.down[row]), walks.coins[row].tolist(), 200))
        torch.testing.assert_close(found[row], wanted.double(), atol=1e-4, rtol=0)  # sums of 200 numbers in float32 of `tensor`


def test_walls_reflect_and_nothing_leaves_the_world() -> None:
    found = draw_walks(ROWS, 0, 0).positions(torch.arange(300))
    low, high = torch.tensor([[NEAR, CEILING], [FAR, FLOOR]]).double()
    assert bool(((found >= low - 1e-9) & (found <= high + 1e-9)).all())
    steps, usual = found.diff(dim=1).abs(), torch.tensor([ACROSS, DOWN]).double()
    assert bool((steps <= usual + 1e-9).all())
    assert float(((steps - usual).abs() < 1e-9).all(-1).double().mean()) > 0.75  # else a wall was there


def test_the_coin_is_fair_and_is_tossed_at_the_near_wall_alone() -> None:
    walks = draw_walks(torch.arange(4000), 0, 0)
    share = walks.coins[:, :4].double().mean(0)
    assert bool(((share - 0.5).abs() < 4 * 0.5 / math.sqrt(4000)).all())  # four standard errors
    both = (walks.coins[:, 0] == walks.coins[:, 1]).double().mean()
    assert abs(float(both) - 0.5) < 4 * 0.5 / math.sqrt(4000)  # one toss says nothing of the next
    toss = walks.next_toss(torch.zeros(4000))
    when = walks.tosses().gather(1, toss[:, None])
    up, down = (walks.with_coin(toss, side).positions(when + torch.arange(-9, 10)) for side in (False, True))
    assert torch.equal(up[:, :9], down[:, :9]) and torch.equal(up[..., 0], down[..., 0])
    torch.testing.assert_close(up[:, 9], down[:, 9])
    torch.testing.assert_close(up[:, 9, 0], torch.full((4000,), NEAR, dtype=torch.float64))
    height = up[:, 9, 1]
    free = (height > CEILING + DOWN) & (height < FLOOR - DOWN)
    torch.testing.assert_close((down - up)[free, 10, 1], torch.full((int(free.sum()),), 2 * DOWN, dtype=torch.float64))
    chosen = torch.where(walks.coins.gather(1, toss[:, None])[..., None], down, up)
    torch.testing.assert_close(walks.positions(when + torch.arange(-9, 10)), chosen)


def test_each_round_takes_as_long_and_a_part_of_it_is_out_of_sight() -> None:
    data = load_next_door("test")
    times = data.walks(ROWS).tosses()
    torch.testing.assert_close(times.diff(dim=1), torch.full((200, 61), ROUND, dtype=torch.float64))
    assert bool(((times[:, 0] >= 0) & (times[:, 0] < ROUND)).all())
    # longer than five frames in a row that begin at any multiple of five: a memory of five frames cannot bridge it
    assert float(2 * (FAR - 39) / ACROSS) >= 9
    reading = read(data.x0(ROWS))
    assert 0.3 < float(reading.empty.double().mean()) < 0.5


def test_a_video_depends_on_its_seed_and_number_alone() -> None:
    data = load_next_door("test")
    some = torch.tensor([3, 150])
    assert torch.equal(data.x0(some), data.x0(ROWS)[some]) and torch.equal(data.x0(some), load_next_door("test", 7).x0(some))
    assert torch.equal(data.frames(some, torch.arange(50, 70))[:, :10], data.x0(some)[:, 50:])
    each = data.frames(some, torch.tensor([[0, 9], [59, 2]]))
    assert torch.equal(each[1], data.x0(some)[1, [59, 2]])
    assert not torch.equal(data.x0(some), load_next_door("test", seed=1).x0(some))
    assert len(set(data.digit(ROWS).tolist())) > 190 and data.labels(ROWS).unique().tolist() == list(range(10))


def test_train_and_test_share_neither_digits_nor_walks() -> None:
    train, test = load_next_door("train"), load_next_door("test")
    assert train.digits is load_mnist("train") and test.digits is load_mnist("test")
    assert train.sha256 != test.sha256 and train.name != test.name
    assert not bool((train.walks(ROWS).across == test.walks(ROWS).across).any())
    assert (len(train), len(test)) == (240_000, 2_000)
    with pytest.raises(ValueError, match="split must be 'train' or 'test'"):
        load_next_door("tost")


def test_the_centre_of_mass_is_where_the_walk_says_between_pixels_too() -> None:
    """What is drawn keeps mass and place, so that a reader of frames has nothing to blame the picture for."""
    data = load_next_door("test")
    positions = data.walks(ROWS).positions(torch.arange(FRAMES))
    ink = (data.x0(ROWS)[:, :, 0].double() + 1) / 2
    mass, places = ink.sum((2, 3)), torch.arange(32) + 0.5
    x, y = (ink.sum(2) @ places.double()) / mass, (ink.sum(3) @ places.double()) / mass
    whole = positions[..., 0] < 21  # a pixel is left for a centre of mass that is not the middle
    assert float((x - positions[..., 0])[whole].abs().max()) < 1e-3 and float((y - positions[..., 1])[whole].abs().max()) < 1e-3
    first = mass.gather(1, whole.double().argmax(1, keepdim=True))
    assert float(((mass / first - 1)[whole]).abs().max()) < 1e-4


def test_the_same_digit_comes_back_and_a_part_of_it_is_that_part() -> None:
    """Shifted by whole pixels a digit is the same to the bit, nearly, also where the edge of the picture cuts it."""
    data = load_next_door("test")
    rows = torch.arange(20)
    a, b = (data.drawn(rows, torch.tensor([[place]]).expand(20, 1, 2)) for place in ((12.3, 16.2), (26.3, 15.2)))
    torch.testing.assert_close(b[..., :-1, 14:], a[..., 1:, :18], atol=1e-4, rtol=0)
    assert float(b[..., :4].max()) == -1


def test_a_hidden_digit_leaves_an_empty_frame_and_what_is_given_is_the_first_five() -> None:
    data = load_data("next-door", "test")
    hidden = data.drawn(ROWS, torch.full((200, 1, 2), FAR))
    assert float(hidden.max()) == -1
    cond = data.condition(ROWS[:3])
    assert cond["seen"].sum(1).tolist() == [5, 5, 5]
    assert torch.equal(cond["known"][:, :5], data.x0(ROWS[:3])[:, :5]) and float(cond["known"][:, 5:].abs().max()) == 0
    assert data.shape == (60, 1, 32, 32) and data.clip == (-1, 1) and float(data.x0(ROWS).abs().max()) <= 1
