"""One file a checkpoint: how it was trained, from scratch, on whatever device there is."""

from ..errors import unknown_name
from .emoji_latent import EMOJI_LATENT
from .emoji_vae import EMOJI_VAE
from .etth1 import ETTH1
from .mnist_classifier import MNIST_CLASSIFIER
from .mnist_unet import MNIST_UNET
from .mnist_unet_base import MNIST_UNET_BASE
from .mnist_unet_class import MNIST_UNET_CLASS
from .names import NAMES
from .next_door_fdm import NEXT_DOOR_FDM
from .qm9_graph import QM9_GRAPH
from .scenes_clip import SCENES_CLIP
from .scenes_latent import SCENES_LATENT
from .scenes_prior import SCENES_PRIOR
from .scenes_unclip import SCENES_UNCLIP
from .scenes_vae import SCENES_VAE
from .shakespeare import SHAKESPEARE
from .shakespeare_left_to_right import SHAKESPEARE_LEFT_TO_RIGHT, SHAKESPEARE_STOPPED
from .speech_judge import SPEECH_JUDGE, SPEECH_JUDGE_B
from .speech_waveform import SPEECH_WAVEFORM

RECIPES = {recipe.name: recipe for recipe in (MNIST_CLASSIFIER, MNIST_UNET_BASE, MNIST_UNET, MNIST_UNET_CLASS, SCENES_VAE,
                                              SCENES_LATENT, SCENES_CLIP, SCENES_PRIOR, SCENES_UNCLIP, ETTH1, SHAKESPEARE,
                                              SHAKESPEARE_LEFT_TO_RIGHT, SHAKESPEARE_STOPPED, NAMES, EMOJI_VAE, EMOJI_LATENT,
                                              QM9_GRAPH, NEXT_DOOR_FDM, SPEECH_JUDGE, SPEECH_JUDGE_B, SPEECH_WAVEFORM)}


def get_recipe(name: str):
    """The recipe of that name. Raises ValueError for an unknown one, with the nearest."""
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]


__all__ = ["RECIPES", "get_recipe"]
