"""Interpolated Kneser-Ney smoothing, with one discount an order or three."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.baselines.counts import Lookup, NGramCounts
from rnnzoo.baselines.ngram import NGram, per_context, table


class KneserNey(NGram):
    r"""Interpolated Kneser-Ney (Kneser & Ney 1995; in this form Chen & Goodman 1998, section 4.1.6).

    With h the k-1 ids before w and h' the last k-2 of them, for k = n down to 1:

        p_k(w | h) = max(c(h w) - D_k, 0) / c(h .) + D_k N1+(h .) / c(h .) * p_{k-1}(w | h'),    p_0(w) = 1 / V

    c is the count at the highest order and below it the continuation count N1+(. h w), the number of different ids that
    stand before h w. Grams that start with the begin symbol keep their count there, since nothing can stand before them
    (as in SRILM). c(h .) = sum_w c(h w); N1+(h .) is the number of w with c(h w) > 0. After an h that has no
    continuation, p_k = p_{k-1}. There are no count cut-offs.

    The discount is D_k = n1 / (n1 + 2 n2), with n_r the number of k-grams whose c is r, estimated at every order.
    Where n1 or n2 is 0 (tiny corpora, low orders of characters) this says nothing (0, 0/0, or 1, which ignores the
    order), and D_k = 0.5 is taken. So 0 < D_k < 1 always: no probability is negative, zero or NaN.

    >>> model = KneserNey(order=2, vocabulary_size=3).fit(torch.tensor([0, 1, 0, 1, 0, 2]))
    >>> model.distribution([0])  # p(1 | 0) = (2 - 0.2) / 3 + 0.2 * 2 / 3 * 1 / 3
    tensor([0.0444, 0.6444, 0.3111], dtype=torch.float64)
    """

    @property
    def name(self) -> str:
        """What a table of results calls this model."""
        return f"Kneser-Ney {self.order}-gram"

    def discounts(self, counts: Tensor) -> Tensor:
        """The discounts of one order: counts (G,) to (R+1,), entry r for count r and the last for R and more."""
        n1, n2 = (int((counts == r).sum()) for r in (1, 2))
        discount = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
        return torch.tensor([0.0, discount], dtype=torch.float64)

    def _estimate(self, counts: NGramCounts) -> None:
        self._shares: list[Tensor] = []  # by order: of a gram, (c - D) / c(h .)
        self._remainders: list[Tensor] = []  # by order: of a context, the weight of the order below
        for k, level in enumerate(counts.levels, start=1):
            modified = level.counts
            if k < self.order:
                preceded = torch.bincount(counts.levels[k].suffixes, minlength=len(level.keys))
                modified = torch.where(level.opening, level.counts, preceded)
            discounts = self.discounts(modified)
            removed = discounts[modified.clamp(max=len(discounts) - 1)]
            num_contexts = counts.num_contexts(k)
            totals = per_context(modified, level.contexts, num_contexts)
            left_over = per_context(removed, level.contexts, num_contexts)
            share = (modified - removed) / totals[level.contexts]
            self._shares.append(table(torch.where(modified > 0, share, 0.0), absent=0.0))
            self._remainders.append(table(torch.where(totals > 0, left_over / totals, 1.0), absent=1.0))

    def _probabilities(self, lookups: list[Lookup]) -> Tensor:
        probabilities = torch.full_like(lookups[0].grams, 1, dtype=torch.float64) / self.vocabulary_size
        for lookup, share, remainder in zip(lookups, self._shares, self._remainders, strict=True):
            probabilities = share[lookup.grams] + remainder[lookup.contexts] * probabilities
        return probabilities


class ModifiedKneserNey(KneserNey):
    """Modified Kneser-Ney (Chen & Goodman 1998, section 4.1.6, equations 23 to 26): three discounts an order.

    As `KneserNey`, with D_k replaced by D1, D2 or D3+ for counts 1, 2, and 3 or more:

        Y = n1 / (n1 + 2 n2),    D1 = 1 - 2 Y n2 / n1,    D2 = 2 - 3 Y n3 / n2,    D3+ = 3 - 4 Y n4 / n3

    and the weight of the order below (D1 N1(h .) + D2 N2(h .) + D3+ N3+(h .)) / c(h .). Where any of n1 .. n4 is 0 or a
    discount would not be above 0, the order takes 0.5, 1 and 1.5 (the usual fallback, as KenLM's).
    """

    @property
    def name(self) -> str:
        """What a table of results calls this model."""
        return f"modified Kneser-Ney {self.order}-gram"

    def discounts(self, counts: Tensor) -> Tensor:
        """The discounts of one order: counts (G,) to (4,), entry r for count r and the last for 3 and more."""
        n = [int((counts == r).sum()) for r in range(5)]
        found = [0.5, 1.0, 1.5]
        if all(n[1:]):
            y = n[1] / (n[1] + 2 * n[2])
            estimated = [r - (r + 1) * y * n[r + 1] / n[r] for r in (1, 2, 3)]
            found = estimated if min(estimated) > 0 else found
        return torch.tensor([0.0, *found], dtype=torch.float64)
