"""QM9 in the package: what is kept and what is not, how it is split; and lists of one's own."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.data import DataError, load_data
from diffusion_utils.data.molecules import filled_in, load_molecules, load_qm9, part_of, qm9_lines
from diffusion_utils.metrics.molecules import shares_of
from diffusion_utils.molecules import atom_counts, identities, rings, valid
from diffusion_utils.recipes import get_recipe


def test_one_line_in_ten_is_damaged_and_left_out():
    parts = [load_qm9(split) for split in ("train", "validation", "test")]
    assert len(qm9_lines()) == 133_595 and sum(map(len, parts)) == 120_703 and len(filled_in()) == 12_892
    kept = set().union(*(part.smiles for part in parts))
    assert len(kept) == 120_703  # in one part only
    for line in ("CC1OCC1CO[CH][NH]", "C[NH2+]Cc1n[c+]([NH-])o[n-]1"):
        assert line in qm9_lines() and line not in kept
    assert not any("+" in line or "." in line for line in kept)


def test_what_is_kept_is_molecules_and_all_different():
    """A sixth of them, for time's sake; all were looked at once."""
    x = load_qm9("train").x0(torch.arange(0, 108_514, 6))
    assert valid(x).all() and len(identities(x).unique()) == len(x)


def test_damaged_lines_would_be_other_molecules():
    """One in eleven is one that is in the list anyway: counted as new, or as seen, it would be wrong either way."""
    some, known = filled_in()[:3000].long(), torch.cat([identities(load_qm9("test").rows.long()),
                                                        identities(load_qm9("validation").rows.long())])
    assert 0.9 < float(valid(some).float().mean()) < 1
    assert 10 < int(torch.isin(identities(some), known).sum()) < 100


def test_the_split_is_by_the_line_alone():
    train, test = load_qm9("train"), load_qm9("test")
    assert {part_of(line) for line in test.smiles} == {0} and {part_of(line) for line in train.smiles} == set(range(2, 20))
    assert len(train) / 120_703 == pytest.approx(0.9, abs=0.005) and len(test) / 120_703 == pytest.approx(0.05, abs=0.005)
    with pytest.raises(ValueError, match="'train', 'validation', 'test', got 'tost'"):
        load_qm9("tost")


def test_rings_are_what_belongs_to_a_molecule():
    data = load_data("qm9", "test")
    rows = torch.arange(50)
    assert torch.equal(data.condition(rows), rings(data.x0(rows))) and data.x0(rows).dtype == torch.int64
    sizes = data.sizes
    assert int(sizes.sum()) == len(data) and sizes.shape[1] == 10
    assert int(sizes[2, 9]) == int(((rings(data.rows.long()) == 2) & (atom_counts(data.rows.long()) == 9)).sum())


def test_noise_is_what_is_usual_in_the_data():
    data, limits = load_qm9("train"), get_recipe("qm9-graph").limits
    shares = shares_of(data.rows.long())
    assert limits["atoms"]["shares"] == [*(round(share, 4) for share in shares["atoms"].tolist()), 0.0]
    assert limits["bonds"]["shares"] == [round(share, 4) for share in shares["bonds"].tolist()]


def alkanes(n: int = 60) -> list[str]:
    """Chains with an O or N somewhere."""
    return [("C" * (k % 7 + 1) + "ON"[k % 2] + "C" * (k // 7)) for k in range(n)]


def test_a_list_of_ones_own(tmp_path):
    file = tmp_path / "mine.smi"
    file.write_text("smiles name\n" + "\n".join(f"{line}\tnumber {k}" for k, line in enumerate(alkanes())) + "\n\n")
    parts = [load_molecules(split, str(file)) for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set(alkanes())) and all(valid(part.rows.long()).all() for part in parts)
    assert parts[0].name == "mine-train" and parts[0].shape == (15 + 105,)  # of the largest molecule


@pytest.mark.parametrize(("line", "says"), [("CCCl", "line 3: 'CCCl' has Cl"), ("C(C", "line 3: 'C\\(C' is no SMILES"),
                                            ("C" * 21, "line 3: .* has 21 atoms beside hydrogen; at most 20")])
def test_what_is_wrong_with_a_list_is_said_with_its_line(tmp_path, line, says):
    file = tmp_path / "mine.smi"
    file.write_text("\n".join([*alkanes()[:2], line, *alkanes()[2:]]))
    with pytest.raises(DataError, match=says):
        load_molecules("train", str(file))


def test_a_short_list_and_one_that_is_not_there_are_refused(tmp_path):
    (tmp_path / "short.smi").write_text("C\nCC\n")
    with pytest.raises(DataError, match="holds 2 different molecules; at least 20"):
        load_molecules("train", str(tmp_path / "short.smi"))
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_molecules("train", str(tmp_path / "none.smi"))
