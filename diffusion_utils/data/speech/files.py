"""The 3,000 recordings as files: of a folder, of the archive that is downloaded, and the 60 that the package brings."""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...sound import RATE
from ..mnist import DataError
from ..wav import read_wav

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
PER_CELL = 50  # recordings of each digit and speaker
NAMES = [f"{digit}_{speaker}_{index}.wav" for digit in range(10) for speaker in SPEAKERS for index in range(PER_CELL)]
# Of names and contents of all recordings in this order. An archive is packed anew by whoever sends it; its contents stay.
SHA256 = "5d5a299946078ca71869da21daa58081192a50cf31fa3e26146836e7053c774e"
CLIPS = Path(__file__).with_name("clips.xz")


@dataclass(frozen=True, eq=False)
class Recordings:
    """waves: int16 (L,) each; digits, speakers, indices: of each; source: where they come from."""

    waves: list[np.ndarray]
    digits: list[int]
    speakers: list[int]
    indices: list[int]
    source: str


def of_folder(folder: Path, source: str) -> Recordings:
    """Those of a folder of WAV files."""
    return parsed({path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix == ".wav"}, source)


def of_tar(content: bytes, source: str) -> Recordings:
    """Those of the archive."""
    return parsed(in_tar(content), source)


def in_tar(content: bytes) -> dict[str, bytes]:
    """Name → bytes of the recordings in an archive, whatever else is in it. Raises OSError for what is no archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            return {Path(member.name).name: archive.extractfile(member).read() for member in archive
                    if member.isfile() and re.search(r"(^|/)recordings/[^/]+\.wav$", member.name)}
    except (tarfile.TarError, EOFError) as error:
        raise OSError(f"sent {len(content)} bytes that are no whole archive: {error}") from error


def contents_sha256(content: bytes) -> str:
    """Of the recordings in an archive."""
    return digest_of(in_tar(content))


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 of names and contents, in the order of `NAMES`, and then of any that does not belong there."""
    digest = hashlib.sha256()
    for name in [*NAMES, *sorted(set(files) - set(NAMES))]:
        digest.update(name.encode() + files.get(name, b""))
    return digest.hexdigest()


def parsed(files: Mapping[str, bytes], source: str) -> Recordings:
    """The recordings in these files. Raises DataError unless there are exactly the 3,000, as they were published."""
    missing, surplus = sorted(set(NAMES) - set(files)), sorted(set(files) - set(NAMES))
    if missing or surplus:
        said = [f"{len(names)} {what}, such as {names[0]}" for names, what in ((missing, "are missing"), (surplus, "too many"))
                if names]
        raise DataError(f"of the {len(NAMES)} spoken digits from {source} {'; '.join(said)}")
    found = digest_of(files)
    if found != SHA256:
        raise DataError(f"the spoken digits from {source} are truncated or altered (SHA-256 {found[:12]}… instead of "
                        f"{SHA256[:12]}…) and were not used. Fetch version 1.0.10 again")
    waves = []
    for name in NAMES:
        x, rate = read_wav(files[name])
        if rate != RATE or len(x) != 1:
            raise DataError(f"{name} from {source} has {len(x)} channels and {rate} samples a second; 1 and {RATE} are needed")
        waves.append(np.round(x[0] * 2**15).astype(np.int16))
    return Recordings(waves, *told_by(NAMES), source)


def told_by(names: list[str]) -> tuple[list[int], list[int], list[int]]:
    """Digits, speakers and indices, by the names of the files."""
    parts = [name.removesuffix(".wav").split("_") for name in names]
    return [int(digit) for digit, _, _ in parts], [SPEAKERS.index(who) for _, who, _ in parts], [int(i) for _, _, i in parts]


def pack(waves: list[np.ndarray]) -> bytes:
    """Waves, int16, without loss: how many, their lengths, and the difference of each sample from the one before."""
    steps = [np.diff(wave, prepend=np.int16(0)) for wave in waves]  # overflows wrap round, and wrap back
    lengths = np.array([len(waves), *map(len, waves)], "<i4")
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 1, "pb": 1}]  # two bytes a number
    return lzma.compress(lengths.tobytes() + np.concatenate(steps).astype("<i2").tobytes(), filters=filters)


def unpack(content: bytes) -> list[np.ndarray]:
    """The way back."""
    plain = lzma.decompress(content)
    n = int(np.frombuffer(plain, "<i4", 1)[0])
    lengths = np.frombuffer(plain, "<i4", n, 4)
    steps = np.frombuffer(plain, "<i2", offset=4 * (n + 1))
    return [np.cumsum(part, dtype=np.int16) for part in np.split(steps, np.cumsum(lengths)[:-1])]


def shipped() -> Recordings:
    """The 60 of the package: index 0 of each digit and speaker."""
    names = [name for name in NAMES if name.endswith("_0.wav")]
    return Recordings(unpack(CLIPS.read_bytes()), *told_by(names), "60 recordings in the package")
