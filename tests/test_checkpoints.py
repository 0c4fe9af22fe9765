"""Checkpoints: a round trip, and every way in which a file can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from diffusion_utils import checkpoints, devices
from diffusion_utils.checkpoints import CheckpointError
from diffusion_utils.generate import generate
from diffusion_utils.latent import Identity
from diffusion_utils.networks import NETWORKS, UNet
from diffusion_utils.sampling import Sampler

NETWORK = {"kind": "unet", "channels": [8, 16], "patch": 2, "emb_dim": 16, "num_classes": 10}
CONFIG = {"network": NETWORK, "schedule": {"name": "cosine", "T": 100}, "predicts": "v",
          "sampling": {"sampler": "ddim", "steps": 2, "eta": 0.5},
          "sample": {"shape": [1, 28, 28], "clip": [-1.0, 1.0], "condition": {"shape": [], "dtype": "int64"}}}


def network(**options) -> UNet:
    torch.manual_seed(0)
    net = UNet(**({k: v for k, v in NETWORK.items() if k != "kind"} | options))
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return checkpoints.save(tmp_path, {"name": "tiny", "config": CONFIG}, checkpoints.half(network()))


def test_round_trip(card: Path) -> None:
    loaded = checkpoints.load(card, device="cpu")
    assert (loaded.name, loaded.num_classes, loaded.device) == ("tiny", 10, torch.device("cpu"))
    assert loaded.schedule.T == 100 and loaded.schedule.name == "cosine"
    assert not loaded.net.training and not any(p.requires_grad for p in loaded.net.parameters())
    for name, weight in network().state_dict().items():
        stored = loaded.net.state_dict()[name]
        assert stored.dtype == weight.dtype
        # float16: relative rounding by 2⁻¹¹ at most, absolute by 2⁻²⁵ below its smallest normal number
        assert ((stored - weight).abs() <= 2**-11 * weight.abs() + 2**-25).all()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_layout_in_memory_is_the_devices_and_changes_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                  layout: torch.memory_format) -> None:
    monkeypatch.setattr(devices, "memory_format", lambda device: layout)
    saved = network().to(memory_format=layout)
    loaded = checkpoints.load(checkpoints.save(tmp_path, {"name": "tiny", "config": CONFIG}, checkpoints.half(saved)), "cpu")
    kernels = [weight for weight in loaded.net.parameters() if weight.dim() == 4 and min(weight.shape) > 1]
    assert kernels and all(weight.is_contiguous(memory_format=layout) for weight in kernels)
    plain = network()
    plain.load_state_dict(loaded.net.state_dict())
    x, time, cond = torch.randn(2, 1, 28, 28), torch.tensor([3.0, 50.0]), torch.tensor([1, 2])
    wanted = plain(x, time, cond)
    # a chain of some 30 layers, each a sum of at most 16 · 9 products: roundings by 2⁻²⁴ add up like a walk at random, twice
    far = 2 * 30 * 12 * 2**-24 * wanted.abs().max()
    assert (loaded.net(x, time, cond) - wanted).abs().max() <= far


def test_denoiser_is_made_from_the_card(card: Path) -> None:
    denoiser = checkpoints.load(card, device="cpu").denoiser
    assert denoiser.predicts == "v" and denoiser.schedule.T == 100
    assert denoiser(torch.zeros(2, 1, 28, 28), 50, torch.tensor([3, 10])).x0_hat.shape == (2, 1, 28, 28)


@pytest.mark.parametrize("ending", ["tiny", "tiny.json", "tiny.safetensors"])
def test_loads_by_path_with_and_without_ending(card: Path, ending: str) -> None:
    assert checkpoints.load(card.parent / ending, device="cpu").name == "tiny"


def test_a_dot_in_the_name_is_no_ending(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, {"name": "tiny-0.5", "config": CONFIG}, checkpoints.half(network()))
    assert checkpoints.load(tmp_path / "tiny-0.5", device="cpu").name == "tiny-0.5"


def test_one_changed_byte_is_noticed(card: Path) -> None:
    path = card.with_suffix(".safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="tiny.safetensors is corrupt: its SHA-256 differs"):
        checkpoints.load(card)


def test_a_truncated_file_is_noticed(card: Path) -> None:
    path = card.with_suffix(".safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"corrupt.*\(1000 bytes\)"):
        checkpoints.load(card)


def test_missing_weights_are_named(card: Path) -> None:
    card.with_suffix(".safetensors").unlink()
    with pytest.raises(CheckpointError, match="tiny.safetensors is missing"):
        checkpoints.load(card)


def test_a_card_that_is_no_json_is_named(card: Path) -> None:
    card.write_bytes(b"\xff{")
    with pytest.raises(CheckpointError, match="tiny.json is not valid JSON"):
        checkpoints.load(card)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = CONFIG | {"network": NETWORK | {"channels": [8, 24]}}
    card = checkpoints.save(tmp_path, {"name": "other", "config": other}, checkpoints.half(network()))
    with pytest.raises(CheckpointError, match="do not fit the network of its card.*size mismatch"):
        checkpoints.load(card)


def test_a_checkpoint_without_a_network_is_named(tmp_path: Path) -> None:
    card = checkpoints.save(tmp_path, {"name": "table", "config": {}}, {"a": torch.zeros(2)})
    with pytest.raises(CheckpointError, match="table.json holds no network"):
        checkpoints.load(card)
    assert torch.equal(checkpoints.read_tensors(card)["a"], torch.zeros(2))


def test_a_run_is_known_by_its_folder(card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "runs" / card.stem
    run.mkdir(parents=True)
    for file in (card, card.with_suffix(".safetensors")):
        (run / file.name).write_bytes(file.read_bytes())
    assert checkpoints.load(run).name == checkpoints.load(f"{run}/").name == checkpoints.load(card).name
    monkeypatch.chdir(run)
    assert checkpoints.find_card(".").resolve() == (run / card.name).resolve()


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown checkpoint 'no-such-thing'.* Allowed: ") as raised:
        checkpoints.load("no-such-thing")
    for name in checkpoints.available():
        assert name in str(raised.value)
    with pytest.raises(ValueError, match="unknown checkpoint"):
        checkpoints.load(tmp_path / "nothing.json")


@pytest.mark.parametrize("name", checkpoints.available())
def test_a_misspelt_name_is_answered_by_the_nearest(name: str) -> None:
    with pytest.raises(ValueError, match=f"Did you mean '{name}'"):
        checkpoints.load(name + "t")


@pytest.mark.parametrize("name", checkpoints.available())
def test_shipped_checkpoints_are_whole_small_and_described(name: str) -> None:
    path, card = checkpoints.available()[name], checkpoints.read_card(name)
    assert card["name"] == name
    assert path.with_suffix(".safetensors").stat().st_size <= 8 * 2**20
    assert checkpoints.load(name, device="cpu").name == name
    assert {"name", "n", "sha256"} <= set(card["data"])
    assert {"steps_done", "seconds", "hardware", "date", "history"} <= set(card["training"])


def test_a_full_disk_keeps_the_old_checkpoint(card: Path, full_disk) -> None:
    with full_disk(1000), pytest.raises(OSError, match="cannot write .*nothing was changed"):
        checkpoints.save(card.parent, {"name": "tiny", "config": CONFIG}, checkpoints.half(network(num_classes=5)))
    assert checkpoints.load(card, device="cpu").num_classes == 10


def test_a_read_only_folder_is_named(read_only_folder: Path) -> None:
    with pytest.raises(PermissionError, match=str(read_only_folder)):
        checkpoints.save(read_only_folder, {"name": "tiny", "config": CONFIG}, checkpoints.half(network()))


def test_the_card_is_readable_text(card: Path) -> None:
    text = card.read_text(encoding="utf-8")
    assert text.endswith("}\n") and len(text.splitlines()) > 10
    assert json.loads(text)["config"] == CONFIG


# --- what else a card may say


def test_the_card_says_how_samples_are_drawn_and_what_they_are(card: Path) -> None:
    loaded = checkpoints.load(card, device="cpu")
    assert loaded.sampler == Sampler("ddim", 2, eta=0.5)
    assert (loaded.shape, loaded.clip, loaded.condition) == ((1, 28, 28), (-1.0, 1.0), {"shape": [], "dtype": "int64"})
    assert loaded.denoiser.clip == (-1.0, 1.0) and loaded.parts == {} and isinstance(loaded.codec, Identity)


def test_without_a_range_nothing_is_clipped(tmp_path: Path) -> None:
    config = CONFIG | {"sample": {"shape": [1, 28, 28], "clip": None, "condition": None}}
    path = checkpoints.save(tmp_path, {"name": "wide", "config": config}, checkpoints.half(network()))
    loaded = checkpoints.load(path, device="cpu")
    assert loaded.clip is None and loaded.denoiser.clip is None


class Halves(nn.Module):
    """Codes that are the samples divided by a number; x = number·z."""

    def __init__(self, start: float = 1.0):
        super().__init__()
        self.number = nn.Parameter(torch.tensor(start))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x / self.number

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z * self.number


def other_network() -> UNet:
    torch.manual_seed(1)
    return UNet(channels=[8], patch=4, emb_dim=8)


def with_parts(folder: Path, codec: dict) -> Path:
    """A checkpoint of three networks: the denoiser, "judge", which is another U-Net, and "scale", of the codec."""
    small = {"kind": "unet", "channels": [8], "patch": 4, "emb_dim": 8}
    judge, scale = other_network(), Halves(0.25)
    config = CONFIG | {"parts": {"judge": small, "scale": {"kind": "halves"}}, "codec": codec}
    tensors = checkpoints.half(network()) | checkpoints.half(judge, "judge") | checkpoints.half(scale, "scale")
    return checkpoints.save(folder, {"name": "three", "config": config}, tensors)


def test_a_checkpoint_may_hold_several_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "halves", Halves)
    loaded = checkpoints.load(with_parts(tmp_path, {"kind": "network", "part": "scale"}), device="cpu")
    for found, wanted in ((loaded.net, network()), (loaded.parts["judge"], other_network())):
        assert not found.training and not any(p.requires_grad for p in found.parameters())
        for name, weight in wanted.state_dict().items():
            assert ((found.state_dict()[name] - weight).abs() <= 2**-11 * weight.abs() + 2**-25).all()  # as in the round trip
    assert list(loaded.parts) == ["judge", "scale"] and float(loaded.parts["scale"].number) == 0.25


def test_what_is_drawn_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The range on the card is that of the codes; what is drawn is a quarter of them, to the bit."""
    monkeypatch.setitem(NETWORKS, "halves", Halves)
    loaded = checkpoints.load(with_parts(tmp_path / "a", {"kind": "network", "part": "scale"}), device="cpu")
    plain = checkpoints.load(with_parts(tmp_path / "b", {"kind": "identity"}), device="cpu")
    codes, x = generate(plain, 3, cond=1), generate(loaded, 3, cond=1, batch=2)
    assert float(codes.abs().max()) == 1 and torch.equal(generate(loaded, 3, cond=1), 0.25 * codes)
    assert x.shape == (3, 1, 28, 28) and torch.equal(loaded.codec.encode(0.25 * codes), codes)


@pytest.mark.parametrize(("codec", "says"), [({"kind": "network", "part": "decoder"}, "decoder"), ({"kind": "jpeg"}, "jpeg")])
def test_a_codec_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: dict, says: str) -> None:
    monkeypatch.setitem(NETWORKS, "halves", Halves)
    loaded = checkpoints.load(with_parts(tmp_path, codec), device="cpu")
    with pytest.raises(CheckpointError, match=says):
        _ = loaded.codec


def test_a_part_without_weights_is_refused(tmp_path: Path) -> None:
    config = CONFIG | {"parts": {"judge": {"kind": "unet", "channels": [8], "patch": 4, "emb_dim": 8}}}
    card = checkpoints.save(tmp_path, {"name": "two", "config": config}, checkpoints.half(network()))
    with pytest.raises(CheckpointError, match="do not fit the network of its card.*Missing key"):
        checkpoints.load(card)


@pytest.mark.parametrize("setting", ["sample", "sampling", "schedule", "predicts"])
def test_a_card_that_says_too_little_to_sample_is_named(tmp_path: Path, setting: str) -> None:
    config = {name: entry for name, entry in CONFIG.items() if name != setting}
    card = checkpoints.save(tmp_path, {"name": "short", "config": config}, checkpoints.half(network()))
    with pytest.raises(CheckpointError, match=f"short is not a diffusion model: its card has no '{setting}'"):
        generate(checkpoints.load(card, "cpu"), 2)
