"""The labelled equations of chapter 8, each under its label's name: by walking, by linear algebra, by loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.data.next_door.walk import zigzag
from diffusion_utils.exercises.ch08 import walked
from diffusion_utils.metrics.video import DOOR, WINDOW, ways
from diffusion_utils.metrics.video_reading import read
from diffusion_utils.networks.frame_attention import TimeAttention, distances
from diffusion_utils.recipes.video import spread_frames
from diffusion_utils.video import SCHEMES, Call, Scheme, autoregressive, hierarchy_2, long_range


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("span", [12.0, 44.0])
def test_eq_reflect(span: float) -> None:
    """Against a walk from wall to wall."""
    path = torch.arange(0, 200, 0.7, dtype=torch.float64)
    wanted = torch.tensor([walked(float(one), span) for one in path], dtype=torch.float64)
    torch.testing.assert_close(zigzag(path, span), wanted, rtol=0, atol=1e-9)


def test_eq_apart() -> None:
    index = torch.tensor([[7, 7 + 3, 7 - 5]])
    found = distances(index)[0]
    for i in range(3):
        for j in range(3):
            d = int(index[0, j] - index[0, i])
            wanted = [math.log(1 + max(d, 0)), math.log(1 + max(-d, 0)), float(d == 0)]
            torch.testing.assert_close(found[i, j], torch.tensor(wanted))


def test_eq_time_attention() -> None:
    """By loops over frames, of one head and one place."""
    torch.manual_seed(0)
    c, k = 8, 4
    layer = TimeAttention(c, heads=1)
    torch.nn.init.normal_(layer.out.weight)
    x, apart = torch.randn(k, c, 2, 2, generator=rng()), distances(torch.tensor([[0, 1, 5, 30]]))
    with torch.no_grad():
        found = layer(x, apart)[:, :, 0, 1]
        q, keys, v = layer.qkv(layer.norm(x))[:, :, 0, 1].split(c, 1)
        a, b = layer.relative_to(apart)[0].split(c, -1)
        for i in range(k):
            scores = torch.stack([q[i] @ (keys[j] + a[i, j]) / c**0.5 for j in range(k)])
            y = sum(w * (v[j] + b[i, j]) for j, w in enumerate(scores.softmax(0)))
            wanted = x[i, :, 0, 1] + layer.out.weight[:, :, 0, 0] @ y + layer.out.bias
            torch.testing.assert_close(found[i], wanted, rtol=1e-4, atol=1e-4)  # float32, sums in another order


def test_eq_stride() -> None:
    """The distance of two frames is log-uniform: as often between 1 and 10 as between 10 and 100."""
    generator, longest = rng(), 101.0
    found = torch.tensor([abs(b - a) for a, b in (spread_frames(2, longest, generator) for _ in range(4000))]).double()
    for s in (3, 10, 31):
        share = float((found <= s + 0.5).double().mean())  # frames are whole numbers
        assert abs(share - math.log(s + 0.5) / math.log(longest - 1)) < 0.04  # five standard deviations


def composed(K: Tensor, scheme: Scheme, given: list[int]) -> Tensor:
    """The covariance of what a scheme draws, each call exactly, of a Gaussian video of covariance K."""
    C, done = torch.zeros_like(K), list(given)
    C[given, torch.tensor(given)[:, None]] = K[given, torch.tensor(given)[:, None]]
    for seen, new in scheme(given, len(K)):
        W = K[new][:, seen] @ torch.linalg.inv(K[seen][:, seen])
        left = K[new][:, new] - W @ K[seen][:, new]
        old, fresh = torch.tensor(done), torch.tensor(new)
        C[fresh[:, None], old] = W @ C[seen][:, done]
        C[old[:, None], fresh] = C[fresh[:, None], old].T
        C[fresh[:, None], fresh] = W @ C[seen][:, seen] @ W.T + left
        done += new
    return C


def test_eq_scheme() -> None:
    """A product of exact conditionals is the whole distribution where what is not seen says no more; else it is another one."""
    frames = torch.arange(60, dtype=torch.float64)
    given, K = list(range(5)), 0.9 ** (frames[:, None] - frames).abs()
    for scheme in SCHEMES.values():  # the next frame depends on its neighbours alone
        torch.testing.assert_close(composed(K, scheme, given), K, rtol=0, atol=1e-9)
    who = 0.5 * K + 0.5  # and something that lasts
    everything = [Call(given, list(range(5, 60)))]
    torch.testing.assert_close(composed(who, lambda *_: iter(everything), given), who, rtol=0, atol=1e-9)
    off = {name: float((composed(who, scheme, given) - who).abs().max()) for name, scheme in SCHEMES.items()}
    assert off["autoregressive"] > 0.01 and off["autoregressive"] > off["long-range"]


def test_eq_calls() -> None:
    for length in (6, 10, 23, 60, 200):
        for given in (5, 7):
            if length > given:
                for scheme in (autoregressive, long_range):
                    assert len(list(scheme(range(given), length))) == math.ceil((length - given) / 5)
    assert len(list(hierarchy_2(range(5), 60))) == 11


def test_eq_two_futures() -> None:
    """The mean of many futures of one video, by its own coin, is half of each; and no single picture has a smaller error."""
    data = load_next_door("test", 40)
    rows = torch.arange(40)
    walks = data.walks(rows)
    toss = walks.next_toss(torch.full((40,), 6.0))
    index = walks.tosses().gather(1, toss[:, None]).floor().long() + torch.tensor([3])
    up, down = (data.drawn(rows, walks.with_coin(toss, is_down).positions(index)) for is_down in (False, True))
    blend = (up + down) / 2

    def error(guess: Tensor) -> float:
        return float(((guess - up) ** 2 + (guess - down) ** 2).mean()) / 2

    assert error(blend) < error(up) and error(blend) < error(down)
    nudged = blend + 0.05 * torch.randn(blend.shape, generator=rng())
    assert error(blend) < error(nudged)
    assert math.isclose(error(blend), float(((up - down) ** 2).mean()) / 4, rel_tol=1e-4)


def test_eq_way() -> None:
    x = load_next_door("test").x0(torch.arange(2))
    found, reading = ways(x, first=5), read(x)
    for window in range(len(found)):
        video, start = divmod(window, (60 - 5) // WINDOW)
        for k in range(WINDOW):
            frame = 5 + start * WINDOW + k
            mass, centre = float(reading.mass[video, frame]), reading.centre[video, frame]
            share = min(1.0, mass / 10)
            for axis in (0, 1):
                place = DOOR[axis] + (share * (float(centre[axis]) - DOOR[axis]) if mass > 0 else 0.0)
                assert math.isclose(float(found[window, axis * WINDOW + k]), place, abs_tol=1e-4)  # float32
