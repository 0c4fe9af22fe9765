"""shakespeare: letters with holes, filled by diffusion."""

from ..data.text import SHAKESPEARE_ALPHABET, WINDOW
from ..training import TrainConfig
from .discrete import DiscreteRecipe


def network_for(classes: int) -> dict:
    """The network for an alphabet of so many letters: 2.7 million weights for 65."""
    return {"kind": "token-transformer", "classes": classes, "states": classes + 1, "length": WINDOW, "dim": 192, "layers": 6,
            "heads": 6}


SHAKESPEARE = DiscreteRecipe(
    name="shakespeare",
    data="shakespeare",
    metric="text",
    network=network_for(len(SHAKESPEARE_ALPHABET)),
    alphabet=SHAKESPEARE_ALPHABET.letters,
    schedule={"name": "straight", "T": 8 * WINDOW},  # a multiple: 128 steps of as many t show one letter each
    limit={"name": "absorbing", "classes": len(SHAKESPEARE_ALPHABET)},
    sampling={"steps": WINDOW, "order": "random"},
    train=TrainConfig(steps=4200, batch=64, lr=4e-3, warmup=100, ema=0.999, log_every=20, optimiser="muon"),
)
