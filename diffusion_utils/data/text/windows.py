"""Text as windows of letters. What is held out is the last tenth, so that no window of it was seen in part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..mnist import DataError
from .files import load_source
from .letters import Alphabet, alphabet_of

WINDOW = 128  # letters that a network sees at a time
HELD_OUT = 0.1
SHAKESPEARE_ALPHABET = Alphabet("\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, eq=False)
class TextWindows:
    """tokens: all letters in a row, int64 (N,); length: of a window; stride: from one window to the next

    Raises ValueError where the text is shorter than a window.
    """

    tokens: Tensor
    alphabet: Alphabet
    length: int = WINDOW
    stride: int = 1
    name: str = "text"
    source: str = "given"

    def __post_init__(self):
        if len(self.tokens) < self.length:
            raise ValueError(f"{self.name}: a text of {len(self.tokens)} characters is shorter than a window of {self.length}")

    @property
    def sha256(self) -> str:
        """Of the letters and their alphabet."""
        return hashlib.sha256(self.alphabet.letters.encode() + self.tokens.cpu().numpy().tobytes()).hexdigest()

    @property
    def shape(self) -> tuple[int]:
        """Of one window."""
        return (self.length,)

    @property
    def clip(self) -> None:
        """Letters have no range."""
        return None

    @property
    def text(self) -> str:
        """All of it."""
        return self.alphabet.decode(self.tokens)

    def __len__(self) -> int:
        return (len(self.tokens) - self.length) // self.stride + 1

    def to(self, device: torch.device) -> TextWindows:
        """The same text on the device."""
        return replace(self, tokens=self.tokens.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        """The windows of these rows, int64 (B, length)."""
        rows = rows.to(self.tokens.device)
        return self.tokens[self.stride * rows[:, None] + torch.arange(self.length, device=rows.device)]

    def condition(self, rows: Tensor) -> None:
        """Nothing belongs to them."""
        return None


def split_text(text: str, split: str) -> str:
    """The first nine tenths, 'train', or the last, 'test'. Raises ValueError for another split."""
    border = len(text) - int(HELD_OUT * len(text))
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    return text[:border] if split == "train" else text[border:]


def windows(text: str, split: str, alphabet: Alphabet, length: int, name: str, source: str) -> TextWindows:
    """'train': a window at every letter; 'test': one after the other."""
    tokens = alphabet.encode(split_text(text, split))
    return TextWindows(tokens, alphabet, length, 1 if split == "train" else length, f"{name}-{split}", source)


def shakespeare(split: str = "train") -> str:
    """1,003,855 characters to learn from, or the 111,539 that are held out."""
    return split_text(load_source("shakespeare")[0], split)


def load_shakespeare(split: str, length: int = WINDOW) -> TextWindows:
    """Windows of Shakespeare, of 65 letters. Where neither folder nor network has him, of his beginning, with a notice."""
    text, source = load_source("shakespeare")
    return windows(text, split, SHAKESPEARE_ALPHABET, length, "shakespeare", source)


@lru_cache(maxsize=2)
def read_text(file: str) -> str:
    """A text file of one's own in UTF-8, without a byte order mark, lines ended by \\n. Raises DataError for what is none."""
    path = Path(file).expanduser()
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8: byte {error.start} is none of it. Save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def load_text(split: str, file: str, length: int = WINDOW) -> TextWindows:
    """Windows of a text file of one's own. The alphabet is that of the whole file, as `alphabet_of` takes it."""
    text = read_text(str(file))
    if len(text) < 20 * length:
        raise DataError(f"{file} holds {len(text)} characters; at least {20 * length} are needed, and 100,000 to learn much")
    return windows(text, split, alphabet_of(text), length, Path(file).stem, str(file))
