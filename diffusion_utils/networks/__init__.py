"""Networks: all diffusion networks are called as net(x, time, cond), time = 1000·t/T."""

from .classifier import DigitClassifier
from .unet import UNet

NETWORKS = {"unet": UNet, "classifier": DigitClassifier}

__all__ = ["NETWORKS", "DigitClassifier", "UNet"]
