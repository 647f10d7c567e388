"""Error rate by edit distance: of phonemes, characters or words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from torch import Tensor

from rnnzoo.metrics.alignment import edit_distances
from rnnzoo.metrics.base import Float64Metric
from rnnzoo.metrics.references import check_references


class ErrorRate(Float64Metric):
    """Edits over tokens of the references: ``sum_n d(prediction_n, reference_n) / sum_n |reference_n|``.

    d is the Levenshtein distance. Of phonemes this is the phoneme error rate, of the words of a transcript the word
    error rate, of letters the character error rate; it can exceed 1. Where there are several references, the one with
    the fewest edits counts (Yao & Zweig 2015, section 4.1, for words of several pronunciations), the first listed of
    equals. Of no reference token it is NaN.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = ErrorRate()
    >>> metric.update([["T", "AH", "M", "EY", "T"]], [[["T", "AH", "M", "EY", "T", "OW"], ["T", "AA", "M", "T"]]])
    >>> metric.compute()
    tensor(0.1667, dtype=torch.float64)
    """

    higher_is_better = False

    edits: Tensor
    tokens: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sums("edits", "tokens")

    def update(
        self, predictions: Sequence[Sequence[Hashable]], references: Sequence[Sequence[Sequence[Hashable]]]
    ) -> None:
        """Adds rows.

        Args:
            predictions: N sequences of tokens; a text is a sequence of its characters.
            references: for each of them its references, one at least, each a sequence of tokens.

        Raises:
            RnnzooError: as many lists of references as predictions are needed, none of them empty.
        """
        check_references(predictions, references)
        if not predictions:
            return
        pairs = [(prediction, one) for prediction, own in zip(predictions, references, strict=True) for one in own]
        distances = edit_distances([p for p, _ in pairs], [r for _, r in pairs]).tolist()
        edits, tokens, start = 0, 0, 0
        for own in references:
            found = distances[start : start + len(own)]
            edits += min(found)
            tokens += len(own[found.index(min(found))])
            start += len(own)
        self.edits += edits
        self.tokens += tokens

    def compute(self) -> Tensor:
        """The error rate of all that was added: a tensor without axes, float64."""
        return self.edits / self.tokens


class ExactMatch(Float64Metric):
    """The share of rows that equal one of their references. Of no row it is NaN.

    Rows are compared as they are, so that both sides must be of one type: two texts, two lists or two tuples.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = ExactMatch()
    >>> metric.update(["2026-11-21", "2026-01-12"], [["2026-11-21"], ["2026-12-01"]])
    >>> metric.compute()
    tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True

    matches: Tensor
    rows: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sums("matches", "rows")

    def update(self, predictions: Sequence[object], references: Sequence[Sequence[object]]) -> None:
        """Adds rows: predictions, and for each of them its references, one at least.

        Raises:
            RnnzooError: as many lists of references as predictions are needed, none of them empty.
        """
        check_references(predictions, references)
        self.matches += sum(prediction in own for prediction, own in zip(predictions, references, strict=True))
        self.rows += len(predictions)

    def compute(self) -> Tensor:
        """The share of matches of all that was added: a tensor without axes, float64."""
        return self.matches / self.rows


class SequenceErrorRate(ExactMatch):
    """The share of rows that equal none of their references: 1 - `ExactMatch`.

    The word error rate of letter-to-sound conversion (a row is a word), the sentence error rate of recognition.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = SequenceErrorRate()
    >>> metric.update([["K", "AE", "T"]], [[["K", "AH", "T"], ["K", "AE", "T"]]])
    >>> metric.compute()
    tensor(0., dtype=torch.float64)
    """

    higher_is_better = False

    def compute(self) -> Tensor:
        """The share of mismatches of all that was added: a tensor without axes, float64."""
        return 1 - super().compute()
