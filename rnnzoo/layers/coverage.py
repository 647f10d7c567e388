"""What training adds so that attention spreads over its memory, step by step or in sum."""

from __future__ import annotations

import torch
from torch import Tensor


def coverage_loss(weights: Tensor, mask: Tensor | None = None) -> Tensor:
    """``sum_nt sum_s min(a_nts, c_nts)``, ``c_nts = sum_{u<t} a_nus`` (See et al. 2017, eq. 10 and 12).

    Attending again to what was attended to costs. Eq. 13 adds it, times lambda, to the loss of each step.

    Args:
        weights: a, (N, T, S).
        mask: (N, T) bool, true at real steps; None: all are. Padding stands at the end.

    Returns:
        The sum, without axes; divide it as the loss is divided, by the number of tokens.

    Example:
        >>> coverage_loss(torch.tensor([[[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]]])).item()
        1.25
    """
    before = weights.cumsum(1) - weights
    again = torch.minimum(weights, before)
    return again.sum() if mask is None else (again * mask.unsqueeze(-1)).sum()


def doubly_stochastic_penalty(
    weights: Tensor, mask: Tensor | None = None, memory_lengths: Tensor | None = None
) -> Tensor:
    """``sum_n sum_s (1 - sum_t a_nts)^2`` over real steps t and positions s (Xu et al. 2015, eq. 14).

    It wants each position to get as much attention in sum as any other.

    Args:
        weights: a, (N, T, S).
        mask: (N, T) bool, true at real steps; None: all are.
        memory_lengths: (N,), the real positions of a row; None: all are.

    Returns:
        The sum, without axes; theirs is of one sentence, so divide it by the number of sentences.

    Example:
        >>> doubly_stochastic_penalty(torch.tensor([[[0.5, 0.5], [1.0, 0.0]]])).item()
        0.5
    """
    total = (weights if mask is None else weights * mask.unsqueeze(-1)).sum(1)
    missing = (1 - total).square()
    if memory_lengths is not None:
        positions = torch.arange(weights.shape[-1], device=weights.device)
        missing = missing * (positions < memory_lengths.to(weights.device).unsqueeze(1))
    return missing.sum()
