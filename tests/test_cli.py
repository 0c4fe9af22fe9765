"""The command line, run as a user runs it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.evaluation import evaluate

ENV = os.environ | {"OMP_NUM_THREADS": "1"}


def run(*args: str, cwd=None) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "diffusion_utils", *args], capture_output=True, text=True, cwd=cwd, env=ENV,
                          timeout=300)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Twelve samples of the class-conditional model in five steps, one file for all tests here."""
    out = tmp_path_factory.mktemp("samples") / "samples.npy"
    done = run("sample", "--checkpoint", "mnist-unet-class", "--label", "all", "--n", "12", "--steps", "5", "--sampler", "ddim",
               "--seed", "3", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


def test_info_lists_the_shipped_checkpoints():
    done = run("info")
    assert done.returncode == 0
    for name in ("mnist-unet", "mnist-unet-class", "mnist-classifier"):
        assert f"{name}: " in done.stdout


def test_sample_writes_float32_images_in_range(samples):
    x = np.load(samples, allow_pickle=False)
    assert x.shape == (12, 1, 28, 28) and x.dtype == np.float32
    assert x.min() >= -1 and x.max() <= 1
    assert np.load(samples.with_suffix(".labels.npy")).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_the_same_seed_gives_the_same_samples_whatever_n_and_batch_are(samples, tmp_path):
    out = tmp_path / "fewer.npy"
    done = run("sample", "--checkpoint", "mnist-unet-class", "--label", "all", "--n", "5", "--batch", "2", "--steps", "5",
               "--sampler", "ddim", "--seed", "3", "--out", str(out))
    assert done.returncode == 0, done.stderr
    # A network in bfloat16 (8 bits of mantissa) may round differently for another batch size; 5 steps of it stay well under
    # 16 rounding units of 2⁻⁸, while another noise would differ by about 1.
    assert np.abs(np.load(out) - np.load(samples)[:5]).max() < 16 * 2**-8


def test_guidance_changes_the_samples(samples, tmp_path):
    out = tmp_path / "guided.npy"
    done = run("sample", "--checkpoint", "mnist-unet-class", "--label", "7", "--guidance", "3", "--n", "2", "--steps", "5",
               "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert np.load(out).shape == (2, 1, 28, 28)


def test_spacing_may_be_an_exponent_and_eta_two_numbers(tmp_path):
    x = []
    for i, settings in enumerate((["1.5", "--eta", "1.4", "1"], ["1.5", "--eta", "1"], ["late", "--eta", "1"])):
        out = tmp_path / f"{i}.npy"
        done = run("sample", "--checkpoint", "mnist-unet", "--n", "1", "--steps", "4", "--sampler", "ddpm", "--out", str(out),
                   "--spacing", *settings)
        assert done.returncode == 0, done.stderr
        x.append(np.load(out))
    assert not np.array_equal(x[0], x[1]) and not np.array_equal(x[1], x[2])


@pytest.mark.parametrize(("args", "says"), [
    (["sample", "--checkpoint", "mnist-unt", "--out", "x.npy"], "Did you mean 'mnist-unet'"),
    (["sample", "--checkpoint", "mnist-unet", "--sampler", "dppm", "--out", "x.npy"], "Did you mean 'ddpm'"),
    (["sample", "--checkpoint", "mnist-unet", "--steps", "0", "--out", "x.npy"], "steps must be an integer in 1…1000"),
    (["sample", "--checkpoint", "mnist-unet", "--label", "3", "--out", "x.npy"], "unconditional"),
    (["sample", "--checkpoint", "mnist-unet-class", "--label", "12", "--out", "x.npy"], "0…9, got 12"),
    (["sample", "--checkpoint", "mnist-unet-class", "--guidance", "3", "--out", "x.npy"], "needs labels"),
    (["sample", "--checkpoint", "mnist-unet", "--n", "0", "--out", "x.npy"], "n must be ≥ 1"),
    (["sample", "--checkpoint", "mnist-unet", "--out", "missing/x.npy"], "does not exist"),
    (["sample", "--checkpoint", "mnist-unet", "--out", "x.txt"], "must end in .npy"),
    (["sample", "--checkpoint", "mnist-unet", "--device", "cuda", "--out", "x.npy"], "no CUDA"),
    (["train", "mnist-une"], "Did you mean 'mnist-unet'"),
    (["train", "mnist-unet", "--resume"], "nothing to resume"),
    (["evaluate", "nothing.npy"], "does not exist"),
    (["evaluate", "mnist-clasifier"], "Did you mean 'mnist-classifier'"),
    (["evaluate", "mnist-classifier"], "not a diffusion model"),
])
def test_bad_input_is_said_in_one_line_and_writes_nothing(args, says, tmp_path):
    if "cuda" in args and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA GPU")
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("*.npy"))


def test_evaluate_a_file_prints_json(samples):
    done = run("evaluate", str(samples), "--labels", str(samples.with_suffix(".labels.npy")))
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["n"] == 12 and 0 <= figures["accuracy"] <= 1
    assert figures["fd"] > figures["floor_test"] > 0 and figures["floor_random"] > 0


@pytest.mark.parametrize(("array", "says"), [
    (np.zeros((4, 28, 28), np.float32), "got (4, 28, 28)"),
    (np.zeros((4, 1, 28, 28), np.uint8), "floating point"),
    (np.full((4, 1, 28, 28), 2, np.float32), "[−1, 1]"),
    (np.full((4, 1, 28, 28), np.nan, np.float32), "NaN"),
])
def test_evaluate_refuses_what_is_no_set_of_digits(array, says, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, array)
    done = run("evaluate", str(path))
    assert done.returncode == 2 and says in done.stderr


def test_evaluate_refuses_a_truncated_file(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((4, 1, 28, 28), np.float32))
    path.write_bytes(path.read_bytes()[:1000])
    done = run("evaluate", str(path))
    assert done.returncode == 2 and "truncated" in done.stderr


def needs_mnist():
    if load_mnist("test").name != "mnist-test":
        pytest.skip("the MNIST digits are not at hand")


def test_the_test_digits_score_the_recorded_floor():
    needs_mnist()
    from diffusion_utils.evaluation import Yardstick

    yardstick = Yardstick("cpu")
    # float32 features (2⁻²⁴ relative) enter sums over 10,000 rows and 128 dimensions; 1e-3 of the floor is far above that
    # rounding, and far below the floor itself.
    floor = yardstick.figures["floor_test"]
    assert yardstick.distance(to_model(load_mnist("test").images)) == pytest.approx(floor, rel=1e-3)


def test_copies_of_training_digits_are_seen():
    needs_mnist()
    train = load_mnist("train")
    figures = evaluate(to_model(train.images[100:108]), train.labels[100:108], device="cpu")
    worst = figures["nearest"]["worst"][0]
    assert worst["training_digit"] == 100 + worst["sample"]
    # the distance is 0 up to the cancellation of ‖a‖² − 2a·b + ‖b‖² in float32: √(784·2⁻²²)/28 < 1e-3
    assert worst["distance"] < 1e-3
    assert figures["nearest"]["median_of_test_digits"] > 0.1
