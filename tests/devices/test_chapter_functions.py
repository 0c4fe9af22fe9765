"""What the chapters call runs on a GPU, too: each function is given data on a device that is not there (pretended_device).

A function that a chapter begins to call fails here until it has a check, or a reason why it needs none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import application_checks  # noqa: F401  they enter themselves among the checks
import chapter_calls
import pytest
import torch
from cases import step_of
from device_checks import CHECKS, check, noise
from pretended_device import pretended
from project import chapters
from torch import Tensor

from diffusion_utils import checkpoints, devices, losses, recipes, sampling
from diffusion_utils.chapters import article, bugs, plotting, speed
from diffusion_utils.chapters.article import listed_training as training
from diffusion_utils.chapters.article import measure
from diffusion_utils.chapters.article.listed_network import FlatMLP
from diffusion_utils.chapters.article.listed_walk import walk
from diffusion_utils.chapters.bugs import symptoms
from diffusion_utils.chapters.shapes import layer_shapes
from diffusion_utils.data import ImageData, to_model, to_pixels
from diffusion_utils.denoiser import PREDICTS, Denoiser, Prediction, eps_from_x0, score_from_eps, split, target
from diffusion_utils.exact import ExactDenoiser, GaussianMixture
from diffusion_utils.exercises import ch04, ch05
from diffusion_utils.generate import generate
from diffusion_utils.guidance import guided, keep_known, repaint_times, sdedit_start
from diffusion_utils.metrics import frechet as metrics
from diffusion_utils.metrics.digits import Yardstick, check_images, check_label_list
from diffusion_utils.networks.embedding import sinusoidal
from diffusion_utils.networks.encoders.classifier import DigitClassifier
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.recipes.mnist_classifier import ClassifierRecipe
from diffusion_utils.recipes.quick import quick
from diffusion_utils.schedules import cosine, linear
from diffusion_utils.training import fit
from diffusion_utils.training.distributed import Group
from diffusion_utils.training.ema import EMA
from diffusion_utils.widgets import scatter, tile

SCHEDULE = cosine(1000)
# What needs no check, and why.
WITHOUT = {
    "it makes or reads a table, a record, a setting or a file, on the CPU": """
        article.record.load_measured article.record.load_samples article.repairs.Experiment.make_schedule
        article.repairs.versions bugs.catalogue.of_family bugs.record.load_measured bugs.record.load_points
        checkpoints.Checkpoint.tokens_of checkpoints.available checkpoints.read_card checkpoints.read_tensors
        data.electricity.load_electricity data.mnist.load_mnist masks.gap masks.last_hours
        data.scenes.captions.draw_captions data.scenes.captions.facts_of data.scenes.captions.tokens_of
        data.scenes.captions.words_of
        data.scenes.facts.agrees data.scenes.load_scenes metrics.scenes.shares recipes.diffusion.DiffusionRecipe.make_schedule
        recipes.get_recipe recipes.quick.quick records.available records.dates records.load_record records.load_tensors
        schedules.cosine schedules.flow schedules.linear
        commands.texts.known_letters data.text.names.load_names data.text.windows.load_shakespeare discrete.limits.absorbing
        discrete.limits.uniform discrete.walk.DiscreteSampler metrics.text.judge_of recipes.names.names
        commands.videos.frames_given data.next_door.load_next_door
        schedules.straight data.speech.files.shipped data.speech.load_speech data.speech.masks.gap""",
    "it is about times and numbers, and never sees the data": """
        article.measure.starved guidance.repaint_times losses.bound_weight losses.spread_times losses.x0_factor
        sampling.kernels.fresh_std sampling.kernels.posterior_std sampling.kernels.step_std sampling.settings.Sampler
        discrete.walk.DiscreteSampler.calls sampling.settings.Sampler.calls sampling.settings.Sampler.changed
        discrete.walk.DiscreteSampler.times sampling.settings.Sampler.times sampling.times.timesteps
        metrics.video_ceiling.can_know metrics.video_ceiling.in_sight recipes.video.draw_task video.Call video.missing
        speed.attainable speed.training_rates speed.whole_speedup""",
    "it draws or shows what it is given as arrays or code": """
        plotting.use_style show.show_source speed_records.arrivals speed_records.base_distances speed_records.by_chance
        speed_records.gains speed_records.gpu_gains speed_records.race_of speed_records.sampling_pace
        speed_records.techniques_table speed_records.verdict speed_records.walks
        table.table widgets.companions.Curve widgets.companions.Histogram
        widgets.explorable.Explorable.points widgets.explorable.Explorable.schedules widgets.fan_chart.FanChart.from_arrays
        widgets.figure.Axis
        widgets.frame_scrubber.FrameScrubber.from_arrays widgets.sketch.Sketch.dissolve widgets.sketch.Sketch.oracle
        coin_figure.coin_fan gif.gif video_figures.choose_frames video_figures.noise_to_frames video_figures.plot_calls
        video_figures.plot_tasks video_figures.unpacked video_figures.who_comes_back
        text_figures.dissolving text_figures.keep_words text_figures.masks_to_words
        unclip_figures.ablation unclip_figures.between unclip_figures.decoded unclip_figures.moved unclip_figures.varied
        speech_figures.as_waves speech_figures.dissolving speech_figures.from_noise speech_figures.gaps
        speech_figures.over_training speech_figures.sample_words speech_figures.word_of linear_prediction.fill_gaps
        widgets.text_scrubber.TextScrubber.from_texts""",
    "it writes files; what it calls, build, loss_fn and fit, is checked": "recipes.recipe.Recipe.run",
    "it shares its name with what chapters call, and is about times and tables": """
        discrete.walk.DiscreteSampler.calls discrete.walk.DiscreteSampler.changed
        recipes.discrete.DiscreteRecipe.make_schedule recipes.molecules.MoleculeRecipe.make_schedule""",
    "its features are on the CPU": "metrics.pictures.Yardstick.distance",
    "it is about atoms, bonds and lines of SMILES, on the CPU, where walks over classes are": """
        data.molecules.filled_in data.molecules.load_qm9 data.molecules.qm9_lines discrete.laws.corrupt
        few_molecules.FewMolecules molecule_figures.grown_around molecule_figures.noise_to_molecules
        molecule_figures.plot_molecules molecule_figures.ring_words molecule_figures.rings_asked molecule_figures.rows_of
        molecules.draw.draw_counts molecules.draw.grown molecules.draw.limits_of molecules.identity.identities
        molecules.rows.atom_counts molecules.rows.bond_matrix molecules.rows.faults molecules.rows.joined
        molecules.rows.permuted molecules.rows.split molecules.rows.valid molecules.smiles.numbers_of
        molecules.smiles.read_smiles molecules.smiles.row_of molecules.smiles.write_smiles""",
    "it has no body of its own": "latent.Codec.decode latent.Codec.encode recipes.recipe.Recipe.loss_fn",
    "it is about letters and their numbers, on the CPU": """
        data.text.letters.Alphabet.decode data.text.letters.Alphabet.encode data.text.names.names_of metrics.ngram.NGram.bits
        metrics.ngram.NGram.sample metrics.text.distinct metrics.text.entropies
        metrics.text.real_words metrics.text.spread""",
    "it is given float64 on the CPU, where DiscreteDenoiser brings what the network says": """
        discrete.bound.bound_term discrete.bound.prior_term discrete.laws.belief discrete.laws.reverse""",
    "it takes rows of a data set where that is": """
        data.dataset.Dataset.x0 data.dataset.TensorData.x0 data.emoji.EmojiData.x0 data.mnist.ImageData.x0
        data.scenes.SceneData.x0 data.text.windows.TextWindows.x0 data.windows.SeriesData.x0
        recipes.latent_data.LatentData.x0 data.molecules.MoleculeData.x0 data.next_door.NextDoor.x0
        data.speech.SpeechData.placed data.speech.SpeechData.x0 recipes.joint_data.VectorData.x0""",
    "its features are on the CPU, and it waits for judges": """
        metrics.speech.SpeechYardstick.distance metrics.speech.SpeechYardstick.features""",
}
EXERCISES = "exercises."  # checks of what a reader wrote, on the CPU; those that run on a device are among CHECKS


def digits(device: torch.device, n: int = 4) -> Tensor:
    return noise(device, n, 1, 28, 28).clamp(-1, 1)


def some_data(n: int = 128) -> ImageData:
    images = torch.randint(0, 256, (n, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return ImageData(images, torch.arange(n) % 10, "random", "a test", "")


def half(x_t: Tensor, t: int | Tensor, cond: object = None) -> Prediction:
    """A denoiser."""
    return Prediction(0.5 * x_t, eps_from_x0(0.5 * x_t, x_t, *SCHEDULE.at(t, like=x_t)))


def last(states: Iterator[sampling.State]) -> Tensor:
    *_, state = states
    return state.x_t


# The article


@check("article.measure.live_units", "article.repairs.Experiment.make_net", "article.listed_network.FlatMLP.features")
def check_live_units(device: torch.device) -> object:
    net = article.Experiment(told_time=True).make_net().to(device)
    return measure.live_units(net, linear(1000), digits(device)), net.features(digits(device), torch.ones(4, device=device))


@check("article.listed_walk.walk")
def check_walks(device: torch.device) -> object:
    walks = [list(walk(step, half, SCHEDULE, (2, 3), steps=4, device=device)) for step in ("estimate", "mean", "posterior")]
    return [measure.sizes(states) for states in walks]


@check("article.listed_training.first_error", "article.listed_training.make_loss", "article.listed_training.noised")
def check_first_errors(device: torch.device) -> object:
    experiment = article.versions()["U-Net"]
    loss = training.make_loss(experiment, some_data().images, device)
    assert article.first_error(experiment, batch=2) is None
    return loss(experiment.make_net().to(device), step_of(torch.arange(4)))


@check("article.listed_training.train", "article.listed_training.train_as_listed")
def check_training_of_the_article(device: torch.device) -> object:
    return [[line.loss for line in article.train(article.versions()[name], some_data(), 2)] for name in ("noise", "time")]


def test_the_losses_at_the_listings_levels(device: torch.device) -> None:
    """No chapter calls it, but the measurement that chapter 13 shows does."""
    denoiser = Denoiser(FlatMLP().to(device), SCHEDULE)
    there = measure.loss_at_the_listings_levels(denoiser, SCHEDULE, digits(torch.device("cpu")), device, batch=3)
    assert 0 < there < 10


# The bugs


@check("bugs.wrong_walk.walk")
def check_walks_with_bugs(device: torch.device) -> object:
    return [last(bugs.walk(half, SCHEDULE, (2, 3), bug=bug, device=device)) for bug in (None, *bugs.of_family("walk"))]


@check("bugs.wrong_walk.guided")
def check_guidance_with_bugs(device: torch.device) -> object:
    return [bugs.guided(half, SCHEDULE, 3.0, bug=bug)(noise(device, 2, 3), 500, 1).x0_hat
            for bug in (None, *bugs.of_family("guidance"))]


@check("bugs.symptoms.compare", "bugs.symptoms.share_of_the_rare")
def check_symptoms(device: torch.device) -> object:
    """They draw their own data, on the CPU; the one that is given data is not asked where that is."""
    return symptoms.kurtosis(noise(device, 1000))


# From the network's output to a sample


@check("checkpoints.load", "generate.generate")
def check_generating(device: torch.device) -> object:
    model = checkpoints.load("mnist-unet-class", device)
    assert model.device.type == device.type
    return [generate(model, 3, cond=torch.arange(3, device=where), weight=2.0, sampler="ddim", steps=3)
            for where in ("cpu", device)]


@check("denoiser.Denoiser", "denoiser.Prediction")
def check_denoisers(device: torch.device) -> object:
    net = FlatMLP(told_time=True, pixels=3, width=8)
    denoisers = [Denoiser(net.to(device), SCHEDULE, predicts, clip=(-1, 1)) for predicts in PREDICTS]
    return [denoiser(noise(device, 2, 3), t) for denoiser in denoisers
            for t in (500, torch.tensor([1, 9]), torch.tensor([1, 9], device=device))]


@check("denoiser.target", "denoiser.split", "denoiser.eps_from_x0", "denoiser.score_from_eps")
def check_targets(device: torch.device) -> object:
    x_t, output = noise(device, 2, 2, 3)
    found = []
    for t in (500, torch.tensor([500, 900])):
        signal, level = SCHEDULE.at(t, like=x_t)
        found += [(target(name, x_t, output, signal, level), *split(name, output, x_t, signal, level)) for name in PREDICTS]
        found += [eps_from_x0(output, x_t, signal, level), score_from_eps(output, level)]
    return found


@check("schedules.Schedule.at", "schedules.Schedule.add_noise")
def check_schedules(device: torch.device) -> object:
    x = noise(device, 2, 3)
    return [SCHEDULE.add_noise(x, t, x) for t in (500, torch.tensor([1, 9]), torch.tensor([1, 9], device=device))]


@check("sampling.gaussian.sample", "sampling.kernels.update")
def check_samplers(device: torch.device) -> object:
    every = [last(sampling.sample(half, SCHEDULE, (2, 3), sampling.Sampler(name, steps=4), device=device))
             for name in sampling.SAMPLERS]
    x = noise(device, 2, 3)
    times = [torch.tensor([500, 9], device=device), torch.tensor([400, 0])]
    start = last(sampling.sample(half, SCHEDULE, x_start=x, times=[500, 300, 400, 0], device=device))
    return every, start, sampling.update(SCHEDULE, x, *times, x, u=torch.tensor([0.1, 0.0]), z=x)


@check("exact.ExactDenoiser", "exact.ExactDenoiser.weights", "exact.ExactDenoiser.blended")
def check_exact_denoiser(device: torch.device) -> object:
    x_t, points, labels = noise(device, 2, 3), noise(torch.device("cpu"), 5, 3), torch.arange(5) % 2
    denoisers = [ExactDenoiser(points.to(where), SCHEDULE, labels.to(where)) for where in ("cpu", device)]
    conds = [None, torch.tensor([0, 1]), torch.tensor([0, 1], device=device)]
    return [(one(x_t, 500, cond), one.weights(x_t, 500, cond), one.blended(x_t, 500, cond))
            for one in denoisers for cond in conds]


@check(*(f"exact.GaussianMixture{name}" for name in ("", ".denoiser", ".draw", ".given", ".log_density", ".marginal",
                                                     ".moments", ".score", ".step_back", ".cdf")))
def check_mixture(device: torch.device) -> object:
    means, x_t = noise(device, 3, 2), noise(device, 4, 2)
    mixture = GaussianMixture(means, torch.full((3,), 0.5, device=device), torch.tensor([0.2, 0.3, 0.5], device=device))
    line = GaussianMixture([[-1.0], [1.0]], [0.3, 0.4])
    denoise = mixture.given(torch.tensor([0, 2], device=device)).denoiser(SCHEDULE)
    walked = last(sampling.sample(denoise, SCHEDULE, (2, 2), sampling.Sampler(steps=3), device=device))
    return (walked, denoise(x_t, torch.tensor(500, device=device)), mixture.log_density(x_t), mixture.score(x_t),
            mixture.step_back(SCHEDULE, x_t[0], 500, 400).moments(), mixture.marginal(0.5, 0.5).means, line.draw(2).shape,
            line.cdf(x_t[:, :1]), line.quantile(torch.tensor([0.2, 0.7], device=device)))


# Guidance and edits


@check("guidance.guided", "guidance.keep_known", "guidance.sdedit_start")
def check_edits(device: torch.device) -> object:
    known = noise(device, 2, 3)
    mask = torch.tensor([1.0, 0.0, 1.0], device=device)
    times = repaint_times(SCHEDULE, 4, 2, 2)
    filled = last(sampling.sample(half, SCHEDULE, (2, 3), sampling.Sampler("ddpm"), times=times, device=device,
                                  after_step=keep_known(SCHEDULE, known, mask)))
    start, times = sdedit_start(SCHEDULE, known, 0.5, 10)
    edited = last(sampling.sample(guided(half, SCHEDULE, 3.0, clip=(-1, 1)), SCHEDULE, x_start=start, times=times,
                                  cond=torch.ones(2, device=device), device=device))
    return filled, edited


@check("exercises.ch04.four_mistakes", "exercises.ch05.check_start")
def check_exercises(device: torch.device) -> object:
    black = -torch.ones(2, 1, 8, 8)
    ch05.check_start(lambda x0, extra: (x0.to(device), [500 - extra, 0]), Denoiser(FlatMLP(pixels=64, width=8).to(device),
                                                                                  SCHEDULE), black)
    return ch04.four_mistakes(half, SCHEDULE, noise(device, 2, 3))


# Training


@check("losses.diffusion_loss", "losses.prior_term", "losses.bound_term", "losses.reconstruction_term")
def check_losses(device: torch.device) -> object:
    net, x0, eps = FlatMLP(told_time=True, pixels=3, width=8).to(device), noise(device, 2, 3), noise(device, 2, 3)
    denoiser, found = Denoiser(net, SCHEDULE, clip=(-1, 1)), [losses.prior_term(SCHEDULE, x0)]
    for t in (torch.tensor([9, 500]), torch.tensor([9, 500], device=device)):
        weight = losses.min_snr_weight(SCHEDULE, "eps", t)
        found += [losses.diffusion_loss(net, SCHEDULE, "v", x0, t, eps, weight=weight),
                  losses.distillation_loss(net, net, SCHEDULE, x0, t, eps, None),
                  losses.bound_term(denoiser, SCHEDULE, x0, t, eps), losses.reconstruction_term(denoiser, SCHEDULE, x0, eps)]
    return found


@check("training.loop.fit", "training.ema.EMA", "training.distributed.Group", "recipes.recipe.Recipe.build",
       "recipes.diffusion.DiffusionRecipe.loss_fn")
def check_fit(device: torch.device) -> object:
    recipe, data = quick(), some_data()
    found = []
    for optimiser in ("muon", "adamw"):
        net = devices.place(recipe.build(), device)
        config = dataclasses.replace(recipe.train, minutes=None, steps=2, batch=4, optimiser=optimiser)
        *_, line = fit(net, recipe.loss_fn(data, device, Group()), len(data), config)
        assert isinstance(EMA(net).net, type(line.ema_net))
        found.append((line.loss, *line.ema_net.parameters()))
    return found


@check("recipes.mnist_classifier.ClassifierRecipe.loss_fn")
def check_classifier_training(device: torch.device) -> object:
    recipe = ClassifierRecipe("a test", {"kind": "classifier", "width": 2, "dropout": 0.0})
    loss = recipe.loss_fn(some_data(), device, Group())
    return loss(recipe.build().to(device), step_of(torch.arange(4)))


def test_conditions_and_teachers(device: torch.device) -> None:
    """Recipes that no chapter runs, because it would take too long."""
    for name in ("mnist-unet-class", "mnist-unet"):
        recipe: DiffusionRecipe = recipes.get_recipe(name)
        loss = recipe.loss_fn(some_data(), device, Group())(recipe.build().to(device), step_of(torch.arange(4)))
        loss.backward()
        assert loss.device.type == device.type


# Networks


@check("networks.embedding.sinusoidal", "shapes.layer_shapes", "networks.unet.UNet", "devices.autocast")
def check_networks(device: torch.device) -> object:
    net, x, time = quick().build().to(device), digits(device), torch.full((4,), 500.0, device=device)
    assert layer_shapes(net, x, time)[-1].shape == (1, 28, 28)
    with torch.no_grad(), devices.autocast(device):
        return net(x, time), sinusoidal(time, 8)


@check("networks.encoders.classifier.DigitClassifier.features", "metrics.frechet.features_of", "metrics.frechet.nearest_rows",
       "metrics.frechet.precision_recall", "metrics.digits.Yardstick", "metrics.digits.Yardstick.features",
       "metrics.digits.Yardstick.distance")
def check_measures(device: torch.device) -> object:
    judge, x = Yardstick(device), digits(device, 8)
    features, logits = judge.features(x)
    there = features.float().to(device)
    assert isinstance(judge.checkpoint.net, DigitClassifier)
    return (features, logits, judge.distance(x), metrics.precision_recall(there, there + 0.1),
            metrics.feature_statistics(there), metrics.nearest_rows(there[:2], there), metrics.random_floor(there, 5))


def test_digits_and_labels_to_be_evaluated_may_lie_on_a_device(device: torch.device) -> None:
    x, labels = check_images(digits(device)), check_label_list(torch.arange(4, device=device), 4)
    assert x.device.type == labels.device.type == "cpu" and torch.equal(x, digits(x.device))


# Speed


@check("speed.finish", "speed.interleaved", "speed.seconds_of", "speed.matrix_rate", "speed.copy_rate", "speed.layers_of",
       "devices.has_fast_bf16", "devices.place", "devices.pick_device")
def check_speed(device: torch.device) -> object:
    x, time = digits(device), torch.full((4,), 500.0, device=device)
    layers = speed.layers_of(quick().build().to(device), x, time)
    speed.interleaved({layer.name: layer.run for layer in layers}, device, rounds=1)
    assert min(speed.matrix_rate(device, side=8), speed.copy_rate(device, mebibytes=1)) > 0
    assert devices.pick_device(str(device)).type == device.type
    return sum(layer.flop for layer in layers)


# Pictures


@check("data.mnist.to_model", "data.mnist.to_pixels", "plotting.image_row", "widgets.sprites.tile", "widgets.sprites.scatter")
def check_pictures(device: torch.device) -> object:
    pixels = some_data(4).images.to(device)
    plotting.plt.close(plotting.image_row({"digits": to_model(pixels)}))
    scattered = scatter(noise(device, 9, 2), torch.zeros(3, dtype=torch.uint8))
    return to_pixels(to_model(pixels)), torch.from_numpy(tile(to_model(pixels), cols=2)), torch.from_numpy(scattered)


# Held to it


@pytest.fixture(params=["cuda", "mps"])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    with pretended(request.param) as place:
        yield place


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU, too, computes in float32, so that the two can be compared."""
    monkeypatch.setattr(devices, "_cpu_gains_by_bf16", lambda: False)


def at_home(found: object) -> object:
    return torch.utils._pytree.tree_map(lambda x: x.detach().cpu() if isinstance(x, Tensor) else x, found)


@pytest.mark.filterwarnings("error")  # as when the book is built
@pytest.mark.parametrize("checked", dict.fromkeys(CHECKS.values()), ids=lambda function: function.__name__[6:])
@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_it_runs_there_and_finds_the_same(checked: Callable, kind: str, in_float32: None) -> None:
    torch.manual_seed(0)
    here = at_home(checked(torch.device("cpu")))
    torch.manual_seed(0)
    with pretended(kind) as device:
        there = at_home(checked(device))
    # the same arithmetic on the same machine; with channels last or not, sums in another order
    torch.testing.assert_close(there, here, rtol=1e-3, atol=1e-4)


def test_each_function_that_a_chapter_calls_is_checked() -> None:
    called = set().union(*(chapter_calls.calls(path) for path in chapters()))
    known = set(CHECKS) | {name for names in WITHOUT.values() for name in names.split()}
    missing = sorted(name for name in called - known if not name.startswith(EXERCISES))
    unused = sorted(known - called)
    assert not missing, f"a chapter calls {', '.join(missing)}: add a check on a device, or a reason why it needs none"
    assert not unused, f"no chapter calls {', '.join(unused)} any more"
