"""Series of real vectors, standardised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from rnnzoo.encodings.base import Encoded, InputEncoding
from rnnzoo.errors import RnnzooError


class SeriesEncoding(InputEncoding):
    """``(x - mean) / scale``, feature by feature: what was fitted on training data and is used on all.

    A raw input is an array or nested list (T, D), or (T,) where D is 1.

    Args:
        mean: (D,).
        scale: (D,), above 0.

    Example:
        >>> SeriesEncoding([1.0, 0.0], [2.0, 1.0]).encode([[3.0, 5.0]])
        {'values': tensor([[1., 5.]])}
    """

    kind = "series"
    raw = "arrays (T, D)"

    def __init__(self, mean: list[float], scale: list[float]) -> None:
        if len(mean) != len(scale):
            raise RnnzooError(f"mean has {len(mean)} features, scale {len(scale)}")
        self.mean, self.scale = torch.tensor(mean, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64)

    @classmethod
    def fit(cls, series: Iterable[Any]) -> SeriesEncoding:
        """Mean and standard deviation of each feature over all steps; a feature that never changes keeps scale 1."""
        steps = torch.cat([as_series(one) for one in series])
        spread = steps.std(0, unbiased=False)
        return cls(steps.mean(0).tolist(), spread.masked_fill(spread == 0, 1.0).tolist())

    @property
    def size(self) -> int:
        """D."""
        return len(self.mean)

    def encode(self, raw: Any) -> Encoded:
        """The standardised values (T, D) float32."""
        values = as_series(raw)
        if values.shape[1] != self.size:
            raise RnnzooError(f"a series of {values.shape[1]} features, but the model reads {self.size}")
        return {"values": ((values - self.mean) / self.scale).float()}

    def options(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}


def as_series(raw: Any) -> Tensor:
    """A raw series as (T, D) float64.

    Raises:
        RnnzooError: no numbers, not one or two axes, no step, or a value that is not finite; its step is named.
    """
    try:
        values = torch.as_tensor(raw, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise RnnzooError(f"an array of numbers (T, D) is expected: {error}") from None
    if values.dim() == 1:
        values = values[:, None]
    if values.dim() != 2 or not values.numel():
        raise RnnzooError(f"an array (T, D) with at least one step is expected, not one of shape {tuple(values.shape)}")
    bad = (~values.isfinite()).nonzero()
    if len(bad):
        step, feature = bad[0].tolist()
        raise RnnzooError(
            f"the value at step {step}, feature {feature} is {values[step, feature].item()}: fill gaps before, or say "
            "how they are to be filled where the data is read"
        )
    return values
