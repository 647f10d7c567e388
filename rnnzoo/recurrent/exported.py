"""A cell in a program of `torch.export`: one loop over time whose number of steps is not fixed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnzoo.cells import Noise, RecurrentCell


def run_exported(
    cell: RecurrentCell,
    inputs: Tensor,
    lengths: Tensor | None,
    state: Any,
    noise: Noise | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Any]:
    """Run a cell over time: equal to `run_reference`, whose arguments and results it has, for at least one step.

    A loop in Python would be written out as many times as the example has steps, and so would PyTorch's own kernels;
    `scan` keeps the loop in the program. What stands in the padding changes nothing, NaN neither.
    """
    from torch._higher_order_ops import scan  # PyTorch documents it, as a prototype, under this name

    own_forward = type(cell).forward is not RecurrentCell.forward
    steps = [inputs if own_forward else cell.project(inputs, cell.weights())]
    if lengths is not None:
        time = torch.arange(inputs.shape[0], device=inputs.device)
        steps.append((time.unsqueeze(1) < lengths).unsqueeze(-1))
    operand = None if noise is None else noise.operand
    zoneout = None if noise is None else noise.zoneout
    steps.extend(zoneout or ())

    def advance(before: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        row, *rest = now
        real = None if lengths is None else rest.pop(0)
        drawn = None if noise is None else Noise(operand, None if zoneout is None else tuple(rest))
        old = cell.state_type._make(before)
        if own_forward:
            output, new = cell(row, old) if drawn is None else cell(row, old, drawn)
        else:
            new = cell.advance(row, old, cell.weights(), drawn)
            output = cell.output(new)
        if real is None:
            return [field.clone() for field in new], output.clone()  # a scan's results must not share memory
        after = [torch.where(real, field, kept) for field, kept in zip(new, old, strict=True)]
        return after, torch.where(real, output, 0.0)

    last, outputs = scan(advance, list(state), steps, reverse=reverse)
    return outputs, cell.state_type._make(last)
