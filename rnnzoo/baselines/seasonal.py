"""Forecasts that need no training: naive, seasonal naive and drift (Hyndman & Athanasopoulos, section 5.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError


def naive_forecast(history: Tensor, horizon: int) -> Tensor:
    """The last value, for every step ahead: ``f_{T+h} = y_T``.

    Args:
        history: (N, T) or (N, T, D), T at least 1.
        horizon: how many steps ahead.

    Returns:
        (N, horizon) or (N, horizon, D).

    Raises:
        RnnzooError: a history of no step, or a horizon below 1.

    >>> naive_forecast(torch.tensor([[1.0, 3.0]]), horizon=2)
    tensor([[3., 3.]])
    """
    return seasonal_naive_forecast(history, horizon, period=1)


def seasonal_naive_forecast(history: Tensor, horizon: int, period: int) -> Tensor:
    """The last value of the same season: ``f_{T+h} = y_{T + h - m (floor((h - 1) / m) + 1)}``.

    Args:
        history: (N, T) or (N, T, D), T at least m.
        horizon: how many steps ahead.
        period: m, steps of a season.

    Returns:
        (N, horizon) or (N, horizon, D).

    Raises:
        RnnzooError: a history shorter than a season, or a horizon or period below 1.

    >>> seasonal_naive_forecast(torch.tensor([[9.0, 1.0, 2.0, 3.0]]), horizon=5, period=3)
    tensor([[1., 2., 3., 1., 2.]])
    """
    _check(history, horizon, period, needed=period)
    return history[:, history.shape[1] - period + torch.arange(horizon, device=history.device) % period]


def drift_forecast(history: Tensor, horizon: int) -> Tensor:
    """The line through the first and the last value: ``f_{T+h} = y_T + h (y_T - y_1) / (T - 1)``.

    Args:
        history: (N, T) or (N, T, D), T at least 2.
        horizon: how many steps ahead.

    Returns:
        (N, horizon) or (N, horizon, D).

    Raises:
        RnnzooError: a history of fewer than two steps, or a horizon below 1.

    >>> drift_forecast(torch.tensor([[1.0, 7.0, 5.0]]), horizon=2)
    tensor([[7., 9.]])
    """
    _check(history, horizon, 1, needed=2)
    first, last = history[:, :1], history[:, -1:]
    steps = torch.arange(1, horizon + 1, device=history.device, dtype=history.dtype)
    steps = steps.view(1, horizon, *(1,) * (history.dim() - 2))
    return last + steps * (last - first) / (history.shape[1] - 1)


def _check(history: Tensor, horizon: int, period: int, needed: int) -> None:
    if horizon < 1 or period < 1:
        raise RnnzooError(f"the horizon and the period must be 1 step at least, not {horizon} and {period}")
    if history.shape[1] < needed:
        raise RnnzooError(f"a history of {history.shape[1]} steps is too short: this forecast needs {needed}")
