"""Which n-grams occur in which row, as sparse features."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

ABSENT = -1  # the node of a gram that training did not have
UNKNOWN, EDGE = 0, 1  # the symbols of a token that training did not have, and of either end of a row


class Bags(NamedTuple):
    """The features of N rows, as `torch.nn.functional.embedding_bag` reads them.

    Attributes:
        grams: (M,) int64, the different grams of the first row, then those of the second ...
        offsets: (N,) int64, where in `grams` each row begins.
        values: (M,) float64, what each gram counts: 1 over the root of their number, so that each row has norm 1.
    """

    grams: Tensor
    offsets: Tensor
    values: Tensor

    def times(self, weight: Tensor) -> Tensor:
        """The features (N, F) times a matrix (F, C): (N, C)."""
        return F.embedding_bag(self.grams, weight, self.offsets, mode="sum", per_sample_weights=self.values)

    def transposed(self, num_grams: int) -> Bags:
        """The features of the F grams: which rows have each; `times` then multiplies by the matrix from the left."""
        counts = torch.diff(self.offsets, append=torch.tensor([len(self.grams)]))
        order = self.grams.argsort(stable=True)
        occurrences = self.grams.bincount(minlength=num_grams)
        rows = torch.repeat_interleave(counts)[order]
        return Bags(rows, occurrences.cumsum(0) - occurrences, self.values[order])


class GramFeatures:
    """Numbers the n-grams of training rows and finds them in other rows, without a loop over grams.

    An edge symbol stands before and after each row. A gram of k tokens is known by the number of its first k-1 tokens'
    gram and its last token, so that the keys of any order are whole numbers.

    Args:
        rows: training rows: lists of tokens, or texts for their characters.
        orders: the shortest and the longest n-grams.
    """

    def __init__(self, rows: Sequence[Sequence[Hashable]], orders: tuple[int, int]) -> None:
        self.orders = orders
        self.symbols: dict[Hashable, int] = {}
        for token in chain.from_iterable(rows):
            self.symbols.setdefault(token, len(self.symbols) + 2)
        self._keys: list[Tensor] = []  # by order: the sorted keys of its grams
        self.bags = self._bags(rows, learn=True)

    @property
    def num_grams(self) -> int:
        """F: the numbers of grams are below it. (The edge alone has a number too, and is never found.)"""
        return sum(map(len, self._keys[self.orders[0] - 1 :]))

    def find(self, rows: Sequence[Sequence[Hashable]]) -> Bags:
        """The grams of other rows, as far as the training rows have them."""
        return self._bags(rows, learn=False)

    def _bags(self, rows: Sequence[Sequence[Hashable]], learn: bool) -> Bags:
        lengths = torch.tensor([len(row) + 2 for row in rows], dtype=torch.int64)
        row_of = torch.repeat_interleave(lengths)
        depth = torch.arange(len(row_of)) - (lengths.cumsum(0) - lengths)[row_of]
        tokens = torch.tensor([self.symbols.get(token, UNKNOWN) for token in chain.from_iterable(rows)])
        inner = (depth > 0) & (depth < lengths[row_of] - 1)
        stream = torch.full_like(row_of, EDGE)
        stream[inner] = tokens.long()
        nodes = torch.zeros_like(stream)
        found_rows, found_grams, total = [], [], 0
        for order in range(1, self.orders[1] + 1):
            places = (depth >= order - 1).nonzero().flatten()
            before = nodes[places - 1] if order > 1 else nodes
            keys = before * (len(self.symbols) + 2) + stream[places]
            if learn:
                self._keys.append(torch.unique(keys))
            here = _find(self._keys[order - 1], keys, before != ABSENT)
            nodes = torch.full_like(nodes, ABSENT)
            nodes[places] = here
            if order >= self.orders[0]:
                known = (here != ABSENT) & (inner[places] if order == 1 else True)  # an edge alone says nothing
                found_rows.append(row_of[places[known]])
                found_grams.append(here[known] + total)
                total += len(self._keys[order - 1])
        base = max(total, 1)
        pairs = torch.unique(torch.cat(found_rows) * base + torch.cat(found_grams))  # sorted: row by row
        counts = (pairs // base).bincount(minlength=len(rows))
        values = torch.repeat_interleave(counts.double().rsqrt(), counts)
        return Bags(pairs % base, counts.cumsum(0) - counts, values)


def _find(keys: Tensor, wanted: Tensor, possible: Tensor) -> Tensor:
    if len(keys) == 0:
        return torch.full_like(wanted, ABSENT)
    places = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(possible & (keys[places] == wanted), places, ABSENT)
