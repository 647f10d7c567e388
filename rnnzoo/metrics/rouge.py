"""ROUGE-L of summaries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from rnnzoo.metrics.alignment import common_subsequences
from rnnzoo.metrics.base import Float64Metric
from rnnzoo.metrics.references import check_references

_WORD = re.compile("[a-z0-9]+")


class RougeL(Float64Metric):
    """Mean ROUGE-L F1 of summaries, 0..1 (Lin 2004, section 3.1): that of the package rouge-score, without stemming.

    ``2 P R / (P + R)``, P and R the longest common subsequence of words over the length of the summary and of the
    reference; of several references the best score counts. Words are runs of a-z and 0-9 after lower-casing, so that
    letters of other alphabets do not count. (The ROUGE-L of captions weighs recall higher: `CaptionScores`.)

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = RougeL()
    >>> metric.update(["Return the length."], [["Return the number of items."]])
    >>> metric.compute()
    tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True

    scores: Tensor
    rows: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sums("scores", "rows")

    def update(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Adds summaries, and for each of them its references, one at least.

        Raises:
            RnnzooError: as many lists of references as predictions are needed, none of them empty.
        """
        check_references(predictions, references)
        if not predictions:
            return
        pairs = [
            (_WORD.findall(summary.lower()), _WORD.findall(one.lower()))
            for summary, own in zip(predictions, references, strict=True)
            for one in own
        ]
        common = common_subsequences([a for a, _ in pairs], [b for _, b in pairs]).tolist()
        # 2 P R / (P + R) with P = c / |a|, R = c / |b|
        scores = iter([2 * c / max(len(a) + len(b), 1) for c, (a, b) in zip(common, pairs, strict=True)])
        self.scores += sum(max(next(scores) for _ in own) for own in references)
        self.rows += len(references)

    def compute(self) -> Tensor:
        """The mean of all that was added, NaN where that is nothing: a tensor without axes, float64."""
        return self.scores / self.rows
