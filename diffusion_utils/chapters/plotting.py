"""The book's look: one style for all figures, colours that colour-blind readers can tell apart."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

# Okabe & Ito 2008: distinguishable with every common form of colour blindness.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#666666"
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
    """One row of images a group, named on the left. groups: name → (B, 1, H, W) or (B, H, W) float in [−1, 1]."""
    arrays = {name: torch.as_tensor(x).detach().cpu().float().reshape(-1, *x.shape[-2:]).numpy() for name, x in groups.items()}
    columns = columns or max(len(a) for a in arrays.values())
    fig, axes = plt.subplots(len(arrays), columns, figsize=(scale * columns + 1.2, scale * len(arrays)), squeeze=False)
    for row, (name, images) in zip(axes, arrays.items(), strict=True):
        for k, ax in enumerate(row):
            ax.set_axis_off()
            if k < len(images):
                ax.imshow(np.clip(images[k], -1, 1), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=11)
    return fig
