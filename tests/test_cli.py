"""The command line, run as a user runs it."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from diffusion_utils.__main__ import main
from diffusion_utils.checkpoints import read_card
from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.errors import is_out_of_memory
from diffusion_utils.metrics.digits import evaluate

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
    everything = read_card("scenes-latent")["figures"]["right"]["everything"]
    assert f"\n    right: {{'everything': {everything:.4g}, " in done.stdout


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
    (["sample", "--checkpoint", "mnist-unet", "--steps", "0", "--out", "x.npy"], "steps must be an integer"),
    (["sample", "--checkpoint", "mnist-unet", "--steps", "1001", "--out", "x.npy"], "steps must be an integer in 1…1000"),
    (["sample", "--checkpoint", "mnist-unet", "--label", "3", "--out", "x.npy"], "unconditional"),
    (["sample", "--checkpoint", "mnist-unet-class", "--label", "12", "--out", "x.npy"], "0…9, got 12"),
    (["sample", "--checkpoint", "mnist-unet-class", "--guidance", "3", "--out", "x.npy"], "needs labels"),
    (["sample", "--checkpoint", "mnist-unet", "--n", "0", "--out", "x.npy"], "n must be an integer ≥ 1"),
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


def test_a_folder_that_cannot_be_written_is_found_out_before_anything_is_loaded(read_only_folder, capsys):
    assert main(["sample", "--checkpoint", "mnist-unt", "--out", str(read_only_folder / "x.npy")]) == 2
    assert f"cannot write in the folder {read_only_folder}" in capsys.readouterr().err


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
    from diffusion_utils.metrics.digits import Yardstick

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


ONE_LINE = [
    (["sample", "--checkpoint", "mnist-classifier", "--out", "x.npy"], "mnist-classifier is not a diffusion model"),
    (["sample", "--checkpoint", "mnist-unet", "--device", "gpu", "--out", "x.npy"], "Did you mean 'cuda'"),
    (["sample", "--checkpoint", "mnist-unet", "--device", "0", "--out", "x.npy"], "unknown device '0'"),
    (["sample", "--checkpoint", "mnist-unet", "--device", "xpu", "--out", "x.npy"], "unknown device 'xpu'"),
    (["train", "mnist-unet", "--device", "gpu"], "Did you mean 'cuda'"),
    # what cannot be written is found out before the work
    (["sample", "--checkpoint", "mnist-unet", "--out", "folder.npy"], "folder.npy is a folder"),
    (["sample", "--checkpoint", "mnist-unet", "--out", ""], "must not be empty"),
    (["sample", "--checkpoint", "mnist-unet", "--n", "9" * 12, "--out", "x.npy"], "GB are free"),
    (["sample", "--checkpoint", "mnist-unet", "--n", "9" * 30, "--out", "x.npy"], "GB are free"),
    # what cannot be read
    (["evaluate", "folder.npy"], "folder.npy is a folder"),
    (["evaluate", "words.npy"], "words.npy must hold numbers, got dtype <U4"),
    (["evaluate", "several.npy"], "several.npy holds several arrays"),
    (["evaluate", "none.npy", "--labels", "no_labels.npy"], "images must be (N ≥ 2, 1, 28, 28), got (0, 1, 28, 28)"),
    # numbers
    (["sample", "--checkpoint", "mnist-unet", "--n", "-1", "--out", "x.npy"], "n must be an integer ≥ 1, got -1"),
    (["sample", "--checkpoint", "mnist-unet", "--n", "many", "--out", "x.npy"], "--n: invalid int value: 'many'"),
    (["sample", "--checkpoint", "mnist-unet", "--batch", "0", "--out", "x.npy"], "batch must be an integer ≥ 1, got 0"),
    (["sample", "--checkpoint", "mnist-unet-class", "--label", "3", "--guidance", "nan", "--out", "x.npy"], "finite"),
    (["sample", "--checkpoint", "mnist-unet", "--eta", "1", "2", "3", "--out", "x.npy"], "or two of them"),
    (["evaluate", "mnist-unet", "--n", "1"], "--n must be ≥ 2 to be evaluated, got 1"),
    (["evaluate", "mnist-unet", "--n", "9" * 30], "--n must be ≤"),
    # what would do nothing
    (["evaluate", "samples.npy", "--steps", "5"], "--steps asks for samples of a checkpoint, and samples.npy holds"),
    (["evaluate", "samples.npy", "--n", "5", "--seed", "0", "--batch", "250"], "--batch, --n, --seed ask for samples"),
    (["evaluate", "samples.npy", "--guidance", "1", "--eta-border", "2", "--spacing", "late"], "samples.npy holds samples"),
    (["evaluate", "samples.npy", "--sampler", "ddim", "--eta", "0"], "samples.npy holds samples already"),
    (["evaluate", "mnist-unet", "--labels", "missing.npy"], "--labels belongs to a file of samples"),
    (["evaluate", "mnist-unet", "--guidance", "2"], "--guidance needs labels, and mnist-unet is unconditional"),
    (["evaluate", "mnist-unet", "--guidance", "0"], "--guidance needs labels, and mnist-unet is unconditional"),
    (["sample", "--checkpoint", "mnist-unet", "--guidance", "1", "--out", "x.npy"], "mnist-unet is unconditional"),
    (["sample", "--checkpoint", "mnist-unet-class", "--guidance", "1", "--out", "x.npy"], "needs labels: give --label"),
    (["sample", "--checkpoint", "mnist-unet", "--label", "all", "--out", "x.npy"], "unconditional"),
    (["sample", "--checkpoint", "mnist-unet", "--sampler", "ddim", "--eta-border", "3", "--out", "x.npy"],
     "--eta-border stands between two --eta"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with files that are no set of digits."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "folder.npy").mkdir()
    np.save(folder / "words.npy", np.array(["zero", "one"]))
    np.save(folder / "none.npy", np.zeros((0, 1, 28, 28), np.float32))
    np.save(folder / "no_labels.npy", np.zeros(0, np.int64))
    np.save(folder / "samples.npy", np.zeros((4, 1, 28, 28), np.float32))
    with open(folder / "several.npy", "wb") as file:
        np.savez(file, a=np.zeros(2), b=np.zeros(2))
    return folder


@pytest.mark.parametrize(("args", "says"), ONE_LINE, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_cannot_be_done_is_said_in_one_line_before_any_work(args, says, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    before = sorted(files.rglob("*"))
    try:
        status = main(args)
    except SystemExit as stop:  # the parser's own errors
        status = stop.code
    out, err = capsys.readouterr()
    assert status == 2 and out == ""
    assert says in err and err.startswith("error: ") and err.count("\n") == 1
    assert sorted(files.rglob("*")) == before


def test_a_file_without_permission_is_not_called_truncated(unreadable_file, capsys):
    assert main(["evaluate", str(unreadable_file)]) == 2
    assert capsys.readouterr().err == f"error: cannot read {unreadable_file}: Permission denied\n"


@pytest.mark.parametrize("args", [
    ["evaluate", "~/nothing.npy"], ["evaluate", "samples.npy", "--labels", "~/nothing.npy"],
    ["sample", "--checkpoint", "mnist-unet", "--out", "~/nothing.npy/x.npy"],
    ["train", "mnist-unet", "--resume", "--folder=~/nothing.npy"], ["info", "~/nothing.npy"],
    ["sample", "--checkpoint", "~/nothing.npy", "--out", "x.npy"],
], ids=" ".join)
def test_a_tilde_is_the_home_folder(args, files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(files)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # on Windows
    assert main(args) == 2
    assert str(tmp_path / "nothing.npy") in capsys.readouterr().err
    assert not (files / "~").exists()


def test_the_home_of_an_unknown_user_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["train", "mnist-unet", "--folder", "~nobody-of-this-name/x"])
    assert "no home folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_out_of_memory_names_the_option_that_helps(tmp_path):
    """The limit on this process's memory stands for a machine that is full."""
    pytest.importorskip("resource")
    program = """
import resource, sys
from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 150 * 2**20, -1))
sys.exit(main(["sample", "--checkpoint", "mnist-unet", "--n", "2000", "--batch", "2000", "--steps", "1", "--out", "x.npy"]))
"""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("this system does not tell the size of a process")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, env=ENV, timeout=300)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == ("error: out of memory: a smaller --batch than 2000 needs less, and gives the same "
                                            "samples")
    assert "Traceback" not in done.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("error", "out"), [
    (MemoryError(), True),
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."), True),
    (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), True),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"), True),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:81] data. DefaultCPUAllocator: not enough memory"), True),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
    (RuntimeError("could not create a primitive"), True),
    (RuntimeError("could not create a primitive descriptor for a convolution forward propagation primitive"), False),
    (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), False),
    (ValueError("out of memory, said somebody"), False),
])
def test_out_of_memory_is_told_from_other_errors(error, out):
    assert is_out_of_memory(error) == out


def test_training_out_of_memory_names_the_recipes_batch(tmp_path, monkeypatch, capsys):
    def full(self, *args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    assert main(["train", "mnist-unet-base", "--folder", str(tmp_path)]) == 2
    err = capsys.readouterr().err.splitlines()[-1]
    assert "batch=" in err and "mnist_unet_base.py" in err and err.startswith("error: out of memory")


def test_another_error_keeps_its_traceback(monkeypatch):
    """A bug shall be seen, and its report shall hold what helps to find it."""
    monkeypatch.setattr(torch, "arange", lambda *args: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        main(["sample", "--checkpoint", "mnist-unet-class", "--label", "all", "--out", "x.npy"])


CODE_PAGES = ["cp1252", "gbk", "latin-1", "cp437", "ascii", "utf-8"]
ALL_COMMANDS = [["--help"], ["info", "--help"], ["train", "--help"], ["sample", "--help"], ["evaluate", "--help"], ["info"],
                ["sample", "--checkpoint", "mnist-unet-class", "--label", "12", "--out", "x.npy"],
                ["sample", "--checkpoint", "mnist-unet", "--n", "0", "--out", "x.npy"]]


@pytest.mark.parametrize("code_page", CODE_PAGES)
def test_a_console_that_lacks_our_symbols_shows_everything_else(code_page, tmp_path):
    program = f"""
from diffusion_utils.__main__ import main
for args in {ALL_COMMANDS}:
    try:
        status = main(args)
    except SystemExit as stop:
        status = stop.code
    print("STATUS", status)
"""
    env = ENV | {"PYTHONIOENCODING": code_page, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=tmp_path, env=env, timeout=300)
    out, err = done.stdout.decode(code_page), done.stderr.decode(code_page)
    assert done.returncode == 0, err
    assert [line for line in out.splitlines() if line.startswith("STATUS")] == ["STATUS 0"] * 6 + ["STATUS 2"] * 2
    assert "?" not in out + err.replace("Did you mean", "") and "\\u" not in out + err
    assert re.search(r"0(…|\.\.\.)9, or 'all'", out)
    assert re.search("n must be an integer (≥|>=) 1, got 0", err) and re.search(r"labels must lie in 0(…|\.\.\.)9, got 12", err)


@pytest.mark.parametrize("code_page", CODE_PAGES)
def test_a_card_is_json_in_every_console(code_page):
    done = subprocess.run([sys.executable, "-m", "diffusion_utils", "info", "mnist-unet"], capture_output=True, timeout=300,
                          env=ENV | {"PYTHONIOENCODING": code_page, "PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode(code_page)) == read_card("mnist-unet")


def test_figures_are_json_in_every_console(samples):
    done = subprocess.run([sys.executable, "-m", "diffusion_utils", "evaluate", str(samples)], capture_output=True, timeout=300,
                          env=ENV | {"PYTHONIOENCODING": "cp437", "PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("cp437"))["n"] == 12


def test_a_reader_that_closes_the_pipe_is_no_error():
    """`info | head -1`."""
    if not hasattr(os, "pipe"):
        pytest.skip("this system has no pipes")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run([sys.executable, "-m", "diffusion_utils", "info", "mnist-unet"], stdout=pipe,
                              stderr=subprocess.PIPE, text=True, env=ENV, timeout=300)
    assert done.stderr == ""
