"""Rows of TSV, CSV and JSON-lines files, each with its place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.data.files import read_text
from rnnzoo.data.json_files import refuse_half_characters
from rnnzoo.errors import RnnzooError, unknown

_LONGEST_CELL = 2**31 - 1  # characters; Python's own limit is 131,072, shorter than some texts
_TABS, _OBJECTS = (".tsv", ".txt"), (".jsonl", ".ndjson", ".json")
FORMATS = (*_TABS, ".csv", *_OBJECTS)


def read_table(path: str | Path, columns: Sequence[str | int], header: bool = True) -> Iterator[tuple[list[Any], str]]:
    """The values of some columns of each row, and the row's place, `file:line`.

    `.tsv` and `.txt`: separated by tabs, nothing is quoted. `.csv`: RFC 4180, separated by commas, quotes as doubled
    quotes. `.jsonl`, `.ndjson` and `.json`: an object a line, of distinct keys. Each may be compressed, `.tsv.gz` and
    so on. Lines that are empty hold no row; all rows of tabs or commas are equally wide.

    Args:
        path: the file.
        columns: names in the header or keys of the objects; or positions from 0, which need no header, also as texts
            such as "2", as a command line has them, where no column has that name.
        header: whether the first line of a table of tabs or commas names the columns.

    Raises:
        RnnzooError: an unknown format, column or key, a row of another width, bad quoting or JSON; file and line are
            named. A file that is no text: see `rnnzoo.data.files.read_text`.
    """
    name = str(path).removesuffix(".gz")
    ending = next((ending for ending in FORMATS if name.endswith(ending)), None)
    if ending is None:
        raise RnnzooError(
            f"{path}: of no known format: let its name end in {', '.join(FORMATS)}, or one of them and .gz"
        )
    if None in columns:  # what YAML makes of `text_column: #1 String`
        raise RnnzooError(
            f"{path}: a column to read is null: give its name or position; in a YAML file a name that begins with a "
            "hash mark stands in quotes"
        )
    text = read_text(path).text
    if ending in _OBJECTS:
        yield from _objects(text, path, columns)
        return
    rows = _tsv(text, path) if ending in _TABS else _csv(text, path)
    names = next(rows)[0] if header else None
    at = [_position(column, names, path) for column in columns]
    width = None if names is None else len(names)
    for row, place in rows:
        width = width or max(len(row), *(position + 1 for position in at))
        if len(row) != width:
            remedy = "correct or remove it"
            if ending in _TABS:
                lines = [line.count("\t") != width - 1 for line in text.split("\n") if line]
                if 2 * sum(lines) < len(lines):
                    remedy += f"; {sum(lines):,} rows are so: awk -F'\\t' 'NF == {width}' keeps the others"
            raise RnnzooError(f"{place}: {len(row)} columns, where {width} are expected: {_shown(row)}: {remedy}")
        yield [row[position] for position in at], place


def _tsv(text: str, path: str | Path) -> Iterator[tuple[list[str], str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line:
            yield line.split("\t"), f"{path}:{number}"


def _csv(text: str, path: str | Path) -> Iterator[tuple[list[str], str]]:
    csv.field_size_limit(_LONGEST_CELL)  # of the whole process: the module has no other
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        start = 1
        for row in reader:
            if row:
                yield row, f"{path}:{start}"
            start = reader.line_num + 1
    except csv.Error as error:
        raise RnnzooError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _objects(text: str, path: str | Path, columns: Sequence[str | int]) -> Iterator[tuple[list[Any], str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            row = json.loads(line, object_pairs_hook=_distinct, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise RnnzooError(f"{place}: not JSON: {error}; an object a line is expected") from None
        if not isinstance(row, dict):
            raise RnnzooError(f'{place}: an object is expected, such as {{"text": ...}}, not {_shown(row)}')
        refuse_half_characters(line, row, place)
        for column in columns:
            if isinstance(column, int):
                raise RnnzooError(
                    f"{place}: an object has keys, not positions such as {column}: give its keys ({', '.join(row)}) as "
                    "data.columns, or as the data.*_column"
                )
            if column not in row:
                raise RnnzooError(f"{place}: {unknown('key', column, list(row))}")
        yield [row[column] for column in columns], place


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that stands twice Python would take the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _position(column: str | int, names: list[str] | None, path: str | Path) -> int:
    if isinstance(column, str) and column.isdecimal() and column not in (names or ()):
        column = int(column)
    if isinstance(column, int):
        if column < 0 or (names is not None and column >= len(names)):
            raise RnnzooError(f"{path}: there is no column {column}: the first is 0" + _of(names))
        return column
    if names is None:
        raise RnnzooError(
            f"{path}: the column {column!r} is a name, but the file has no header: give its position, from 0"
        )
    if column not in names:
        raise RnnzooError(f"{path}:1: {unknown('column', column, names)}")
    if names.count(column) > 1:
        raise RnnzooError(f"{path}:1: two columns are named {column!r}: give a position, from 0")
    return names.index(column)


def _of(names: list[str] | None) -> str:
    return "" if names is None else f", and there are {len(names)}"


def _shown(row: object) -> str:
    text = repr(row)
    return text if len(text) <= 80 else f"{text[:77]}..."
