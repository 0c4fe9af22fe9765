"""The recipe of an autoencoder: pictures to codes, in which a diffusion model can work, and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..data import Dataset
from ..latent import autoencoder_loss
from ..metrics.latent import code_statistics, psnr
from ..training import LossFn, Step
from ..training.distributed import Group
from .recipe import Recipe

MEASURED = 2000  # test pictures that the finished network is measured on
COUNTED = 10_000  # training pictures whose codes the statistics are of


@dataclass(frozen=True)
class AutoencoderRecipe(Recipe):
    """kl_weight: of the KL divergence beside the error, both summed over a picture."""

    kl_weight: float = 0.02

    def config(self) -> dict:
        return {"network": self.network, "kl_weight": self.kl_weight}

    def loss_fn(self, data: Dataset, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        data = data.to(device)
        first = data.x0(torch.zeros(1, dtype=torch.int64, device=device))
        code = self.build().encode(first.cpu()).shape[1:]

        def loss(net: nn.Module, step: Step) -> Tensor:
            n = len(step.rows)
            eps = group.share(torch.randn((n, *code), generator=step.generator)).to(device)
            x = data.x0(group.share(step.rows).to(device))
            rebuilt, mean, log_variance = net(x, eps)
            return autoencoder_loss(x, rebuilt.float(), mean.float(), log_variance.float(), self.kl_weight)

        return loss

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """Mean and standard deviation of each channel of the codes, float32; and how well test pictures come back."""
        net = net.half().float()  # as it will be shipped
        rows = torch.arange(min(len(data), COUNTED))
        shift, scale, spread = code_statistics(net, data, rows)
        net.shift.copy_(shift)
        net.scale.copy_(scale)
        test = self.load("test")
        error = psnr(net, test, torch.arange(min(len(test), MEASURED)))
        figures = {"psnr": error, "n": min(len(test), MEASURED), "std_within_by_std_of_codes": spread}
        return {"net.shift": shift, "net.scale": scale}, {"figures": figures}
