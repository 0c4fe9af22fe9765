"""Figures of molecules: of all that were drawn, beside real ones; and what would make them look better than they are."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.data.molecules import filled_in, load_qm9
from diffusion_utils.metrics import METRICS
from diffusion_utils.metrics.molecules import simple, total_variations
from diffusion_utils.molecules import ABSENT, permuted, read_smiles, rings, row_of, valid
from diffusion_utils.molecules.smiles import numbers_of


def rows_of(*lines: str) -> torch.Tensor:
    return torch.tensor([numbers_of(read_smiles(line), 9) for line in lines])


@pytest.fixture(scope="module")
def figures() -> dict:
    """Of 600 rows: training molecules in another order, one of them drawn twice in all; damaged lines with hydrogen filled in;
    rows in pieces and with too many bonds."""
    train, test = load_qm9("train").x0(torch.arange(398)), load_qm9("test").x0(torch.arange(20))
    filled = filled_in().long()[:100]
    wrong = rows_of(*["C.CC"] * 30, *["CF=C"] * 50)
    x = torch.cat([train, train[:2], test, filled, wrong])
    x = permuted(x, torch.rand((len(x), 9), generator=torch.Generator().manual_seed(0)))
    cond = rings(x).clamp(0, 6)
    cond[:40] = (cond[:40] + 1) % 7
    return METRICS["molecules"](x, cond) | {"x": x}


def test_the_share_of_molecules_is_of_all_that_were_drawn(figures):
    fine = valid(figures["x"])
    assert figures["n"] == 600 and figures["valid"] == float(fine.float().mean()) and bool(fine[:520].float().mean() > 0.98)
    assert figures["faults"]["pieces"] >= 30 / 600 and figures["faults"]["valence"] >= 50 / 600
    assert figures["rings_as_asked"]["all"] == pytest.approx((int(fine.sum()) - 40) / 600)  # what is none is not as asked


def test_what_is_new_depends_on_what_is_known(figures):
    """To the training molecules 20 of the test part are new; hydrogen filled in makes most damaged lines known, which counted
    as new before."""
    novel, unique = figures["novel"], round(figures["unique"] * int(valid(figures["x"]).sum()))
    assert 480 < unique < 520 and novel["to_all_readings"] == 0
    assert 70 < unique * novel["to_all_lines"] <= 100
    assert round(unique * (novel["to_training"] - novel["to_all_lines"])) in range(18, 31)


def test_real_molecules_stand_beside_it(figures):
    assert figures["held_out"]["unique"] == 1 and figures["held_out"]["novel"]["to_training"] == 1
    assert figures["held_out"]["novel"]["to_all_lines"] == 0 and figures["held_out"]["n"] == 600


def test_histograms_of_real_molecules_hardly_differ_and_of_others_do():
    real = load_qm9("test").x0(torch.arange(6000))
    halves = total_variations(real[::2], real[1::2])
    assert all(value < 0.02 for value in halves.values()), halves
    carbon = torch.where(real < ABSENT, torch.where(torch.arange(45) < 9, 0, real), real)
    only = total_variations(carbon, real)
    assert float(only["atoms"]) == pytest.approx(0.27, abs=0.01) and not float(only["bonds"])
    cut = real.clone()
    cut[:, 9:][cut[:, 9:] == 3] = 1
    assert float(total_variations(cut, real)["bonds"]) == pytest.approx(0.0085, abs=0.001)


def test_simple_properties_by_hand():
    found = simple(torch.stack([row_of("CCO"), row_of("C1CC1C=O"), row_of("FC(F)(F)F")]))
    assert found["weight"].tolist() == pytest.approx([46.07, 70.09, 88.00], abs=0.01)
    assert found["rings"].tolist() == [0, 1, 0] and found["single_bonded_carbons"].tolist() == [1, 0.75, 1]


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"int64 \(n, 45\), got torch.int64 \(3, 10\)"):
        METRICS["molecules"](torch.zeros((3, 10), dtype=torch.int64))
