"""Folders of pictures of many kinds: each is read as it should be, or ends in one line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils.data import LOADERS, DataError, to_model
from diffusion_utils.data.decode import decode, eight_bits, squared
from diffusion_utils.data.idx import parse
from diffusion_utils.data.pictures import read_pictures
from diffusion_utils.data.pictures.files import labels_of


def noise(width: int, height: int, channels: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, channels)[:2 if channels == 1 else 3], dtype=np.uint8)


def fill(folder, n: int, width: int = 16, height: int = 16, channels: int = 3, ending: str = "png", first: int = 0,
         **options):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.fromarray(noise(width, height, channels, first + i)).save(folder / f"{i:04d}.{ending}", **options)
    return folder


# --- Pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_a_square_of_the_size_asked_for_keeps_every_pixel(channels, tmp_path):
    folder = fill(tmp_path, 12, channels=channels)
    pictures = read_pictures(folder, 16)
    assert pictures.images.shape == (12, channels, 16, 16)
    for i, image in enumerate(pictures.images):
        assert np.array_equal(image.numpy().transpose(1, 2, 0).reshape(16, 16, -1)[..., :channels],
                              noise(16, 16, channels, i).reshape(16, 16, channels))


def test_of_a_wide_picture_the_middle_is_taken(tmp_path):
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = noise(16, 16, 3, 0)
    square = squared(Image.fromarray(wide), 16)
    assert np.array_equal(square.pixels, wide[:, 16:32]) and "middle" in square.done[0]


def test_transparent_parts_become_white_and_opaque_ones_stay():
    pixels = np.full((16, 16, 4), 255, np.uint8)
    pixels[..., :3], pixels[:8, :, 3] = (10, 20, 30), 0
    square = squared(Image.fromarray(pixels), 16)
    assert (square.pixels[:8] == 255).all() and (square.pixels[8:] == (10, 20, 30)).all()
    assert any("white" in done for done in square.done)
    pixels[..., 3] = 255
    assert not squared(Image.fromarray(pixels), 16).done


def test_sixteen_bits_become_eight_by_their_whole_range():
    values = np.array([[0, 257, 65535], [128 * 257, 128, 129]], np.uint16)
    assert np.asarray(eight_bits(Image.fromarray(values))).tolist() == [[0, 1, 255], [128, 0, 1]]


def test_exif_turns_a_picture_and_an_animation_gives_its_first_frame(tmp_path):
    upright = noise(16, 16, 3, 1)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90° clockwise
    Image.fromarray(np.rot90(upright)).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(decode(tmp_path / "turned.png", 16).pixels, upright)
    frames = [Image.fromarray(np.full((16, 16), grey, np.uint8)) for grey in (40, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    square = decode(tmp_path / "moving.gif", 16)
    assert (square.pixels == 40).all() and square.pixels.shape == (16, 16, 1) and "first frame" in square.done[0]


def test_cmyk_becomes_rgb_and_rgb_of_greys_becomes_grey(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg")
    red = decode(tmp_path / "red.jpg", 16).pixels
    assert red.shape == (16, 16, 3) and (red[..., 0] > 250).all() and (red[..., 1:] < 5).all()  # JPEG rounds a little
    assert squared(Image.new("RGB", (16, 16), (7, 7, 7)), 16).pixels.shape == (16, 16, 1)


def test_a_card_may_ask_for_another_number_of_channels(tmp_path):
    colour, grey = fill(tmp_path / "colour", 12), fill(tmp_path / "grey", 12, channels=1)
    as_grey = read_pictures(colour, 16, channels=1).images
    luma = (read_pictures(colour, 16).images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    assert (as_grey - luma).abs().max() <= 0.5
    repeated = read_pictures(grey, 16, channels=3).images
    assert torch.equal(repeated, read_pictures(grey, 16).images.repeat(1, 3, 1, 1))


# --- Which are learnt from, and with what label


def test_a_tenth_is_kept_back_and_no_picture_is_in_both_parts(tmp_path):
    folder = fill(tmp_path, 40)
    train, test = (LOADERS["pictures"](split, folder=folder, size=16) for split in ("train", "test"))
    assert (len(train), len(test)) == (36, 4) and train.sha256 != test.sha256
    both = torch.cat([train.images, test.images]).flatten(1)
    assert len(both.unique(dim=0)) == 40
    rows = torch.tensor([2, 0])
    assert torch.equal(train.x0(rows), to_model(train.images[rows]))


def test_folders_are_classes_and_those_called_train_and_test_are_not(tmp_path):
    for part, n in (("train", 8), ("test", 3)):
        for more, kind in enumerate(("猫 一", "dog", "10", "9")):
            fill(tmp_path / "all" / part / kind, n + more, first=100 * more + 50 * (part == "test"))
    pictures = read_pictures(tmp_path, 8)
    assert pictures.classes == ("9", "10", "dog", "猫 一")
    test = pictures.part("test")
    assert test.labels.bincount().tolist() == [6, 5, 4, 3] and len(pictures.part("train")) == 8 + 9 + 10 + 11


@pytest.mark.parametrize(("names", "expected"), [
    (["a.png", "b.png"], [(None, False), (None, False)]),
    (["x/cat/a.png", "x/dog/deep/b.png"], [("cat", False), ("dog", False)]),
    (["cat/a.png", "b.png"], [("cat", False), (None, False)]),
    (["cat/a.png", "cat/b.png"], [(None, False), (None, False)]),
    (["Train/a.png", "VAL/b.png"], [(None, False), (None, True)]),
])
def test_the_label_is_the_first_folder_that_tells_pictures_apart(names, expected):
    assert labels_of(names) == expected


def test_folders_of_a_picture_or_two_are_no_classes(tmp_path):
    for day in range(12):
        fill(tmp_path / f"day {day}", 1, width=16 + day)
    pictures = read_pictures(tmp_path, 8)
    assert pictures.classes == () and any("no classes" in line for line in pictures.told)


# --- What is left out, and what ends in one line


def test_damaged_files_copies_and_other_files_are_left_out_and_told(tmp_path):
    fill(tmp_path, 12)
    whole = (tmp_path / "0000.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:200])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "copy.png").write_bytes(whole)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".DS_Store").write_bytes(b"hidden")
    pictures = read_pictures(tmp_path, 16)
    assert len(pictures.images) == 12
    told = "\n".join(pictures.told)
    for part in ("2 damaged, or no picture (", "1 the same as another picture, pixel by pixel (copy.png)", "(notes.txt)"):
        assert part in told, told
    assert "DS_Store" not in told


@pytest.mark.parametrize(("make", "says"), [
    (lambda folder: folder / "missing", "does not exist"),
    (lambda folder: folder, "holds no pictures"),
    (lambda folder: fill(folder, 4), "at least 10 different pictures are needed, and .* holds 4"),
    (lambda folder: next(fill(folder, 1).iterdir()), "is a file"),
])
def test_a_folder_that_cannot_be_used_is_named_in_one_line(make, says, tmp_path):
    with pytest.raises(DataError, match=says) as error:
        read_pictures(make(tmp_path))
    assert "\n" not in str(error.value)


def test_many_copies_of_one_picture_are_one_picture(tmp_path):
    for i in range(40):
        Image.new("RGB", (16, 16), "red").save(tmp_path / f"{i}.png")
    with pytest.raises(DataError, match="holds 1; 39 the same"):
        read_pictures(tmp_path)


@pytest.mark.parametrize("size", [4, 10, 36, 72, 144, 0])
def test_a_size_that_no_network_halves_is_refused(size, tmp_path):
    with pytest.raises(ValueError, match=f"got {size}"):
        read_pictures(fill(tmp_path, 12), size)


@pytest.mark.parametrize(("width", "height", "size"), [(128, 100, 32), (19, 40, 16), (6, 6, 8)])
def test_the_size_is_32_or_what_the_pictures_have(width, height, size, tmp_path):
    assert read_pictures(fill(tmp_path, 12, width, height)).size == size


# --- IDX files


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def test_idx_files_are_read_with_their_labels_and_their_own_test_part(tmp_path):
    images = np.stack([noise(28, 28, 1, i) for i in range(30)])
    labels = np.arange(30, dtype=np.uint8) % 3 + 1
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images[:24])))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels[:24]))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(images[24:]))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(labels[24:]))
    pictures = read_pictures(tmp_path)
    train, test = pictures.part("train"), pictures.part("test")
    assert np.array_equal(train.images[:, 0].numpy(), images[:24]) and np.array_equal(test.images[:, 0].numpy(), images[24:])
    assert pictures.classes == ("1", "2", "3") and train.labels.tolist() == (labels[:24] - 1).tolist()


@pytest.mark.parametrize(("content", "says"), [
    (b"", "does not begin"), (b"PK\3\4", "does not begin"),
    (idx(np.zeros((2, 3), np.uint8))[:-1], "2 × 3 bytes of data, and 5"),
    (b"\0\0\x0d\1\0\0\0\0", "type 13"), (b"\0\0\x08\3\0", "bytes of data"),
])
def test_a_damaged_idx_file_says_what_is_wrong(content, says):
    with pytest.raises(ValueError, match=says):
        parse(content)


def test_idx_pictures_and_labels_of_different_number_are_refused(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((12, 8, 8), np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(11, np.uint8)))
    with pytest.raises(DataError, match="12 pictures, and train-labels-idx1-ubyte 11 labels"):
        read_pictures(tmp_path)
