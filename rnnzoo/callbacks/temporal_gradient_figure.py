"""The picture of vanishing and exploding gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from rnnzoo.errors import RnnzooError


def require_matplotlib() -> Any:
    """The module that draws without a display or a global figure."""
    try:
        from matplotlib import figure
    except ImportError as error:
        raise RnnzooError("TemporalGradientMonitor draws with matplotlib: pip install matplotlib") from error
    return figure


def draw_temporal_gradients(
    path: Path, norms: Tensor, layers: list[str], title: str, earlier: tuple[int, Tensor] | None = None
) -> None:
    """Write a PNG: the norms (layers, T) against the lag, one line a layer; those of an earlier step dotted.

    Norms of zero have no place on a logarithmic axis: the line ends where they begin.
    """
    figure = require_matplotlib().Figure(figsize=(7.2, 4.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    nothing = float("nan")
    for index, layer in enumerate(layers):
        colour = f"C{index}"
        if earlier is not None:
            drawn = earlier[1][index].masked_fill(earlier[1][index] == 0, nothing)
            axes.plot(range(len(drawn)), drawn.tolist(), ":", color=colour, linewidth=1.3, alpha=0.75)
        drawn = norms[index].masked_fill(norms[index] == 0, nothing)
        axes.plot(range(len(drawn)), drawn.tolist(), "-", color=colour, linewidth=1.8, label=layer)
    if earlier is not None:
        axes.plot([], [], ":", color="0.4", linewidth=1.3, label=f"at step {earlier[0]}")
    axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("lag $k$: steps before the last one")
    axes.set_ylabel(r"$\|\partial L_T / \partial h_{T-k}\|$")
    axes.set_title(title, fontsize=11)
    axes.grid(which="major", color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Software": None})
