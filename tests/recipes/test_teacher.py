"""A recipe that learns from a teacher: what the teacher is asked, and which times are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cases import step_of
from torch import Tensor

from diffusion_utils import checkpoints
from diffusion_utils.data import ImageData
from diffusion_utils.losses import distillation_loss
from diffusion_utils.networks import Network, UNet
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.schedules import cosine
from diffusion_utils.training.distributed import Group

CPU = torch.device("cpu")
SMALL = {"patch": 4, "channels": [8], "emb_dim": 8}


def recipe(**changes) -> DiffusionRecipe:
    return DiffusionRecipe(name="student", network={"kind": "unet", **SMALL}, schedule={"name": "cosine", "T": 100}, **changes)


def digits(n: int) -> ImageData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 28, 28), generator=generator).to(torch.uint8)
    return ImageData(images, torch.randint(0, 10, (n,), generator=generator), "random", "a test", "")


def save_teacher(runs: Path) -> None:
    """A network that labels tell much: trained ones begin with zeros that would make it answer nothing."""
    net, generator = UNet(**SMALL, num_classes=10), torch.Generator().manual_seed(1)
    tensors = {f"net.{name}": 0.5 * torch.randn(value.shape, generator=generator) for name, value in net.state_dict().items()}
    checkpoints.save(runs / "teacher", {"name": "teacher", "config": {"network": {"kind": "unet", **SMALL, "num_classes": 10}}},
                     tensors)


def silent(x: Tensor, time: Tensor, cond: Tensor | None) -> Tensor:
    return torch.zeros_like(x)


def test_the_teacher_is_told_the_label_of_each_picture(tmp_path: Path) -> None:
    """The same pictures with the same labels have the same loss in whatever rows they lie; with other labels, another."""
    save_teacher(tmp_path)
    data, rows = digits(20), torch.tensor([13, 4, 17, 8])

    def loss(data: ImageData, rows: Tensor) -> float:
        return float(recipe(teacher="teacher").loss_fn(data, CPU, Group(), tmp_path)(silent, step_of(rows, seed=5)))

    alone = ImageData(data.images[rows], data.labels[rows], "random", "a test", "")
    assert loss(alone, torch.arange(4)) == loss(data, rows)
    others = ImageData(alone.images, (alone.labels + 1) % 10, "random", "a test", "")
    assert abs(loss(others, torch.arange(4)) / loss(alone, torch.arange(4)) - 1) > 0.01


@pytest.mark.parametrize("T", [50, 1000])
def test_teacher_and_student_see_the_same_state_at_the_same_time(T: int) -> None:
    asked: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def answer(x: Tensor, time: Tensor, cond: Tensor | None) -> Tensor:
        asked.append((x, time, cond))
        return x

    schedule, t, label = cosine(T), torch.tensor([1, T // 2, T]), torch.tensor([3, 1, 4])
    x0, eps = torch.randn((2, 3, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    assert float(distillation_loss(answer, answer, schedule, x0, t, eps, label)) == 0
    assert sorted(cond is None for *_, cond in asked) == [False, True]
    for x, time, cond in asked:
        assert torch.equal(x, schedule.add_noise(x0, t, eps)) and time.tolist() == [1000 / T, 500, 1000]
        assert cond is None or torch.equal(cond, label)


@pytest.mark.parametrize("teacher", [None, "teacher"])
@pytest.mark.parametrize(("power", "mean"), [(1.0, 1 / 2), (2.0, 2 / 3)])
def test_the_recipe_says_how_often_late_times_are_drawn(tmp_path: Path, teacher: str | None, power: float, mean: float) -> None:
    """∫ u^(1/power) du is the mean of t/T: 1/2 of uniform times, 2/3 where t is drawn in proportion to itself."""
    save_teacher(tmp_path)
    seen = []

    class Watching(Network):
        def forward(self, x: Tensor, time: Tensor, cond: Tensor | None) -> Tensor:
            seen.append(time / 1000)
            return torch.zeros_like(x)

    loss = recipe(teacher=teacher, time_power=power).loss_fn(digits(50), CPU, Group(), tmp_path)
    loss(Watching(), step_of(torch.arange(50)))
    # A time from each of 50 parts: their mean is off by 1/50 at most, and by the 1/T of whole times.
    assert float(seen[0].mean()) == pytest.approx(mean, abs=1 / 50 + 1 / 100)
