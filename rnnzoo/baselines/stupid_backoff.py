"""Stupid back-off, with its scores normalised."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.baselines.counts import Lookup, NGramCounts
from rnnzoo.baselines.ngram import NGram, per_context, table
from rnnzoo.errors import RnnzooError


class StupidBackoff(NGram):
    """Stupid back-off (Brants et al. 2007, section 4, equation 5).

    With h the k-1 ids before w and h' the last k-2 of them, for k = n down to 1:

        S_k(w | h) = c(h w) / c(h .)  if c(h w) > 0,  else  alpha S_{k-1}(w | h'),    S_0(w) = 1 / V

    Scores are not probabilities: over w they sum to Z(h), not to one, so no perplexity can be made of them, and the
    paper makes none. Here they are divided by Z(h), which has a closed form,

        Z_k(h) = 1 + alpha (Z_{k-1}(h') - sum over w seen after h of S_{k-1}(w | h')),    alpha Z_{k-1}(h') if none is,

    so `token_log_probs`, `distribution` and `sample` are of ``S / Z``, which ranks the ids as S does and has an honest
    perplexity; `token_log_scores` gives log S.

    Two details differ from the paper: c(h .) counts h where something follows it (the paper's f(h) also counts an h
    that ends the corpus), and ids that were never seen score alpha / V (the paper leaves them open).

    Args:
        order: n.
        vocabulary_size: V.
        alpha: weight of an order below, in (0, 1]; the paper's is the default.
        sentence_end: see `NGram`.

    Raises:
        RnnzooError: alpha outside (0, 1]; and see `NGram`.

    >>> model = StupidBackoff(order=2, vocabulary_size=3).fit(torch.tensor([0, 1, 0, 1, 0, 2]))
    >>> model.token_log_scores(torch.tensor([0, 1, 1])).exp()  # 3 / 6, 2 / 3, 0.4 * 2 / 6
    tensor([0.5000, 0.6667, 0.1333], dtype=torch.float64)
    """

    def __init__(self, order: int, vocabulary_size: int, sentence_end: int | None = None, alpha: float = 0.4) -> None:
        super().__init__(order, vocabulary_size, sentence_end)
        if not 0 < alpha <= 1:
            raise RnnzooError(f"alpha of stupid back-off must be above 0 and at most 1, not {alpha}")
        self.alpha = alpha

    @property
    def name(self) -> str:
        """What a table of results calls this model."""
        return f"stupid back-off {self.order}-gram"

    def token_log_scores(self, ids: Tensor) -> Tensor:
        """Natural log of the score S, which is no probability, of every token of a stream: ids (L,) to (L,) float64.

        Raises:
            RnnzooError: as `token_log_probs`.
        """
        scores, _ = self._scores(self._fitted().find(self._checked(ids)))
        return scores.log()

    def _estimate(self, counts: NGramCounts) -> None:
        self._frequencies: list[Tensor] = []  # by order: of a gram, c(h w) / c(h .); 0: back off
        self._overlaps: list[Tensor] = []  # by order: of a context, the scores below of what it has seen; NaN: nothing
        below = torch.full((1,), 1 / self.vocabulary_size, dtype=torch.float64)
        for k, level in enumerate(counts.levels, start=1):
            num_contexts = counts.num_contexts(k)
            totals = per_context(level.counts, level.contexts, num_contexts)
            seen = level.counts > 0
            frequencies = torch.where(seen, level.counts / totals[level.contexts], 0.0)
            overlap = per_context(torch.where(seen, below[level.suffixes], 0.0), level.contexts, num_contexts)
            self._frequencies.append(table(frequencies, absent=0.0))
            self._overlaps.append(table(torch.where(totals > 0, overlap, float("nan")), absent=float("nan")))
            below = frequencies

    def _probabilities(self, lookups: list[Lookup]) -> Tensor:
        scores, sums = self._scores(lookups)
        return scores / sums

    def _scores(self, lookups: list[Lookup]) -> tuple[Tensor, Tensor]:
        """S and Z of M predictions."""
        sums = torch.ones_like(lookups[0].grams, dtype=torch.float64)
        scores = sums / self.vocabulary_size
        for lookup, frequencies, overlaps in zip(lookups, self._frequencies, self._overlaps, strict=True):
            frequency, overlap = frequencies[lookup.grams], overlaps[lookup.contexts]
            here = torch.where(frequency > 0, frequency, self.alpha * scores)
            total = torch.where(overlap.isnan(), self.alpha * sums, 1 + self.alpha * (sums - overlap))
            scores = torch.where(lookup.reached, here, scores)
            sums = torch.where(lookup.reached, total, sums)
        return scores, sums
