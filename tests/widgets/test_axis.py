"""Which of a figure's controls are sliders, and which are rows of buttons."""

from __future__ import annotations

import pytest

from diffusion_utils.widgets import Axis


@pytest.mark.parametrize("values", [
    [0, 10, 1000], ["1,000", "12,000"], ["0 %", "5 %"], ["0.25×", "1×"], ["−3", "+2"], ["5", "∞"], ["10 steps", "20 steps"],
    ["none", "12", "13"],    # cases, of which most have a number
])
def test_numbers_are_set_with_a_slider(values):
    assert not Axis("t", values).has_buttons()


@pytest.mark.parametrize("values", [
    ["linear", "cosine"], ["ε", "x₀", "v"], ["DDPM, variance β", "2M with fresh noise"], ["as it should be", "as found"],
])
def test_names_are_chosen_with_buttons(values):
    assert Axis("kind", values).has_buttons()


def test_more_names_than_a_phone_has_room_for_are_set_with_a_slider():
    assert Axis("kind", [f"name {k}" for k in range(12)]).has_buttons()
    assert not Axis("kind", [f"name {k}" for k in range(13)]).has_buttons()


@pytest.mark.parametrize("values", [[0, 1], ["linear", "cosine"]])
def test_a_chapter_may_say_otherwise(values):
    assert Axis("kind", values, buttons=True).has_buttons()
    assert not Axis("kind", values, buttons=False).has_buttons()
