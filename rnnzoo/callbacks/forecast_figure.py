"""How forecasts are drawn against what came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from rnnzoo.errors import RnnzooError

MOST_PANELS = 8


class Forecast(NamedTuple):
    """A forecast from one step on.

    Attributes:
        origin: the first step that is forecast.
        mean: (steps, D).
        band: the lower and the upper end of the interval, (steps, D) each, or None.
    """

    origin: int
    mean: Tensor
    band: tuple[Tensor, Tensor] | None


def require_matplotlib() -> Any:
    """The module that draws without a display or a global figure."""
    try:
        from matplotlib import figure
    except ImportError:
        raise RnnzooError('ForecastPlot draws with matplotlib: pip install "rnnzoo[recipes]"') from None
    return figure


def draw_forecasts(
    path: Path,
    first: int,
    truth: Tensor,
    forecasts: Sequence[Forecast],
    names: Sequence[str] | None,
    title: str,
    level: float | None,
) -> None:
    """Write a PNG: the series (steps, D) from step `first` on, and the forecasts, a panel a column.

    Of more than eight columns the first eight are drawn, and the title says so.
    """
    columns = truth.shape[1]
    panels = min(columns, MOST_PANELS)
    figure = require_matplotlib().Figure(figsize=(8.4, 1.4 + 2.3 * panels), dpi=150, layout="constrained")
    for column, axes in enumerate(figure.subplots(panels, sharex=True, squeeze=False)[:, 0]):
        steps = range(first, first + len(truth))
        axes.plot(steps, truth[:, column].tolist(), color="0.35", linewidth=1.3, label="what came")
        for number, (origin, mean, band) in enumerate(forecasts):
            ahead = range(origin, origin + len(mean))
            # the line begins at the last value that was known
            known = float(truth[origin - 1 - first, column])
            line = [known, *mean[:, column].tolist()]
            label = None if number else "forecast"
            axes.plot([origin - 1, *ahead], line, color="C1", linewidth=1.7, label=label)
            axes.plot([origin - 1], [known], "o", color="C1", markersize=3.5)
            if band is not None:
                low, high = (end[:, column].tolist() for end in band)
                label = None if number else f"{level:.0%} interval"
                axes.fill_between(ahead, low, high, color="C1", alpha=0.2, linewidth=0, label=label)
        if names is not None:
            axes.set_ylabel(names[column])
        axes.grid(which="major", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if column == 0:
            axes.legend(frameon=False, fontsize=9, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
            more = f" (the first {panels} of {columns} columns)" if panels < columns else ""
            axes.set_title(title + more, fontsize=11, pad=22)
    axes.set_xlabel("step of the series")
    axes.set_xlim(first, first + len(truth))
    figure.savefig(path, metadata={"Software": None})
