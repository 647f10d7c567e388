"""Wav files in a folder or in a tar archive, labelled by their names."""

from __future__ import annotations

import lzma
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rnnzoo.encodings.wav import Waveform, read_wav, waveform
from rnnzoo.errors import RnnzooError

FOLDER_IS_LABEL = "{label}/{name}.wav"


@dataclass(frozen=True)
class WavExample:
    """One wav file.

    Attributes:
        waveform: What it sounds like, in one channel.
        label: What its name says it is.
        fields: All that its name says, by the names in the pattern.
        place: The file, or the archive and the member.
        name: The path below the folder, or the name of the member.
    """

    waveform: Waveform
    label: str
    fields: dict[str, str]
    place: str
    name: str


def read_wavs(
    path: str | Path,
    pattern: str = FOLDER_IS_LABEL,
    rate: int | None = None,
    convert: bool = False,
    ignore: Collection[str] = (),
) -> Iterator[WavExample]:
    """The wav files at and below a folder, in the order of their names, or in a tar archive, in its order.

    One after the other, so that no more than one has to be in memory. An archive, compressed or not, is read where it
    is: nothing is unpacked. A wav file is one whose name ends in `.wav`, of any case, and begins with no dot.

    Args:
        path: The folder or the archive.
        pattern: How the names are to be read: each ``{field}`` stands for as few characters as fit, none of them a
            slash. ``{label}`` must be there. Slashes in it divide folders; folders further up do not matter, but then
            all files must lie equally deep, so that none is labelled by a folder of another kind.
        rate: The sampling rate that all must have; None: that of the first.
        convert: Whether several channels are averaged and other rates resampled, else they are errors; see
            `rnnzoo.encodings.wav.waveform`.
        ignore: Names of files and folders that are passed over.

    Raises:
        RnnzooError: The path is neither, the pattern is none, there is no wav file, or one that cannot be read or whose
            name does not fit the pattern; with its place.
    """
    fits = _compiled(pattern)
    path = Path(path)
    if not path.exists():
        raise RnnzooError(f"{path}: no such folder of wav files, nor archive")
    above, ignored = len(path.absolute().parts) if path.is_dir() else 0, frozenset(ignore)
    first: tuple[int, str] | None = None  # how deep the first file lies, and where
    for name, place, data in _folder(path) if path.is_dir() else _archive(path):
        depth, parts = pattern.count("/") + 1, PurePosixPath(name).parts
        below = parts[above:]
        if not ignored.isdisjoint(below):
            continue
        first = first or (len(parts), place)
        if depth > 1 and len(parts) != first[0]:
            raise RnnzooError(
                f"{place}: lies not as deep in folders as {first[1]}, so that by {pattern!r} folders of different "
                "kinds would be labels: move or remove one"
            )
        match = fits.fullmatch("/".join(parts[-depth:]))
        if match is None:
            raise RnnzooError(f"{place}: its name does not fit {pattern!r}: rename or remove it, or change the pattern")
        sound = read_wav(place, rate, convert) if data is None else waveform(data, place, rate, convert)
        rate = sound.rate
        yield WavExample(sound, match["label"], match.groupdict(), place, "/".join(below))
    if first is None:
        raise RnnzooError(f"{path}: has no file whose name ends in .wav")


def _folder(path: Path) -> Iterator[tuple[str, str, bytes | None]]:
    for file in sorted(path.rglob("*")):
        if _is_wav(file.name) and file.is_file():
            yield file.absolute().as_posix(), str(file), None


def _archive(path: Path) -> Iterator[tuple[str, str, bytes | None]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and _is_wav(member.name) else None
                if file is not None:
                    yield member.name, f"{path}:{member.name}", file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise RnnzooError(f"{path}: is no tar archive, or damaged or cut short ({error}): copy it anew") from None


def _is_wav(name: str) -> bool:
    return name.lower().endswith(".wav") and not PurePosixPath(name).name.startswith(".")


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^{}]*)\}", pattern)
    names = parts[1::2]
    if "label" not in names or len(set(names)) != len(names) or not all(map(str.isidentifier, names)):
        raise RnnzooError(
            f"the pattern {pattern!r} must have {{label}} and other fields in braces at most once each, such as "
            "'{label}_{speaker}_{index}.wav' or '{label}/{name}.wav'"
        )
    fields = (f"(?P<{part}>[^/]+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile("".join(fields), re.DOTALL | re.IGNORECASE)
