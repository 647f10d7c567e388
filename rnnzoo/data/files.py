"""Text files read strictly: what cannot be text is an error that says where and what to do."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.errors import RnnzooError

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip"}


@dataclass(frozen=True)
class Text:
    """A piece of text and where it came from.

    Attributes:
        source: The file, or the words that name it in a message.
        text: The text itself, lines ending in a newline.
        first_line: The number of its first line in the source.
    """

    source: str
    text: str
    first_line: int = 1


def read_text(path: str | Path, encoding: str = "utf-8", key: str | None = None) -> Text:
    r"""The text of a file, gzip-compressed where its name ends in `.gz`.

    A byte order mark at the start is left out and `\r\n` is read as `\n`; nothing else is changed.

    Args:
        path: The file.
        encoding: That of the file; one in which a NUL byte is no part of a text.
        key: What gives another encoding, for the message.

    Raises:
        RnnzooError: If the file is absent, no regular file, not readable, empty, cut short, binary (it has a NUL
            byte), not of the encoding, or all its lines end in `\r`; with the file, the byte or line, and the remedy.
    """
    path = Path(path)
    raw = _read_bytes(path)
    nul = raw.find(b"\0")
    if (kind := _BYTE_ORDER_MARKS.get(raw[:2])) == "gzip":
        raise RnnzooError(f"{path}: is gzip-compressed: let its name end in .gz, or unpack it")
    if kind is not None:
        raise RnnzooError(f"{path}: is {kind}, not UTF-8: convert it (iconv -f {kind} -t UTF-8)")
    if nul >= 0:
        raise RnnzooError(
            f"{path}: is binary, not text: a NUL byte at byte {nul} (line {_line_of(raw, nul)}); give a text file, or "
            "take the NUL bytes out (tr -d '\\0')"
        )
    try:
        text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        # error.start counts from behind a byte order mark
        at = error.start + (3 if encoding == "utf-8" and raw.startswith(b"\xef\xbb\xbf") else 0)
        raise RnnzooError(
            f"{path}: is not {encoding.upper()}: byte 0x{raw[at]:02x} at byte {at} (line {_line_of(raw, at)}) cannot "
            "be read; convert it from the encoding that it has, such as iconv -f ISO-8859-1 -t UTF-8"
            + (f", or give {key}" if key else "")
        ) from None
    text = text.replace("\r\n", "\n")
    if text.isspace() or not text:
        raise RnnzooError(f"{path}: is empty: give a file with text in it")
    if "\n" not in text and "\r" in text.strip():
        raise RnnzooError(
            f"{path}: its lines end in \\r alone, as on old Macintoshes, so that it would be one line: convert it "
            "(tr '\\r' '\\n')"
        )
    return Text(str(path), text)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise RnnzooError(f"{path}: is a folder, not a file: give the files in it, or the folder as data.folder")
        if not path.exists():
            raise RnnzooError(f"{path}: no such file{_neighbours(path)}")
        if not path.is_file():
            raise RnnzooError(f"{path}: is no regular file: give a text file")
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                return file.read()
        return path.read_bytes()
    except gzip.BadGzipFile as error:
        raise RnnzooError(
            f"{path}: its name ends in .gz but it is not gzip, or damaged ({error}): copy it anew"
        ) from None
    except (EOFError, zlib.error) as error:
        raise RnnzooError(f"{path}: the compressed file is cut short or damaged ({error}): copy it anew") from None
    except OSError as error:
        raise RnnzooError(f"{path}: cannot be read: {error.strerror or error}") from None


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f": the folder {path.parent} does not exist either"
    names = sorted(entry.name for entry in path.parent.iterdir())
    more = ", ..." if len(names) > 8 else ""
    return f" (the folder has: {', '.join(names[:8])}{more})" if names else " (the folder is empty)"


def _line_of(raw: bytes, offset: int) -> int:
    return raw.count(b"\n", 0, offset) + 1
