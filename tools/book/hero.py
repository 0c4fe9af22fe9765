"""The pictures of the home page and of the README, drawn by the shipped model: `python tools/build.py run hero`.

Writes book/hero.npz, the frames of the slider on the home page, and book/_static/readme.png. Run it again when
mnist-unet changes; nothing else needs it, so the pages build without a model.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from project import ROOT

from diffusion_utils import checkpoints
from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.widgets import tile
from diffusion_utils.widgets.sprites import encode_png

COLUMNS, ROWS, STEPS, EVERY, SEED = 5, 3, 40, 2, 1
LEVELS = 17      # 16 grey levels instead of 256: half the bytes, and no eye sees it in noise
SCALE = 3        # screen pixels per pixel of the README's picture
STAGES = (0, 200, 400, 600, 800, 1000)
LABELS, DRAWN = (4, 8, 0), [0, 3, 5]     # of the README's rows: which real digits, and which of the model's


def walk(checkpoint: checkpoints.Checkpoint, n: int, seed: int = SEED) -> dict[int, torch.Tensor]:
    """x_t (n, 1, 28, 28) at each time of a walk from noise to digits."""
    states = sample(checkpoint.denoiser, checkpoint.schedule, (n, 1, 28, 28), Sampler("dpmpp_2m_sde", steps=STEPS), seed=seed,
                    device=checkpoint.device)
    return {state.t: state.x_t.cpu() for state in states}


def there_and_back(checkpoint: checkpoints.Checkpoint, path: dict[int, torch.Tensor]) -> np.ndarray:
    """Real digits dissolving on the left, the model's own emerging on the right, a row for each of three."""
    data = load_mnist("test")
    real = torch.stack([to_model(data.images[data.labels == label][0]) for label in LABELS])
    eps = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    there = [checkpoint.schedule.add_noise(real, t, eps) for t in STAGES]
    back = [path[t][DRAWN] for t in reversed(STAGES[:-1])]
    rows = torch.stack(there + back, dim=1).flatten(0, 1)
    return tile(rows, cols=len(there + back))


def main(name: str) -> None:
    checkpoint = checkpoints.load(name)
    path = walk(checkpoint, COLUMNS * ROWS)
    times = sorted(path, reverse=True)[::EVERY]
    frames = np.stack([tile(path[t], cols=COLUMNS) // LEVELS * LEVELS for t in times])
    np.savez_compressed(ROOT / "book" / "hero.npz", frames=frames, times=np.array(times))
    (ROOT / "book" / "_static" / "readme.png").write_bytes(encode_png(there_and_back(checkpoint, path), SCALE))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mnist-unet")
