"""The digits: every place they may come from, every way in which a file can be wrong, and the range of the pixels."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from diffusion_utils.data import DataError, ImageData, check_mnist, load_mnist, to_model, to_pixels
from diffusion_utils.data.mnist import FILES, cache_folder

NAMES = list(FILES["test"])
REAL = os.environ.get("DIFFUSION_DATA")
needs_the_files = pytest.mark.skipif(REAL is None, reason="DIFFUSION_DATA is not set: no files to copy")

# Loads the digits in a process of its own and says what came.
LOAD = """
import json
from diffusion_utils.data import load_mnist
for split in ("train", "test"):
    data = load_mnist(split)
    print(json.dumps({
        "n": len(data), "shape": list(data.images.shape), "dtype": str(data.images.dtype), "name": data.name,
        "low": int(data.images.min()), "high": int(data.images.max()), "labels": data.labels.unique().tolist(),
        "source": data.source, "frame": int(data.images[:, :, :4].max()), "same": load_mnist(split) is data}))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path))
    return tmp_path


def real(name: str) -> Path:
    return Path(REAL) / "MNIST" / "raw" / name


def with_labels(folder: Path, content: bytes, ending: str = "") -> None:
    """The real test images, and labels of our making."""
    shutil.copy(real(NAMES[0]), folder)
    (folder / (NAMES[1] + ending)).write_bytes(content)


# --- the folder


@needs_the_files
@pytest.mark.parametrize("layout", ["", "MNIST/raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_reads_both_layouts_plain_and_gzipped(folder: Path, layout: str, zipped: bool) -> None:
    (folder / layout).mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        content = real(name).read_bytes()
        path = folder / layout / (name + ".gz" * zipped)
        path.write_bytes(gzip.compress(content, compresslevel=1) if zipped else content)
    data = load_mnist("test")
    assert data.images.shape == (10_000, 1, 28, 28) and data.images.dtype == torch.uint8
    assert data.labels.shape == (10_000,) and data.labels.dtype == torch.int64
    # Known of the data set: the first test digits are 7, 2, 1, 0, 4, and there are 980 zeros
    assert data.labels[:5].tolist() == [7, 2, 1, 0, 4] and (data.labels == 0).sum() == 980
    assert data.images[0].sum() > 0 and data.source == f"DIFFUSION_DATA={folder}" and data.name == "mnist-test"
    assert len(data.sha256) == 64


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="DIFFUSION_DATA is set to .*nowhere, which is not a folder"):
        load_mnist()


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_folder_names_the_missing_file(folder: Path, split: str) -> None:
    with pytest.raises(DataError, match=f"{next(iter(FILES[split]))} is missing under {folder}"):
        load_mnist(split)


@needs_the_files
def test_one_missing_file_is_named(folder: Path) -> None:
    shutil.copy(real(NAMES[0]), folder)
    with pytest.raises(DataError, match=f"{NAMES[1]} is missing"):
        load_mnist("test")


@pytest.mark.parametrize("content", [b"", b"\0\0\x08\x03 no digits", b"\0" * 100_000], ids=["empty", "short", "zeros"])
def test_a_file_of_other_content_is_named(folder: Path, content: bytes) -> None:
    (folder / NAMES[0]).write_bytes(content)
    with pytest.raises(DataError, match=rf"{NAMES[0]} is truncated or altered \({len(content)} bytes.*not used"):
        load_mnist("test")


@needs_the_files
def test_a_truncated_file_is_named(folder: Path) -> None:
    with_labels(folder, real(NAMES[1]).read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{NAMES[1]} is truncated or altered \(10007 bytes"):
        load_mnist("test")


@needs_the_files
def test_one_altered_byte_is_noticed(folder: Path) -> None:
    content = bytearray(real(NAMES[1]).read_bytes())
    content[5000] ^= 1
    with_labels(folder, content)
    with pytest.raises(DataError, match=f"{NAMES[1]} is truncated or altered"):
        load_mnist("test")


@pytest.mark.parametrize("content", [b"", b"no gzip at all", gzip.compress(b"digits" * 99)[:-9]], ids=["empty", "other", "cut"])
def test_a_broken_gzip_file_is_named(folder: Path, content: bytes) -> None:
    (folder / f"{NAMES[0]}.gz").write_bytes(content)
    with pytest.raises(DataError, match=f"{NAMES[0]}.gz (cannot be read|is truncated)"):
        load_mnist("test")


def test_another_folder_is_looked_at_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the notice and sets DIFFUSION_DATA later gets that folder, not what was loaded before."""
    with pytest.raises(DataError, match=str(folder)):
        load_mnist("test")
    other = folder / "other"
    monkeypatch.setenv("DIFFUSION_DATA", str(other))
    with pytest.raises(DataError, match="other, which is not a folder"):
        load_mnist("test")


@pytest.mark.parametrize("split", ["validation", "", "TRAIN", None])
def test_an_unknown_split_is_refused(split) -> None:
    with pytest.raises(ValueError, match="'train' or 'test', got"):
        load_mnist(split)


@needs_the_files
@pytest.mark.parametrize("layout", ["{dotted}", "{name}/{name}", "{name}/{dotted}", "{dotted}/{dotted}", "raw/{name}"])
def test_reads_what_a_download_from_kaggle_unpacks_to(folder: Path, layout: str) -> None:
    for name in NAMES:
        path = folder / layout.format(name=name, dotted=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(real(name))
    assert len(load_mnist("test")) == 10_000


@needs_the_files
def test_a_home_in_the_folders_name_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`%env DIFFUSION_DATA=~/digits` in a notebook passes no shell that would know what ~ is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("DIFFUSION_DATA", os.path.join("~", "digits"))
    (tmp_path / "digits").symlink_to(Path(REAL))
    assert load_mnist("test").source == f"DIFFUSION_DATA={tmp_path / 'digits'}"


@pytest.mark.parametrize("given", [None, ""])
def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given) -> None:
    """The digits are looked for in the cache; a broken file there shows that they were."""
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    if given is not None:
        monkeypatch.setenv("DIFFUSION_DATA", given)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "diffusion_utils"
    cache.mkdir()
    for name in (*FILES["train"], *FILES["test"]):
        (cache / name).write_bytes(b"broken")
    with pytest.raises(DataError, match=f"{cache}.* is truncated or altered"):
        load_mnist("test")


@needs_the_files
def test_a_user_without_a_home_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run with a user id that the system does not know, and with no HOME."""
    pwd = pytest.importorskip("pwd")

    def unknown(user):
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("DIFFUSION_DATA", REAL)
    with pytest.raises(RuntimeError):
        Path.home()
    assert len(load_mnist("test")) == 10_000
    assert cache_folder() == Path(tempfile.gettempdir()) / "diffusion_utils"


def test_the_check_finds_early_what_is_missing(folder: Path) -> None:
    """Of files that no reader would accept, it sees that they are there: cheap enough for every start."""
    for name in FILES["train"]:
        (folder / name).write_bytes(b"broken")
    check_mnist("train")
    with pytest.raises(DataError, match=f"{NAMES[0]} is missing under {folder}"):
        check_mnist("test")
    with pytest.raises(ValueError, match="'train' or 'test', got 'validation'"):
        check_mnist("validation")


def test_the_check_names_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere, which is not a folder"):
        check_mnist("test")


# --- what a data set must be


IMAGES, LABELS = torch.zeros(3, 1, 28, 28, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)


@pytest.mark.parametrize(("images", "labels", "message"), [
    (IMAGES[:0], LABELS[:0], "own: .*at least one; got 0 images and 0 labels"),
    (IMAGES, LABELS[:2], "own: as many labels as images.* got 3 images and 2 labels"),
    (IMAGES[:, 0], LABELS, r"images must be torch.uint8 \(N, C, H, W\), got torch.uint8 \(3, 28, 28\)"),
    (IMAGES.float(), LABELS, r"images must be torch.uint8 .*got torch.float32 \(3, 1, 28, 28\)"),
    (IMAGES.numpy(), LABELS, r"images must be a tensor, torch.uint8 \(N, C, H, W\), got ndarray"),
    (IMAGES, LABELS.int(), r"labels must be torch.int64 \(N,\), got torch.int32 \(3,\)"),
    (IMAGES, LABELS[:, None], r"labels must be torch.int64 \(N,\), got torch.int64 \(3, 1\)"),
    (IMAGES, [0, 0, 0], r"labels must be a tensor, torch.int64 \(N,\), got list"),
], ids=["none", "lengths", "axes", "range", "array", "int32", "column", "list"])
def test_a_data_set_of_another_form_is_refused(images, labels, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageData(images, labels, "own", "made here", "")


def test_a_data_set_of_any_size_and_colour_is_taken() -> None:
    assert len(ImageData(torch.zeros(2, 3, 16, 40, dtype=torch.uint8), torch.tensor([0, 1]), "own", "made here", "")) == 2


# --- neither folder nor network


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess:
    """What a process sees that has no DIFFUSION_DATA, an empty cache, and a network on which nobody answers."""
    closed = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}
    environment = {k: v for k, v in os.environ.items() if k != "DIFFUSION_DATA" and not k.lower().endswith("_proxy")}
    cache = tmp_path_factory.mktemp("cache")
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, encoding="utf-8",
                          env=environment | closed | {"XDG_CACHE_HOME": str(cache), "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stderr
    return done


def test_offline_digits_are_real_digits_in_the_same_form(offline: subprocess.CompletedProcess) -> None:
    train, test = (json.loads(line) for line in offline.stdout.splitlines())
    assert (train["n"], test["n"]) == (1500, 297), "all of the 1,797 digits that scikit-learn carries"
    for data in (train, test):
        assert data["shape"] == [data["n"], 1, 28, 28] and data["dtype"] == "torch.uint8"
        assert data["labels"] == list(range(10))
        assert data["low"] == 0 and data["high"] == 255, "the whole range of grey"
        assert data["frame"] == 0, "an empty frame of four pixels, as in MNIST"
        assert data["source"] == "scikit-learn" and data["name"].startswith("sklearn-digits-")
        assert data["same"], "read once a process"


def test_offline_notice_says_what_was_tried(offline: subprocess.CompletedProcess) -> None:
    notices = [line for line in offline.stderr.splitlines() if line.startswith("Notice: ")]
    assert len(notices) == 3 and len(offline.stderr.splitlines()) == 3, "the wait, one line a split, and nothing else"
    assert notices[0].startswith("Notice: Downloading the MNIST digits (11 MB) to ")
    for part in ("DIFFUSION_DATA is not set", "download: ", "1,797", "scikit-learn"):
        assert part in notices[1]


# --- pixels


def test_every_grey_level_survives_the_round_trip() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    x = to_model(levels)
    assert x.dtype == torch.float32 and x.min() == -1 and x.max() == 1
    assert torch.equal(to_pixels(x), levels)


def test_pixels_are_clipped_and_rounded() -> None:
    assert to_pixels(torch.tensor([-7.0, 7.0, float("inf"), -1 + 0.9 / 127.5])).tolist() == [0, 255, 255, 1]


def test_pixels_refuse_what_they_cannot_show() -> None:
    with pytest.raises(ValueError, match="NaN"):
        to_pixels(torch.tensor([0.0, float("nan")]))
    with pytest.raises(TypeError, match="uint8 0…255, got torch.float32"):
        to_model(torch.zeros(2))
