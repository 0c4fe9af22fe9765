"""Checks on a device of what the chapters of the applications call, or will: codes and words, series, letters, molecules,
speech, video, embeddings."""

from __future__ import annotations

import dataclasses

import torch
from cases import step_of
from device_checks import check, noise
from unclip_model import unclip_model

from diffusion_utils import checkpoints, devices, edits, recipes
from diffusion_utils.data import TensorData
from diffusion_utils.data.electricity import toy_transformer
from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.data.scenes import load_scenes
from diffusion_utils.data.speech import LENGTH, EmphasisCodec, load_speech
from diffusion_utils.data.speech.masks import gap
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.discrete import (
    DiscreteDenoiser,
    DiscreteSampler,
    absorbing,
    any_order,
    bound,
    sample_discrete,
)
from diffusion_utils.forecast import fill, gaussian_fill
from diffusion_utils.joint import slerp, top_one
from diffusion_utils.latent import Identity
from diffusion_utils.masks import last_hours
from diffusion_utils.metrics.attention import peaks, watched
from diffusion_utils.metrics.scenes import read_scenes
from diffusion_utils.metrics.series import fair_crps, sample_quantiles
from diffusion_utils.metrics.speech import accuracies, band_levels, snr
from diffusion_utils.metrics.text import bits_of
from diffusion_utils.metrics.video import forecast_errors, long_videos
from diffusion_utils.metrics.video_reading import read
from diffusion_utils.molecules import row_of
from diffusion_utils.molecules.draw import draw_graphs, graph_walk, limits_of, sized
from diffusion_utils.networks import Autoencoder, TextUNet
from diffusion_utils.networks.token_transformer import TokenTransformer
from diffusion_utils.recipes.joint_data import VectorData
from diffusion_utils.recipes.latent_data import encoded
from diffusion_utils.recipes.series import series_recipe
from diffusion_utils.recipes.unclip import DecoderData
from diffusion_utils.sampling import Sampler
from diffusion_utils.schedules import straight
from diffusion_utils.sound import active_rms, at_loudness, deemphasised, emphasised, log_mel, to_play
from diffusion_utils.speech import fill_waves
from diffusion_utils.training.distributed import Group
from diffusion_utils.unclip import caption_vectors, downward, imagine, paint, picture_vectors, upward
from diffusion_utils.video import autoregressive, sample_video

SMALL_CODER = {"kind": "autoencoder", "channels": [8, 16]}

# Series and letters


@check("forecast.fill", "forecast.gaussian_fill", "metrics.series.fair_crps",
       "metrics.series.sample_quantiles")
def check_series(device: torch.device) -> object:
    model = checkpoints.load("etth1", device)
    windows, mask, hours = noise(torch.device("cpu"), 2, *model.shape), last_hours(*model.shape, 24), torch.tensor([0, 5])
    return (fill(model, windows, mask, hours, 2, steps=3), gaussian_fill(model, windows, mask, hours, 2),
            fair_crps(noise(device, 4, 3), noise(device, 3)), sample_quantiles(noise(device, 4, 3), (0.1, 0.5)))


@check("recipes.series.SeriesRecipe.loss_fn")
def check_training_on_series(device: torch.device) -> object:
    network = {"kind": "series-unet", "series": 2, "side": 8, "channels": [8, 16], "emb_dim": 16}
    recipe = series_recipe("toy", 2, series=toy_transformer(hours=900, channels=2), network=network)
    loss = recipe.loss_fn(recipe.load("train"), device, Group())
    return loss(devices.place(recipe.build(), device), step_of(torch.arange(4)))


@check("recipes.discrete.DiscreteRecipe.loss_fn", "recipes.discrete.LeftToRightRecipe.loss_fn")
def check_training_on_letters(device: torch.device) -> object:
    losses = []
    for name in ("shakespeare", "shakespeare-left-to-right"):
        recipe = recipes.get_recipe(name)
        recipe = dataclasses.replace(recipe, network=recipe.network | {"dim": 16, "layers": 1, "heads": 2})
        loss = recipe.loss_fn(recipe.load("train"), device, Group())
        losses.append(loss(recipe.build().to(device), step_of(torch.arange(4))))
    return losses


@check("recipes.molecules.MoleculeRecipe.loss_fn")
def check_training_on_molecules(device: torch.device) -> object:
    recipe = recipes.get_recipe("qm9-graph")
    recipe = dataclasses.replace(recipe, network=recipe.network | {"dim": 16, "pair_dim": 8, "layers": 1, "heads": 2})
    loss = recipe.loss_fn(recipe.load("train"), device, Group())
    return loss(recipe.build().to(device), step_of(torch.arange(4)))


@check("discrete.bound.any_order", "discrete.bound.bound", "discrete.denoiser.DiscreteDenoiser",
       "discrete.walk.sample_discrete", "metrics.text.bits_of")
def check_writing(device: torch.device) -> object:
    torch.manual_seed(0)
    net = TokenTransformer(5, 6, 8, dim=16, layers=1, heads=2).requires_grad_(False)
    torch.nn.init.normal_(net.head.weight)
    net, limit, schedule = net.to(device).eval(), absorbing(5), straight(8)
    denoiser, x0 = DiscreteDenoiser(net, schedule), (torch.arange(16).view(2, 8) % 5,)
    *_, end = sample_discrete(denoiser, schedule, (limit,), [(8,)], DiscreteSampler(8, order="confidence"), batch=2)
    bits = bits_of(net, limit, schedule, TensorData(x0[0]), 2)
    return (any_order(denoiser, x0, limit, 8, 2), bound(denoiser, (limit,), schedule, x0, 2), end.x_t[0],
            torch.tensor(bits["bits_per_row"]))


@check("molecules.draw.draw_graphs", "molecules.draw.graph_walk", "molecules.draw.sized")
def check_drawing_molecules(device: torch.device) -> object:
    model = checkpoints.load("qm9-graph", device)
    told = sized(model.denoiser, torch.tensor([9, 5]), model.num_classes)
    *_, end = graph_walk(told, model.schedule, limits_of(model.card["config"]), 9, DiscreteSampler(3), batch=2)
    asked = draw_graphs(model, 2, DiscreteSampler(3), cond=torch.tensor([1, 2]), weight=2.0, scaffold=row_of("C1CC1", 9))
    return end.x_t, asked


# Speech and video


@check("recipes.speech_judge.JudgeRecipe.loss_fn", "recipes.speech_waveform.SpeechRecipe.loss_fn",
       "networks.encoders.speech_judge.Listener.features", "data.speech.EmphasisCodec.encode",
       "data.speech.EmphasisCodec.decode")
def check_training_on_speech(device: torch.device) -> object:
    data, step, codec = load_speech("test"), step_of(torch.arange(4)), EmphasisCodec()
    judge, wave = recipes.get_recipe("speech-judge"), recipes.get_recipe("speech-waveform")
    wave = dataclasses.replace(wave, network=wave.network | {"channels": [8, 16, 16], "emb_dim": 16})
    listening, drawing = judge.build().to(device), wave.build().to(device)
    x = data.x0(torch.arange(2)).to(device)
    return (judge.loss_fn(data, device, Group())(listening, step), wave.loss_fn(data, device, Group())(drawing, step),
            listening.digit.features(codec.decode(x)), codec.encode(codec.decode(x)))


@check("metrics.speech.accuracies", "speech.fill_waves")
def check_speaking(device: torch.device) -> object:
    judge, recipe = recipes.get_recipe("speech-judge"), recipes.get_recipe("speech-waveform")
    recipe = dataclasses.replace(recipe, network=recipe.network | {"channels": [8, 16, 16], "emb_dim": 16})
    torch.manual_seed(0)
    net = recipe.build()
    torch.nn.init.normal_(net.digit.weight)
    sample = {"shape": [1, LENGTH], "clip": None, "condition": None}
    config = recipe.config() | {"kind": "speech", "data": "speech", "sample": sample}
    model = checkpoints.Checkpoint("untaught", {"config": config}, net.to(device).eval())
    data, rows = load_speech("test"), torch.arange(2)
    waves, cond = data.placed(rows), data.condition(rows)
    heard = accuracies(judge.build().to(device), waves, cond)
    return fill_waves(model, waves[:, 0], gap(LENGTH, 2000, 400), 2, steps=3), torch.tensor(list(heard.values()))


@check("metrics.speech.band_levels", "metrics.speech.snr", "sound.active_rms", "sound.at_loudness", "sound.deemphasised",
       "sound.emphasised", "sound.log_mel", "sound.to_play")
def check_sounds(device: torch.device) -> object:
    x = noise(device, 2, 1, 6144)
    mask = (torch.arange(6144, device=device) % 3 > 0).float()
    return (band_levels(x), snr(x, 0.9 * x, mask), active_rms(x), at_loudness(x), deemphasised(emphasised(x)), log_mel(x),
            to_play(x))


@check("recipes.video.VideoRecipe.loss_fn")
def check_training_on_videos(device: torch.device) -> object:
    recipe = recipes.get_recipe("next-door-fdm")
    recipe = dataclasses.replace(recipe, network=recipe.network | {"channels": [8, 16]})
    loss = recipe.loss_fn(load_next_door("test", 4), device, Group())
    return loss(recipe.build().to(device), step_of(torch.arange(4)))


@check("video.sample_video", "metrics.video.long_videos", "metrics.video.forecast_errors", "metrics.video_reading.read")
def check_making_videos(device: torch.device) -> object:
    torch.manual_seed(0)
    recipe = recipes.get_recipe("next-door-fdm")
    net = dataclasses.replace(recipe, network=recipe.network | {"channels": [8, 16]}).build().requires_grad_(False)
    for parameter in net.parameters():  # some of it begins at zero
        parameter += 0.05 * torch.randn_like(parameter)
    schedule, data = recipe.make_schedule(), load_next_door("test", 2).to(device)
    frames, truth = long_videos(data, torch.arange(2), 8)
    denoiser = Denoiser(net.to(device).eval(), schedule, "v", (-1.0, 1.0))
    x = sample_video(denoiser, schedule, frames, range(5), autoregressive, Sampler("ddim", steps=2), device=device)
    return x, forecast_errors(frames, truth)[:, :5], read(frames).mass


# Embeddings


@check("recipes.joint.JointRecipe.loss_fn", "recipes.prior.PriorRecipe.loss_fn", "recipes.unclip.UnclipRecipe.loss_fn",
       "networks.joint.JointEmbedding.text")
def check_training_on_embeddings(device: torch.device) -> object:
    scenes, step = load_scenes("test", 4), step_of(torch.arange(4))
    clip, prior, decoder = (recipes.get_recipe(f"scenes-{name}") for name in ("clip", "prior", "unclip"))
    joint = clip.build().to(device)
    with torch.no_grad():
        vectors = joint.image(scenes.x0(step.rows).to(device)).cpu()
        tasks = ((clip, scenes, joint), (prior, VectorData(vectors, scenes, joint), prior.build().to(device)),
                 (decoder, DecoderData(torch.zeros(4, 4, 16, 16), scenes, vectors), decoder.build().to(device)))
        losses = [recipe.loss_fn(data, device, Group())(net, step) for recipe, data, net in tasks]
        return losses, joint.text(scenes.condition(step.rows).to(device))


@check("unclip.caption_vectors", "unclip.downward", "unclip.imagine", "unclip.paint", "unclip.picture_vectors", "unclip.upward",
       "joint.slerp", "joint.top_one", "inversion.invert")
def check_drawing_by_embeddings(device: torch.device) -> object:
    model, scenes = unclip_model(device), load_scenes("test", 2)
    told, x = scenes.condition(torch.arange(2)), scenes.x0(torch.arange(2))
    image, text = picture_vectors(model, x.to(device)), caption_vectors(model, told.to(device))
    vectors, z_T = upward(model, x, steps=2)
    found = imagine(model, told.to(device)), paint(model, slerp(vectors[:1], vectors[1:], 0.5), weight=2.0, steps=2)
    assert top_one(text.to(device), image.to(device), among=2).device.type == device.type
    return image, text, downward(model, vectors, z_T, steps=2), found


# Latents


@check("networks.autoencoder.Autoencoder.moments", "recipes.autoencoder.AutoencoderRecipe.loss_fn",
       "recipes.latent.LatentRecipe.loss_fn")
def check_latents(device: torch.device) -> object:
    scenes, step = load_scenes("test", 4), step_of(torch.arange(4))
    recipe = dataclasses.replace(recipes.get_recipe("scenes-vae"), network=SMALL_CODER)
    coder = recipe.build().to(device)
    latent = dataclasses.replace(recipes.get_recipe("scenes-latent"), autoencoder=recipe)
    latent = dataclasses.replace(latent, network=latent.network | {"channels": [8, 16], "dim": 16, "layers": 1})
    with torch.no_grad():
        coder_loss = recipe.loss_fn(scenes, device, Group())(coder, step)
        codes = encoded(scenes, coder)
        latent_loss = latent.loss_fn(codes, device, Group())(latent.build().to(device), step)
        return coder_loss, latent_loss, coder.moments(scenes.to(device).x0(step.rows.to(device)))


def small_reader(device: torch.device) -> checkpoints.Checkpoint:
    """A checkpoint that takes prompts, in the shape of scenes-latent, whose last layer, which begins at zero, is shaken."""
    torch.manual_seed(0)
    net = TextUNet(39, 14, channels=(8, 16), emb_dim=16, dim=16, layers=1).requires_grad_(False)
    torch.nn.init.normal_(net.unet.conv_out.weight, std=0.1)
    coder = Autoencoder(channels=(8, 16)).requires_grad_(False)
    config = {"network": {}, "schedule": {"name": "cosine", "T": 1000}, "predicts": "v", "prompts": "scenes",
              "sampling": {"sampler": "ddim", "steps": 3}, "sample": {
                  "shape": [4, 16, 16], "clip": None, "condition": {"shape": [14], "dtype": "int64"}},
              "codec": {"kind": "network", "part": "vae", "shape": [3, 64, 64], "clip": [-1, 1]}}
    return checkpoints.Checkpoint("small", {"config": config}, net.to(device).eval(), {"vae": coder.to(device).eval()})


@check("edits.inpaint", "edits.redraw", "edits.swap", "networks.text_unet.TextUNet", "networks.autoencoder.Autoencoder.decode",
       "networks.autoencoder.Autoencoder.encode", *(f"latent.{codec}.{way}" for codec in ("Identity", "NetworkCodec")
                                                    for way in ("encode", "decode")))
def check_prompts_and_edits(device: torch.device) -> object:
    model, x = small_reader(device), noise(torch.device("cpu"), 2, 3, 64, 64).clamp(-1, 1)
    there, known = x.to(device), torch.ones(64, 64)
    known[:, 30:] = 0
    codes = model.codec.encode(x)
    return (codes, model.codec.encode(there), model.codec.decode(codes), model.codec.decode(codes.to(device)),
            Identity().decode(Identity().encode(there)), model.parts["vae"].decode(model.parts["vae"].encode(there)),
            edits.inpaint(model, x, known, "a red 3", weight=2.0), edits.redraw(model, x, "a red 3", 0.5),
            edits.swap(model, 2, "a red 3", "a blue 4", until=0.5, weight=2.0))


@check("metrics.attention.watched", "metrics.attention.peaks", "metrics.scenes.read_scenes")
def check_maps(device: torch.device) -> object:
    model, z = small_reader(device), noise(device, 2, 4, 16, 16)
    tokens = model.tokens_of(["a red 3 left of a blue 4", "a 7 above a 1"])
    asking, kept = watched(model.denoiser, model.net)
    asking(z, 500, tokens.to(device))
    reading = read_scenes(load_scenes("test", 2).x0(torch.arange(2)).to(device), device)
    return kept[0][1], torch.from_numpy(peaks(kept[0][1], tokens, reading.boxes)), torch.from_numpy(reading.facts)
