"""The bytes of files of word vectors: text with and without a header, and word2vec's binary."""

from __future__ import annotations

import codecs
import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from rnnzoo.errors import RnnzooError

_HEADER = re.compile(rb"(\d{1,12}) (\d{1,12})\s*")
_FASTTEXT_MODEL = struct.pack("<i", 793712314)
_LONGEST_LINE = 1 << 21
_LONGEST_WORD = 1 << 12  # bytes; word2vec itself cuts words at 100, fastText keeps them
_WIDEST = 1 << 16
_CHUNK = 1 << 22


@dataclass
class Rows:
    """The words that were kept and their numbers, float32 in the byte order of this machine.

    Attributes:
        size: E.
        tokens: The words.
        numbers: Their vectors, one after the other.
        repeated: Words that came again.
    """

    size: int
    tokens: list[str] = field(default_factory=list)
    numbers: bytearray = field(default_factory=bytearray)
    repeated: list[str] = field(default_factory=list)
    _known: set[bytes] = field(default_factory=set)

    def is_new(self, word: bytes) -> bool:
        """Whether a word comes for the first time; one that comes again is noted."""
        if word in self._known:
            self.repeated.append(word.decode())
            return False
        self._known.add(word)
        return True


def read_rows(path: Path, keep: frozenset[bytes] | None) -> Rows:
    """The rows of the words in `keep`, or all, of a file in any of the formats of `rnnzoo.text.vectors.read_vectors`.

    Raises:
        RnnzooError: See there.
    """
    if not path.is_file():
        raise RnnzooError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'} of word vectors")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _read(path, cast("BinaryIO", file), keep)
    except gzip.BadGzipFile as error:
        raise RnnzooError(
            f"{path}: its name ends in .gz but it is not gzip, or damaged ({error}): copy it anew"
        ) from None
    except (EOFError, zlib.error) as error:
        raise RnnzooError(f"{path}: the compressed file is cut short or damaged ({error}): copy it anew") from None
    except OSError as error:
        raise RnnzooError(f"{path}: cannot be read: {error.strerror or error}") from None


def _read(path: Path, file: BinaryIO, keep: frozenset[bytes] | None) -> Rows:
    start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):  # is no part of the first word
        start = start[3:] + file.read(3)
    if start[:2] in (b"\x1f\x8b", b"PK"):
        raise RnnzooError(f"{path}: is compressed: let the name of a gzip file end in .gz, unpack others")
    if start == _FASTTEXT_MODEL:
        raise RnnzooError(f"{path}: is a whole fastText model, not its vectors: give the .vec file beside it")
    first = start if b"\n" in start else start + file.readline(_LONGEST_LINE)
    if b"\n" in start:  # the four bytes held a line and more
        first, rest = start[: start.index(b"\n") + 1], start[start.index(b"\n") + 1 :]
    else:
        rest = b""
    if len(first) > _LONGEST_LINE:
        raise RnnzooError(f"{path}:1: no line ends in the first {_LONGEST_LINE} bytes: this is no file of word vectors")
    if not first.strip():
        raise RnnzooError(f"{path}:1: the first line is empty: word vectors begin with a word, or with two numbers")
    header = _HEADER.fullmatch(first)
    if header is None:
        return _read_text(path, _lines(first + rest, file), keep, None)
    count, size = int(header[1]), int(header[2])
    if not count or not 0 < size <= _WIDEST:
        raise RnnzooError(
            f"{path}:1: the header says {count} vectors of width {size}: there must be some, at most {_WIDEST} wide"
        )
    rest += file.read(_LONGEST_WORD + 4 * size)
    if _is_text(rest, size):
        return _read_text(path, _lines(first + rest, file), keep, (count, size))
    return _read_binary(path, rest, file, keep, count, size)


def _is_text(start: bytes, size: int) -> bool:
    """Whether what follows the first word is printed numbers, not the bytes of float32 ones.

    In the place of the first vector the bytes of a text are UTF-8 without control characters, damaged or not.
    """
    numbers = start.partition(b" ")[2][: 4 * size]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(numbers)  # it may end within a character
    except UnicodeDecodeError:
        return False
    return not any(byte < 0x20 and byte not in b"\t\r\n" for byte in numbers)


def _lines(start: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The lines of what was read already and of the rest of the file."""
    *whole, broken = start.split(b"\n")
    yield from whole
    if last := broken + file.readline():
        yield last.removesuffix(b"\n")
    for line in file:
        yield line.removesuffix(b"\n")


def _read_text(
    path: Path, lines: Iterator[bytes], keep: frozenset[bytes] | None, header: tuple[int, int] | None
) -> Rows:
    rows = Rows(header[1]) if header else None
    if header:
        next(lines)
    number = before = 1 if header else 0
    for number, raw in enumerate(lines, before + 1):
        line = raw.rstrip(b" \r\t")  # fastText ends its lines in a space
        if rows is None:
            rows = Rows(line.count(b" "))
            if rows.size < 2:
                raise RnnzooError(f"{path}:1: {_shown(line)} is neither a word and its numbers nor a header")
        spaces = line.count(b" ")
        if spaces == rows.size:
            word = line[: line.index(b" ")]
        elif spaces > rows.size and not _all_numbers(head := line.rsplit(b" ", rows.size)[0]):
            word = head
        else:
            raise RnnzooError(
                f"{path}:{number}: {_shown(line)} has {spaces} numbers, the lines before {rows.size}: "
                "the file is damaged or cut short"
            )
        if (keep is None or word in keep) and rows.is_new(_checked(path, number, word)):
            rows.numbers += _packed(path, number, line[len(word) + 1 :], word)
            rows.tokens.append(word.decode())
    assert rows is not None  # the first line was not empty
    if header and number - 1 != header[0]:
        raise RnnzooError(
            f"{path}:{number}: the header says {header[0]} vectors, there are {number - 1}: the file is cut short or "
            "its header is wrong"
        )
    return rows


def _all_numbers(head: bytes) -> bool:
    """Whether what follows the first space of a word with spaces could be further numbers."""
    return all(_is_number(part) for part in head.split(b" ")[1:])


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _checked(path: Path, number: int, word: bytes) -> bytes:
    try:
        word.decode()
    except UnicodeDecodeError as error:
        raise RnnzooError(
            f"{path}:{number}: the word {word!r} is not UTF-8 ({error.reason}): convert the file, or name the wanted "
            "words, which leaves such words out"
        ) from None
    return word


def _packed(path: Path, number: int, numbers: bytes, word: bytes) -> bytes:
    parts = numbers.split(b" ")
    try:
        values = [float(part) for part in parts]
        if math.isfinite(sum(values)) and b"_" not in numbers:  # Python reads 1_0 as 10
            return struct.pack(f"={len(values)}f", *values)
    except (ValueError, OverflowError):
        pass
    bad = next((part for part in parts if not _fits(part)), parts[0])
    raise RnnzooError(f"{path}:{number}: {_shown(bad)} in the vector of {_shown(word)} is not a finite float32 number")


def _fits(part: bytes) -> bool:
    try:
        struct.pack("=f", float(part))
    except (ValueError, OverflowError):
        return False
    return math.isfinite(float(part)) and b"_" not in part


def _read_binary(
    path: Path, start: bytes, file: BinaryIO, keep: frozenset[bytes] | None, count: int, size: int
) -> Rows:
    rows = Rows(size)
    width = 4 * size
    buffer, at = start, 0
    for vector in range(1, count + 1):
        if len(buffer) - at < _LONGEST_WORD + width + 1:
            buffer, at = buffer[at:] + file.read(_CHUNK + _LONGEST_WORD + width), 0
        begin = at + 1 if buffer[at : at + 1] == b"\n" else at
        space = buffer.find(b" ", begin, begin + _LONGEST_WORD)
        at = space + 1 + width
        if space < 0 or at > len(buffer):
            ended = len(buffer) - begin < _LONGEST_WORD + width
            fault = "the file is cut short" if ended else "no word of a sensible length begins here"
            raise RnnzooError(
                f"{path}: vector {vector} of {count}: {fault} (word2vec binary of width {size}): copy it anew"
            )
        word = buffer[begin:space]
        if keep is not None and word not in keep:
            continue
        try:
            text = word.decode()
        except UnicodeDecodeError as error:
            raise RnnzooError(
                f"{path}: vector {vector}: the word {word!r} is not UTF-8 ({error.reason}): name the wanted words, "
                "which leaves such words out"
            ) from None
        if not rows.is_new(word):
            continue
        values = struct.unpack(f"<{size}f", buffer[space + 1 : at])
        if not math.isfinite(sum(values)):
            raise RnnzooError(f"{path}: vector {vector}: the vector of {text!r} has a number that is not finite")
        rows.tokens.append(text)
        rows.numbers += struct.pack(f"={size}f", *values)
    if (buffer[at:] + file.read(16)).strip():
        raise RnnzooError(f"{path}: there is more behind the {count} vectors that the header says: its header is wrong")
    return rows


def _shown(raw: bytes) -> str:
    text = raw.decode(errors="backslashreplace")
    return repr(text if len(text) <= 40 else text[:40] + "...")
