"""A model of your own pictures: look at them, forecast the time, train, measure, and write a report."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tqdm.auto import tqdm

from .. import checkpoints, report
from ..checkpoints import Checkpoint
from ..conditions import in_proportion
from ..data import Dataset
from ..data.pictures import Pictures, read_pictures
from ..devices import describe, pick_device, place
from ..files import write_atomic
from ..generate import generate
from ..metrics.pictures import evaluate, spread_rows
from ..png import grid
from ..training import Step, TrainConfig, make_optimiser, train_step
from ..training.distributed import Group
from ..training.run_folder import check_free
from .diffusion import DiffusionRecipe

SHOWN = 64  # samples on the report
MEASURED = 500  # samples at most that are measured
FEW_STEPS, MANY_EPOCHS = 3000, 500  # below and above which a forecast says what to expect


def pictures_recipe(folder: str | Path, size: int | None = None, minutes: float = 60.0) -> DiffusionRecipe:
    """The recipe of the pictures in a folder, as `data.pictures.read_pictures` reads them, trained for so many minutes.

    Raises what `read_pictures` does, and ValueError for minutes that are not positive.
    """
    pictures = read_pictures(folder, size)
    return DiffusionRecipe(
        name=run_name(pictures.folder),
        data={"name": "pictures", "folder": pictures.folder, "size": pictures.size, "channels": pictures.channels},
        metric={"name": "pictures", "folder": pictures.folder},
        network=network_for(pictures.size, pictures.channels, len(pictures.classes)),
        schedule={"name": "cosine", "T": 1000},
        predicts="v",
        sampling={"sampler": "dpmpp_2m_sde", "steps": 25, "spacing": 1.5},
        train=TrainConfig(steps=10_000_000, minutes=minutes, batch=64, lr=2e-3, warmup=100,
                          ema=0.99 if minutes < 5 else 0.999, log_every=10, optimiser="muon"),
    )


def run_name(folder: str | Path) -> str:
    """What the checkpoint is called: "pictures-" and the folder's name, without spaces and what no file name may hold."""
    return "pictures-" + re.sub(r'[\s<>:"/\\|?*.]+', "-", Path(folder).name).strip("-")


def network_for(size: int, channels: int, classes: int = 0) -> dict:
    """A U-Net that suits pictures of size × size pixels. It works at 32 × 32 positions at most, attends at 10 × 10."""
    if size <= 20:
        shape = {"patch": 1, "channels": [48, 96]}
    elif size <= 32:
        shape = {"patch": 2, "channels": [64, 160]}
    elif size <= 64:
        shape = {"patch": 2, "channels": [64, 128, 192]}
    else:
        shape = {"patch": 4, "channels": [96, 160, 224]}
    return {"kind": "unet", "in_channels": channels, **shape, "blocks": 1, "emb_dim": 128, "num_classes": classes}


def train_pictures(data: str | Path, *, size: int | None = None, minutes: float = 60.0, folder: str | Path = "runs",
                   resume: bool = False, device: str | None = None, log: Callable[[str], None] = tqdm.write) -> Path | None:
    """Train on the pictures in the folder `data`, or go on; writes the checkpoint and report.html into folder/name.

    Says first what was found and how far the time will go. Returns the checkpoint's card, None in all processes but the
    first. Raises what `pictures_recipe` and `Recipe.run` do.
    """
    started = time.monotonic()
    pictures = read_pictures(data, size)
    for line in pictures.told:
        log(line)
    recipe = pictures_recipe(data, pictures.size, minutes)
    check_free(Path(folder) / recipe.name, resume)
    train, chosen = pictures.part("train"), pick_device(device)
    pace = seconds_a_step(recipe, train, chosen)
    measured = samples_to_measure(recipe, pictures, pace)
    for line in forecast(recipe, train, chosen, pace, measured):
        log(line)
    card = recipe.run(folder, resume=resume, device=device, data=train, log=log)
    if card is not None:
        finish(checkpoints.load(card, chosen), card, pictures, measured, started, log)
    return card


# --- Before


def seconds_a_step(recipe: DiffusionRecipe, data: Dataset, device: torch.device, steps: int = 3) -> float:
    """How long a training step takes here, by the fastest of a few that nothing keeps; the first is not counted."""
    net, config = place(recipe.build(), device), recipe.train
    loss_fn, optimiser, seconds = recipe.loss_fn(data, device, Group()), make_optimiser(net, config), []
    for number in range(1, steps + 2):
        rows = torch.arange(config.batch) % len(data)
        step = Step(number, 0.0, rows, torch.Generator().manual_seed(number), net)
        started = time.perf_counter()
        loss, _ = train_step(net, loss_fn, step, optimiser, config, config.lr)
        loss.item()  # a GPU has finished when its number is here
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def samples_to_measure(recipe: DiffusionRecipe, pictures: Pictures, pace: float) -> int:
    """As many samples as pictures were kept back, at most 500, and no more than a tenth of the run's time allows.

    A call of the network is reckoned as a third of a training step: it has no backward pass, which costs two.
    """
    per_sample = recipe.sampling["steps"] * pace / (3 * recipe.train.batch)
    allowed = int(max(10.0, 6 * recipe.train.minutes) / per_sample)
    return max(16, min(int(pictures.held_out.sum()), MEASURED, allowed))


def forecast(recipe: DiffusionRecipe, data: Dataset, device: torch.device, pace: float, measured: int) -> list[str]:
    """What the time will be enough for, in words."""
    config = recipe.train
    steps = int(60 * config.minutes / pace)
    epochs = steps * config.batch / len(data)
    parameters = sum(p.numel() for p in recipe.build().parameters())
    after = max(SHOWN, measured) * recipe.sampling["steps"] * pace / (3 * config.batch)
    lines = [f"A U-Net of {parameters:,} parameters on {describe(device)}: {pace:.2g} s a step of {config.batch} pictures",
             f"  in {config.minutes:g} minutes about {steps:,} steps, which see each picture {epochs:,.0f} times; "
             f"then about {after:.0f} s for samples and report"]
    if steps < FEW_STEPS:
        lines.append(f"  {steps:,} steps are few: expect blurs. More --minutes or a smaller --size than {data.shape[-1]} help")
    elif epochs > MANY_EPOCHS:
        lines.append("  that is often: a network may learn so few pictures by heart. The report shows the nearest of them "
                     "beside samples")
    return lines


# --- Afterwards


def finish(checkpoint: Checkpoint, card: Path, pictures: Pictures, measured: int, started: float,
           log: Callable[[str], None]) -> Path:
    """Draw, measure, and write report.html beside the card, which gets the figures and the names of the classes."""
    n = max(measured, SHOWN)
    content = checkpoints.read_card(card) | class_facts(pictures)
    cond = in_proportion(content["class_counts"], n) if pictures.classes else None
    drawing = time.monotonic()
    x = generate(checkpoint, n, cond=cond, progress=True)
    sampled = time.monotonic() - drawing
    figures = evaluate(x[:measured], None, checkpoint.sampler.calls(), folder=pictures.folder)
    content["figures"] = figures
    write_atomic(card, checkpoints.json_bytes(content))
    times = {"training": content["training"]["seconds"], f"drawing {n} samples": sampled,
             "this command in all": time.monotonic() - started}
    path = card.with_name("report.html")
    write_atomic(path, report.page(checkpoint.name, report_parts(content, pictures, x, cond, times)))
    log(f"Fréchet distance {figures['fd']:.3g} of {figures['n']} samples; pictures kept back have "
        f"{figures['floor_held_out']:.3g}. Report: {path}")
    log(f"To draw more: python -m diffusion_utils sample --checkpoint {shlex.quote(str(card.parent))} --out more.png"
        + " --label all" * bool(pictures.classes))
    return path


def class_facts(pictures: Pictures) -> dict:
    """What the card says of classes: their names, and how many training pictures each has."""
    labels = pictures.part("train").labels
    counts = torch.bincount(labels, minlength=len(pictures.classes)).tolist() if pictures.classes else []
    return {"classes": list(pictures.classes), "class_counts": counts}


def report_parts(card: dict, pictures: Pictures, x: torch.Tensor, cond: torch.Tensor | None,
                 times: dict[str, float]) -> list[str]:
    """The sections of the report, as HTML."""
    train, figures, training = pictures.part("train"), card["figures"], card["training"]
    scale = max(1, 64 // pictures.size)
    shown, of_classes = x[:SHOWN], ""
    if cond is not None:
        shown = shown[cond[:SHOWN].argsort(stable=True)]
        of_classes = f"; one class after the other, as often as the folder has them: {', '.join(pictures.classes)}"
    return [
        report.heading("Samples"),
        report.picture(grid(shown, 8), f"{len(shown)} samples, as they were drawn{of_classes}", scale),
        report.picture(grid(train.x0(spread_rows(len(train), 32)), 8), "For comparison: pictures that it learnt from", scale),
        report.heading("How good they are"),
        *quality(figures),
        report.heading("Learnt by heart?"),
        *copies(figures["nearest"], x, train, scale),
        report.heading("Training"),
        report.curve(training["history"], f"The loss: the mean square error of the prediction, in {training['steps_done']:,} "
                     "steps", "step", "loss"),
        report.table("Time", ("what", "seconds"), [(what, round(seconds)) for what, seconds in times.items()]),
        report.lines([
            f"{training['parameters']:,} parameters; {training['steps_done']:,} steps of {training['batch']} pictures",
            f"{training['hardware']}, PyTorch {training['torch']}, {training['date']}"]),
        report.heading("The pictures"),
        report.lines(pictures.told),
    ]


def quality(figures: dict) -> list[str]:
    """The Fréchet distance between its floors."""
    return [
        report.table("Fréchet distance to the training pictures: lower is better", ("of", "pictures", "distance"), [
            ("samples", figures["n"], figures["fd"]),
            ("pictures kept back", figures["n_held_out"], figures["floor_held_out"]),
            ("training pictures themselves", figures["n"], figures["floor_train"])]),
        report.paragraph(f"Measured by {figures['reference']}. Samples as good as real pictures would score what the pictures "
                         "kept back do."),
        report.table("Shares, from 0 to 1", ("what", "share"), [
            ("precision: samples that lie among real pictures", figures["precision"]),
            ("recall: real pictures that lie among samples", figures["recall"])]),
    ]


def copies(nearest: dict, x: torch.Tensor, train: Dataset, scale: int) -> list[str]:
    """The samples that are nearest to a training picture, above it, and how near samples and new pictures usually are."""
    pairs = nearest["worst"]
    samples = x[[pair["sample"] for pair in pairs]]
    partners = train.x0(torch.tensor([pair["training_picture"] for pair in pairs]))
    return [
        report.picture(grid(torch.cat([samples, partners]), len(pairs)),
                       "Above: the samples nearest to a training picture; below: that picture", scale),
        report.table(f"Distance to the nearest training picture: {nearest['unit']}", ("of", "distance"), [
            ("a sample, median", nearest["median"]), ("the nearest sample", pairs[0]["distance"]),
            ("a picture kept back, median", nearest["median_of_held_out"]),
            ("the nearest picture kept back", nearest["smallest_of_held_out"])]),
        report.paragraph("Samples that lie much nearer than pictures kept back were learnt by heart."),
    ]
