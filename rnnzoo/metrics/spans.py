"""Precision, recall and F1 of the spans that tags mark, as the CoNLL shared tasks counted them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.metrics.base import Float64Metric
from rnnzoo.metrics.classification import ClassScores, class_scores
from rnnzoo.text.schemes import NOTHING, parse, span_starts


class SpanF1(Float64Metric):
    """F1 of labelled spans, equal to that of `conlleval` (Tjong Kim Sang & Buchholz 2000; version of 2004).

    A predicted span is right if a true one has the same first token, last token and type. Over all batches and
    processes ``precision = right / predicted``, ``recall = right / true``, ``F1 = 2 right / (predicted + true)``, and 0
    where nothing is divided by nothing. Tags that break the scheme are read as `rnnzoo.text.schemes.spans` does, which
    names the one deviation.

    Args:
        tags: the tags in the order of their ids.
        scheme: a name of `rnnzoo.text.schemes.SCHEMES`.
        kwargs: those of `torchmetrics.Metric`.

    Attributes:
        types: the types of spans, sorted: the classes of `scores`.

    Raises:
        RnnzooError: no such scheme, or a tag that is none of it.

    >>> metric = SpanF1(["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], "IOB2")
    >>> metric.update(torch.tensor([[3, 4, 0, 1], [1, 0, 0, 0]]), torch.tensor([[3, 4, 0, 1], [1, 2, 0, 3]]))
    >>> metric.compute()
    tensor(0.5714, dtype=torch.float64)
    >>> print(metric.report())
    processed 8 tokens with 4 phrases; found: 3 phrases; correct: 2.
    accuracy:  75.00%; precision:  66.67%; recall:  50.00%; FB1:  57.14
                  LOC: precision:  50.00%; recall:  50.00%; FB1:  50.00  2
                  PER: precision: 100.00%; recall:  50.00%; FB1:  66.67  1
    """

    higher_is_better = True

    right: Tensor
    predicted: Tensor
    support: Tensor
    right_tokens: Tensor
    tokens: Tensor
    starts: Tensor
    type_of: Tensor

    def __init__(self, tags: Sequence[str], scheme: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        parsed = parse(tags, scheme)
        self.types = sorted({tag.type for tag in parsed if tag != NOTHING})
        ids = [len(self.types) if tag == NOTHING else self.types.index(tag.type) for tag in [*parsed, NOTHING]]
        self.register_buffer("starts", torch.tensor(span_starts(tags, scheme)), persistent=False)
        self.register_buffer("type_of", torch.tensor(ids), persistent=False)  # that of O: one past the last
        self._sums("right", "predicted", "support", shape=(len(self.types),), dtype=torch.int64)
        self._sums("right_tokens", "tokens", dtype=torch.int64)

    def update(self, predictions: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds sentences.

        Args:
            predictions: tag ids (N,T), int64.
            targets: (N,T) int64; anything where the mask is false.
            mask: (N,T) bool, true at real tokens; None: all are. Where it is false, spans end.
        """
        if mask is None:
            mask = torch.ones_like(targets, dtype=torch.bool)
        begins, types, lasts = self._spans(predictions, mask)
        true_begins, true_types, true_lasts = self._spans(targets, mask)
        right = begins & true_begins & (types == true_types) & (lasts == true_lasts)
        self.right += self._by_type(types, right)
        self.predicted += self._by_type(types, begins)
        self.support += self._by_type(true_types, true_begins)
        self.right_tokens += (mask & (predictions == targets)).sum()
        self.tokens += mask.sum()

    def _spans(self, tags: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each token (N,T): whether a span begins there, its type, and where the first span from it on ends."""
        nothing = len(self.type_of) - 1
        tags = tags.masked_fill(~mask, nothing)
        before, after = F.pad(tags, (1, 0), value=nothing)[:, :-1], F.pad(tags, (0, 1), value=nothing)[:, 1:]
        types, outside = self.type_of[tags], len(self.types)
        ends = (types != outside) & ((self.type_of[after] == outside) | self.starts[tags, after])
        places = torch.arange(tags.shape[1], device=tags.device).expand_as(tags)
        lasts = places.masked_fill(~ends, tags.shape[1]).flip(1).cummin(1).values.flip(1)
        return self.starts[before, tags], types, lasts

    def _by_type(self, types: Tensor, counted: Tensor) -> Tensor:
        outside = len(self.types)
        return types.masked_fill(~counted, outside).flatten().bincount(minlength=outside + 1)[:outside]

    def compute(self) -> Tensor:
        """The F1 over all types: a tensor without axes, float64."""
        return self._overall().f1

    def scores(self) -> ClassScores:
        """Precision, recall, F1, support and number of predicted spans of each of the `types`."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            return class_scores(self.right, self.predicted, self.support)

    def overall(self) -> ClassScores:
        """The same of all types together, tensors without axes."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            return self._overall()

    def _overall(self) -> ClassScores:
        return class_scores(self.right.sum(), self.predicted.sum(), self.support.sum())

    def token_accuracy(self) -> Tensor:
        """The share of tokens whose tag is right, NaN of none: a tensor without axes, float64."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            return self.right_tokens / self.tokens.double()

    def report(self) -> str:
        """What `conlleval` prints: percentages, over all and for each type that is there or was predicted."""
        every, each, accuracy = self.overall(), self.scores(), self.token_accuracy()
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            tokens, right = int(self.tokens), int(self.right.sum())
        lines = [
            f"processed {tokens} tokens with {int(every.support)} phrases; "
            f"found: {int(every.predicted)} phrases; correct: {right}."
        ]
        if tokens:
            lines.append(f"accuracy: {100 * float(accuracy):6.2f}%; {_percent(every)}")
        for at, kind in enumerate(self.types):
            one = ClassScores(*(field[at] for field in each))
            if one.support or one.predicted:
                lines.append(f"{kind:>17}: {_percent(one)}  {int(one.predicted)}")
        return "\n".join(lines)


def _percent(scores: ClassScores) -> str:
    precision, recall, f1 = (100 * float(each) for each in scores[:3])
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"
