"""What tests of speech share: the recordings of the package, as without folder and network, and small checkpoints of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from diffusion_utils.data import speech as of_speech
from diffusion_utils.data.speech import SpeechData, load_speech
from diffusion_utils.recipes import get_recipe, speech_waveform
from diffusion_utils.training import TrainConfig

NETWORK = {"kind": "speech-unet", "channels": [8, 16], "patch": 64, "emb_dim": 16}


@contextmanager
def offline(tmp_path_factory) -> Iterator[pytest.MonkeyPatch]:
    """Neither folder nor network, as long as it lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DIFFUSION_DATA", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(of_speech, "fetch_file", lambda *given: "no network")
        yield patch


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> SpeechData:
    """The recordings of the package, one of each digit and speaker."""
    with offline(tmp_path_factory):
        return load_speech("train")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A judge and a generator of two steps each."""
    folder, judge, recipe = tmp_path_factory.mktemp("runs"), get_recipe("speech-judge"), get_recipe("speech-waveform")
    train = TrainConfig(steps=2, batch=8, lr=1e-2, warmup=1, ema=0.5, log_every=1)
    with offline(tmp_path_factory) as patch:
        patch.setattr(speech_waveform, "LOOKED_AT", 60)
        replace(judge, network=judge.network | {"width": 8}, train=train).run(folder, device="cpu")
        replace(recipe, network=NETWORK, train=replace(train, optimiser="muon"), look_every=2,
                sampling={"sampler": "dpmpp_2m_sde", "steps": 2}).run(folder, device="cpu")
    return folder
