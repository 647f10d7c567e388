"""Series of real numbers as files hold them, and what becomes of their gaps."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError, unknown

MISSING = ("error", "interpolate", "end")
_GAP = re.compile(r"\?|nan|na|null", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_PLAIN = re.compile(r"[-+.0-9eE ]+")  # made of these, Python's float reads what _NUMBER matches and nothing else


@dataclass(frozen=True)
class Series:
    """One series.

    Attributes:
        values: (T, D) float64, all finite.
        label: What the file says it is; None where it says nothing.
        place: `file:line`, or the file and the row.
        conversion: What was done to what was read, in words; "" where nothing was.
        answer_kind: `class` or `value`: what the file says the label is; None where it says nothing.
    """

    values: Tensor
    label: str | None
    place: str
    conversion: str = ""
    answer_kind: str | None = None


def number(cell: str, where: str) -> float:
    """A printed number, NaN for a gap: nothing, `?`, `NaN`, `NA` or `null`.

    Raises:
        RnnzooError: it is neither, or too large.
    """
    text = cell.strip()
    if _NUMBER.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise RnnzooError(f"{where}: {text[:40]!r} is too large a number")
        return value
    if not text or _GAP.fullmatch(text):
        return math.nan
    raise RnnzooError(f"{where}: {text[:40]!r} is no number")


def plain_numbers(cells: Sequence[str]) -> list[float] | None:
    """Printed numbers without a gap, all at one go; None: `number`, cell by cell, is to say what they are."""
    if not _PLAIN.fullmatch("".join(cells)):
        return None
    try:
        found = list(map(float, cells))
    except ValueError:
        return None
    return found if math.isfinite(sum(found)) else None


def check_missing(missing: str) -> None:
    """Refuse what is not in `MISSING`."""
    if missing not in MISSING:
        raise RnnzooError(unknown("value of missing", missing, MISSING))


def without_gaps(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    missing: str,
    place: str,
    lines: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[Tensor, str]:
    """The values (T, D) with their gaps filled, and what was done.

    Args:
        values: (T, D); what is not finite is a gap.
        missing: "error"; "interpolate": linearly in time between the values next to a gap in the same dimension, at
            an end the nearest value; or "end": the series ends before the last steps that have no value at all, other
            gaps are errors.
        place: Of the series, for messages.
        lines: The line of each step, where they have some.
        names: Of the dimensions.

    Raises:
        RnnzooError: there is a gap that may not be filled, or cannot be as nothing is known in its dimension; or there
            is no value at all.
    """
    gaps = ~np.isfinite(values)
    if not gaps.any():
        return torch.from_numpy(np.ascontiguousarray(values)), ""
    known = np.flatnonzero(~np.isnan(values).all(1))
    end = int(known[-1]) + 1 if len(known) else 0  # the steps behind have no value
    if not end:
        raise RnnzooError(f"{place}: there is no value at all")
    if missing == "end" and not gaps[:end].any():
        said = f"ends before {len(values) - end} of {len(values)} steps without a value"
        return torch.from_numpy(np.ascontiguousarray(values[:end])), said
    step, dimension = map(int, np.argwhere(gaps)[0])
    where = place if lines is None else f"{place.rsplit(':', 1)[0]}:{lines[step]}"
    column = f"dimension {dimension}" if names is None else f"column {names[dimension]!r}"
    if missing != "interpolate" or np.isinf(values).any():
        way = "'interpolate'" if gaps[:end].any() else "'end' (the series is shorter) or 'interpolate'"
        raise RnnzooError(
            f"{where}: step {step} has no finite value in {column} ({gaps.sum()} of {gaps.size} values of the series "
            f"have none): fill the gaps, or let missing be {way}"
        )
    filled = values.copy()
    time = np.arange(len(values))
    for at in np.flatnonzero(gaps.any(0)):
        there = ~gaps[:, at]
        if not there.any():
            raise RnnzooError(f"{place}: there is no value at all in dimension {at}: nothing to interpolate from")
        filled[~there, at] = np.interp(time[~there], time[there], values[there, at])
    return torch.from_numpy(filled), f"{gaps.sum()} missing of {gaps.size} values interpolated linearly in time"
