"""Networks: all diffusion networks are called as net(x, time, cond), time = 1000·t/T."""

from .encoders.classifier import DigitClassifier
from .mlp import MLP
from .network import Network
from .unet import UNet

NETWORKS = {"unet": UNet, "mlp": MLP, "classifier": DigitClassifier}

__all__ = ["MLP", "NETWORKS", "DigitClassifier", "Network", "UNet"]
