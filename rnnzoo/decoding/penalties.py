"""How a beam search compares sequences of unequal length, and those that left part of the source unread."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError, unknown

LENGTH_PENALTIES = ("none", "average", "wu")


@dataclass(frozen=True)
class Score:
    """Wu et al. 2016, equation (14): ``s(Y, X) = log p(Y | X) / lp(Y) + cp(X; Y)``.

    ``lp(Y)`` is 1 (`none`), |Y| (`average`) or ``((5 + |Y|) / 6)^alpha`` (`wu`); |Y| counts the end token and the
    forced prefix. ``cp(X; Y) = beta * sum_i log(min(sum_j p_ij, 1))``, p_ij being the attention of step j to source
    position i.

    Args:
        length_penalty: one of the three.
        alpha: of `wu`.
        coverage_penalty: beta; 0: none.

    Raises:
        RnnzooError: an unknown penalty, or alpha or beta below 0.

    Example:
        >>> score = Score("wu", alpha=1.0)
        >>> score(torch.tensor(-6.0), length=7)
        tensor(-3.)
    """

    length_penalty: str = "none"
    alpha: float = 0.6
    coverage_penalty: float = 0.0

    def __post_init__(self) -> None:
        if self.length_penalty not in LENGTH_PENALTIES:
            raise RnnzooError(unknown("length_penalty", self.length_penalty, LENGTH_PENALTIES))
        for name, value in (("alpha", self.alpha), ("coverage_penalty", self.coverage_penalty)):
            if not 0 <= value < float("inf"):
                raise RnnzooError(f"{name} must be a number of at least 0, not {value}")

    def divisor(self, length: int) -> float:
        """The lp of sequences of this length."""
        if self.length_penalty == "average":
            return float(length)
        return ((5 + length) / 6) ** self.alpha if self.length_penalty == "wu" else 1.0

    def __call__(self, log_probs: Tensor, length: int, coverage: Tensor | None = None) -> Tensor:
        """Scores of sequences of one length from their log p, and from ``cp / beta`` of the same shape."""
        scores = log_probs / self.divisor(length)
        return scores if coverage is None else scores + self.coverage_penalty * coverage

    def bound(self, log_probs: Tensor, max_length: int) -> Tensor:
        """No sequence that goes on from one with this log p can score more.

        Let Y continue a prefix with ``log p = l <= 0``. Each further token adds at most 0, so ``log p(Y) <= l``. lp is
        above 0 and does not fall as |Y| grows (alpha >= 0), and ``|Y| <= max_length``, so
        ``log p(Y) / lp(Y) <= l / lp(Y) <= l / lp(max_length)``, the last because l <= 0. And ``cp <= 0``, each of its
        terms being the logarithm of at most 1. Addition of a number that is at most 0 and division by a positive one
        keep order in floating point too, so the bound holds for the scores as computed.
        """
        return log_probs / self.divisor(max_length)


def coverage_of(attention: Tensor) -> Tensor:
    """``sum_i log(min(c_i, 1))`` of summed attention c (..., S); a c of 0 counts as the smallest float above it."""
    return attention.clamp(torch.finfo(attention.dtype).tiny, 1).log().sum(-1)
