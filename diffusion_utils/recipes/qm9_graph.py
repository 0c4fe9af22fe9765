"""qm9-graph: molecules of up to nine atoms, of which the number of rings may be asked for."""

from ..data.molecules import PLACES
from ..training import TrainConfig
from .molecules import MoleculeRecipe

# Shares of C, N, O, F, and of no, single, double, triple bonds among pairs of atoms, in the molecules to learn from. No noise
# makes an absent atom: how many there are is known from the beginning.
ATOMS = [0.7302, 0.1075, 0.1598, 0.0025, 0.0]
BONDS = [0.7263, 0.2365, 0.0287, 0.0085]

QM9_GRAPH = MoleculeRecipe(
    name="qm9-graph",
    data="qm9",
    metric="molecules",
    network={"kind": "graph-transformer", "places": PLACES, "num_classes": 7, "dim": 128, "pair_dim": 64, "layers": 6,
             "heads": 8},
    schedule={"name": "cosine", "T": 500, "beta_max": 1.0},
    limits={"atoms": {"name": "marginal", "shares": ATOMS}, "bonds": {"name": "marginal", "shares": BONDS}},
    dropout=0.1,
    sampling={"steps": 100},
    snapshots=(500, 1000, 2000, 4000, 8000, 16_000, 26_000),
    train=TrainConfig(steps=26_000, batch=256, lr=3e-3, warmup=200, ema=0.999, log_every=100, optimiser="muon"),
)
