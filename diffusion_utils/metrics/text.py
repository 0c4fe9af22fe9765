"""How good is written text? Judged beside real text and what letter counts alone can do; low surprise alone says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from math import log

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import Dataset
from ..data.text import Alphabet, TextWindows, load_names, load_shakespeare, load_text, names_of
from ..discrete import DiscreteDenoiser, Limit, any_order, bound
from ..schedules import Schedule, cosine, straight
from .ngram import NGram, coded, found

JUDGE = 5  # letters of the n-grams that judge
WORD = 4   # letters of the shortest words that are looked up


def evaluate(x: Tensor, cond: None = None, calls: int | None = None, device: str | None = None,
             file: str | None = None) -> dict:
    """All figures of a set of texts as a dictionary ready for JSON. x: int64 (N, L), numbers of letters; file: the text
    of one's own that they were learnt from, or None for Shakespeare.

    Each figure stands beside that of as many held-out windows, and of samples of the judge itself.
    """
    load = (lambda split: load_text(split, file, x.shape[1])) if file else (lambda split: load_shakespeare(split, x.shape[1]))
    train, test = load("train"), load("test")
    letters = len(train.alphabet)
    if x.dtype != torch.int64 or x.ndim != 2 or int(x.min()) < 0 or int(x.max()) >= letters:
        raise ValueError(f"texts must be int64 (N, L), numbers of letters 0…{letters - 1} of {train.name}, got {x.dtype} "
                         f"{tuple(x.shape)}")
    judge = judge_of(file, x.shape[1])
    real = spread(test, len(x)).numpy()
    kinds = {"samples": x.cpu().numpy(), "real": real, f"{JUDGE}-gram": judge.sample(len(x), x.shape[1])}
    look = {name: figures_of(rows, judge, train) for name, rows in kinds.items()}
    return {"n": len(x), "calls": calls, "compared_with": test.name, **look["samples"],
            "real_text": look["real"] | {"n": len(real)}, f"samples_of_a_{JUDGE}_gram_model": look[f"{JUDGE}-gram"]}


def spread(data: TextWindows, n: int) -> Tensor:
    """At most n windows, int64 (n, L), from all over a text, whose parts differ by more than chance."""
    return data.x0(torch.linspace(0, len(data) - 1, min(n, len(data))).long())


@lru_cache(maxsize=2)
def judge_of(file: str | None, length: int) -> NGram:
    """The judge, which knows the training text alone."""
    train = load_text("train", file, length) if file else load_shakespeare("train", length)
    return NGram(train.tokens.numpy(), len(train.alphabet), JUDGE)


def figures_of(rows: np.ndarray, judge: NGram, train: TextWindows) -> dict:
    """What is measured of any texts, int64 (N, L)."""
    copied = longest_copies(rows, train.tokens.numpy())
    surprise, rich = judge.bits(rows).mean(1), entropies(rows, judge.K)
    return {
        "judge_bits": float(surprise.mean()), "judge_bits_error": standard_error(surprise),
        "entropy": float(rich.mean()), "entropy_error": standard_error(rich),
        "distinct_4_grams": distinct(rows, 4), "real_words": real_words(rows, train),
        "words": len(words_of(rows, train.alphabet)),
        "longest_copy": {"median": float(np.median(copied)), "most": int(copied.max())},
    }


def standard_error(of_rows: np.ndarray) -> float | None:
    """Of the mean over rows; None of a single one."""
    return float(of_rows.std(ddof=1)) / len(of_rows)**0.5 if len(of_rows) > 1 else None


def entropies(rows: np.ndarray, K: int) -> np.ndarray:
    """H₁ of the letters in each row, bits: float64 (N,). Text that repeats itself has a low one."""
    shares = np.stack([np.bincount(row, minlength=K) for row in rows]) / rows.shape[1]
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(1)


def distinct(rows: np.ndarray, k: int) -> float:
    """Different k-grams by all k-grams, of all rows together: it falls with their number, so compare equal numbers."""
    codes = np.concatenate([coded(row, k, int(rows.max()) + 1) for row in rows])
    return len(np.unique(codes)) / len(codes)


def real_words(rows: np.ndarray, train: TextWindows) -> float | None:
    """The share of words of at least four letters that occur in the training text; those cut by the window's ends are left out.
    None where there are none."""
    known, given = words_of_training(train.text), words_of(rows, train.alphabet)
    return sum(word in known for word in given) / len(given) if given else None


def words_of(rows: np.ndarray, alphabet: Alphabet) -> list[str]:
    """All words of at least four letters in the rows, those that their ends cut left out."""
    return [word for row in rows for word in whole_words(alphabet.decode(torch.from_numpy(row)))]


@lru_cache(maxsize=2)
def words_of_training(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in re.findall(r"[^\W\d_]+", text))


def whole_words(text: str) -> list[str]:
    """Words of at least four letters that touch neither end, in small letters."""
    return [found[0].lower() for found in re.finditer(r"[^\W\d_]+", text)
            if len(found[0]) >= WORD and found.start() > 0 and found.end() < len(text)]


def longest_copies(rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The longest run of each row that stands in the training text as it is: int64 (N,)."""
    longest, alive, k = np.zeros(len(rows), dtype=np.int64), np.arange(len(rows)), 0
    while len(alive) and k < min(rows.shape[1], len(tokens)):
        k += 1
        known = np.sort(hashes(tokens, k))
        here = np.array([found(known, hashes(rows[i], k))[1].any() for i in alive])
        alive = alive[here]  # what has no copy of k letters has none of k + 1
        longest[alive] = k
    return longest


def hashes(tokens: np.ndarray, k: int) -> np.ndarray:
    """A number of 64 bits for each k letters in a row; two that differ share one with a chance of 10⁻¹³ in a million."""
    sums = np.zeros(len(tokens) - k + 1, dtype=np.uint64)
    for j in range(k):
        sums = sums * np.uint64(0x9E3779B97F4A7C15) + tokens[j:len(tokens) - k + 1 + j].astype(np.uint64) + np.uint64(1)
    return sums


def evaluate_names(x: Tensor, cond: None = None, calls: int | None = None, device: str | None = None) -> dict:
    """Figures of first names, int64 (N, 16), beside those of as many held-out ones."""
    train = set(names_of(load_names("train").values))
    held_out = load_names("test").values

    def look(rows: Tensor) -> dict:
        names = names_of(rows)
        return {"broken": sum("." in name for name in names) / len(names), "distinct": len(set(names)) / len(names),
                "in_training": sum(name in train for name in names) / len(names),
                "mean_length": sum(map(len, names)) / len(names)}

    return {"n": len(x), "calls": calls, **look(x), "real_names": look(held_out[: len(x)])}


# --- What a network says of held-out text


def bits_of(net: nn.Module, limit: Limit, schedule: Schedule, test: Dataset, draws: int = 8, most: int = 2000) -> dict:
    """The bound of held-out rows, bits a letter and a row: over any order where noise is a mask, else over t."""
    if not limit.hides:
        return in_bits(partial(_nats, net, limit, schedule, draws), test, most)
    denoiser = DiscreteDenoiser(net, schedule)
    return in_bits(lambda x, seed: any_order(denoiser, (x,), limit, schedule.T, draws, seed=seed), test, most)


def _nats(net: nn.Module, limit: Limit, schedule: Schedule, draws: int, x: Tensor, seed: int) -> Tensor:
    return bound(DiscreteDenoiser(net, schedule), (limit,), schedule, (x,), draws, seed=seed)


def both_bounds(net: nn.Module, limit: Limit, test: Dataset, draws: int = 4, most: int = 256) -> dict:
    """For masks: the bound over any order, and the sums over t that come down to it as T rises, on two schedules."""
    if not limit.hides:
        return {}
    found = {"any_order": bits_of(net, limit, straight(1000), test, 2 * draws, most)}
    for T in (128, 1000):
        for name, schedule in (("straight", straight(T)), ("cosine", cosine(T, beta_max=1.0))):
            nats = partial(_nats, net, limit, schedule, draws)
            found[f"{name}_{T}"] = in_bits(nats, test, most)
    return found


def bits_left_to_right(net: nn.Module, test: Dataset, most: int = 2000) -> dict:
    """−log₂ p of held-out rows, of a causal network."""
    device = next(net.parameters()).device

    @torch.no_grad()
    def lost(x: Tensor, seed: int) -> Tensor:
        logits = net(x.to(device), torch.zeros(len(x), device=device)).cpu().double()
        return F.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(1)

    return in_bits(lost, test, most)


def in_bits(nats: Callable[[Tensor, int], Tensor], test: Dataset, most: int, batch: int = 64) -> dict:
    """Mean and standard error of what `nats(rows, seed)` gives of each of at most so many rows, spread over the data."""
    rows = torch.linspace(0, len(test) - 1, min(len(test), most)).long()
    found = torch.cat([nats(test.x0(part), k) for k, part in enumerate(rows.split(batch))]) / log(2)
    length = test.shape[0]
    return {"bits_per_letter": float(found.mean()) / length, "standard_error": float(found.std()) / len(found)**0.5 / length,
            "bits_per_row": float(found.mean()), "rows": len(found)}
