"""Each way to train: one step, a state that is whole, and digits in the right range."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from peers import ARMS, Arm
from project import ROOT
from quality_vs_calls import (
    BEST_PEER,
    DEFAULT,
    DEFAULT_N,
    OF_DEFAULT_N,
    PARTS,
    PEERS,
    QUICK_N,
    QUICK_STEPS,
    SAMPLERS,
    STEPS,
    Record,
    draw_ours,
    draw_peer,
    own_name,
    path_of,
    read,
    todo,
)
from torch import nn

from diffusion_utils.checkpoints import load, read_card
from diffusion_utils.data import ImageData
from diffusion_utils.devices import describe
from diffusion_utils.sampling import Sampler

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers with NumPy 2
CPU = torch.device("cpu")
DIGITS = ImageData(torch.randint(256, (64, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
                   torch.zeros(64, dtype=torch.int64), "noise", "made here", "")
PACKAGES = {"ours": "torch", "diffusers": "diffusers", "diffusers-64": "diffusers", "smalldiffusion": "smalldiffusion",
            "denoising-diffusion-pytorch": "denoising_diffusion_pytorch"}


def make(name: str, folder: Path | None, monkeypatch: pytest.MonkeyPatch, rate: float | None = None) -> Arm:
    """An arm that draws in two calls and learns from two digits a step, so that a test takes seconds."""
    if find_spec(PACKAGES[name]) is None:
        pytest.skip(f"{PACKAGES[name]} is not installed: pip install -r benchmarks/requirements.txt")
    monkeypatch.setattr(ARMS[name], "batch", 2)
    monkeypatch.setattr(ARMS[name], "calls", 2)
    monkeypatch.setattr("peers.SAVE_MINUTES", 0.0)
    torch.manual_seed(0)
    return ARMS[name](DIGITS, CPU, 1.0, folder, rate)


def values(net: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in net.state_dict().values()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ARMS)
def test_an_arm_learns_goes_on_and_draws(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm = make(name, tmp_path, monkeypatch)
    before = values(arm.net)
    arm.step()
    arm.elapsed = 0.25
    arm.save()
    assert arm.k >= 1 and arm.seen == 2 * arm.k
    assert any(not torch.equal(a, b) for a, b in zip(before, values(arm.net), strict=True))
    assert 3.4e6 < sum(parameter.numel() for parameter in arm.net.parameters()) < 4.6e6, "networks of about equal size"

    if name == "ours":
        arm.run.close()  # whose folder no other run may use until then
    again = make(name, tmp_path, monkeypatch)
    again.resume()
    assert again.k == arm.k
    assert all(torch.equal(a, b) for a, b in zip(values(again.net), values(arm.net), strict=True))
    if name != "ours":  # whose clock is that of fit
        assert again.elapsed == pytest.approx(0.25)
        assert all(torch.equal(a, b) for a, b in zip(values(again.average), values(arm.average), strict=True))
    x, more = again.draw(2), again.draw(2)
    assert not torch.equal(x, more), "a second call draws other samples"
    assert x.shape == (2, 1, 28, 28) and x.dtype == torch.float32 and bool(torch.isfinite(x).all())
    again.step()
    assert again.k > arm.k


@pytest.mark.slow
def test_a_large_batch_in_chunks_has_the_gradient_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of unequal size, too. bfloat16 rounds to 2⁻⁹; a chunk that counts too much changes the gradient by tenths."""
    arm, found = make("smalldiffusion", None, monkeypatch), []
    arm.net.eval()  # dropout would draw other numbers for other shapes
    monkeypatch.setattr(arm, "batch", 5)
    monkeypatch.setattr(arm, "descend", lambda: None)  # and leave the gradient to be looked at
    for chunk in (5, 3):
        monkeypatch.setattr("peers.CHUNK", chunk)
        torch.manual_seed(1)
        arm.generator.manual_seed(1)
        arm.net.zero_grad()
        arm.step()
        found.append(nn.utils.parameters_to_vector(p.grad for p in arm.net.parameters()))
    assert float((found[0] - found[1]).norm()) < 0.03 * float(found[0].norm())


@pytest.mark.slow
def test_our_own_run_is_as_long_as_its_images_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute at 0.7 images a second are 42, or 21 steps of 2; one more, so that rounding never ends a run before its time."""
    arm = make("ours", None, monkeypatch, rate=0.7)
    while arm.clock(worked=0.0) < arm.minutes:
        arm.step()
    assert arm.k in (21, 22)
    assert arm.progress.lr < 0.02 * 1.5e-3, "the rate has fallen over just this run"


def test_the_versions_that_are_compared_lie_within_the_ranges_of_the_package() -> None:
    import tomllib

    lines = (ROOT / "benchmarks" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = {pin.name: next(iter(pin.specifier)) for pin in map(Requirement, (s for s in lines if s and s[0] != "#"))}
    assert {pin.operator for pin in pins.values()} == {"=="}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for wanted in map(Requirement, project["optional-dependencies"]["bench"]):
        assert wanted.specifier.contains(pins[wanted.name].version), wanted.name
    assert f"diffusers=={pins['diffusers'].version}" in (ROOT / "requirements.txt").read_text(encoding="utf-8").split()


def test_the_curve_of_quality_has_what_is_asked_of_it() -> None:
    wanted = todo("dpmpp_2m_sde", 2000, list(PARTS))
    assert len(set(wanted)) == len(wanted)
    assert {5, 10, 20, 50} <= set(DEFAULT)
    assert {part for part, *_, n in wanted if n == DEFAULT_N} == set(OF_DEFAULT_N)
    assert [(name, steps) for part, name, steps, _ in wanted if part == "default"] == [("dpmpp_2m_sde", s) for s in DEFAULT]
    assert ("peer", *BEST_PEER, 2000) in wanted, "the same solver stands in the grid of all of them"
    assert {("long", "dpmpp_2m_sde", 250, 2000), ("long", "ddpm", 1000, 2000)} <= set(wanted)
    quick = todo("dpmpp_2m_sde", QUICK_N, ["default"], quick=True)
    assert quick == [("default", "dpmpp_2m_sde", QUICK_STEPS, QUICK_N)]


def test_the_shipped_models_own_way_to_sample_is_among_those_measured() -> None:
    assert own_name(read_card("mnist-unet")["config"]["sampling"])
    assert own_name({"sampler": "ddim", "steps": 20, "spacing": "uniform"}) == "ddim"
    with pytest.raises(ValueError, match="not among SAMPLERS"):
        own_name({"sampler": "ddim", "steps": 20, "spacing": 3})


def test_a_record_of_another_n_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    path, model, folder = tmp_path / "shown.json", load("mnist-unet", "cpu"), tmp_path / "runs"
    old = Record(path, model, 10)
    old.content |= {"points": [{"name": "ddim"}]} | {part: [{"n": DEFAULT_N}] for part in OF_DEFAULT_N}
    old.write()
    assert Record(path, model, None).n == 10 and Record(path, model, None).path == path
    before = read(path)

    new = Record(path, model, 20, folder)
    assert new.content["points"] == []
    assert all(new.content[part] == before[part] for part in OF_DEFAULT_N), "whose n is their own"
    new.content["points"] = [{"name": "ddim"}]
    new.write()
    assert read(path) == before, "a chapter shows it"
    again = Record(path, model, 20, folder)
    assert len(again.content["points"]) == 1
    again.content["points"] *= len(STEPS) * len(SAMPLERS)
    again.write()
    assert read(path)["n"] == 20 and not (folder / "shown.json").exists()
    assert Record(path, model, None).path == path


@pytest.mark.parametrize("name", PEERS)
def test_one_step_of_a_peer_is_ours(name: str) -> None:
    """From t = T to 0 every solver returns the estimate of the same network for the same noise; with two steps, none that
    draws fresh noise is one that does not."""
    model = load("mnist-unet", "cpu")
    one = draw_peer(model, 4, 4, 1, name)
    # DEIS stops at the noise of t = 1, 0.0064 times a nearly Gaussian ε̂ (3,136 numbers stay within 4 standard deviations); the
    # others differ by rounding: signal_T is 5e-5, so that where they go by way of ε the 1e-7 of x_T are divided by it.
    stops = 4 * float(model.schedule.noise[1]) if "DEIS" in name else 5e-3
    torch.testing.assert_close(one, draw_ours(model, 4, 4, Sampler("ddim", 1)), atol=stops, rtol=0)
    plain = draw_peer(model, 4, 4, 2, "DPMSolverMultistepScheduler")
    fresh = "SDE" in name or name == "DDPMScheduler"
    assert ((draw_peer(model, 4, 4, 2, name) - plain).square().mean().sqrt() > 0.1) == fresh


def test_figures_of_another_machine_say_so(tmp_path: Path) -> None:
    path, model, folder = tmp_path / "shown.json", load("mnist-unet", "cpu"), tmp_path / "runs"
    old = Record(path, model, 10)
    old.content |= {"hardware": "another machine", "default": [{"name": "ddim"}]}
    old.write()

    here = Record(path, model, None)
    assert here.path == path, "the points of one n make one record, wherever they were made"
    here.add("default", {"name": "heun"})
    points = read(path)["default"]
    assert "hardware" not in points[0] and points[1]["hardware"] == describe(model.device)

    new = Record(path, model, 20, folder)
    assert new.content["hardware"] == describe(model.device)
    assert [point["hardware"] for point in new.content["default"]] == ["another machine", describe(model.device)]


def test_figures_of_another_device_and_of_a_reduced_form_go_elsewhere() -> None:
    paths = [path_of(torch.device(kind), quick) for kind in ("cpu", "cuda") for quick in (False, True)]
    assert len(set(paths)) == 4 and paths[0].name == "quality_vs_calls.json"
