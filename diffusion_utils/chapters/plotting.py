"""The book's look: one style for all figures, colours that colour-blind readers can tell apart."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from diffusion_utils.widgets.sprites import as_pictures, to_uint8

# Okabe & Ito 2008: distinguishable with every common form of colour blindness.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#666666"
ON_A_PHONE = 1.9  # points for each inch of a figure's width: nine of the 330 pixels that are left of it there
COLOURS = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]


def use_style() -> None:
    """Set the book's style for all figures that follow: sizes that can be read on a phone, a light grid."""
    plt.rcParams.update({
        "figure.figsize": (6.4, 3.6), "figure.dpi": 110, "figure.constrained_layout.use": True, "figure.facecolor": "white",
        "font.size": 12, "axes.titlesize": 13, "axes.spines.top": False, "axes.spines.right": False,
        "axes.grid": True, "grid.color": "#dddddd", "lines.linewidth": 2, "legend.frameon": False,
        "axes.prop_cycle": plt.cycler(color=COLOURS),
    })


def image_row(groups: dict[str, Tensor], columns: int | None = None, scale: float = 0.9) -> Figure:
    """One row of images a group, named on the left.

    groups: name → float in [−1, 1], clipped, or whole numbers 0..255; shape (B, H, W) or (B, 1, H, W) in grey,
        (B, 3, H, W) or (B, H, W, 3) in colour.
    columns: images in a row; by default as many as the largest group has. scale: inches of an image.

    Raises ValueError for any other shape, with the name of the group.
    """
    pictures = {name: _in_range(as_pictures(images, f"image_row, {name!r}")) for name, images in groups.items()}
    columns = columns or max(len(images) for images in pictures.values())
    width = scale * columns + 1.2
    fig, axes = plt.subplots(len(pictures), columns, figsize=(width, scale * len(pictures)), squeeze=False)
    for row, (name, images) in zip(axes, pictures.items(), strict=True):
        for k, ax in enumerate(row):
            ax.set_axis_off()
            if k < len(images):
                shown = images[k] if images.ndim == 3 else (images[k] + 1) / 2  # colours are drawn from [0, 1]
                ax.imshow(shown, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center",
                    fontsize=max(11, ON_A_PHONE * width))
    return fig


def _in_range(pictures: np.ndarray) -> np.ndarray:
    """float32 in [−1, 1] of what is float already, or whole numbers 0..255."""
    if pictures.dtype.kind in "iu":
        pictures = to_uint8(pictures, "image_row") / 127.5 - 1
    return np.clip(pictures.astype(np.float32), -1, 1)
