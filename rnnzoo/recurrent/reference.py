"""The loop under autograd: short, obvious, and the oracle of the other ways to run a cell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.recurrent.state import where


def run_reference(
    cell: RecurrentCell,
    inputs: Tensor,
    lengths: Tensor | None,
    state: Any,
    noise: Noise | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Any]:
    """Run a cell over time, one step after another.

    Args:
        cell: R and O.
        inputs: (T, N, D).
        lengths: (N,), the number of real steps of each row; None: every row is full.
        state: s_0 in the forward direction, the state after the last real step in the backward one.
        noise: drawn for the whole sequence: `Noise.zoneout` is (T, N, width).
        reverse: from each row's last real step to its first.

    Returns:
        outputs (T, N, output_size), zero past a row's end, and the state after each row's last step taken.
    """
    steps = range(inputs.shape[0])
    own_forward = type(cell).forward is not RecurrentCell.forward
    weights = None if own_forward else cell.weights()
    projected = inputs if weights is None else cell.project(inputs, weights)
    outputs: list[Tensor] = [torch.empty(0)] * len(steps)
    for t in reversed(steps) if reverse else steps:
        now = _at(noise, t)
        if weights is None:
            output, new = cell(projected[t], state, now) if now is not None else cell(projected[t], state)
        else:
            new = cell.advance(projected[t], state, weights, now)
            output = cell.output(new)
        if lengths is not None:
            real = lengths > t
            new = where(real, new, state)
            output = output * real.unsqueeze(-1)
        state, outputs[t] = new, output
    if not outputs:
        return inputs.new_zeros(0, inputs.shape[1], cell.output_size), state
    return torch.stack(outputs), state


def _at(noise: Noise | None, t: int) -> Noise | None:
    if noise is None or noise.zoneout is None:
        return noise
    return Noise(noise.operand, tuple(keep[t] for keep in noise.zoneout))
