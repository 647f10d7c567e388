"""Label smoothing: a target that is a little of every symbol."""

from __future__ import annotations

from torch import Tensor

from rnnzoo.errors import RnnzooError


def smoothed_nll(nll: Tensor, log_probs: Tensor, smoothing: float) -> Tensor:
    """``(1 - e) * nll - e * mean_w log p(w)`` (Szegedy et al. 2016, section 7), e spread evenly over all V symbols.

    Args:
        nll: -log p(target), (...).
        log_probs: (..., V).
        smoothing: e, at least 0 and below 1.

    Raises:
        RnnzooError: `smoothing` outside its range.

    Example:
        >>> import torch
        >>> log_probs = torch.tensor([[0.5, 0.25, 0.25]]).log()
        >>> round(smoothed_nll(-log_probs[:, 0], log_probs, smoothing=0.1).item(), 4)
        0.7394
    """
    if not 0 <= smoothing < 1:
        raise RnnzooError(f"label_smoothing must be at least 0 and below 1, not {smoothing}")
    return (1 - smoothing) * nll - smoothing * log_probs.mean(-1)
