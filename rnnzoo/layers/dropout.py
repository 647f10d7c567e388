"""Dropout whose mask is drawn once per sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Zeroes features of a sequence, the same ones at every step of a row, and scales the rest by 1 / (1 - p).

    ``y_nt = m_n * x_nt / (1 - p)``, ``m_nd ~ Bernoulli(1 - p)`` drawn once for all t (Gal & Ghahramani 2016, section 4;
    "locked" in Merity et al. 2018, section 4.2). Identity at evaluation.

    Args:
        p: the probability to drop a feature.

    Raises:
        ValueError: p is not in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"the probability of dropout must be in [0, 1), not {p}")
        self.p = p

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (N, T, D) to the same shape."""
        if not self.training or self.p == 0:
            return inputs
        keep = torch.empty(inputs.shape[0], 1, inputs.shape[2], device=inputs.device, dtype=inputs.dtype)
        return inputs * keep.bernoulli_(1 - self.p).div_(1 - self.p)

    def extra_repr(self) -> str:
        """The probability, as `torch.nn.Dropout` shows it."""
        return f"p={self.p}"
