"""shakespeare-left-to-right: the twin of shakespeare, of the same size, batches and steps, which learns the next letter.

What diffusion has to be compared with. Nothing is drawn from it, and it is not shipped. In as many steps it learns the text by
heart, which shakespeare does not; so there is a second that stops after a quarter of them.
"""

from dataclasses import replace

from .discrete import LeftToRightRecipe
from .shakespeare import SHAKESPEARE

SHAKESPEARE_LEFT_TO_RIGHT = LeftToRightRecipe(
    name="shakespeare-left-to-right",
    data="shakespeare",
    network=SHAKESPEARE.network | {"causal": True},
    alphabet=SHAKESPEARE.alphabet,
    train=SHAKESPEARE.train,
)

SHAKESPEARE_STOPPED = replace(SHAKESPEARE_LEFT_TO_RIGHT, name="shakespeare-left-to-right-stopped",
                              train=replace(SHAKESPEARE.train, steps=1000))
