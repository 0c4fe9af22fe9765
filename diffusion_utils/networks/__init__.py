"""Networks: all diffusion networks are called as net(x, time, cond), time = 1000·t/T."""

from .autoencoder import Autoencoder
from .encoders.classifier import DigitClassifier
from .encoders.speech_judge import SpeechJudge
from .graph import GraphTransformer
from .joint import JointEmbedding
from .mlp import MLP
from .network import Network
from .prior import Prior
from .series_unet import SeriesUNet
from .speech_unet import SpeechUNet
from .text_unet import TextUNet
from .token_transformer import TokenTransformer
from .unclip_unet import UnclipUNet
from .unet import UNet
from .video_unet import VideoUNet
from .window_gaussian import WindowGaussian

NETWORKS = {"unet": UNet, "mlp": MLP, "classifier": DigitClassifier, "autoencoder": Autoencoder, "text-unet": TextUNet,
            "token-transformer": TokenTransformer, "series-unet": SeriesUNet, "window-gaussian": WindowGaussian,
            "graph-transformer": GraphTransformer, "speech-judge": SpeechJudge, "speech-unet": SpeechUNet,
            "video-unet": VideoUNet, "joint": JointEmbedding,
            "prior": Prior, "unclip-unet": UnclipUNet}

__all__ = ["MLP", "NETWORKS", "Autoencoder", "DigitClassifier", "GraphTransformer", "JointEmbedding", "Network", "Prior",
           "SeriesUNet", "SpeechJudge", "SpeechUNet", "TextUNet", "TokenTransformer", "UNet", "UnclipUNet", "VideoUNet",
           "WindowGaussian"]
