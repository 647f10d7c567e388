"""Series in CSV files."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path

import numpy as np

from rnnzoo.data.files import read_text
from rnnzoo.data.series import Series, check_missing, number, plain_numbers, without_gaps
from rnnzoo.errors import RnnzooError, unknown


def read_csv(
    path: str | Path,
    columns: Sequence[str] | None = None,
    series: str | None = None,
    label: str | None = None,
    missing: str = "error",
    delimiter: str = ",",
    ignore: Sequence[str] = (),
    header: bool = True,
) -> list[Series]:
    """The series of a CSV file, a step a line.

    Args:
        path: The file, gzip-compressed where its name ends in `.gz`.
        columns: The columns to read, in this order; None: all but `series`, `label` and those of `ignore`. A column
            that is not chosen, such as a date, is not looked at.
        series: The column that says which series a step belongs to; the steps of one must stand together. None: the
            whole file is one series.
        label: The column with the label of the series, the same in all its steps.
        missing: As in `rnnzoo.data.series.without_gaps`; a gap is also an empty cell, `NA` or `null`.
        delimiter: Between cells.
        ignore: Columns that are not read, where `columns` chooses none.
        header: Whether the first line names the columns; else their names are their positions, "0" and so on.

    Raises:
        RnnzooError: The file cannot be read, has no such column, a line of another width, a cell that is no number, a
            gap, a series in two places or with two labels; with file and line.
    """
    check_missing(missing)
    rows = csv_rows(path, delimiter)
    line, names = next(rows)
    if not header:
        rows, names = chain([(line, names)], rows), list(map(str, range(len(names))))
    left = {series, label, *ignore}
    chosen = [name for name in names if name not in left] if columns is None else list(columns)
    if header and columns is None and chosen and all(map(_is_number, [*chosen, *ignore])):
        way = "give data.header false, " if series is None and label is None else ""
        raise RnnzooError(
            f"{path}:1: {', '.join(map(repr, chosen[:4]))} are numbers, where the columns' names are expected: put a "
            f"line with their names first, {way}or name the columns to read"
        )
    if series is None and label is None and len(names) > 2 and names == [f"V{at + 1}" for at in range(len(names))]:
        raise RnnzooError(
            f"{path}:1: its columns are V1 to {names[-1]}, as in M4, where a row is a series, not a step: give a file "
            "with a row for each step and a column for each series; if the rows are steps, name the columns otherwise"
        )
    if len(set(names)) != len(names):
        raise RnnzooError(f"{path}:1: a name stands twice among the columns {', '.join(names)}")
    for name in [*chosen, *filter(None, (series, label)), *ignore]:
        if name not in names:
            raise RnnzooError(f"{path}:1: {unknown('column', name, names)}")
    if not chosen:
        raise RnnzooError(f"{path}: no column is chosen: it has {', '.join(names)}")
    at = [names.index(name) for name in chosen]
    key = None if series is None else names.index(series)
    labelled = None if label is None else names.index(label)
    found: list[Series] = []
    seen: set[str] = set()
    for name, steps in groupby(rows, key=lambda row: "" if key is None else row[1][key]):
        lines, table, said = array("q"), array("d"), None
        for line, cells in steps:
            if not lines and name in seen:
                raise RnnzooError(
                    f"{path}:{line}: the series {name!r} goes on after another one: sort the lines by {series}"
                )
            if labelled is not None:
                said = cells[labelled] if said is None else said
                _check_label(cells[labelled], said, f"{path}:{line}")
            lines.append(line)
            table.extend(_numbers([cells[i] for i in at], f"{path}:{line}", chosen))
        seen.add(name)
        place = f"{path}:{lines[0]}"
        values = np.frombuffer(table).reshape(len(lines), len(at))  # of the same memory
        filled, conversion = without_gaps(values, missing, place, lines, chosen)
        found.append(Series(filled, said, place, conversion))
    if not found:
        raise RnnzooError(f"{path}: has a header and no steps")
    return found


def value_columns(path: str | Path, left_out: Collection[str | None] = ()) -> list[str]:
    """The columns of a CSV file in its order, but for some.

    Raises:
        RnnzooError: The file cannot be read.
    """
    _, names = next(csv_rows(path, ","))
    return [name for name in names if name not in left_out]


def csv_rows(path: str | Path, delimiter: str, first: str = "header") -> Iterator[tuple[int, list[str]]]:
    """The rows, a header among them, each with its line; blank lines are allowed at the end only.

    Raises:
        RnnzooError: bad quoting, or a row of another width than the one that messages name by `first`.
    """
    lines = read_text(path).text.rstrip("\n").split("\n")
    if delimiter == "," and lines[0].count(";") > lines[0].count(","):
        raise RnnzooError(
            f"{path}:1: is divided by semicolons, not by commas: convert it, with commas that stand for points: "
            "tr ',;' '.,'"
        )
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width, line = 0, 0
    try:
        for row in reader:
            line = reader.line_num
            width = width or len(row)
            if not row or len(row) != width:
                raise RnnzooError(f"{path}:{line}: has {len(row)} cells, the {first} {width}")
            yield line, [cell.strip() for cell in row]
    except csv.Error as error:
        raise RnnzooError(f"{path}:{line + 1}: is no CSV: {error}") from None


def _is_number(name: str) -> bool:
    try:
        number(name, "")
    except RnnzooError:
        return False
    return True


def _check_label(label: str, first: str, place: str) -> None:
    if not label or label != first:
        raise RnnzooError(f"{place}: the label {label!r} follows {first!r} in the same series")


def _numbers(cells: list[str], place: str, columns: list[str]) -> list[float]:
    found = plain_numbers(cells)
    if found is None:
        found = [_cell(cell, place, column) for cell, column in zip(cells, columns, strict=True)]
    return found


def _cell(cell: str, place: str, column: str) -> float:
    try:
        return number(cell, place)
    except RnnzooError as error:
        raise RnnzooError(
            f"{error}, in the column {column!r}: choose the columns that have numbers (data.columns), or leave this "
            "one out (data.ignore)"
        ) from None
