"""Edit distances and common subsequences of many pairs of sequences at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_Ints = npt.NDArray[np.int64]

CELLS = 1 << 16  # so many entries of the rows of the tables that advance together at most


def edit_distances(
    first: Sequence[Sequence[Hashable]], second: Sequence[Sequence[Hashable]], substitution: int = 1
) -> Tensor:
    """How many edits turn the i-th sequence of `first` into the i-th of `second`: (N,) int64, on the CPU.

    ``d(i, j) = min(d(i-1, j) + 1, d(i, j-1) + 1, d(i-1, j-1) + s [a_i != b_j])``, d(i, 0) = i, d(0, j) = j (Levenshtein
    1966, with s = 1). A row of this table depends on itself only through ``d(i, j-1) + 1``, which a running minimum of
    d(i, j) - j resolves, so that the loop is over the tokens of the longer side and all pairs advance together.

    Args:
        first: N sequences of hashable tokens; a text is a sequence of its characters.
        second: N sequences.
        substitution: what it costs to put one token in the place of another; 2: as much as leaving it out and putting
            the other in.

    >>> edit_distances(["kitten", "", "same"], ["sitting", "ab", "same"]).tolist()
    [3, 2, 0]
    """
    ids: dict[Hashable, int] = {}
    coded = [
        ([ids.setdefault(x, len(ids)) for x in a], [ids.setdefault(x, len(ids)) for x in b])
        for a, b in zip(first, second, strict=True)
    ]
    # Pairs of like length go together, so that one long pair does not make tables of its size for all.
    order = sorted(range(len(coded)), key=lambda row: (len(coded[row][0]), len(coded[row][1])))
    distances = torch.empty(len(coded), dtype=torch.int64)
    for rows in _passes(order, [1 + max(len(a), len(b)) for a, b in coded]):
        found = _distances([coded[r][0] for r in rows], [coded[r][1] for r in rows], substitution)
        distances[torch.tensor(rows)] = torch.from_numpy(found)
    return distances


def common_subsequences(first: Sequence[Sequence[Hashable]], second: Sequence[Sequence[Hashable]]) -> Tensor:
    """Length of the longest common subsequence of each pair: (N,) int64, on the CPU.

    What is left out of both sides is the distance at which a substitution costs 2, so that
    ``LCS(a, b) = (|a| + |b| - d(a, b)) / 2``.

    >>> common_subsequences(["abcde"], ["xaced"]).tolist()
    [3]
    """
    lengths = torch.tensor([len(a) + len(b) for a, b in zip(first, second, strict=True)], dtype=torch.int64)
    return (lengths - edit_distances(first, second, substitution=2)) // 2


def _passes(order: Sequence[int], widths: Sequence[int]) -> Iterable[list[int]]:
    rows: list[int] = []
    widest = 1
    for row in order:
        widest = max(widest, widths[row])
        if rows and (len(rows) + 1) * widest > CELLS:
            yield rows
            rows, widest = [], widths[row]
        rows.append(row)
    if rows:
        yield rows


def _distances(first: Sequence[list[int]], second: Sequence[list[int]], substitution: int) -> _Ints:
    a, a_lengths = _padded(first)
    b, b_lengths = _padded(second)
    pairs = np.arange(len(first))
    steps = np.arange(len(b) + 1)[:, None]
    row = np.repeat(steps, len(first), axis=1)  # d(0, j)
    result = row[b_lengths, pairs]
    for i in range(1, len(a) + 1):
        best = np.full_like(row, i)
        best[1:] = np.minimum(row[1:] + 1, row[:-1] + substitution * (a[i - 1] != b))
        row = np.minimum.accumulate(best - steps, axis=0) + steps
        result = np.where(a_lengths == i, row[b_lengths, pairs], result)
    return result


def _padded(sequences: Sequence[list[int]]) -> tuple[_Ints, _Ints]:
    """Time first: (T, N), because numpy's running minimum is fast along the first axis (torch's is slow along any)."""
    lengths = [len(sequence) for sequence in sequences]
    longest = max(lengths)
    padded = [sequence + [-1] * (longest - len(sequence)) for sequence in sequences]
    rows = np.array(padded, dtype=np.int64).reshape(len(lengths), longest)
    return np.ascontiguousarray(rows.T), np.array(lengths, dtype=np.int64)
