"""One loader a data set, a function of the split and, where a recipe names them, of arguments; all return a `Dataset`."""

from collections.abc import Callable

from torch import Tensor

from ..registry import chosen
from .dataset import Dataset, TensorData
from .electricity import load_etth1
from .emoji import load_emoji
from .emoji import tokens_of as tokens_of_emoji
from .mnist import DataError, ImageData, check_mnist, load_mnist, to_model, to_pixels
from .molecules import load_molecules, load_qm9
from .next_door import load_next_door
from .pictures import load_pictures
from .scenes import load_scenes, tokens_of
from .speech import load_speech
from .text import load_names, load_shakespeare, load_text

LOADERS: dict[str, Callable[..., Dataset]] = {"mnist": load_mnist, "pictures": load_pictures, "scenes": load_scenes,
                                          "etth1": load_etth1, "emoji": load_emoji, "speech": load_speech,
                                          "shakespeare": load_shakespeare, "names": load_names, "text": load_text,
                                          "qm9": load_qm9, "molecules": load_molecules, "next-door": load_next_door}

# name → a function of prompts, one or a list, that gives the numbers of their words, int64 (N, L)
PROMPTS: dict[str, Callable[[str | list[str]], Tensor]] = {"scenes": tokens_of, "emoji": tokens_of_emoji}


def load_data(entry: str | dict | None, split: str) -> Dataset:
    """The data of that name, or of an entry with a name and arguments: 'train' or 'test'.

    Raises ValueError for an unknown name, with the nearest.
    """
    return chosen("data set", entry, LOADERS)(split)


__all__ = ["LOADERS", "PROMPTS", "DataError", "Dataset", "ImageData", "TensorData", "check_mnist", "load_data", "load_mnist",
           "to_model", "to_pixels"]
