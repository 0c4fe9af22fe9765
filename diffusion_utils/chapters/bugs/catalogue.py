"""What there is to find: each mistake with its family, the line that is wrong, where it was seen and which test catches it."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import unknown_name


@dataclass(frozen=True)
class Bug:
    """name: of the switch; family: 'walk', 'guidance' or 'training'; wrong: what the line does, and what it should do;
    symptom: what `symptoms` measures of it, with the package's own value for it in its test; seen: where it was published, for
    anybody to look up: an issue, a pull request or a commit of a repository on GitHub, or a paper."""

    name: str
    family: str
    wrong: str
    symptom: str
    seen: str


_ALL = (
    Bug("leading-spacing", "walk", "the walk's times are multiples of the stride counted from the data, so that the first is "
        "far below T, but the start is noise of T", "first time", "diffusers, issue 5921; Lin et al. 2023"),
    Bug("stops-early", "walk", "the last step to t = 0 is missing: the noise of the last time but one is returned with the "
        "picture", "level", "diffusers, issues 5689 and 6068"),
    Bug("last-noise", "walk", "fresh noise is added in the last step too, where none belongs", "level",
        "cloneofsimo/minDiffusion, commit 8f530f4, until a960adb"),
    Bug("stale-eps", "walk", "x̂₀ is clipped, but ε̂ is left as it was, so that the two no longer explain x_t", "pair",
        "lucidrains/denoising-diffusion-pytorch, until pull request 84"),
    Bug("uniform-stride", "walk", "s is computed as t minus a fixed stride and not read from the walk, so that the network is "
        "told another time than that of the state", "level", "diffusers, issues 9261, 11347 and 12633"),
    Bug("estimate-as-state", "walk", "x̂₀ is taken for x_s: no noise is put back", "level",
        "the listing of the article whose order this book follows"),
    Bug("beta-for-root", "walk", "the fresh noise is scaled by its variance in place of its standard deviation", "level",
        "acids-ircam/diffusion_models, issue 1; dome272/Diffusion-Models-pytorch, commit 0a909fc"),
    Bug("double-noise", "walk", "a noise is multiplied by another noise: variance 1, but no Gaussian", "kurtosis",
        "lab 2 of MIT's course 6.S184: eje24/iap-diffusion-labs, issue 17"),
    Bug("shared-generator", "walk", "one random generator serves the whole batch, so that a sample depends on its company",
        "company", "diffusers, issue 6222"),
    Bug("weight-convention", "guidance", "the weight of one convention in the formula of the other: (1 + w)ε_c − wε_u with a "
        "w that already counts the 1", "weight one", "Ho & Salimans 2022 against Nichol et al. 2022 and Saharia et al. 2022"),
    Bug("guidance-swapped", "guidance", "the two estimates are swapped: the walk is pushed away from the label",
        "weight one", "proposed as a repair in TeaPearce/Conditional_Diffusion_MNIST, issue 1"),
    Bug("short-schedule", "training", "β runs from 0.0001 to 0.02 in 50 steps in place of 1000: x_T is not noise",
        "signal left", "tanelp/tiny-diffusion, commit 3aaa6c8; the Annotated Diffusion Model, huggingface/blog, commit "
        "fd0b656; TeaPearce/Conditional_Diffusion_MNIST, commit 1248f64"),
    Bug("squared-twice", "training", "the quadratic schedule squares the ends and then the line between them: hardly any noise "
        "is ever added", "signal left", "lucidrains/DALLE2-pytorch, commit 2db0c97: pull request 141"),
    Bug("uniform-noise", "training", "`rand` in place of `randn`: the noise is flat, with mean ½", "kurtosis",
        "acids-ircam/diffusion_models, issue 8"),
    Bug("noise-scale", "training", "x_t is made with 1 − ᾱ_t in place of its root", "variance",
        "diffusers, pull request 10185, until 10644"),
    Bug("no-time", "training", "the network is not told t", "time",
        "cloneofsimo/minDiffusion, commit a960adb; the article whose order this book follows"),
    Bug("unit-time", "training", "the network's sines and cosines get t/T in place of 1000·t/T: nearly the same for all t",
        "time", "facebookresearch/flow_matching, issue 17; willisma/SiT, issue 24"),
    Bug("frozen-average", "training", "the averaged network is sampled from, but its update is never called", "average",
        "diffusers, issue 5783; a cousin: diffusers, issue 1864"),
    Bug("data-range", "training", "the data is scaled to [−½, ½], and all that follows takes it for [−1, 1]", "range",
        "cloneofsimo/minDiffusion, commit a960adb; lucidrains/denoising-diffusion-pytorch, issues 20 and 307"),
)
BUGS = {bug.name: bug for bug in _ALL}


def of_family(family: str) -> list[str]:
    """Names of the bugs of 'walk', 'guidance' or 'training', in the order of the catalogue."""
    return [bug.name for bug in _ALL if bug.family == family]


def check(bug: str | None, family: str) -> None:
    """Raises ValueError unless `bug` is None or one of the family."""
    if bug is not None and bug not in of_family(family):
        raise unknown_name(f"bug of {family}", bug, of_family(family))
