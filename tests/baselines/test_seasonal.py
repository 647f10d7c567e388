"""Naive, seasonal naive and drift forecasts against their definitions, one value at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rnnzoo.baselines.seasonal import drift_forecast, naive_forecast, seasonal_naive_forecast
from rnnzoo.errors import RnnzooError


@pytest.mark.parametrize("shape", [(3, 9), (2, 7, 4)])
def test_forecasts_by_definition(shape: tuple[int, ...]) -> None:
    y = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    last = shape[1]  # T, of steps 1..T
    naive, drift = naive_forecast(y, 8), drift_forecast(y, 8)
    for h in range(1, 9):
        torch.testing.assert_close(naive[:, h - 1], y[:, last - 1])
        torch.testing.assert_close(drift[:, h - 1], y[:, -1] + h / (last - 1) * (y[:, -1] - y[:, 0]))
        for period in (1, 3, 7):
            at = last + h - period * ((h - 1) // period + 1)
            torch.testing.assert_close(seasonal_naive_forecast(y, 8, period)[:, h - 1], y[:, at - 1])
    assert naive.shape == drift.shape == (shape[0], 8, *shape[2:])


def test_drift_of_a_line_is_the_line() -> None:
    line = 3 + 0.5 * torch.arange(12, dtype=torch.float64)
    torch.testing.assert_close(drift_forecast(line[None, :8], 4), line[None, 8:])


def test_a_series_of_period_four_is_foretold() -> None:
    series = torch.tensor([5.0, 1.0, 2.0, 8.0] * 4)
    assert torch.equal(seasonal_naive_forecast(series[None, :9], 7, 4), series[None, 9:])


@pytest.mark.parametrize(
    ("forecast", "message"),
    [
        (lambda y: naive_forecast(y, 0), "at least"),
        (lambda y: seasonal_naive_forecast(y, 1, 0), "at least"),
        (lambda y: seasonal_naive_forecast(y, 1, 4), "3 steps is too short: this forecast needs 4"),
        (lambda y: drift_forecast(y[:, :1], 1), "1 steps is too short: this forecast needs 2"),
        (lambda y: naive_forecast(y[:, :0], 1), "0 steps is too short"),
    ],
    ids=["horizon", "period", "season", "drift", "empty"],
)
def test_what_cannot_be_forecast_is_refused(forecast: Callable[[Tensor], Tensor], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        forecast(torch.zeros(1, 3))
