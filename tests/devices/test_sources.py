"""What a reader of the code can see of devices: float64, which Apple's GPU lacks, and tensors that are made without a device.

Both are right on the CPU, so that a place where all is on the CPU is listed here, with the reason why.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import chapter_calls
import pytest
from project import ROOT, chapters

PACKAGE = ROOT / "diffusion_utils"
MAKERS = {"randn", "rand", "randint", "randperm", "zeros", "ones", "full", "empty", "normal"}
WIDE = {  # .double() without .cpu() before it: "file function", or "chapter cell"
    "exercises/ch09.py check_seen": "what a reader wrote, on the CPU",
    "09_text 4e95cf32": "three classes, on the CPU",
    "09_text 78858437": "two words, on the CPU",
    "09_text 4b27af53": "two words, on the CPU",
    "metrics/emoji.py share_right": "ranks are counted on the CPU",
    "metrics/emoji.py tops": "ranks are counted on the CPU",
    "metrics/emoji.py remembered": "what was counted is on the CPU",
    "chapters/bugs/symptoms.py share_of_the_rare": "it draws its own data, on the CPU",
    "denoiser.py network_time": "times are read on the CPU",
    "metrics/digits.py evaluate": "logits and labels are on the CPU",
    "metrics/frechet.py _share_inside": "rows that are checked are on the CPU",
    "metrics/frechet.py feature_statistics": "rows that are checked are on the CPU",
    "metrics/frechet.py features_of": "they have just been copied to the CPU",
    "metrics/frechet.py frechet_distance": "what is checked is on the CPU",
    "recipes/mnist_classifier.py ClassifierRecipe.extras": "logits and labels are on the CPU",
    "02_reverse_process round-trip-0": "a check of equations, on the CPU",
    "02_reverse_process variance-figure-0": "a mixture, on the CPU",
    "05_images_guidance blobs-fill": "a mixture, on the CPU",
    "05_images_guidance judged": "what the judge has read is on the CPU",
    "05_images_guidance measure": "what the judge has read is on the CPU",
    "05_images_guidance toy": "a mixture, on the CPU",
    "06_images_latent where": "codes that were brought to the CPU",
    "13_article_code middle": "a schedule's table",
}
MADE = {  # made like something that is given, without a device
    "09_text 78858437": "two words, on the CPU",
    "09_text 281b01c7": "what a reader wrote, on the CPU",
    "baselines.py quantile_regression": "simple methods stay on the CPU",
    "baselines.py with_residuals": "simple methods stay on the CPU",
    "chapters/article/measure.py loss_at_the_listings_levels": "moved batch by batch",
    "chapters/text_figures.py dissolved": "classes are drawn on the CPU",
    "exercises/ch04.py four_mistakes": "drawn on the CPU, then moved",
    "metrics/digits.py _against_training_digits": "rows of data on the CPU",
    "commands/videos.py what_is_known": "a film is made on the CPU",
    "data/speech/__init__.py speech_data": "recordings are read on the CPU",
    "metrics/speech.py damages": "rows of data on the CPU",
    "metrics/speech.py evaluate": "features that have been copied to the CPU",
    "recipes/speech_judge.py in_noise": "drawn on the CPU, then moved",
    "recipes/speech_judge.py tilted": "drawn on the CPU, then moved",
    "recipes/speech_judge.py covered": "drawn on the CPU, then moved",
    "recipes/speech_waveform.py SpeechRecipe.loss_fn.loss": "drawn on the CPU, then moved",
    "commands/forecast.py window_at_end": "a file is read on the CPU",
    "commands/forecast.py files_of": "a file is written from the CPU",
    "commands/impute.py filled": "a file is read on the CPU",
    "commands/series.py read_for": "a file is read on the CPU",
    "data/emoji/words.py draw_prompts": "which words are said is decided on the CPU",
    "data/pictures/classes.py kept_back": "a folder is read on the CPU",
    "data/scenes/captions.py draw_captions": "which words are said is decided on the CPU",
    "data/text/names.py load_names": "which names are held out is decided on the CPU",
    "discrete/bound.py bound": "classes are forgotten on the CPU",
    "exact.py GaussianMixture.draw": "the mixture is on the CPU",
    "exact.py GaussianMixture.quantile": "the mixture is on the CPU",
    "forecast.py draw_series": "moved batch by batch",
    "forecast.py gaussian_samples": "a Gaussian's samples are drawn on the CPU",
    "masks.py draw_mask": "numbers, not tensors, are wanted of it",
    "metrics/frechet.py random_floor": "rows that are checked are on the CPU",
    "noise.py SampleNoise.__call__": "drawn on the CPU, then moved",
    "metrics/few_steps.py cost_of_steps": "rows of data on the CPU; the denoiser moves them",
    "metrics/molecules.py evaluate": "rows of data on the CPU",
    "metrics/molecules.py bits_of": "rows of data on the CPU",
    "noise.py SampleUniform.__call__": "classes are drawn on the CPU",
    "recipes/series.py SeriesRecipe.loss_fn.loss": "drawn on the CPU, then moved",
    "recipes/series.py SeriesRecipe.validated": "drawn on the CPU, then moved",
    "metrics/video.py short_forecasts": "walks are on the CPU",
    "metrics/video.py shuffled": "an order, for rows that may be anywhere",
    "metrics/video_reading.py own_style": "frames that were brought to the CPU",
    "metrics/video_reading.py portraits": "digits that were brought to the CPU",
    "recipes/video.py VideoRecipe.loss_fn.loss": "drawn on the CPU, then moved",
    "recipes/joint.py SameDigits.rows": "which scenes stand in a batch is drawn on the CPU",
    "recipes/prior.py PriorRecipe.loss_fn.loss": "drawn on the CPU, then moved",
    "video.py draw_video": "moved batch by batch",
    "recipes/stretch.py chosen_stretch": "scores are added up on the CPU",
    "recipes/mnist_classifier.py jitter": "turns and shifts, of which the grid is moved",
    "02_reverse_process round-trip-0": "a check of equations, on the CPU",
    "02_reverse_process textbook": "a check of equations, on the CPU",
    "03_training bits-agree": "times, which stay on the CPU",
    "04_sampling ex1": "for a schedule's table",
    "05_images_guidance exercise-4": "added to drawings on the CPU, then moved",
    "06_images_latent exercise-2": "an exercise, on the CPU",
    "06_images_latent roundtrip": "the codec moves it",
    "12_time_series max": "samples were brought to the CPU",
    "13_article_code ex3-code": "for a schedule's table",
    "13_article_code frame": "test digits on the CPU",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Files of the package, and cells of the chapters that compute on a device."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))
    for path in chapters():
        if "pick_device" in path.read_text(encoding="utf-8"):
            for cell, tree in chapter_calls.trees(path):
                yield f"{path.stem} {cell}", tree


def calls(name: str, node: ast.AST, parents: tuple[ast.AST, ...] = ()) -> Iterator[tuple[str, ast.Call, tuple]]:
    """(place, call, what it stands in, from within outwards) of each call of a method or of a function of a module."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef) and name.split()[0].endswith(".py"):
        name = f"{name}.{node.name}" if " " in name else f"{name} {node.name}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield name, node, parents
    for child in ast.iter_child_nodes(node):
        yield from calls(name, child, (node, *parents))


def method(node: ast.AST) -> str | None:
    """The name of the method that a call calls."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None


def is_wide(call: ast.Call) -> bool:
    """Whether it makes float64 of a tensor that was not just brought to the CPU."""
    asked = [*call.args, *(word.value for word in call.keywords)]
    named = method(call) in ("to", "type") and any("float64" in ast.unparse(part) for part in asked)
    return (method(call) == "double" or named) and method(call.func.value) != "cpu"


def is_made_without_a_device(call: ast.Call, parents: tuple[ast.AST, ...]) -> bool:
    """Whether it makes a tensor of the shape or length of another one, and says not where. Times, integers, stay on the CPU."""
    if not (isinstance(call.func.value, ast.Name) and call.func.value.id == "torch" and method(call) in MAKERS):
        return False
    alike = any(".shape" in ast.unparse(part) or "len(" in ast.unparse(part) for part in call.args)
    told = any(word.arg == "device" or "int64" in ast.unparse(word) for word in call.keywords)
    moved = isinstance(parents[0], ast.Attribute) and parents[0].attr in ("to", "long")
    return alike and not told and not moved


@pytest.mark.parametrize(("asked", "allowed", "instead"), [
    (lambda call, parents: is_wide(call), WIDE, "write .cpu().double()"),
    (is_made_without_a_device, MADE, "say device=…, or move it with .to(…)"),
], ids=["float64", "device"])
def test_only_what_is_on_the_cpu_needs_no_device(asked, allowed: dict[str, str], instead: str) -> None:
    found = {}
    for source, tree in sources():
        for place, call, parents in calls(source, tree):
            if asked(call, parents):
                found.setdefault(place, ast.unparse(call))
    new = [f"{place}: {text}" for place, text in found.items() if place not in allowed]
    assert not new, f"{instead}; or list it with a reason why all of it is on the CPU:\n" + "\n".join(new)
    assert not (stale := allowed.keys() - found.keys()), f"there is nothing of that kind any more in {sorted(stale)}"


@pytest.mark.parametrize(("code", "wide", "made"), [
    ("x.double()", True, False), ("x.cpu().double()", False, False), ("x.to(torch.float64)", True, False),
    ("x.to(dtype=torch.float64)", True, False), ("x.cpu().to(torch.float64)", False, False),
    ("torch.randn(x.shape, generator=g)", False, True), ("torch.randn(x.shape, device=x.device)", False, False),
    ("torch.randn(x.shape, generator=g).to(x)", False, False), ("torch.randn(3, 4)", False, False),
    ("torch.ones(len(x))", False, True), ("torch.ones(len(x), dtype=torch.int64)", False, False),
])
def test_they_see_what_they_should(code: str, wide: bool, made: bool) -> None:
    found = list(calls("x.py", ast.parse(code)))
    assert any(is_wide(call) for _, call, _ in found) is wide
    assert any(is_made_without_a_device(call, parents) for _, call, parents in found) is made
