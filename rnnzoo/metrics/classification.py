"""How often which class is taken for which, and precision, recall and F1 from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.base import Float64Metric


class ClassScores(NamedTuple):
    """Scores of C classes or labels, each (C,) float64.

    Attributes:
        precision: right over predicted; 0 where it was never predicted.
        recall: right over true; 0 where it never was.
        f1: ``2 right / (predicted + true)``; 0 where both are none.
        support: how many are true.
        predicted: how often it was predicted.
    """

    precision: Tensor
    recall: Tensor
    f1: Tensor
    support: Tensor
    predicted: Tensor

    @property
    def macro_f1(self) -> Tensor:
        """Mean F1 of the classes that are true or predicted anywhere; NaN where none is."""
        return self.f1[self.support + self.predicted > 0].mean()

    def rows(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Plain data, a dictionary a class: class, precision, recall, f1, support.

        Raises:
            RnnzooError: not one name for each class.
        """
        if len(names) != len(self.f1):
            raise RnnzooError(f"{len(names)} names for {len(self.f1)} classes: give one for each")
        values = zip(*(field.tolist() for field in self[:4]), strict=True)
        return [
            {"class": name, "precision": precision, "recall": recall, "f1": f1, "support": int(support)}
            for name, (precision, recall, f1, support) in zip(names, values, strict=True)
        ]


def class_scores(right: Tensor, predicted: Tensor, support: Tensor) -> ClassScores:
    """Precision, recall and F1 of each class from counts (C,): both right and predicted, predicted, and true.

    >>> class_scores(torch.tensor([3, 0]), torch.tensor([4, 0]), torch.tensor([6, 1])).f1
    tensor([0.6000, 0.0000], dtype=torch.float64)
    """
    right, predicted, support = (counts.double() for counts in (right, predicted, support))
    return ClassScores(
        right / predicted.clamp(min=1),
        right / support.clamp(min=1),
        2 * right / (predicted + support).clamp(min=1),
        support,
        predicted,
    )


class ConfusionMatrix(Float64Metric):
    """Counts of each pair of true and predicted class, (C, C), and what follows from them.

    Row = true, column = predicted. Counts are exact: whole numbers, which ranks add.

    Args:
        num_classes: C.
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        RnnzooError: fewer than two classes.

    >>> metric = ConfusionMatrix(3)
    >>> metric.update(torch.tensor([0, 0, 2, 1]), torch.tensor([0, 1, 2, 1]))
    >>> metric.compute().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    >>> metric.accuracy()
    tensor(0.7500, dtype=torch.float64)
    >>> [(row["class"], round(row["f1"], 2), row["support"]) for row in metric.scores().rows("abc")]
    [('a', 0.67, 1), ('b', 0.67, 2), ('c', 1.0, 1)]
    """

    counts: Tensor

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_classes < 2:
            raise RnnzooError(f"a confusion matrix needs two classes at least, not {num_classes}")
        self.num_classes = num_classes
        self._sums("counts", shape=(num_classes, num_classes), dtype=torch.int64)

    def update(self, predictions: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds predictions.

        Args:
            predictions: class ids (...), int64.
            targets: (...) int64; anything where the mask is false.
            mask: (...) bool, true where it counts; None: everywhere.
        """
        pairs = targets * self.num_classes + predictions
        if mask is not None:
            pairs = pairs[mask]
        self.counts += pairs.flatten().bincount(minlength=self.num_classes**2).view_as(self.counts)

    def compute(self) -> Tensor:
        """The counts of all that was added, (C, C) int64."""
        return self.counts.clone()

    def accuracy(self) -> Tensor:
        """The share of the diagonal, NaN of nothing: a tensor without axes, float64."""
        counts: Tensor = self.compute()
        return counts.diagonal().sum() / counts.sum().double()

    def scores(self) -> ClassScores:
        """Precision, recall, F1 and support of each class."""
        counts: Tensor = self.compute()
        return class_scores(counts.diagonal(), counts.sum(0), counts.sum(1))


class MultiLabelF1(Float64Metric):
    """F1 where a row has any number of L labels: micro, macro and by label.

    Micro F1 is ``2 sum_l right_l / sum_l (predicted_l + true_l)``; macro F1 the mean of the labels' own, over those
    that are true or predicted anywhere.

    Args:
        num_labels: L.
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = MultiLabelF1(2)
    >>> metric.update(torch.tensor([[1, 1], [0, 1]]), torch.tensor([[1, 0], [0, 1]]))
    >>> {name: round(float(score), 4) for name, score in metric.compute().items()}
    {'micro_f1': 0.8, 'macro_f1': 0.8333, 'exact_match': 0.5}
    """

    higher_is_better = True

    right: Tensor
    predicted: Tensor
    support: Tensor
    exact: Tensor
    rows: Tensor

    def __init__(self, num_labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sums("right", "predicted", "support", shape=(num_labels,), dtype=torch.int64)
        self._sums("exact", "rows", dtype=torch.int64)

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Adds rows: predictions and targets (N, L), bool or 0 and 1."""
        predictions, targets = predictions.bool(), targets.bool()
        self.right += (predictions & targets).sum(0)
        self.predicted += predictions.sum(0)
        self.support += targets.sum(0)
        self.exact += (predictions == targets).all(1).sum()
        self.rows += len(targets)

    def compute(self) -> dict[str, Tensor]:
        """`micro_f1`, `macro_f1` and `exact_match` (rows whose labels are all right) of all that was added, float64."""
        pooled = class_scores(self.right.sum(), self.predicted.sum(), self.support.sum())
        return {
            "micro_f1": pooled.f1,
            "macro_f1": self._scores().macro_f1,
            "exact_match": self.exact / self.rows.double(),
        }

    def scores(self) -> ClassScores:
        """Precision, recall, F1 and support of each label."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            return self._scores()

    def _scores(self) -> ClassScores:
        return class_scores(self.right, self.predicted, self.support)
