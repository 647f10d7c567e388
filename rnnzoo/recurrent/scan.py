"""Linear cells as a scan: all gates at once, then one multiplication and one addition a step.

The sequential scan is kept on purpose: the parallel one in log space is slower on a CPU and loses half the digits of
the gradients by a few thousand steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.cells.base import make_gates
from rnnzoo.cells.linear import LinearCell
from rnnzoo.recurrent import transforms
from rnnzoo.recurrent.reference import run_reference


def supports(cell: RecurrentCell, noise: Noise | None = None) -> str | None:
    """Why `run_scan` would run this by the loop under autograd, in words that follow "because"; None: it does not."""
    if not isinstance(cell, LinearCell):
        return f"{type(cell).__name__} is not linear in its state"
    for name in ("forward", "advance", "transition"):
        if getattr(type(cell), name) is not getattr(LinearCell, name):
            return f"{type(cell).__name__} has a {name} of its own"
    if noise is not None and noise.zoneout is not None:
        return "zoneout mixes the states of two steps"
    return None


@torch.compiler.disable  # type: ignore[untyped-decorator]  # PyTorch leaves it so
def run_scan(
    cell: RecurrentCell,
    inputs: Tensor,
    lengths: Tensor | None,
    state: Any,
    noise: Noise | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Any]:
    """Run a linear cell over time: equal to `run_reference`, whose arguments and results it has.

    A mask of the operand does nothing, as in the loop: there is no product with the state.
    """
    if not isinstance(cell, LinearCell) or supports(cell, noise) is not None or not len(inputs):
        return run_reference(cell, inputs, lengths, state, noise, reverse)
    (stage,) = cell.stages
    projected = cell.project(inputs, cell.weights())
    gates = make_gates(stage.gates, torch.split(projected, cell.stage_sizes(stage), -1))
    a, b = cell.coefficients(gates)
    real = None
    if lengths is not None:  # past a row's end the state stays what it is: h' = 1 * h + 0
        real = (torch.arange(len(inputs), device=inputs.device).unsqueeze(1) < lengths).unsqueeze(-1)
        a, b = torch.where(real, a, 1.0), torch.where(real, b, 0.0)
    states = linear_recurrence(a, b, state[0], reverse)
    every = cell.state_type(states.flatten(0, 1))
    outputs = cell.output(every).view(*inputs.shape[:2], -1)
    last = cell.state_type(states[0 if reverse else -1])
    return outputs if real is None else outputs * real, last


def linear_recurrence(a: Tensor, b: Tensor, start: Tensor, reverse: bool = False) -> Tensor:
    """``h_t = a_t * h_{t-1} + b_t`` for all t at once.

    Args:
        a: (T, N, H).
        b: (T, N, H).
        start: h_0 (N, H); with `reverse` the one that stands behind the last step.
        reverse: from the last step to the first, ``h_t = a_t * h_{t+1} + b_t``.

    Returns:
        h (T, N, H). It can be differentiated any number of times.

    Example:
        >>> half = torch.full((3, 1, 1), 0.5)
        >>> linear_recurrence(half, torch.ones(3, 1, 1), torch.tensor([[8.0]])).flatten().tolist()
        [5.0, 3.5, 2.75]
    """
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), start.dtype)  # autocast gives a and b its own
    a, b, start = a.to(dtype), b.to(dtype), start.to(dtype)
    if transforms.at_work((a, b, start)) is None:
        result: Tensor = _LinearRecurrence.apply(a, b, start, reverse)  # type: ignore[no-untyped-call]  # theirs
        return result
    order = range(len(b))
    states, h = [start] * len(b), start
    for t in reversed(order) if reverse else order:
        h = states[t] = torch.addcmul(b[t], a[t], h)
    return torch.stack(states)


class _LinearRecurrence(torch.autograd.Function):
    """The loop in place. Its gradient is a linear recurrence in the other direction, so it is written as one."""

    @staticmethod
    def forward(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
        states = torch.empty_like(b, memory_format=torch.contiguous_format)
        coefficients, terms, views = a.unbind(0), b.unbind(0), states.unbind(0)
        order = range(len(views))
        h = start
        for t in reversed(order) if reverse else order:
            h = torch.addcmul(terms[t], coefficients[t], h, out=views[t])
        return states

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, bool], output: Tensor) -> None:
        a, _, start, ctx.reverse = inputs
        ctx.save_for_backward(a, start, output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """With g_t the gradient of h_t through time: ``g_t = gradient_t + a_{t+1} * g_{t+1}``, db = g, da = g * h."""
        a, start, states = ctx.saved_tensors
        reverse: bool = ctx.reverse
        (gradient,) = gradients
        if reverse:
            coefficients = torch.cat((torch.zeros_like(a[:1]), a[:-1]))
            before = torch.cat((states[1:], start.unsqueeze(0)))
        else:
            coefficients = torch.cat((a[1:], torch.zeros_like(a[:1])))
            before = torch.cat((start.unsqueeze(0), states[:-1]))
        through = linear_recurrence(coefficients, gradient, torch.zeros_like(start), not reverse)
        first = -1 if reverse else 0
        return through * before, through, a[first] * through[first], None
