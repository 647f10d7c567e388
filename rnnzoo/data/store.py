"""Encoded sequences of a whole split, one behind the other, so that a batch is one look-up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import Encoded
from rnnzoo.errors import RnnzooError

_GROUP = 256  # sequences joined at a time: a tensor of its own for each is more memory than a short one needs


class SequenceStore:
    """The steps of all sequences in one tensor for each part; `batch` gathers rows of them.

    Characters stand word behind word, without padding: one long word would widen all others.

    Args:
        encoded: the sequences, in order; taken one by one, so that they need not all be in memory beside the store.

    Attributes:
        lengths: (number of sequences,) int64.
    """

    def __init__(self, encoded: Iterable[Encoded]) -> None:
        lengths: list[int] = []
        pieces: defaultdict[str, list[Tensor]] = defaultdict(list)
        left = iter(encoded)
        while group := list(islice(left, _GROUP)):
            lengths += [len(next(iter(one.values()))) for one in group]
            for name in group[0]:
                rows = [one[name] for one in group]
                if name == "characters":
                    pieces["word lengths"].append(torch.cat([(row != 0).sum(1) for row in rows]))
                    rows = [row[row != 0] for row in rows]
                joined = torch.cat(rows)
                pieces[name].append(joined if joined.is_floating_point() else joined.int())
        if not lengths:
            raise RnnzooError("there is no sequence to store")
        self.lengths = torch.tensor(lengths)
        self._starts = self.lengths.cumsum(0) - self.lengths
        self._last = sum(lengths) - 1
        self._parts = {name: torch.cat(pieces.pop(name)) for name in list(pieces)}
        if "word lengths" in self._parts:
            self._word_lengths = self._parts.pop("word lengths").long()
            self._word_starts = self._word_lengths.cumsum(0) - self._word_lengths

    @classmethod
    def of_windows(cls, encoded: Encoded, starts: Tensor, lengths: Tensor) -> SequenceStore:
        """Windows of one sequence, which may overlap and take no memory of their own.

        Args:
            encoded: the sequence.
            starts: (number of windows,) int64, the first step of each.
            lengths: (number of windows,) int64.
        """
        store = cls([encoded])
        store.lengths, store._starts = lengths, starts
        return store

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> SequenceInputs:
        """The sequences `rows` (N,), right-padded to the longest with zeros; -1 is a row of length 0."""
        lengths, at = self._places(rows)
        padding = torch.arange(at.shape[1]) >= lengths[:, None]
        found: dict[str, Tensor] = {}
        for name, steps in self._parts.items():
            if name == "characters":
                found[name] = self._characters(at, padding)
                continue
            part = steps[at] if steps.is_floating_point() else steps[at].long()
            found[name] = part.masked_fill(padding.view(*padding.shape, *[1] * (part.dim() - 2)), 0)
        return SequenceInputs(lengths, found.get("tokens"), found.get("characters"), found.get("values"))

    def steps(self, values: Tensor, rows: Tensor, fill: float) -> Tensor:
        """What belongs to the steps of `rows`, from (all steps, ...): (N, T, ...), `fill` in padding."""
        lengths, at = self._places(rows)
        part = values[at]
        padding = torch.arange(at.shape[1]) >= lengths[:, None]
        return part.masked_fill(padding.view(*padding.shape, *[1] * (part.dim() - 2)), fill)

    def _characters(self, at: Tensor, padding: Tensor) -> Tensor:
        """Those of the words `at` (N, T), right-padded to the longest with zeros: (N, T, C)."""
        flat, lengths = self._parts["characters"], self._word_lengths[at].masked_fill(padding, 0)
        places = torch.arange(int(lengths.max()))
        letters = flat[(self._word_starts[at, None] + places).clamp(max=len(flat) - 1)].long()
        return letters.masked_fill(places >= lengths[..., None], 0)

    def _places(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        lengths = self.lengths[rows].masked_fill(rows < 0, 0)
        steps = torch.arange(max(int(lengths.max()), 1))
        at = (self._starts[rows, None] + steps).clamp(max=self._last)
        return lengths, at
