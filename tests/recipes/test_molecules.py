"""A list of molecules of one's own, from the file to what is drawn; and the commands that ask for molecules."""

from __future__ import annotations

import json
import xml.etree.ElementTree as tree
from dataclasses import replace

import pytest
import torch
from cases import step_of

from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
from diffusion_utils.data.molecules import load_molecules, load_qm9
from diffusion_utils.molecules import identities, row_of, split, write_smiles
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.own_molecules import molecules_recipe
from diffusion_utils.training.distributed import Group

SMALL = {"dim": 16, "pair_dim": 8, "layers": 1, "heads": 2}


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    file = tmp_path_factory.mktemp("list") / "mine.smi"
    chains = ["C" * (k % 4 + 1) + "ON"[k % 2] + "C" * (k // 4 % 4) for k in range(16)]
    rings = [f"C1C{'C' * k}{atom}1{rest}" for k in range(3) for atom in "CN" for rest in ("C", "O", "CC")]
    file.write_text("\n".join([*chains, *rings, "CC=O", "C=C", "C#N", "CF", "C=CC=O", "CC#C", "OC=O", "NC=O", "FC=C"]))
    return file


def small(file):
    recipe = molecules_recipe(file, minutes=1)
    return replace(recipe, network=recipe.network | SMALL, train=replace(recipe.train, steps=3, batch=8, log_every=1),
                   sampling={"steps": 10}, snapshots=(1, 3))


@pytest.fixture(scope="module")
def checkpoint(mine, tmp_path_factory):
    return str(small(mine).run(tmp_path_factory.mktemp("runs"), device="cpu"))


def test_a_list_makes_a_checkpoint_that_says_what_it_is(mine, checkpoint):
    card, train = checkpoints.read_card(checkpoint), load_molecules("train", str(mine))
    assert card["name"] == "molecules-mine" and card["config"]["network"]["places"] == 8
    assert card["config"]["sample"] == {"shape": [36], "clip": None, "condition": {"shape": [], "dtype": "int64"}}
    assert card["sizes"] == train.sizes.tolist() and sum(card["class_counts"]) == len(train)
    assert card["snapshot_steps"] == [1, 3] and checkpoints.read_tensors(checkpoint)["snapshots"].shape == (2, 100, 36)
    assert 0 < card["figures"]["of_these_number_of_atoms"] < card["figures"]["bits_per_molecule"]


def test_the_atoms_are_shuffled_at_each_draw_and_the_batch_is_the_seeds():
    """Of one row the loss is another one each time; and what a step draws depends on its generator alone."""
    recipe = replace(get_recipe("qm9-graph"), network=get_recipe("qm9-graph").network | SMALL)
    seen, net = [], recipe.build()

    def watching(atoms, bonds, time, cond):
        seen.append(torch.cat([atoms, bonds], 1))
        return net(atoms, bonds, time, cond)

    watching.hide, watching.existing = net.hide, net.existing
    loss = recipe.loss_fn(load_qm9("test"), torch.device("cpu"), Group())
    rows = torch.full((200,), 17)
    values = [loss(watching, step_of(rows)).item() for _ in range(2)]
    assert values[0] == values[1] and torch.equal(*seen)
    clean = load_qm9("test").x0(rows[:1])
    early = seen[0][(split(seen[0])[0] != split(clean)[0]).sum(1) < 9]
    assert len(early.unique(dim=0)) > 150
    same = torch.isin(identities(seen[0]), identities(clean))
    assert 1 < len(seen[0][same].unique(dim=0))  # the molecule itself, in several orders


def command(capsys, *args: str) -> tuple[int, str, str]:
    status = main([*args])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_molecules_are_printed_written_and_drawn(checkpoint, tmp_path, capsys):
    asked = ("sample", "--checkpoint", checkpoint, "--n", "6", "--device", "cpu")
    status, out, _ = command(capsys, *asked)
    assert status == 0 and len(out.splitlines()) == 7 and "of 6 drawn by molecules-mine are molecules" in out
    for ending in ("smi", "svg", "npy"):
        assert command(capsys, *asked, "--out", str(tmp_path / f"a.{ending}"))[0] == 0
    assert (tmp_path / "a.smi").read_text().splitlines() == out.splitlines()[:6]
    assert len([one for one in tree.parse(tmp_path / "a.svg").iter() if one.get("role") == "img"]) == 6


def test_a_scaffold_is_kept_and_rings_are_asked_for(checkpoint, tmp_path, capsys):
    asked = ("sample", "--checkpoint", checkpoint, "--n", "3", "--device", "cpu", "--out", str(tmp_path / "a.npy"))
    assert command(capsys, *asked, "--scaffold", "CC=O")[0] == 0
    from diffusion_utils.npy import read_npy

    x = read_npy(str(tmp_path / "a.npy"))
    assert bool((x[:, :3] == torch.tensor([0, 0, 2])).all()) and bool((x[:, 8:10] == torch.tensor([1, 0])).all())
    assert command(capsys, *asked, "--rings", "1", "--guidance", "2")[0] == 0
    assert command(capsys, *asked, "--rings", "all")[0] == 0


@pytest.mark.parametrize(("options", "says"), [
    (["--rings", "9"], "--rings must lie in 0…1, got 9"), (["--rings", "two"], "--rings must be an integer or 'all'"),
    (["--scaffold", "C(("], "is no SMILES"), (["--scaffold", "CCCCCCCC"], "has 8 atoms, as many as molecules-mine draws"),
    (["--scaffold", "CCCCCCCCC"], "has 9 atoms beside hydrogen; at most 8"), (["--scaffold", "CCl"], "has Cl"),
    (["--scaffold", "C[CH2]"], "another molecule"), (["--prompt", "x"], "it has --rings and --scaffold"),
    (["--out", "a.png"], "--out must end in .smi"), (["--order", "random"], "shows what a mask hides"),
    (["--guidance", "2"], "--guidance needs")])
def test_what_cannot_be_is_refused_in_a_line(checkpoint, options, says, capsys):
    status, _, err = command(capsys, "sample", "--checkpoint", checkpoint, "--n", "2", "--device", "cpu", *options)
    assert status == 2 and says in err, err


def test_rings_of_what_draws_no_molecules_are_refused(capsys, tmp_path):
    status, _, err = command(capsys, "sample", "--checkpoint", "mnist-unet", "--rings", "2", "--out", str(tmp_path / "a.npy"))
    assert status == 2 and "belong to molecules, and mnist-unet draws none" in err


def test_a_checkpoint_is_measured_with_rings_asked_for_as_often_as_usual(mine, checkpoint, capsys):
    status, out, err = command(capsys, "evaluate", checkpoint, "--n", "20", "--device", "cpu")
    assert status == 0, err
    found = json.loads(out)
    assert found["n"] == 20 and set(found["rings_as_asked"]) == {"all", "0", "1"} and 0 <= found["valid"] <= 1
    assert found["bound"]["molecules"] == len(load_molecules("test", str(mine)))
    assert found["steps"] == found["calls"] == 10 and found["distances"]["n"] <= 20


def test_a_file_of_smiles_is_measured_with_what_is_wrong_in_it(tmp_path, capsys):
    lines = [write_smiles(row) for row in load_qm9("test").x0(torch.arange(40))]
    (tmp_path / "a.smi").write_text("\n".join([*lines, "CF=C\tvalence", "C.C"]))
    status, out, err = command(capsys, "evaluate", str(tmp_path / "a.smi"))
    assert status == 0 and '"n": 42' in out and f'"valid": {40 / 42:.6f}'[:12] in out, err
    (tmp_path / "b.smi").write_text("C\nC[NH3+]\n")
    status, _, err = command(capsys, "evaluate", str(tmp_path / "b.smi"))
    assert status == 2 and "b.smi, line 2: 'C[NH3+]' has a charge" in err
    assert row_of("C").shape == (45,)


def test_the_data_must_fit_the_network():
    recipe = get_recipe("qm9-graph")
    with pytest.raises(ValueError, match="8 places, and 'qm9-test' holds rows of"):
        replace(recipe, network=recipe.network | {"places": 8}).check_data(load_qm9("test"))
    with pytest.raises(ValueError, match="0…2 for 3 classes"):
        replace(recipe, network=recipe.network | {"num_classes": 3}).check_data(load_qm9("test"))


def test_a_snapshot_that_no_progress_line_would_see_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="snapshots .150,. must fall on progress lines: every 100 steps up to 26000"):
        replace(get_recipe("qm9-graph"), snapshots=(150,)).check(tmp_path)


def test_the_checkpoint_will_fit_into_four_mebibytes():
    weights = checkpoints.half(get_recipe("qm9-graph").build())
    assert sum(value.numel() * value.element_size() for value in weights.values()) < 4 * 2**20
