"""Series in the `.ts` format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnzoo.data.files import read_text
from rnnzoo.data.series import Series, check_missing, number, plain_numbers, without_gaps
from rnnzoo.errors import RnnzooError, unknown


def read_ts(path: str | Path, missing: str = "error") -> list[Series]:
    """The series of a file in the `.ts` format of the UEA archive (Bagnall et al. 2018).

    Below `@data` each line is a series: its dimensions divided by colons, their values by commas, and last its label,
    where `@classLabel` or `@targetLabel` says that there is one, a class or a number to be predicted. Lines that begin
    with `#` are comments. What the header says of dimensions, lengths and labels
    must be so. Time stamps are not supported. The file may be gzip-compressed, its name ending in `.gz`.

    Args:
        path: The file.
        missing: What to do with a gap (`?`, `NaN`), as in `rnnzoo.data.series.without_gaps`.

    Raises:
        RnnzooError: The file or a line is not of the format, or a series has a gap; with file and line.
    """
    check_missing(missing)
    lines = enumerate(read_text(path).text.split("\n"), 1)
    header = _ts_header(path, lines)
    found = []
    for at, line in lines:
        if line.strip() and not line.startswith("#"):
            found.append(_ts_series(f"{path}:{at}", line.strip(), header, missing))
    if not found:
        raise RnnzooError(f"{path}: has no series below @data")
    return found


@dataclass
class _Header:
    dimensions: int | None = None
    equal: bool = False
    length: int | None = None
    labels: frozenset[str] | None = None  # the known ones
    answer_kind: str | None = None  # of the label; None: there is none


_TAGS = (
    *("problemname", "timestamps", "missing", "univariate", "dimension", "dimensions", "equallength", "serieslength"),
    *("classlabel", "targetlabel", "data"),
)


def _ts_header(path: str | Path, lines: Iterator[tuple[int, str]]) -> _Header:
    header = _Header()
    for at, raw in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        tag, *values = line.split()
        name = tag[1:].lower()
        if not line.startswith("@"):
            raise RnnzooError(f"{path}:{at}: {line[:40]!r} stands before @data and is neither a tag nor a comment")
        if name not in _TAGS:
            raise RnnzooError(f"{path}:{at}: {unknown('tag', name, _TAGS)}")
        if name == "data":
            return header
        if name == "problemname":
            continue
        if name in ("dimension", "dimensions", "serieslength"):
            if len(values) != 1 or not re.fullmatch(r"[0-9]{1,9}", values[0]) or int(values[0]) < 1:
                raise RnnzooError(f"{path}:{at}: {tag} needs one whole number of at least 1")
            if name == "serieslength":
                header.length = int(values[0])
            else:
                header.dimensions = int(values[0])
            continue
        if not values or values[0].lower() not in ("true", "false"):
            raise RnnzooError(f"{path}:{at}: {tag} needs true or false")
        yes = values[0].lower() == "true"
        if name == "timestamps" and yes:
            raise RnnzooError(f"{path}:{at}: series with time stamps are not supported: give values at equal steps")
        if name == "univariate" and yes:
            header.dimensions = 1
        if name == "equallength":
            header.equal = yes
        if name == "targetlabel" and yes:
            header.answer_kind = "value"
        if name == "classlabel":
            if yes and not values[1:]:
                raise RnnzooError(f"{path}:{at}: {tag} true needs the classes: name them behind it")
            if yes:
                header.answer_kind, header.labels = "class", frozenset(values[1:])
    raise RnnzooError(f"{path}: has no line @data: it is no .ts file, or cut short")


def _ts_series(place: str, line: str, header: _Header, missing: str) -> Series:
    labelled = header.answer_kind is not None
    *parts, label = line.split(":") if labelled else [*line.split(":"), ""]
    label = label.strip()
    if not parts:
        raise RnnzooError(
            f"{place}: has no dimension before the label, or no label: values, a colon and the label are expected, not "
            f"{line[:40]!r}"
        )
    if header.dimensions is not None and len(parts) != header.dimensions:
        raise RnnzooError(
            f"{place}: has {len(parts)} dimensions{' before the label' * labelled}, the header or the first "
            f"series {header.dimensions}"
        )
    if header.labels is not None and label not in header.labels:
        raise RnnzooError(f"{place}: {unknown('class', label, header.labels)} in @classLabel")
    if labelled and not label:
        raise RnnzooError(f"{place}: has no label")
    columns = [_numbers(part.split(","), place) for part in parts]
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        raise RnnzooError(f"{place}: its dimensions have different lengths, from {lengths[0]} to {lengths[-1]}")
    if header.length is not None and lengths[0] != header.length:
        raise RnnzooError(f"{place}: has {lengths[0]} steps, the header or the first series {header.length}")
    header.dimensions = len(parts)  # from now on, where the header does not say it
    header.length = lengths[0] if header.equal else header.length
    values, conversion = without_gaps(np.array(columns).T, missing, place)
    return Series(values, label if labelled else None, place, conversion, header.answer_kind)


def _numbers(cells: list[str], place: str) -> list[float]:
    found = plain_numbers(cells)
    return [number(cell, place) for cell in cells] if found is None else found
