"""Errors of forecasts: MAE, RMSE, MASE, sMAPE, and how good a predicted distribution is."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.base import Float64Metric


class _MeanError(Float64Metric):
    """The mean of something at each forecast value: its sum and how many there are."""

    higher_is_better: bool | None = False

    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sums("total", "count")

    def _add(self, values: Tensor, mask: Tensor | None) -> None:
        if mask is None:
            self.total += values.sum()
            self.count += values.numel()
            return
        while mask.dim() < values.dim():
            mask = mask.unsqueeze(-1)
        mask = mask.expand_as(values)
        self.total += values.where(mask, 0.0).sum()  # not a product: padding may hold NaN
        self.count += mask.sum()

    def compute(self) -> Tensor:
        """Over all that was added, NaN where that is nothing: a tensor without axes, float64."""
        return self.total / self.count


class MAE(_MeanError):
    """Mean absolute error ``mean |y - f|``, in the units of y.

    >>> metric = MAE()
    >>> metric.update(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]))
    >>> metric.compute()
    tensor(1.5000, dtype=torch.float64)
    """

    def update(self, forecasts: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds forecasts (...) of targets (...); `mask` (...), or without the last axes, is true where they count."""
        self._add((self._float64(targets) - self._float64(forecasts)).abs(), mask)


class RMSE(_MeanError):
    """Root of the mean squared error ``sqrt(mean (y - f)^2)``, in the units of y.

    >>> metric = RMSE()
    >>> metric.update(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 9.0]))
    >>> metric.compute()
    tensor(5., dtype=torch.float64)
    """

    def update(self, forecasts: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds forecasts (...) of targets (...); `mask` (...), or without the last axes, is true where they count."""
        self._add((self._float64(targets) - self._float64(forecasts)).square(), mask)

    def compute(self) -> Tensor:
        """Over all that was added, NaN where that is nothing: a tensor without axes, float64."""
        return super().compute().sqrt()


class SMAPE(_MeanError):
    """Symmetric mean absolute percentage error, in percent, 0..200.

    ``100 mean 2 |y - f| / (|y| + |f|)`` (Makridakis 1993; this form: the M4 competition, Makridakis et al. 2020,
    section 2.2); 0 where both are 0.

    >>> metric = SMAPE()
    >>> metric.update(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0]))
    >>> metric.compute()
    tensor(50., dtype=torch.float64)
    """

    def update(self, forecasts: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds forecasts (...) of targets (...); `mask` (...), or without the last axes, is true where they count."""
        forecasts, targets = self._float64(forecasts), self._float64(targets)
        size = forecasts.abs() + targets.abs()
        self._add(200 * (targets - forecasts).abs() / size.where(size != 0, 1.0), mask)


class MASE(_MeanError):
    """Mean absolute scaled error (Hyndman & Koehler 2006, section 3): below 1 beats the naive forecast in the sample.

    ``mean |y - f| / q``, q = `naive_scale` of the *training* series: the mean absolute error there of the one-step
    (seasonal) naive forecast. Several series or channels have a scale each, so that their errors add.

    Args:
        scale: q above 0, one number or (D,) for forecasts (..., D).
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        RnnzooError: a scale that is not above 0: a constant training series has none.

    >>> metric = MASE(naive_scale(torch.tensor([1.0, 3.0, 2.0, 5.0])))
    >>> metric.update(torch.tensor([4.0]), torch.tensor([5.0]))
    >>> metric.compute()
    tensor(0.5000, dtype=torch.float64)
    """

    scale: Tensor

    def __init__(self, scale: Tensor | float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        scale = torch.as_tensor(scale, dtype=torch.float64)
        if not bool(((scale > 0) & scale.isfinite()).all()):
            raise RnnzooError(
                f"MASE divides by the training series' naive error, which must be above 0 and finite: {scale.tolist()}"
            )
        self.register_buffer("scale", scale, persistent=False)

    def update(self, forecasts: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds forecasts (...) of targets (...); `mask` (...), or without the last axes, is true where they count."""
        self._add((self._float64(targets) - self._float64(forecasts)).abs() / self.scale, mask)


def naive_scale(series: Tensor, period: int = 1) -> Tensor:
    """The scale of `MASE`: ``mean_t |y_t - y_{t-m}|`` over a training series (T,) or (T, D): () or (D,), float64.

    Args:
        series: y, in the units of the forecasts that will be scored.
        period: m, steps of a season; 1: the scale of the plain naive forecast.

    Raises:
        RnnzooError: the series is not longer than the period, or the period is below 1.
    """
    if not 1 <= period < len(series):
        raise RnnzooError(f"a series of {len(series)} steps has no difference over {period} steps")
    series = series.double()
    return (series[period:] - series[:-period]).abs().mean(0)


class GaussianNLL(_MeanError):
    """Mean negative log-likelihood of normal forecasts, in nats: ``mean log s + (y - m)^2 / (2 s^2) + log(2 pi) / 2``.

    >>> metric = GaussianNLL()
    >>> metric.update(torch.tensor([1.0]), torch.tensor([1.0]), torch.tensor([1.0]))
    >>> metric.compute()
    tensor(0.9189, dtype=torch.float64)
    """

    def update(self, means: Tensor, deviations: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds forecasts N(m, s^2) (...) of targets (...); s is the standard deviation, above 0."""
        z = _standardised(self._float64(means), self._float64(deviations), self._float64(targets))
        self._add(self._float64(deviations).log() + z.square() / 2 + math.log(2 * math.pi) / 2, mask)


class Coverage(_MeanError):
    """The share of targets within the central interval of a normal forecast; it should be the interval's level.

    ``|y - m| <= s Phi^-1((1 + level) / 2)``

    Args:
        level: of the interval, in (0, 1).
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        RnnzooError: a level outside (0, 1).

    >>> metric = Coverage(0.95)
    >>> metric.update(torch.zeros(2), torch.ones(2), torch.tensor([1.95, 1.97]))
    >>> metric.compute()
    tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = None

    def __init__(self, level: float = 0.9, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < level < 1:
            raise RnnzooError(f"the level of an interval must be in (0, 1), not {level}")
        self.level = level
        self._width = float(torch.special.ndtri(torch.tensor((1 + level) / 2, dtype=torch.float64)))

    def update(self, means: Tensor, deviations: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Adds forecasts N(m, s^2) (...) of targets (...); s is the standard deviation, above 0."""
        z = _standardised(self._float64(means), self._float64(deviations), self._float64(targets))
        self._add((z.abs() <= self._width).to(z.dtype), mask)


def _standardised(means: Tensor, deviations: Tensor, targets: Tensor) -> Tensor:
    return (targets - means) / deviations
