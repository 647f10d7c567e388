"""JSON files of a known form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError

_NAMES = {str: "a text", int: "a whole number", list: "a list"}


def read_json(path: str) -> dict[str, Any]:
    """The object in a JSON file, gzip-compressed where its name ends in `.gz`.

    Raises:
        RnnzooError: it is no JSON, with the line, or something else than an object.
    """
    try:
        found = json.loads(text := read_text(path).text)
    except json.JSONDecodeError as error:
        raise RnnzooError(f"{path}:{error.lineno}: is no JSON: {error.msg}") from None
    except RecursionError:
        raise RnnzooError(f"{path}: is nested too deeply to be read") from None
    refuse_half_characters(text, found, path)
    if not isinstance(found, dict):
        raise RnnzooError(f"{path}: a JSON object with named parts is expected, not a {type(found).__name__}")
    return found


def entries(
    path: str, found: dict[str, Any], part: str, keys: Mapping[str, tuple[type, ...]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a list in a JSON file, each with its place, such as `file: images[3]`.

    Args:
        path: the file, for messages.
        found: its content.
        part: the name of the list.
        keys: those that each object needs, and of what types their values may be.

    Raises:
        RnnzooError: there is no such list, or an object lacks one of the keys or has a value of another type there.
    """
    if not isinstance(found.get(part), list) or not found[part]:
        raise RnnzooError(f"{path}: has no list {part!r} (it has: {', '.join(found) or 'nothing'})")
    for number, entry in enumerate(found[part]):
        place = f"{path}: {part}[{number}]"
        missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise RnnzooError(f"{place}: has no {', '.join(missing)}")
        for key, types in keys.items():
            if not isinstance(entry[key], types):
                wanted = " or ".join(_NAMES[one] for one in types)
                raise RnnzooError(f"{place}: {key} is {entry[key]!r}: {wanted} is expected")
        yield place, entry


def refuse_half_characters(text: str, found: Any, place: str) -> None:
    r"""Refuse JSON with half of a surrogate pair, such as `"\ud800"`, which is no character and in no encoding.

    Args:
        text: the JSON.
        found: what it says.
        place: of it, for the message.

    Raises:
        RnnzooError: it has one.
    """
    if "\\ud" not in text and "\\uD" not in text:
        return
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise RnnzooError(f"{place}: {half} is half of a character (a lone surrogate): write the whole one") from None
