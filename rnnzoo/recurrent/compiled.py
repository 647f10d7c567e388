"""The fast way to run any row-wise cell: compiled kernels in a loop in place, one step of autograd for a sequence.

The input products of all steps are one matrix product; a step is one recurrent product and one compiled kernel; the
gradient of the recurrent weights is one product of all steps. What cannot be run so is run by the loop under autograd,
and that is said once, with the reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.cells.base import Weights
from rnnzoo.recurrent import transforms
from rnnzoo.recurrent.compiled_autograd import CompiledSequence
from rnnzoo.recurrent.compiled_kernels import Extras, UnsupportedError, kernels_for, own_tensors
from rnnzoo.recurrent.compiled_sequence import Operands, Plan, for_kernels, results, run_forward
from rnnzoo.recurrent.reference import run_reference

_said: set[tuple[type, str]] = set()
_failed: dict[type, str] = {}


def supports(cell: RecurrentCell, inputs: Tensor, state: Any = None, noise: Noise | None = None) -> str | None:
    """Why `run_compiled` would run this by the loop under autograd, in words that follow "because"; None: it does not.

    Args:
        cell: R and O.
        inputs: (T, N, D).
        state: s_0, where it is at hand.
        noise: of the sequence, where it is at hand.
    """
    if type(cell).forward is not RecurrentCell.forward or type(cell).advance is not RecurrentCell.advance:
        return f"{type(cell).__name__} has a forward of its own"
    if type(cell) in _failed:
        return _failed[type(cell)]
    if torch.is_autocast_enabled(inputs.device.type):
        return "autocast chooses the precision of each operation"
    noises = [] if noise is None else [noise.operand, *(noise.zoneout or ())]
    tensors = [inputs, *(state or ()), *noises, *cell.parameters(), *cell.buffers()]
    return _unsupported_tensors([tensor for tensor in tensors if tensor is not None], inputs)


def _unsupported_tensors(tensors: Sequence[Tensor], inputs: Tensor) -> str | None:
    if not inputs.is_floating_point():
        return f"the inputs are {inputs.dtype}"
    for tensor in tensors:
        if tensor.device != inputs.device or (tensor.is_floating_point() and tensor.dtype != inputs.dtype):
            return f"{inputs.dtype} on {inputs.device} meets {tensor.dtype} on {tensor.device}"
    return transforms.at_work(tensors)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # PyTorch leaves it so
def run_compiled(
    cell: RecurrentCell,
    inputs: Tensor,
    lengths: Tensor | None,
    state: Any,
    noise: Noise | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Any]:
    """Run a cell over time: equal to `run_reference`, whose arguments and results it has.

    Second derivatives, which need the gradients themselves to be differentiable, are made by the loop under autograd.
    """
    if inputs.shape[0] == 0 or inputs.shape[1] == 0:
        return run_reference(cell, inputs, lengths, state, noise, reverse)
    reason = supports(cell, inputs, state, noise)
    if reason is None:
        try:
            return _run_rows(cell, inputs, lengths, state, noise or Noise(), reverse)
        except torch.OutOfMemoryError:
            raise
        except UnsupportedError as error:
            reason = str(error)
        except Exception as error:
            reason = _remember_failure(cell, error)
    _say_once(cell, reason)
    return run_reference(cell, inputs, lengths, state, noise, reverse)


def _run_rows(
    cell: RecurrentCell, inputs: Tensor, lengths: Tensor | None, state: Any, noise: Noise, reverse: bool
) -> tuple[Tensor, Any]:
    """`_run`, a single row as two: of one row alone the compiler would make kernels of its own."""
    if inputs.shape[1] > 1:
        return _run(cell, inputs, lengths, state, noise, reverse)
    twice = state._make(part.expand(2, -1) for part in state)
    operand = None if noise.operand is None else noise.operand.expand(2, -1)
    zoneout = None if noise.zoneout is None else tuple(keep.expand(-1, 2, -1) for keep in noise.zoneout)
    lengths = None if lengths is None else lengths.expand(2)
    outputs, last = _run(cell, inputs.expand(-1, 2, -1), lengths, twice, Noise(operand, zoneout), reverse)
    return outputs[:, :1], last._make(part[:1] for part in last)


def _run(
    cell: RecurrentCell, inputs: Tensor, lengths: Tensor | None, state: Any, noise: Noise, reverse: bool
) -> tuple[Tensor, Any]:
    weights = cell.weights()
    biases = list(weights.recurrent_bias)
    projected = _project(cell, inputs, weights, biases)
    live = None
    if lengths is not None:
        live = (torch.arange(inputs.shape[0], device=inputs.device).unsqueeze(1) < lengths).unsqueeze(-1)
    extras = Extras(live is not None, noise.zoneout is not None, noise.operand is not None)
    kernels = kernels_for(cell, extras, projected)
    read = {name for kernel in kernels for name in kernel.parameters}
    own = {name: tensor for name, tensor in own_tensors(cell).items() if name in read}

    def report(error: Exception) -> None:
        _say_once(cell, _remember_failure(cell, error))

    plan = Plan(cell, kernels, extras, live, noise, reverse, tuple(own), report)
    operands = Operands(projected, weights.recurrent, tuple(biases), tuple(state), tuple(own.values()))
    flat = operands.flat()
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in flat):
        found = CompiledSequence.apply(plan, *flat)  # type: ignore[no-untyped-call]  # PyTorch leaves it so
    else:
        with torch.no_grad():
            found = results(plan, run_forward(plan, for_kernels(operands), remember=False))
    fields = len(cell.state_sizes)
    every = cell.state_type._make(field.flatten(0, 1) for field in found[:fields])
    outputs = cell.output(every).view(*inputs.shape[:2], -1)
    return outputs if live is None else outputs * live, cell.state_type._make(found[fields:])


def _project(cell: RecurrentCell, inputs: Tensor, weights: Weights, biases: list[Tensor | None]) -> Tensor:
    """The input products, with the biases of the products that join them; those of `biases` become None."""
    parts: list[Tensor] = []
    joined = False
    for index, stage in enumerate(cell.stages):
        if not stage.inputs:
            continue
        width = sum(cell.stage_sizes(stage))
        bias = biases[index]
        if bias is not None and not stage.apart:
            parts.append(bias)
            biases[index], joined = None, True
        else:
            parts.append(weights.input.new_zeros(width))
    if not joined:
        return cell.project(inputs, weights)
    total = torch.cat(parts)
    if type(cell).project is not RecurrentCell.project:
        return cell.project(inputs, weights) + total
    both = total if weights.input_bias is None else weights.input_bias + total
    return cell.project(inputs, weights._replace(input_bias=both))


def _remember_failure(cell: RecurrentCell, error: Exception) -> str:
    reason = f"its kernels could not be compiled: {type(error).__name__}: {next(_lines(str(error)), '')}"
    _failed[type(cell)] = reason
    return reason


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if line.strip())


def _say_once(cell: RecurrentCell, reason: str) -> None:
    if (type(cell), reason) not in _said:
        _said.add((type(cell), reason))
        warnings.warn(
            f"{type(cell).__name__} runs step by step under autograd, which is slower, because {reason}", stacklevel=3
        )
