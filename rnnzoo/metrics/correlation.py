"""Correlation of predicted with true scores, over all pairs of a set."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnzoo.metrics.base import Float64Metric


class Pearson(Float64Metric):
    """Pearson's correlation ``sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2)``.

    NaN where a side is constant. Processes gather the values themselves.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = Pearson()
    >>> metric.update(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([2.0, 4.0, 8.0]))
    >>> metric.compute()
    tensor(1.0000, dtype=torch.float64)
    """

    higher_is_better = True

    predicted: list[Tensor]
    true: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lists("predicted", "true")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Adds scores (N,) and what they should go along with (N,)."""
        self.predicted.append(self._float64(predictions))
        self.true.append(self._float64(targets))

    def compute(self) -> Tensor:
        """The correlation over all that was added: a tensor without axes, float64."""
        return pearson(self._listed("predicted"), self._listed("true"))


class Spearman(Pearson):
    """Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = Spearman()
    >>> metric.update(torch.tensor([0.1, 0.9, 7.0, 8.0]), torch.tensor([0.0, 1.0, 5.0, 4.0]))
    >>> metric.compute()
    tensor(0.8000, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """The correlation over all that was added: a tensor without axes, float64."""
        return pearson(average_ranks(self._listed("predicted")), average_ranks(self._listed("true")))


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of (N,) with (N,)."""
    first, second = first - first.mean(), second - second.mean()
    return first @ second / (first.square().sum() * second.square().sum()).sqrt()


def average_ranks(values: Tensor) -> Tensor:
    """Ranks from 1, (N,) to (N,) float64; equal values share the mean of their ranks.

    >>> average_ranks(torch.tensor([5.0, 1.0, 5.0, 3.0])).tolist()
    [3.5, 1.0, 3.5, 2.0]
    """
    _, places, counts = torch.unique(values, return_inverse=True, return_counts=True)
    ranks: Tensor = counts.cumsum(0) - (counts.double() - 1) / 2
    return ranks[places]
