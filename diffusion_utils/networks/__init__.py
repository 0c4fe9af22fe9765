"""Networks: all diffusion networks are called as net(x, time, cond), time = 1000·t/T."""

from .autoencoder import Autoencoder
from .encoders.classifier import DigitClassifier
from .mlp import MLP
from .network import Network
from .text_unet import TextUNet
from .unet import UNet

NETWORKS = {"unet": UNet, "mlp": MLP, "classifier": DigitClassifier, "autoencoder": Autoencoder, "text-unet": TextUNet}

__all__ = ["MLP", "NETWORKS", "Autoencoder", "DigitClassifier", "Network", "TextUNet", "UNet"]
