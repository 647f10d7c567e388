"""Encoded sequences of a whole split, one behind the other, so that a batch is one look-up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import Encoded
from rnnzoo.errors import RnnzooError


class SequenceStore:
    """The steps of all sequences in one tensor for each part; `batch` gathers rows of them.

    Characters stand word behind word, without padding: one long word would widen all others.

    Args:
        encoded: the sequences, in order.

    Attributes:
        lengths: (number of sequences,) int64.
    """

    def __init__(self, encoded: Sequence[Encoded]) -> None:
        if not encoded:
            raise RnnzooError("there is no sequence to store")
        self.lengths = torch.tensor([len(next(iter(one.values()))) for one in encoded])
        self._starts = self.lengths.cumsum(0) - self.lengths
        self._parts: dict[str, Tensor] = {}
        for name in encoded[0]:
            rows = [one[name] for one in encoded]
            if name == "characters":
                self._word_lengths = torch.cat([(row != 0).sum(1) for row in rows])
                self._word_starts = self._word_lengths.cumsum(0) - self._word_lengths
                rows = [row[row != 0].int() for row in rows]
            self._parts[name] = torch.cat(rows)

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
            part = steps[at]
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
        at = (self._starts[rows, None] + steps).clamp(max=int(self.lengths.sum()) - 1)
        return lengths, at
