"""What is asked of the vectors of a pair of sequences."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.answer_heads import ClassificationHead


class PairHead(nn.Module):
    """A loss of the vectors ``u`` and ``v`` of a pair, and what is told of the pair."""

    @abstractmethod
    def loss(self, first: Tensor, second: Tensor, targets: Tensor | None, real: Tensor) -> tuple[Tensor, Tensor]:
        """The summed loss of the real pairs, and how many they are.

        Args:
            first: u, (N, D).
            second: v, (N, D).
            targets: (N,), see the subclass.
            real: (N,) bool, false for a pair that fills a batch up.
        """

    @abstractmethod
    def tell(self, first: Tensor, second: Tensor) -> Tensor:
        """What is predicted of each pair: (N, D) and (N, D) to (N,) or (N, K)."""


class PairClassificationHead(PairHead):
    """One of K classes: ``softmax(W [u, v, |u - v|, u * v] + b)`` (Conneau et al. 2017, section 3.1).

    Targets are classes, (N,) int64.

    Args:
        input_size: D.
        num_classes: K.
    """

    def __init__(self, input_size: int, num_classes: int) -> None:
        super().__init__()
        self.classifier = ClassificationHead(4 * input_size, num_classes)

    def loss(self, first: Tensor, second: Tensor, targets: Tensor | None, real: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood in nats."""
        assert targets is not None  # a DataModule of classes gives them
        return self.classifier.loss(self.features(first, second), targets, real)

    def tell(self, first: Tensor, second: Tensor) -> Tensor:
        """Log p of each class, (N, K)."""
        return self.classifier.log_probs(self.features(first, second))

    @staticmethod
    def features(first: Tensor, second: Tensor) -> Tensor:
        """``[u, v, |u - v|, u * v]``: (N, D) and (N, D) to (N, 4 D)."""
        return torch.cat((first, second, (first - second).abs(), first * second), -1)


class CosineHead(PairHead):
    """A score from `low` to `high`: ``(cos(u, v) - (s - low) / (high - low))^2`` (Reimers & Gurevych 2019, section 3).

    A cosine of 0 is the lowest score and 1 the highest. Targets are scores s, (N,) float.

    Args:
        low: the lowest score.
        high: the highest.

    Raises:
        RnnzooError: not low < high.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        if not low < high:
            raise RnnzooError(f"scores go from a low to a high one, not from {low} to {high}")
        self.low, self.high = low, high

    def loss(self, first: Tensor, second: Tensor, targets: Tensor | None, real: Tensor) -> tuple[Tensor, Tensor]:
        """Squared errors of the cosine."""
        assert targets is not None  # a DataModule of scores gives them
        wanted = (targets - self.low) / (self.high - self.low)
        errors = (F.cosine_similarity(first, second) - wanted).square()
        return errors.masked_fill(~real, 0.0).sum(), real.sum()

    def tell(self, first: Tensor, second: Tensor) -> Tensor:
        """The scores (N,)."""
        return self.low + (self.high - self.low) * F.cosine_similarity(first, second)


class ContrastiveHead(PairHead):
    """Each u belongs to its own v and to no other v of the batch: ``-log softmax_j(cos(u_i, v_j) / t)_i``.

    Henderson et al. 2017, section 4.1 (dot products); with a temperature: van den Oord et al. 2018, eq. 4, Chen et al.
    2020, eq. 1. Only the batch of a process competes. Targets are keys, (N,) int64: pairs whose v is the same one have
    the same key and do not compete; None: all differ. The loss depends on the size of the batch.

    Args:
        temperature: t.

    Raises:
        RnnzooError: a temperature not above 0.
    """

    def __init__(self, temperature: float = 0.05) -> None:
        super().__init__()
        if temperature <= 0:
            raise RnnzooError(f"model.temperature must be above 0, not {temperature}")
        self.temperature = temperature

    def loss(self, first: Tensor, second: Tensor, targets: Tensor | None, real: Tensor) -> tuple[Tensor, Tensor]:
        """Nats a pair."""
        scores = F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).t() / self.temperature
        own = torch.eye(len(first), dtype=torch.bool, device=first.device)
        apart = ~own & ~real
        if targets is not None:
            apart = apart | (~own & (targets[:, None] == targets))
        losses = -torch.log_softmax(scores.masked_fill(apart, float("-inf")), -1).diagonal()
        return losses.masked_fill(~real, 0.0).sum(), real.sum()

    def tell(self, first: Tensor, second: Tensor) -> Tensor:
        """The cosines (N,)."""
        return F.cosine_similarity(first, second)
