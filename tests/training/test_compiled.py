"""A network inside of torch.compile or DistributedDataParallel trains, is saved and loads as the plain one does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed, nn

from diffusion_utils import checkpoints
from diffusion_utils.data import ImageData
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.training import TrainConfig, fit
from diffusion_utils.training.distributed import Group
from diffusion_utils.training.ema import EMA
from diffusion_utils.training.muon import Muon
from diffusion_utils.training.wrappers import unwrapped

CPU = torch.device("cpu")
TINY = DiffusionRecipe(
    name="tiny", schedule={"name": "cosine", "T": 100}, sampling={"sampler": "ddim", "steps": 5},
    network={"kind": "unet", "channels": [8], "patch": 4, "emb_dim": 8},
    train=TrainConfig(steps=4, batch=4, log_every=2, bf16=False, optimiser="muon"),
)
IMAGES = torch.randint(0, 256, (8, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net, backend="eager")  # without the minutes that a real compiler takes


def train(net: nn.Module, **options):
    loss = TINY.loss_fn(ImageData(IMAGES, torch.zeros(8).long(), "random", "made here", "none"), CPU, Group())
    *_, last = fit(net, loss, 8, TINY.train, **options)
    return last


@pytest.fixture
def alone(tmp_path: Path):
    """The process group that DistributedDataParallel asks for, of one process."""
    if not distributed.is_available():
        pytest.skip("this PyTorch has no torch.distributed")
    distributed.init_process_group("gloo", store=distributed.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def wrap(how: str, net: nn.Module) -> nn.Module:
    for name in how.split():
        net = {"compile": compiled, "ddp": nn.parallel.DistributedDataParallel}[name](net)
    return net


@pytest.mark.parametrize("how", ["compile", "ddp", "compile ddp", "ddp compile"])
def test_a_wrapped_network_is_saved_as_the_plain_one(tmp_path: Path, how: str, alone) -> None:
    train(TINY.build(), folder=tmp_path / "plain")
    last = train(wrap(how, TINY.build()), folder=tmp_path / "wrapped")
    plain, wrapped = (load_file(tmp_path / name / "state.safetensors") for name in ("plain", "wrapped"))
    assert plain.keys() == wrapped.keys()
    assert all(torch.equal(plain[name], wrapped[name]) for name in plain)
    assert next(fit(TINY.build(), None, 8, TINY.train, folder=tmp_path / "wrapped", resume=True)).step == 4
    card = checkpoints.save(tmp_path, {"name": "own", "config": TINY.config()}, checkpoints.half(last.ema_net))
    checkpoints.load(card, "cpu")


def test_a_plain_run_goes_on_compiled(tmp_path: Path) -> None:
    train(TINY.build(), folder=tmp_path)
    assert train(compiled(TINY.build()), folder=tmp_path, resume=True).step == 4


def test_names_are_those_of_the_plain_network(alone) -> None:
    net = TINY.build()
    for how in ("compile", "ddp", "ddp compile"):
        wrapped = wrap(how, net)
        assert unwrapped(wrapped) is net
        assert checkpoints.half(wrapped).keys() == checkpoints.half(net).keys()
        assert EMA(wrapped).net.state_dict().keys() == net.state_dict().keys()
        for mine, theirs in zip(Muon(wrapped, 1e-3).param_groups, Muon(net, 1e-3).param_groups, strict=True):
            assert [id(p) for p in mine["params"]] == [id(p) for p in theirs["params"]]
