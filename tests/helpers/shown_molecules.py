"""A MoleculeScrubber to try things on: two graphs side by side, three times and two draws."""

import torch

from diffusion_utils.molecules import row_of
from diffusion_utils.molecules.smiles import numbers_of, read_smiles
from diffusion_utils.widgets import Axis, MoleculeScrubber

END = [["CC=O", "C1CO1"], ["C#N", "CF"]]           # of each draw
MIDDLE = [["C.C=O", "CF=C"], ["C.N", "F(C)C"]]     # in pieces; fluorine with too many bonds
START = [["C#C#O", "C.C.O"], ["C.N", "C=F"]]


def rows() -> torch.Tensor:
    """int64 (3, 2, 2, 10): times, draws, cells."""
    return torch.tensor([[[numbers_of(read_smiles(line), 4) for line in draw] for draw in time]
                         for time in (START, MIDDLE, END)])


def molecules(**options) -> MoleculeScrubber:
    return MoleculeScrubber.from_rows(options.pop("rows", rows()), **{
        "axes": [Axis("t", [20, 10, 0], 1), Axis("draw", [1, 2], buttons=True)], "title": "Graphs of x_t", "alt": "Two graphs",
        "fixed": True, "readouts": {"molecules": [["0 of 2", "0 of 2"], ["0 of 2", "1 of 2"], ["2 of 2", "2 of 2"]]}} | options)


assert row_of("CC=O", 4).tolist() == rows()[2, 0, 0].tolist()
