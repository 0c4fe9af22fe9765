"""A U-Net over some frames of a video, any of which may have been seen: a flexible diffusion model.

Source: Harvey et al. 2022, section 4 and appendix A (arXiv 2205.11495).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .frame_attention import FrameAttention, TimeAttention, distances
from .network import Network
from .unet import UNet

TOLD = ("known", "mask", "index")


class VideoUNet(Network):
    """net(x, time, cond): x (B, K, in_channels, H, W), K frames from anywhere in a video, in any order; cond a dictionary of
    known and mask, shaped like x, as `guidance.observed` makes them, and index, int64 (B, K), the numbers of the frames.
    None: K frames in a row, none of which was seen. Returns a tensor shaped like x.

    Each frame goes through the same U-Net, whose blocks look at the other frames where those of a `TextUNet` look at words.
    Of a frame that was seen it gets the clean picture and a mask of 1, of the others x_t and 0: a frame that was seen to be
    black is something else than one that is not there. channels, patch, blocks, emb_dim: of the `UNet`.
    Raises ValueError where the condition is another one.
    """

    conditional = True

    def __init__(self, in_channels: int = 1, channels: Sequence[int] = (48, 128), patch: int = 2, blocks: int = 1,
                 emb_dim: int = 128):
        super().__init__()
        self.unet = UNet(in_channels + 1, channels, blocks, patch, emb_dim=emb_dim, places=True, out_channels=in_channels)
        self.unet.words = nn.ModuleDict({name: FrameAttention(width, within=width == channels[-1])
                                         for name, width in self.unet._blocks()})

    def outer(self) -> Iterator[nn.Module]:
        """Those of the U-Net, and what reads distances in time."""
        yield from self.unet.outer()
        yield from (layer.when for layer in self.modules() if isinstance(layer, TimeAttention))

    def check_condition(self, cond: dict[str, Tensor] | None, batch: int) -> None:
        """Raises ValueError unless there are known, mask and index of so many samples, and of as many frames."""
        if cond is None:
            return
        if not isinstance(cond, dict) or set(cond) != set(TOLD):
            given = ", ".join(cond) if isinstance(cond, dict) else type(cond).__name__
            raise ValueError(f"the condition must be a dictionary of {', '.join(TOLD)}, got {given}")
        known, mask, index = (cond[name] for name in TOLD)
        if known.ndim != 5 or len(known) != batch or mask.shape != known.shape or index.shape != known.shape[:2]:
            raise ValueError(f"known and mask must be ({batch}, K, C, H, W), and index ({batch}, K); got "
                             f"{tuple(known.shape)}, {tuple(mask.shape)} and {tuple(index.shape)}")

    def hide(self, cond: dict[str, Tensor], hidden: Tensor) -> dict[str, Tensor]:
        """No frame was seen of the samples where `hidden`, bool (B,), is true."""
        not_hidden = (~hidden.to(cond["mask"].device))[:, None, None, None, None]
        return cond | {name: cond[name] * not_hidden for name in ("known", "mask")}

    def forward(self, x: Tensor, time: Tensor, cond: dict[str, Tensor] | None = None) -> Tensor:
        b, k = x.shape[:2]
        if cond is None:
            index = torch.arange(k, device=x.device).expand(b, k)
            cond = {"known": torch.zeros_like(x), "mask": torch.zeros_like(x), "index": index}
        known, mask = (cond[name].to(x) for name in TOLD[:2])
        # no product: what was not seen may be anything
        frames = torch.where(mask > 0, known, x)
        h = torch.cat([frames, mask[:, :, :1]], 2).flatten(0, 1)
        y = self.unet(h, time.repeat_interleave(k), context=distances(cond["index"].to(x.device)))
        return y.unflatten(0, (b, k))
