"""A race of codes and pixels goes on where it was stopped, and all arms have the network of scenes-latent."""

from __future__ import annotations

from contextlib import suppress

import latent_vs_pixel
import pytest
import timing
import torch
from latent_vs_pixel import Pixels, goals, race, recipe_of
from torch import nn

from diffusion_utils.data.scenes import load_scenes
from diffusion_utils.training import Progress


def test_looks_double_and_end_at_the_end():
    assert goals(40, 2.5) == [2.5, 5, 10, 20, 40] and goals(2, 2.5) == [2] and goals(22, 2.5) == [2.5, 5, 10, 22]


@pytest.mark.parametrize(("arm", "side"), [("latent", 16), ("pixels-4", 64), ("pixels-2", 64)])
def test_the_arms_differ_in_what_goes_in_and_out_alone(arm, side):
    net = recipe_of(arm).build().eval()
    x = torch.zeros(1, 4 if arm == "latent" else 3, side, side)
    with torch.no_grad():
        assert net(x, torch.tensor([500.0])).shape == x.shape
    inner = sum(p.numel() for name, p in net.named_parameters() if "conv_in" not in name and "conv_out" not in name)
    latent = recipe_of("latent").build()
    assert inner == sum(p.numel() for name, p in latent.named_parameters() if "conv_in" not in name and "conv_out" not in name)


def test_pixels_are_the_scenes_with_their_prompts():
    scenes = load_scenes("test", 3)
    data, rows = Pixels(scenes), torch.tensor([2, 0])
    assert torch.equal(data.to(torch.device("cpu")).x0(rows), scenes.x0(rows)) and len(data) == 3
    generator = [torch.Generator().manual_seed(1) for _ in range(2)]
    assert torch.equal(data.data.draw_prompts(rows, generator[0]), scenes.draw_prompts(rows, generator[1]))
    assert data.shape == (3, 64, 64) and data.clip == (-1, 1)


def test_a_race_that_was_stopped_goes_on_with_its_points(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "HERE", tmp_path)
    monkeypatch.setattr(latent_vs_pixel, "machine", lambda device: {})
    folder, net, asked = tmp_path / "state", nn.Identity(), []

    def run(resume: bool):
        asked.append(resume)
        folder.mkdir(exist_ok=True)
        (folder / "state.safetensors").touch()
        for step in range(5 if resume else 1, 9):
            yield Progress(step, 0.0, 0.0, 60.0 * step, net, [])

    def again(stop: float) -> dict:
        def look(_: nn.Module) -> dict:
            if len(results.record["parts"]["a"]["points"]) == stop:
                raise KeyboardInterrupt
            return {"right": 0.5}

        results = timing.Results("race", torch.device("cpu"), "", 1, {}, True)
        with suppress(KeyboardInterrupt):
            race(results, "a", folder, {"arm": "a"}, run, [2.0, 4.0, 8.0], lambda progress: progress.seconds / 60, look)
        return results.record["parts"]["a"]

    stopped = again(2)
    assert [point["steps"] for point in stopped["points"]] == [2, 4] and not stopped["finished"]
    done = again(9)
    assert [point["steps"] for point in done["points"]] == [2, 4, 8] and done["finished"] and done["stopped"] == 1
    assert asked == [False, True] and not folder.exists()
