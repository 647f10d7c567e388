"""Heads that answer with a class, several labels, or numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.head import Head


class ClassificationHead(Head):
    """One of K classes: ``log p = log_softmax(W y + b)``.

    The training loss of a row of class k is ``w_k ((1 - e) nll_k + e / K sum_j nll_j)``, e the label smoothing (Szegedy
    et al. 2016, section 7) and w the class weights; the count that the caller divides by is the sum of the w_k, so that
    a weighted mean comes out. `nll` and evaluation are without either.

    Args:
        input_size: H.
        num_classes: K.
        label_smoothing: e.
        class_weights: (K,); None: all 1.

    Raises:
        RnnzooError: weights of another number or below 0; smoothing not in [0, 1).
    """

    class_weights: Tensor | None

    def __init__(
        self,
        input_size: int,
        num_classes: int,
        label_smoothing: float = 0.0,
        class_weights: list[float] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise RnnzooError(f"label_smoothing must be at least 0 and below 1, not {label_smoothing}")
        if class_weights is not None and (len(class_weights) != num_classes or min(class_weights) < 0):
            raise RnnzooError(f"class_weights must be {num_classes} numbers of at least 0, not {class_weights}")
        self.vocabulary_size = num_classes
        self.label_smoothing = label_smoothing
        self.linear = nn.Linear(input_size, num_classes)
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)

    def log_probs(self, features: Tensor) -> Tensor:
        """Log p(. | y): (..., H) to (..., K)."""
        return F.log_softmax(self.linear(features), -1)

    def nll(self, features: Tensor, targets: Tensor) -> Tensor:
        """-log p(target | y) in nats: (..., H) and (...) int64 to (...)."""
        return -self.log_probs(features).gather(-1, targets.unsqueeze(-1)).squeeze(-1)

    def loss(self, features: Tensor, targets: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The sum and the count of the rows where `mask` (...) is true; smoothed and weighted in training only."""
        if not self.training or (self.label_smoothing == 0 and self.class_weights is None):
            return super().loss(features, targets, mask)
        log_probs = self.log_probs(features)
        losses = -log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        losses = (1 - self.label_smoothing) * losses - self.label_smoothing * log_probs.mean(-1)
        weights = torch.ones_like(losses) if self.class_weights is None else self.class_weights[targets]
        if mask is not None:
            weights = weights * mask
        return (losses * weights).sum(), weights.sum()


class MultiLabelHead(Head):
    """K labels that hold or do not, each by itself: ``p_k = sigmoid(w_k . y + b_k)``.

    Args:
        input_size: H.
        num_classes: K.
    """

    def __init__(self, input_size: int, num_classes: int) -> None:
        super().__init__()
        self.vocabulary_size = num_classes
        self.linear = nn.Linear(input_size, num_classes)

    def log_probs(self, features: Tensor) -> Tensor:
        """Log p of each label: (..., H) to (..., K); they do not sum to 1."""
        return F.logsigmoid(self.linear(features))

    def nll(self, features: Tensor, targets: Tensor) -> Tensor:
        """-log p of all K decisions, summed: (..., H) and (..., K) of 0 and 1 to (...)."""
        logits: Tensor = self.linear(features)
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none").sum(-1)


class RegressionHead(nn.Module):
    """D numbers, ``W y + b``, with the squared error summed over them as loss.

    Args:
        input_size: H.
        size: D.
    """

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.linear = nn.Linear(input_size, size)

    def forward(self, features: Tensor) -> Tensor:
        """The prediction: (..., H) to (..., D)."""
        prediction: Tensor = self.linear(features)
        return prediction

    def nll(self, features: Tensor, targets: Tensor) -> Tensor:
        """``|W y + b - target|^2``: (..., H) and (..., D) to (...)."""
        return self._losses(features, targets).sum(-1)

    def loss(self, features: Tensor, targets: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The summed loss, and over how many numbers: where `mask` (...), or (..., D) for each number, is true."""
        return _masked_sum(self._losses(features, targets), mask)

    def _losses(self, features: Tensor, targets: Tensor) -> Tensor:
        error: Tensor = self(features) - targets
        return error.square()


class GaussianHead(nn.Module):
    """D independent normal distributions: mean ``W y + b``, standard deviation ``softplus(V y + c) + 1e-4``.

    Nix & Weigend 1994, "Estimating the mean and variance of the target probability distribution", eq. 4; the floor
    keeps a series that is predicted without error from an infinite likelihood.

    Args:
        input_size: H.
        size: D.
    """

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.linear = nn.Linear(input_size, 2 * size)

    def distribution(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation: (..., H) to (..., D) each."""
        mean, raw = self.linear(features).chunk(2, -1)
        return mean, F.softplus(raw) + 1e-4

    def forward(self, features: Tensor) -> Tensor:
        """The mean: (..., H) to (..., D)."""
        return self.distribution(features)[0]

    def nll(self, features: Tensor, targets: Tensor) -> Tensor:
        """-log p in nats, summed over the D numbers: (..., H) and (..., D) to (...)."""
        return self._losses(features, targets).sum(-1)

    def loss(self, features: Tensor, targets: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The summed loss, and over how many numbers: where `mask` (...), or (..., D) for each number, is true."""
        return _masked_sum(self._losses(features, targets), mask)

    def _losses(self, features: Tensor, targets: Tensor) -> Tensor:
        mean, deviation = self.distribution(features)
        standard = (targets - mean) / deviation
        return 0.5 * standard.square() + deviation.log() + 0.5 * math.log(2 * math.pi)


def _masked_sum(losses: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    if mask is None:
        return losses.sum(), torch.tensor(losses.numel(), device=losses.device)
    counted = (mask if mask.dim() == losses.dim() else mask.unsqueeze(-1)).expand_as(losses)
    return (losses * counted).sum(), counted.sum()
