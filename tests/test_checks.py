"""What is asked of numbers, shapes and data before the work begins."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pretended_device import pretended

from diffusion_utils.checks import clean_state, levels_fit, on_cpu, same_shape, whole_number
from diffusion_utils.guidance import guided
from diffusion_utils.sampling import Sampler, update
from diffusion_utils.schedules import Schedule, cosine, from_betas


@pytest.mark.parametrize("given", [3, np.int64(3), np.uint8(3), torch.tensor(3), torch.tensor(3, dtype=torch.int32)], ids=repr)
def test_an_integer_of_any_kind_becomes_pythons(given: object) -> None:
    assert type(whole_number("n", given, 1, 3)) is int and whole_number("n", given) == 3


@pytest.mark.parametrize("given", [0, 6, 2.0, True, "3", None, torch.tensor(2.0), torch.tensor([1, 2])], ids=repr)
def test_another_number_is_refused_with_what_is_allowed(given: object) -> None:
    with pytest.raises(ValueError, match="n must be an integer in 1…5, got "):
        whole_number("n", given, 1, 5)


def test_the_range_is_named_as_far_as_there_is_one() -> None:
    with pytest.raises(ValueError, match="n must be an integer ≥ 1, got 0$"):
        whole_number("n", 0, 1)
    with pytest.raises(ValueError, match="seed must be an integer, got 0.5$"):
        whole_number("seed", 0.5)


@pytest.mark.parametrize(("given", "kept"), [(torch.float16, torch.float32), (torch.bfloat16, torch.float32),
                                             (torch.float32, torch.float32), (torch.float64, torch.float64)])
def test_a_state_has_single_precision_at_least(given: torch.dtype, kept: torch.dtype) -> None:
    x = torch.tensor([[0.5, -1.0]], dtype=given)
    found = clean_state("x", x)
    assert found.dtype == kept and torch.equal(found, x.to(kept))


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="known must be finite, got NaN or infinity in 2 of 4 numbers"):
        clean_state("known", torch.tensor([[1.0, math.nan], [-math.inf, 0.0]]))
    for empty in (torch.zeros(0, 1, 2, 2), torch.zeros(2, 0), torch.tensor(1.0)):
        with pytest.raises(ValueError, match=r"x must be \(B, …\) with B ≥ 1, got \("):
            clean_state("x", empty)
    with pytest.raises(TypeError, match="known must be floating point, .* got torch.uint8"):
        clean_state("known", torch.zeros(2, 3, dtype=torch.uint8))


def test_shapes_that_would_be_stretched_are_refused() -> None:
    same_shape(x=torch.zeros(2, 3), y=torch.ones(2, 3), z=torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"z must have the shape of x \(2, 3\), got \(2, 1\)"):
        same_shape(x=torch.zeros(2, 3), y=torch.ones(2, 3), z=torch.ones(2, 1))


def test_a_level_of_each_sample_goes_along_the_samples() -> None:
    """(3,) against (3, 3) is a level for each column, and PyTorch says nothing."""
    x = torch.zeros(3, 3)
    for level in (0.5, torch.tensor(0.5), torch.ones(3, 1), torch.ones(1, 1)):
        levels_fit(x, noise=level)
    for level in (torch.ones(3), torch.ones(2, 1), torch.ones(3, 1, 1)):
        with pytest.raises(ValueError, match=r"noise must be one number or \(3, 1\) for data of shape \(3, 3\), got \("):
            levels_fit(x, noise=level)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_numbers_from_a_device_are_read_on_the_cpu(device: str) -> None:
    """Tables, weights and standard deviations live there in float64, which Apple's GPU does not have."""
    schedule, x = cosine(10), torch.zeros(2, 3)
    with pretended(device):
        two = torch.tensor([1.0, 0.5], device=device)
        assert on_cpu(two).tolist() == on_cpu([1.0, 0.5]).tolist() == [1.0, 0.5] and on_cpu(two).dtype == torch.float64
        assert Schedule(two, two.flip(0) - 0.5).T == 1 and from_betas(two.flip(0)).T == 2
        assert Sampler("ddim", 3).calls(two) == 6
        guided(lambda x_t, t, cond: None, schedule, two)
        update(schedule, x.to(device), 10, 5, x.to(device), u=two * 0.1, z=x.to(device))
