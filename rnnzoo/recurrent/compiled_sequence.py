"""The loop around the compiled kernels, forward and backward; time-major, and without autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.recurrent.compiled_calls import Function, mark_rows_dynamic
from rnnzoo.recurrent.compiled_kernels import Extras, StageKernel, masks_operand


@dataclass(frozen=True)
class Plan:
    """What a sequence is run with, besides the tensors that may have gradients.

    Attributes:
        live: (T, N, 1), the real steps of each row; None: all are.
        names: of the cell's own parameters, as in `WithParameters`.
        report: told the error where a backward pass could not be compiled.
    """

    cell: RecurrentCell
    kernels: list[StageKernel]
    extras: Extras
    live: Tensor | None
    noise: Noise
    reverse: bool
    names: tuple[str, ...]
    report: Callable[[Exception], None]


@dataclass(frozen=True)
class Operands:
    """The tensors of a sequence that may have gradients.

    Attributes:
        projected: (T, N, G), the products of the inputs, with the biases of the recurrent ones that are added to them.
        weights: of each stage, None where it has no product.
        biases: of the products that are not added to `projected`.
        state: the fields of s_0.
        own: the cell's own parameters.
    """

    projected: Tensor
    weights: tuple[Tensor | None, ...]
    biases: tuple[Tensor | None, ...]
    state: tuple[Tensor, ...]
    own: tuple[Tensor, ...]

    def flat(self) -> list[Tensor | None]:
        """All of them in a fixed order."""
        return [self.projected, *self.weights, *self.biases, *self.state, *self.own]

    @classmethod
    def of(cls, flat: Sequence[Any], stages: int, fields: int) -> Operands:
        """The inverse of `flat`."""
        ends = (1, 1 + stages, 1 + 2 * stages, 1 + 2 * stages + fields)
        parts = [tuple(flat[start:stop]) for start, stop in zip(ends, (*ends[1:], len(flat)), strict=True)]
        return cls(flat[0], *parts)


Column = Sequence[Tensor]  # one tensor for each step, in the order of time


@dataclass(frozen=True)
class Record:
    """What the forward pass made.

    Every tensor has memory of its own: the kernels are compiled for such, and of views of one buffer the compiler
    would distinguish those that start at its beginning.

    Attributes:
        parts: of each stage the parts (N, width) of its kernel's input, empty where they were not to be remembered.
        results: of each stage the outputs of its kernel; of all but the last empty likewise.
    """

    parts: list[list[Column]]
    results: list[list[Column]]

    def flat(self) -> list[Tensor]:
        """All tensors in a fixed order."""
        return [tensor for some in (*self.parts, *self.results) for column in some for tensor in column]

    @classmethod
    def of(cls, flat: Sequence[Tensor], kernels: list[StageKernel], steps: int) -> Record:
        """The inverse of `flat`."""
        columns = iter([flat[start : start + steps] for start in range(0, len(flat), steps)])
        parts = [[next(columns) for _ in range(kernel.num_parts)] for kernel in kernels]
        return cls(parts, [[next(columns) for _ in kernel.widths] for kernel in kernels])


def _order(plan: Plan, steps: int) -> list[int]:
    """The steps in the order in which they are taken."""
    return list(range(steps))[:: -1 if plan.reverse else 1]


def _columns_of_projected(plan: Plan) -> list[slice]:
    """Where each stage's rows of ``weight_ih`` are."""
    widths = [sum(plan.cell.stage_sizes(stage)) if stage.inputs else 0 for stage in plan.cell.stages]
    return [slice(sum(widths[:at]), sum(widths[: at + 1])) for at in range(len(widths))]


def _is_joined(plan: Plan, index: int) -> bool:
    """Whether a stage's product is added to that of the inputs."""
    stage = plan.cell.stages[index]
    return stage.inputs and stage.weight is not None and not stage.apart


def _hands_masked_operand(plan: Plan) -> bool:
    """Whether the state's first field is masked before the first stage multiplies it."""
    return masks_operand(plan.cell, len(plan.kernels) - 1, plan.extras)


def _constants(plan: Plan, index: int, steps: int) -> list[Column]:
    """What is constant in a stage, in the order of its kernel's inputs."""
    columns: list[Column] = []
    if masks_operand(plan.cell, index, plan.extras) and plan.noise.operand is not None:
        columns.append((plan.noise.operand.clone(memory_format=torch.contiguous_format),) * steps)
    if index == len(plan.kernels) - 1:
        columns.extend(_by_step(keep) for keep in plan.noise.zoneout or ())
        if plan.live is not None:
            columns.append(_by_step(plan.live))
    return columns


def _by_step(buffer: Tensor) -> Column:
    """Each step in memory of its own."""
    return [step.clone(memory_format=torch.contiguous_format) for step in buffer.unbind(0)]


def run_forward(plan: Plan, operands: Operands, remember: bool) -> Record:
    """Run the loop; unless `remember`, only the states are kept."""
    steps, kernels = len(operands.projected), plan.kernels
    last = len(kernels) - 1
    products = [_product(plan, operands, index) for index in range(len(kernels))]
    inputs_alone: list[Column | None] = [
        _by_step(operands.projected[..., columns]) if stage.inputs and not _is_joined(plan, index) else None
        for index, (stage, columns) in enumerate(zip(plan.cell.stages, _columns_of_projected(plan), strict=True))
    ]
    own = dict(zip(plan.names, operands.own, strict=True))
    parameters = [[own[name] for name in kernel.parameters] for kernel in kernels]
    constants = [_constants(plan, index, steps) for index in range(len(kernels))]
    hands_masked = _hands_masked_operand(plan)
    parts: list[list[Any]] = [[None] * steps for _ in kernels]
    results: list[list[Any]] = [[None] * steps for _ in kernels]
    again: dict[int, Function] = {}

    state: Sequence[Tensor] = operands.state
    operand = _masked(plan, state[0]) if hands_masked else state[0]
    for at, t in enumerate(_order(plan, steps)):
        carried: Sequence[Tensor] = ()
        found: Sequence[Tensor] = ()
        for index, kernel in enumerate(kernels):
            part: list[Tensor] = []
            if (alone := inputs_alone[index]) is not None:
                part.append(alone[t])
            if (product := products[index]) is not None:
                part.append(product(operand, t))
            constant = [column[t] for column in constants[index]]
            inputs = (*part, *state, *carried, *parameters[index], *constant)
            if at == 0:
                mark_rows_dynamic((*part, *state, *carried, *constant))
                found, again[index] = kernel.forward.first(inputs)
            else:
                found = again[index](*inputs)
            if index < last:
                operand, *carried = found
            if remember:
                parts[index][t] = part
            if remember or index == last:
                results[index][t] = found
        state = found[: len(state)]
        operand = found[-1] if hands_masked else state[0]
    if not remember:
        return Record([], [list(zip(*results[last], strict=True))])
    return Record(
        [list(zip(*some, strict=True)) for some in parts], [list(zip(*some, strict=True)) for some in results]
    )


def _masked(plan: Plan, operand: Tensor) -> Tensor:
    return operand if plan.noise.operand is None else operand * plan.noise.operand


def _product(plan: Plan, operands: Operands, index: int) -> Callable[[Tensor, int], Tensor] | None:
    """What makes a stage's product from its operand at a step; None where it has none."""
    weight, bias = operands.weights[index], operands.biases[index]
    if weight is None:
        return None
    transposed = weight.t().contiguous()
    if _is_joined(plan, index):
        inputs = operands.projected[..., _columns_of_projected(plan)[index]].unbind(0)
        return lambda operand, t: torch.addmm(inputs[t], operand, transposed)
    if bias is not None:
        return lambda operand, t: torch.addmm(bias, operand, transposed)
    return lambda operand, t: torch.mm(operand, transposed)


def run_backward(
    plan: Plan, operands: Operands, record: Record, sequence: Sequence[Tensor | None], final: Sequence[Tensor | None]
) -> Operands:
    """The gradients of `operands`, from those of each field after every step (T, N, width) and after the last."""
    kernels, projected = plan.kernels, operands.projected
    steps, fields, last = len(projected), len(operands.state), len(kernels) - 1
    own = dict(zip(plan.names, operands.own, strict=True))
    parameters = [[own[name] for name in kernel.parameters] for kernel in kernels]
    constants = [_constants(plan, index, steps) for index in range(len(kernels))]
    before = [
        _before(plan, start, column)
        for start, column in zip(operands.state, record.results[last][:fields], strict=True)
    ]
    carried = [record.results[index - 1][1:] if index else [] for index in range(len(kernels))]
    rows = [list(zip(*record.parts[index], *before, *carried[index], strict=True)) for index in range(len(kernels))]
    direct = [None if gradients is None else _by_step(gradients) for gradients in sequence]
    columns: list[list[list[Any]]] = [[[None] * steps for _ in range(kernel.num_parts)] for kernel in kernels]
    again: dict[int, Function] = {}

    zeros = [torch.zeros_like(start) for start in operands.state]
    state = [
        zero if given is None else given.clone(memory_format=torch.contiguous_format)
        for zero, given in zip(zeros, final, strict=True)
    ]
    no_operand = [projected.new_zeros(projected.shape[1], kernel.widths[0]) for kernel in kernels]
    masked = torch.zeros_like(zeros[0]) if _hands_masked_operand(plan) else None
    sums = {name: torch.zeros_like(tensor) for name, tensor in own.items()}
    for at, t in enumerate(reversed(_order(plan, steps))):
        cotangents = [[total] if more is None else [total, more[t]] for total, more in zip(state, direct, strict=True)]
        if masked is not None:
            cotangents.append([masked])
        pending: list[Tensor | None] = [None] * fields
        for index in reversed(range(len(kernels))):
            kernel, weight = kernels[index], operands.weights[index]
            read = [field for field, reads in enumerate(kernel.reads) if reads]
            waiting = [zeros[field] if (some := pending[field]) is None else some for field in read]
            if all(pending[field] is None for field in read):
                waiting = []
            flat = [tensor for some in cotangents for tensor in some]
            constant = [column[t] for column in constants[index]]
            inputs = (*rows[index][t], *parameters[index], *constant)
            given = (*inputs, *flat, *waiting, *(sums[name] for name in kernel.parameters))
            if at == 0:
                mark_rows_dynamic((*rows[index][t], *constant, *flat, *waiting))
                step = kernel.backward(tuple(len(some) for some in cotangents), bool(waiting), len(inputs))
                outputs, again[index] = step.first(given)
            else:
                outputs = again[index](*given)
            found = iter(outputs)
            for column in columns[index]:
                column[t] = d_product = next(found)
            for field in read:
                pending[field] = next(found)
            cotangents = [[next(found)] for _ in range(kernel.num_carried)]
            sums.update(zip(kernel.parameters, found, strict=True))
            if index:
                cotangents.insert(0, [no_operand[index - 1] if weight is None else d_product @ weight])
            elif masked is not None and weight is not None:
                masked = d_product @ weight
            elif weight is not None:
                through = pending[0]
                pending[0] = d_product @ weight if through is None else torch.addmm(through, d_product, weight)
        state = [zero if some is None else some for zero, some in zip(zeros, pending, strict=True)]
    if masked is not None:
        state[0] = state[0] + _masked(plan, masked)
    d_parts = [[torch.stack(column) for column in some] for some in columns]
    return Operands(
        _projected_gradient(plan, d_parts),
        tuple(_weight_gradient(plan, operands, record, index, d_parts[index]) for index in range(len(kernels))),
        tuple(
            None if bias is None else gradients[-1].sum((0, 1))
            for bias, gradients in zip(operands.biases, d_parts, strict=True)
        ),
        tuple(state),
        tuple(sums.values()),
    )


def _before(plan: Plan, start: Tensor, after: Column) -> Column:
    """What each step finds: what the step taken before it left."""
    return [*after[1:], start] if plan.reverse else [start, *after[:-1]]


def _projected_gradient(plan: Plan, parts: Sequence[Sequence[Tensor]]) -> Tensor:
    """The gradient of `projected` from those of each stage's parts, of which the first are its columns."""
    found = [some[0] for some, stage in zip(parts, plan.cell.stages, strict=True) if stage.inputs]
    return found[0] if len(found) == 1 else torch.cat(found, -1)


def _weight_gradient(
    plan: Plan, operands: Operands, record: Record, index: int, gradients: Sequence[Tensor]
) -> Tensor | None:
    """One product for all steps; the last of a stage's parts has the one with its weight in it."""
    weight = operands.weights[index]
    if weight is None or not weight.requires_grad:
        return None
    if index:
        operand = record.results[index - 1][0]
    elif _hands_masked_operand(plan):
        operand = _before(plan, _masked(plan, operands.state[0]), record.results[-1][-1])
    else:
        operand = _before(plan, operands.state[0], record.results[-1][0])
    return gradients[-1].flatten(0, 1).t() @ torch.cat(list(operand))


def for_kernels(operands: Operands) -> Operands:
    """The same, with what kernels read without history, and the state in memory of its own: see `Record`."""
    return replace(
        operands,
        state=tuple(field.detach().clone(memory_format=torch.contiguous_format) for field in operands.state),
        own=tuple(tensor.detach() for tensor in operands.own),
    )


def results(plan: Plan, record: Record) -> tuple[Tensor, ...]:
    """Each field of the state after every step (T, N, width), then after the last one taken (N, width)."""
    columns = record.results[-1][: len(plan.cell.state_sizes)]
    return (
        *(torch.stack(list(column)) for column in columns),
        *(column[0 if plan.reverse else -1].clone() for column in columns),
    )
