"""Series that come with statsmodels."""

from __future__ import annotations

import torch

from rnnzoo.data.series import Series, without_gaps
from rnnzoo.errors import RnnzooError

PACKAGED = {"sunspots": "SUNACTIVITY", "co2": "co2"}


def packaged_series(name: str, missing: str) -> Series:
    """A series of statsmodels: `sunspots`, yearly from 1700 to 2008, or `co2`, weekly from 1958 to 2001, with gaps.

    Raises:
        RnnzooError: statsmodels is not installed; gaps, where `missing` is `error`.
    """
    try:
        from statsmodels import datasets
    except ImportError:
        raise RnnzooError(f'the series {name} comes with statsmodels: pip install "rnnzoo[recipes]"') from None
    column = PACKAGED[name]
    values = getattr(datasets, name).load_pandas().data[column].to_numpy(dtype="float64", copy=True)[:, None]
    lines = list(range(2, 2 + len(values)))
    filled, conversion = without_gaps(values, missing, f"statsmodels.datasets.{name}", lines, [column])
    return Series(torch.as_tensor(filled), None, f"statsmodels.datasets.{name}", conversion)
