"""names: first names by diffusion, learnt while the reader watches. The network is small, and so are the batches' rows."""

from ..data.text import END, NAME_LENGTH, NAMES_ALPHABET
from ..training import TrainConfig
from .discrete import DiscreteRecipe

CLASSES = len(NAMES_ALPHABET)


def names(minutes: float = 1.0, seed: int = 0) -> DiscreteRecipe:
    """The recipe of a live run that ends after this many minutes, whatever the machine; a faster one takes more steps.

    Raises ValueError for minutes that are not positive.
    """
    return DiscreteRecipe(
        name="names",
        data="names",
        metric="names",
        network={"kind": "token-transformer", "classes": CLASSES, "states": CLASSES + 1, "length": NAME_LENGTH, "dim": 96,
                 "layers": 3, "heads": 4, "placed": True},
        alphabet=NAMES_ALPHABET.letters,
        end=NAMES_ALPHABET.letters[END],
        schedule={"name": "straight", "T": 64 * NAME_LENGTH},  # a multiple: 16 steps of as many t show one letter each
        limit={"name": "absorbing", "classes": CLASSES},
        sampling={"steps": NAME_LENGTH, "order": "random"},
        train=TrainConfig(steps=100_000, minutes=minutes, batch=128, lr=4e-3, warmup=50, ema=0.99, log_every=10, seed=seed,
                          optimiser="muon"),
    )


NAMES = names()
