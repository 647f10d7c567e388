"""Additive smoothing."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.baselines.counts import Lookup, NGramCounts
from rnnzoo.baselines.ngram import NGram, per_context, table
from rnnzoo.errors import RnnzooError


class AddDelta(NGram):
    """Each gram is taken to have occurred delta times more (Lidstone; delta = 1: Laplace).

    With h the n-1 ids before w:

        p(w | h) = (c(h w) + delta) / (c(h .) + delta V)

    Lower orders are not mixed in: after an unseen h it is uniform. Only where the history itself is shorter (the first
    tokens of a stream or sentence) h is that shorter history. At order 1 this is the unigram model: relative frequency,
    with delta occurrences of each type, seen or not.

    Args:
        order: n.
        vocabulary_size: V.
        delta: above 0, in occurrences.
        sentence_end: see `NGram`.

    Raises:
        RnnzooError: delta not above 0; and see `NGram`.

    >>> AddDelta(order=1, vocabulary_size=3).fit(torch.tensor([0, 0, 1])).distribution()
    tensor([0.5000, 0.3333, 0.1667], dtype=torch.float64)
    """

    def __init__(self, order: int, vocabulary_size: int, sentence_end: int | None = None, delta: float = 1.0) -> None:
        super().__init__(order, vocabulary_size, sentence_end)
        if not 0 < delta < float("inf"):
            raise RnnzooError(
                f"delta must be above 0 and finite, not {delta}: unseen n-grams would have no probability"
            )
        self.delta = delta

    @property
    def name(self) -> str:
        """What a table of results calls this model."""
        kind = "unigram" if self.order == 1 else f"{self.order}-gram"
        return f"{kind}, add-{self.delta:g}"

    def _estimate(self, counts: NGramCounts) -> None:
        self._counted: list[Tensor] = []  # by order: c(h w)
        self._totals: list[Tensor] = []  # by order: c(h .)
        for k, level in enumerate(counts.levels, start=1):
            totals = per_context(level.counts, level.contexts, counts.num_contexts(k))
            self._counted.append(table(level.counts, absent=0.0))
            self._totals.append(table(totals, absent=0.0))

    def _probabilities(self, lookups: list[Lookup]) -> Tensor:
        probabilities = torch.empty_like(lookups[0].grams, dtype=torch.float64)
        for lookup, counted, totals in zip(lookups, self._counted, self._totals, strict=True):
            mass = totals[lookup.contexts] + self.delta * self.vocabulary_size
            here = (counted[lookup.grams] + self.delta) / mass
            probabilities = torch.where(lookup.reached, here, probabilities)  # the longest history that exists decides
        return probabilities
