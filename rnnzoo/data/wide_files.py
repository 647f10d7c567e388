"""Series in files that have a row for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rnnzoo.data.csv_files import csv_rows
from rnnzoo.data.series import Series, check_missing, number, plain_numbers, without_gaps
from rnnzoo.errors import RnnzooError, unknown


def read_wide(path: str | Path, label: str | None = None, missing: str = "error") -> list[Series]:
    """The series of a file with a row for each: its label, and one value a step.

    So the UCR archive (Dau et al. 2019) is published: `.tsv`, no header, the label first. All rows are equally long.

    Args:
        path: The file; cells are divided by tabs where its name ends in `.tsv`, else by commas; gzip-compressed where
            `.gz` follows.
        label: The column of the label, by the name that the first line, a header, gives it. None: there is no header,
            and the label is first.
        missing: As in `rnnzoo.data.series.without_gaps`; a gap is also an empty cell, `NA` or `null`.

    Raises:
        RnnzooError: The file cannot be read, has no such column, a row of another width, a cell that is no number, a
            gap, or no label; with file and line.
    """
    check_missing(missing)
    delimiter = "\t" if str(path).removesuffix(".gz").endswith(".tsv") else ","
    rows = csv_rows(path, delimiter, "first line")
    at = 0
    if label is not None:
        _, names = next(rows)
        if len(set(names)) != len(names):
            raise RnnzooError(f"{path}:1: a name stands twice among the columns {', '.join(names[:12])}")
        if label not in names:
            raise RnnzooError(f"{path}:1: {unknown('column', label, names)}")
        at = names.index(label)
    found = []
    for line, cells in rows:
        place = f"{path}:{line}"
        if len(cells) < 2:
            raise RnnzooError(f"{place}: a label and at least one value are expected, but there is 1 cell")
        if not cells[at]:
            raise RnnzooError(f"{place}: has no label")
        numbers = plain_numbers([*cells[:at], *cells[at + 1 :]])
        if numbers is None:
            numbers = [_value(cell, place, position) for position, cell in enumerate(cells) if position != at]
        values, conversion = without_gaps(np.array(numbers)[:, None], missing, place)
        found.append(Series(values, cells[at], place, conversion))
    if not found:
        raise RnnzooError(f"{path}: has a header and no series")
    return found


def _value(cell: str, place: str, position: int) -> float:
    try:
        return number(cell, place)
    except RnnzooError as error:
        raise RnnzooError(
            f"{error}, in the cell {position}: all but the label must be; where there is a header, give data.label"
        ) from None
