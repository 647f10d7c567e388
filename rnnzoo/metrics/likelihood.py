"""Metrics of the likelihood of a text, from sums over it."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from rnnzoo.metrics.base import Float64Metric


class _NatsPerUnit(Float64Metric):
    """Summed nats and a summed count of what they are shared among; ranks add up their sums, not their averages."""

    higher_is_better = False

    nats: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sums("nats", "count")

    def _add(self, nats: Tensor | float, count: Tensor | float) -> None:
        self.nats += self._float64(nats)
        self.count += self._float64(count)


class Perplexity(_NatsPerUnit):
    """exp(sum of -log p / number of tokens), over all batches and ranks.

    Of no token it is NaN: a batch may hold none (all masked), and that must not end a run.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = Perplexity()
    >>> metric.update(10 * math.log(50), 10)
    >>> metric.update(30 * math.log(50), 30)
    >>> metric.compute()
    tensor(50.0000, dtype=torch.float64)
    """

    def update(self, nats: Tensor | float, tokens: Tensor | int) -> None:
        """Adds a batch.

        Args:
            nats: the sum of -log p over its tokens, natural logarithm.
            tokens: how many these were.
        """
        self._add(nats, tokens)

    def compute(self) -> Tensor:
        """The perplexity of all that was added: a tensor without axes, float64."""
        return (self.nats / self.count).exp()


class BitsPerCharacter(_NatsPerUnit):
    """sum of -log p / ln 2 / number of characters, over all batches and ranks.

    At character level the characters are the tokens. At word or subword level they are those of the text that the
    tokens stand for, spaces and line ends included, so that models of different levels compare. Of no
    character it is NaN.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = BitsPerCharacter()
    >>> metric.update(12 * math.log(2), 6)
    >>> metric.compute()
    tensor(2., dtype=torch.float64)
    """

    def update(self, nats: Tensor | float, characters: Tensor | int) -> None:
        """Adds a batch.

        Args:
            nats: the sum of -log p over its tokens, natural logarithm.
            characters: how many characters these tokens stand for.
        """
        self._add(nats, characters)

    def compute(self) -> Tensor:
        """The bits per character of all that was added: a tensor without axes, float64."""
        return self.nats / self.count / math.log(2)
