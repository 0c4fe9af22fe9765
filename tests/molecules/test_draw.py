"""Molecules that are drawn: of as many atoms as usual, with rings asked for, around a piece that is kept."""

from __future__ import annotations

import pytest
import torch
from graphs import NOTHING, ExactGraphs

from diffusion_utils.discrete import DiscreteSampler, guided_log, sample_discrete
from diffusion_utils.guidance import repaint_times
from diffusion_utils.molecules import ABSENT, atom_counts, identities, joined, rings, row_of, split, valid
from diffusion_utils.molecules.draw import draw_counts, grown, limits_of, sized
from diffusion_utils.recipes import get_recipe
from diffusion_utils.schedules import cosine

LIMITS = limits_of(get_recipe("qm9-graph").config())
LINES = ["CCCO", "C1CCO1", "CC(F)N", "C1CN1C", "OCC#N"]
MODEL = ExactGraphs(LINES, LIMITS, cosine(200, beta_max=1.0))
SIZES = torch.tensor([[0, 1, 2, 5], [0, 0, 0, 8]])


def drawn(n: int = 300, cond: torch.Tensor | None = None, weight: float = 1.0, indices=None, **how) -> torch.Tensor:
    told = sized(MODEL, torch.full((n,), 4), NOTHING)
    *_, last = sample_discrete(guided_log(told, weight), MODEL.schedule, LIMITS, [(4,), (6,)], DiscreteSampler(steps=100),
                               cond=cond, indices=indices or range(n), **how)
    return joined(*last.x_t)


def test_exact_conditionals_draw_the_molecules_that_there_are():
    x = drawn()
    found = identities(x)
    share = torch.stack([(found == one).double().mean() for one in MODEL.molecules])
    assert float(share.sum()) > 0.95 and bool(valid(x).float().mean() > 0.95)  # steps of 2 of 200 decide some bonds at once
    assert float((share - 0.2).abs().max()) < 0.1  # 4 standard errors of 300, and a little for what is lost


def test_rings_asked_for_are_drawn():
    for asked in (0, 1):
        x = drawn(100, torch.full((100,), asked))
        assert float((valid(x) & (rings(x) == asked)).float().mean()) > 0.9
    assert float((rings(drawn(100, torch.ones(100, dtype=torch.int64), weight=3.0)) == 1).float().mean()) > 0.95


def test_no_weight_at_all_is_told_nothing_of_rings():
    assert torch.equal(drawn(40, torch.ones(40, dtype=torch.int64), weight=0.0), drawn(40))


def test_a_piece_is_kept_exactly_and_the_rest_suits_it():
    piece = row_of("C1CO1", 4)
    after = grown(LIMITS, MODEL.schedule, piece, 0, range(100))
    times = repaint_times(MODEL.schedule, 100, 10, 3)
    whole = ExactGraphs(["CC1CO1", "CC1CN1", "CCCC", "FC1CO1"], LIMITS, MODEL.schedule)
    told = sized(whole, torch.full((100,), 4), NOTHING)
    *_, last = sample_discrete(told, MODEL.schedule, LIMITS, [(4,), (6,)], batch=100, after_step=after, times=times)
    x = joined(*last.x_t)
    kept = torch.tensor([True, True, True, False, True, True, False, True, False, False])  # atoms 0…2, pairs among them
    assert bool((x[:, kept] == piece[kept]).all())
    assert float(torch.isin(identities(x), whole.molecules[[0, 3]]).float().mean()) > 0.9


def test_the_piece_is_written_with_the_noise_of_the_state():
    piece = row_of("C1CO1", 4)
    noise = tuple(torch.zeros((2000, n), dtype=torch.int64) for n in (4, 6))
    for s, kept in ((200, 0.0), (100, float(MODEL.schedule.alpha_bar[100])), (0, 1.0)):
        atoms, bonds = grown(LIMITS, MODEL.schedule, piece, 0, range(2000))(noise, s)
        want = kept + (1 - kept) * float(LIMITS[0].m[2])  # the oxygen
        assert float((atoms[:, 2] == 2).float().mean()) == pytest.approx(want, abs=0.045)  # 4 standard errors
        assert not atoms[:, 3].any() and not bonds[:, [2, 4, 5]].any()  # beyond the piece nothing is touched


def test_sizes_are_as_usual_and_as_the_rings_want():
    counts = draw_counts(SIZES, None, 0, range(4000))
    assert torch.bincount(counts, minlength=4).div(4000).tolist() == pytest.approx([0, 1 / 16, 2 / 16, 13 / 16], abs=0.025)
    assert bool((draw_counts(SIZES, torch.ones(50, dtype=torch.int64), 0, range(50)) == 3).all())
    assert int(draw_counts(SIZES, None, 0, range(300), fewest=2).min()) == 2
    assert torch.equal(draw_counts(SIZES, None, 0, range(40))[30:], draw_counts(SIZES, None, 0, range(30, 40)))
    with pytest.raises(ValueError, match="has 4 atoms or more"):
        draw_counts(SIZES, None, 0, range(3), fewest=4)


def test_a_molecule_does_not_depend_on_its_batch():
    assert torch.equal(drawn(6), torch.cat([drawn(4), drawn(2, indices=[4, 5])]))


def test_places_beyond_the_atoms_end_empty():
    small = ExactGraphs(["CO", "C=O"], LIMITS, MODEL.schedule)
    told = sized(small, torch.full((50,), 2), NOTHING)
    *_, last = sample_discrete(told, MODEL.schedule, LIMITS, [(4,), (6,)], DiscreteSampler(steps=20), batch=50)
    assert bool((last.x_t[0][:, 2:] == ABSENT).all()) and not split(joined(*last.x_t))[1][:, 1:].any()
    assert bool((atom_counts(joined(*last.x_t)) == 2).all())
