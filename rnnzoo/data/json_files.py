"""JSON files of a known form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError


def read_json(path: str) -> dict[str, Any]:
    """The object in a JSON file, gzip-compressed where its name ends in `.gz`.

    Raises:
        RnnzooError: it is no JSON, with the line, or something else than an object.
    """
    try:
        found = json.loads(read_text(path).text)
    except json.JSONDecodeError as error:
        raise RnnzooError(f"{path}:{error.lineno}: is no JSON: {error.msg}") from None
    if not isinstance(found, dict):
        raise RnnzooError(f"{path}: a JSON object with named parts is expected, not a {type(found).__name__}")
    return found


def entries(path: str, found: dict[str, Any], part: str, keys: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a list in a JSON file, each with its place, such as `file: images[3]`.

    Raises:
        RnnzooError: there is no such list, or an object lacks one of the keys.
    """
    if not isinstance(found.get(part), list) or not found[part]:
        raise RnnzooError(f"{path}: has no list {part!r} (it has: {', '.join(found) or 'nothing'})")
    for number, entry in enumerate(found[part]):
        place = f"{path}: {part}[{number}]"
        missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise RnnzooError(f"{place}: has no {', '.join(missing)}")
        yield place, entry
