"""Molecules to learn from: QM9, which is in the package, or a list of one's own.

Of QM9's 133,595 lines 120,703 are kept: those whose graph of atoms and bonds says all that the line says. The others lack
hydrogen somewhere, carry a charge or fall in pieces; as graphs they would silently be other molecules, and what a network
draws would count as new if it is one of these.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ...molecules.rows import atom_counts, places_of, rings
from ...molecules.smiles import SmilesError, intact, numbers_of, read_smiles, row_of
from ..mnist import DataError

PLACES = 9   # atoms of the largest molecules of QM9
MOST = 20    # atoms of the largest molecules of a list of one's own
FEWEST = 20  # lines of it
PARTS = {"train": range(2, 20), "validation": range(1, 2), "test": range(0, 1)}  # of twenty, by the hash of a line


@dataclass(frozen=True, eq=False)
class MoleculeData:
    """rows: int8 (n, L), see `molecules.rows`; smiles: the line of each. What belongs to a molecule is its number of rings."""

    rows: Tensor
    smiles: tuple[str, ...]
    name: str = "molecules"
    source: str = "given"

    @property
    def sha256(self) -> str:
        """Of the rows."""
        return hashlib.sha256(self.rows.cpu().numpy().tobytes()).hexdigest()

    @property
    def shape(self) -> tuple[int]:
        """Of one row."""
        return tuple(self.rows.shape[1:])

    @property
    def clip(self) -> None:
        """Atoms and bonds have no range."""
        return None

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device) -> MoleculeData:
        """The same molecules on the device."""
        return replace(self, rows=self.rows.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        """These rows, int64 (B, L), their atoms in the order of the line: shuffle them by `molecules.permuted` to learn."""
        return self.rows[rows.to(self.rows.device)].long()

    def condition(self, rows: Tensor) -> Tensor:
        """How many rings each of them has: int64 (B,)."""
        return rings(self.x0(rows))

    @property
    def sizes(self) -> Tensor:
        """How many molecules have r rings and n atoms: int64 (R, N + 1), in row r and column n."""
        x = self.rows.long()
        counts, found = atom_counts(x), rings(x)
        columns = places_of(x.shape[1]) + 1
        table = torch.bincount(found * columns + counts, minlength=(int(found.max()) + 1) * columns)
        return table.view(-1, columns)


@lru_cache(maxsize=1)
def qm9_lines() -> tuple[str, ...]:
    """All 133,595 of them, the damaged ones, too."""
    return tuple(gzip.decompress(Path(__file__).with_name("qm9.smi.gz").read_bytes()).decode().split())


@lru_cache(maxsize=1)
def _qm9() -> tuple[tuple[str, ...], Tensor, Tensor]:
    """(lines that are kept, their rows, the rows that damaged lines would be with hydrogen filled in), int8."""
    kept, rows, filled = [], [], []
    for line in qm9_lines():
        graph = read_smiles(line)
        numbers = numbers_of(graph, PLACES)
        if intact(graph):
            kept.append(line)
            rows.append(numbers)
        else:
            filled.append(numbers)
    return tuple(kept), torch.tensor(rows, dtype=torch.int8), torch.tensor(filled, dtype=torch.int8)


def filled_in() -> Tensor:
    """What 12,892 damaged lines of QM9 become as graphs, where hydrogen fills what they lack: int8 (12892, 45)."""
    return _qm9()[2]


def part_of(line: str) -> int:
    """0…19, by a hash of the line: the same for ever, whatever else a list holds."""
    return zlib.crc32(line.encode()) % 20


def _of_part(lines: tuple[str, ...], rows: Tensor, part: str, name: str, source: str) -> MoleculeData:
    if part not in PARTS:
        raise ValueError(f"split must be {', '.join(map(repr, PARTS))}, got {part!r}")
    chosen = [k for k, line in enumerate(lines) if part_of(line) in PARTS[part]]
    return MoleculeData(rows[chosen], tuple(lines[k] for k in chosen), f"{name}-{part}", source)


def load_qm9(split: str = "train") -> MoleculeData:
    """Nine tenths of the 120,703 molecules that are kept, 'train', or a twentieth each, 'validation' and 'test'."""
    return _of_part(*_qm9()[:2], split, "qm9", "in the package")


@lru_cache(maxsize=2)
def _read_list(file: str) -> tuple[tuple[str, ...], Tensor]:
    """The molecules of a list, and their rows. Raises DataError, with the line, for what is none."""
    path = Path(file).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not text in UTF-8'}") from error
    lines = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").split()
        if words and not (number == 1 and words[0].lower() == "smiles"):
            try:
                lines.setdefault(words[0], row_of(words[0], MOST))
            except SmilesError as error:
                raise DataError(f"{path}, line {number}: {error}") from error
    if len(lines) < FEWEST:
        raise DataError(f"{path} holds {len(lines)} different molecules; at least {FEWEST} are needed, and thousands to learn "
                        "much")
    N = max(int(atom_counts(row[None])) for row in lines.values())
    return tuple(lines), torch.stack([row_of(line, N) for line in lines]).to(torch.int8)


def load_molecules(split: str, file: str) -> MoleculeData:
    """The molecules of a list of one's own: a SMILES at the beginning of each line. Raises DataError, with the line."""
    lines, rows = _read_list(str(file))
    data = _of_part(lines, rows, split, Path(file).stem, str(file))
    if not len(data):
        raise DataError(f"{file} is too short: nothing of it is held out as {split!r}")
    return data


__all__ = ["PLACES", "MoleculeData", "filled_in", "load_molecules", "load_qm9", "qm9_lines"]
