"""A whole sequence as one step of autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.cells.base import Weights
from rnnzoo.recurrent.compiled_kernels import WithParameters
from rnnzoo.recurrent.compiled_sequence import Operands, Plan, Record, for_kernels, results, run_backward, run_forward
from rnnzoo.recurrent.state import where


class CompiledSequence(torch.autograd.Function):
    """`run_forward` and `run_backward`: from `Operands.flat` to `results`."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *flat: Tensor | None) -> tuple[Tensor, ...]:
        """See `results`."""
        operands = for_kernels(Operands.of(flat, len(plan.kernels), len(plan.cell.state_sizes)))
        record = run_forward(plan, operands, remember=True)
        ctx.plan, ctx.num_operands = plan, len(flat)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*flat, *record.flat())
        return results(plan, record)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """By the compiled kernels; by the loop under autograd where the gradients are to be differentiated again."""
        plan: Plan = ctx.plan
        flat, remembered = ctx.saved_tensors[: ctx.num_operands], ctx.saved_tensors[ctx.num_operands :]
        needed = ctx.needs_input_grad[1:]
        found: Sequence[Tensor | None]
        if torch.is_grad_enabled():
            found = _replay(plan, flat, needed, gradients, create_graph=True)
        else:
            operands = Operands.of(flat, len(plan.kernels), len(plan.cell.state_sizes))
            record = Record.of(remembered, plan.kernels, len(operands.projected))
            try:
                found = _run_backward(plan, operands, record, gradients)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                plan.report(error)
                found = _replay(plan, flat, needed, gradients, create_graph=False)
        return None, *(gradient if wanted else None for gradient, wanted in zip(found, needed, strict=True))


@torch.compiler.disable  # type: ignore[untyped-decorator]  # PyTorch leaves it so
def _run_backward(
    plan: Plan, operands: Operands, record: Record, gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    fields = len(plan.cell.state_sizes)
    first, *others = gradients[:fields]
    if first is None:  # whether it is given would make two kernels
        first = operands.projected.new_zeros(*operands.projected.shape[:2], plan.cell.state_sizes[0])
    return run_backward(plan, for_kernels(operands), record, [first, *others], gradients[fields:]).flat()


def _replay(
    plan: Plan,
    flat: Sequence[Tensor | None],
    needed: Sequence[bool],
    gradients: Sequence[Tensor | None],
    create_graph: bool,
) -> list[Tensor | None]:
    """The gradients by the loop under autograd, which can be differentiated again."""
    with torch.enable_grad():
        # Views: one of these tensors may have been made from another, and that path is not this function's.
        leaves = [
            None if tensor is None else tensor.view_as(tensor) if create_graph else tensor.detach().requires_grad_(need)
            for tensor, need in zip(flat, needed, strict=True)
        ]
        operands = Operands.of(leaves, len(plan.kernels), len(plan.cell.state_sizes))
        own = dict(zip(plan.names, operands.own, strict=True))
        outputs = functional_call(WithParameters(plan.cell), own, (_loop, plan, operands))
        given = [
            (output, gradient)
            for output, gradient in zip(outputs, gradients, strict=True)
            if gradient is not None and output.requires_grad
        ]
        wanted = [leaf for leaf, need in zip(leaves, needed, strict=True) if need and leaf is not None]
        if not given:
            return [None] * len(flat)
        tops, cotangents = zip(*given, strict=True)
        found = iter(torch.autograd.grad(tops, wanted, cotangents, create_graph=create_graph, allow_unused=True))
    return [next(found) if need and leaf is not None else None for leaf, need in zip(leaves, needed, strict=True)]


def _loop(cell: RecurrentCell, plan: Plan, operands: Operands) -> list[Tensor]:
    """The results of `CompiledSequence` under autograd."""
    steps = len(operands.projected)
    weights = Weights(operands.projected, None, operands.weights, operands.biases)
    state = cell.state_type._make(operands.state)
    states: list[Any] = [None] * steps
    for t in reversed(range(steps)) if plan.reverse else range(steps):
        zoneout = plan.noise.zoneout
        now = Noise(plan.noise.operand, None if zoneout is None else tuple(keep[t] for keep in zoneout))
        new = cell.advance(operands.projected[t], state, weights, now)
        state = states[t] = new if plan.live is None else where(plan.live[t].squeeze(-1), new, state)
    return [*(torch.stack(values) for values in zip(*states, strict=True)), *state]
