"""What follows the products of a cell, compiled: one step of each stage, and its vector-Jacobian product.

A kernel depends on what a cell is (its class and configuration), not on which cell it is: the layers of a stack share
one, and no cell carries compiled code that could not be copied, pickled or forked.
"""

from __future__ import annotations

import copy
import enum
import functools
import types
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from rnnzoo.cells import RecurrentCell
from rnnzoo.cells.base import Stage, make_gates
from rnnzoo.recurrent.compiled_calls import Compiled


class UnsupportedError(Exception):
    """Why a cell cannot be run by this engine, in words that follow "because"."""


@dataclass(frozen=True)
class Extras:
    """What a step does besides R: kernels of other extras are other kernels."""

    live: bool
    zoneout: bool
    operand: bool


class WithParameters(nn.Module):
    """A cell to which parameters are handed: ``functional_call(WithParameters(cell), parameters, (function, *args))``
    is ``function(cell, *args)`` with those parameters, named ``cell.*``, in place of its own.
    """

    def __init__(self, cell: RecurrentCell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, function: Callable[..., Any], *args: Any) -> Any:
        """`function` of the cell."""
        return function(self.cell, *args)


@dataclass
class StageKernel:
    """One stage of a cell after its product, as a function of tensors alone, compiled when it is first needed.

    Its inputs, in order: its parts (the products, gates side by side), the fields of the state, what the stage before
    carried, the parameters that it reads, and what is constant (mask of the operand, shares of zoneout, live rows).
    Its outputs: the operand of the next product, then what is carried; in the last stage the fields of the new state,
    then, where it is masked, the operand of the next step's first product.

    Attributes:
        function: the outputs of the inputs, as plain PyTorch.
        num_parts: how many of the inputs are parts.
        reads: for each field of the state whether an output depends on it.
        num_carried: how many of the inputs were carried.
        parameters: names of the parameters that the function reads.
        widths: of the outputs.
    """

    function: Callable[..., tuple[Tensor, ...]]
    num_parts: int
    reads: tuple[bool, ...]
    num_carried: int
    parameters: tuple[str, ...]
    widths: tuple[int, ...]
    _forward: Compiled | None = None
    _backward: dict[Hashable, Compiled] = field(default_factory=dict)

    @property
    def forward(self) -> Compiled:
        """``forward(*inputs)`` are the outputs."""
        if self._forward is None:
            function = self.function

            def forward(*inputs: Tensor) -> tuple[Tensor, ...]:
                return function(*inputs)

            self._forward = Compiled(forward, len(_KERNELS))
        return self._forward

    def backward(self, cotangents: tuple[int, ...], pending: bool, num_inputs: int) -> Compiled:
        """``backward(*inputs, *cotangents, *pending, *sums)`` are the gradients.

        Of the parts, of the fields of the state that are read, of what was carried, and of the parameters; to those of
        the fields are added `pending`, one tensor for each, if there are any, and to those of the parameters `sums`.

        Args:
            cotangents: for each output how many tensors are given, whose sum is its cotangent.
            pending: whether there are any.
            num_inputs: the number of inputs.
        """
        key = (cotangents, pending)
        if key not in self._backward:
            self._backward[key] = Compiled(self._make_backward(cotangents, pending, num_inputs), len(_KERNELS))
        return self._backward[key]

    def _make_backward(self, cotangents: tuple[int, ...], pending: bool, num_inputs: int) -> Callable[..., Any]:
        function = self.function
        fields = [self.num_parts + at for at, read in enumerate(self.reads) if read]
        carried = self.num_parts + len(self.reads)
        parameters = carried + self.num_carried
        end = parameters + len(self.parameters)
        places = [*range(self.num_parts), *fields, *range(carried, end)]
        added = [(place in fields and pending) or place >= parameters for place in places]

        def backward(*tensors: Tensor) -> tuple[Tensor, ...]:
            def outputs(*values: Tensor) -> tuple[Tensor, ...]:
                inputs = list(tensors[:num_inputs])
                for place, value in zip(places, values, strict=True):
                    inputs[place] = value
                return function(*inputs)

            rest = list(tensors[num_inputs:])
            sums = []
            for count in cotangents:
                total = rest.pop(0)
                for _ in range(count - 1):
                    total = total + rest.pop(0)
                sums.append(total)
            gradients = torch.func.vjp(outputs, *[tensors[place] for place in places])[1](tuple(sums))
            gradients = (rest.pop(0) + grad if add else grad for add, grad in zip(added, gradients, strict=True))
            return tuple(gradient.contiguous() for gradient in gradients)

        return backward


_KERNELS: dict[Hashable, list[StageKernel]] = {}


def kernels_for(cell: RecurrentCell, extras: Extras, like: Tensor) -> list[StageKernel]:
    """The kernels of a cell's stages for tensors of the dtype and device of `like`.

    Raises:
        UnsupportedError: the cell's configuration cannot be compared, or a stage is not what the contract says.
    """
    key = (extras, like.dtype, like.device.type, configuration(cell))
    if key not in _KERNELS:
        with torch.inference_mode(False), torch.enable_grad():
            _KERNELS[key] = _build(cell, extras, like)
    return _KERNELS[key]


def configuration(value: Any, path: str = "cell") -> Hashable:
    """What makes the compiled code of two cells the same, as a key.

    Raises:
        UnsupportedError: an attribute that cannot be compared by value.
    """
    if isinstance(value, float):
        return repr(value)  # nan is not equal to itself
    if value is None or isinstance(
        value, bool | int | str | bytes | enum.Enum | type | torch.dtype | torch.device | torch.Size
    ):
        return (type(value), value)
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.ModuleType):
        return value
    if isinstance(value, functools.partial):
        return tuple(configuration(part, path) for part in (value.func, value.args, value.keywords))
    if isinstance(value, types.MethodType):
        return (value.__func__, configuration(value.__self__, path))
    if isinstance(value, dict):
        return (type(value), *((name, configuration(part, f"{path}.{name}")) for name, part in value.items()))
    if isinstance(value, tuple | list | set | frozenset):
        return (type(value), *(configuration(part, path) for part in value))
    if isinstance(value, nn.Module):
        return (type(value), *_module_configuration(value, path))
    if isinstance(value, Tensor):
        raise UnsupportedError(f"{path} is a tensor that is neither a parameter nor a buffer")
    if hasattr(value, "__dict__"):
        return (type(value), configuration(vars(value), path))
    raise UnsupportedError(f"{path}, of type {type(value).__name__}, cannot be compared by value")


_MODULE_INTERNALS = frozenset(vars(nn.Module())) - {"training", "_forward_hooks", "_forward_pre_hooks"}


def _module_configuration(module: nn.Module, path: str) -> Iterator[Hashable]:
    ignored = _MODULE_INTERNALS
    if isinstance(module, RecurrentCell):
        yield module.stages, *(getattr(type(module), stage.function) for stage in module.stages)
        ignored = ignored | matrices(module) | {"input_size"}
    for name, value in vars(module).items():
        if name not in ignored:
            yield name, configuration(value, f"{path}.{name}")
    for tensors in (module._parameters, module._buffers):
        for name, tensor in tensors.items():
            if name not in ignored:
                yield name, None if tensor is None else (tensor.shape, tensor.dtype)
    for name, child in module._modules.items():
        yield name, configuration(child, f"{path}.{name}")


def matrices(cell: RecurrentCell) -> set[str]:
    """The parameters that are no business of a row-wise function: the matrices and their biases."""
    return {"weight_ih", "weight_hh", "bias_ih", "bias_hh"} | {stage.weight for stage in cell.stages if stage.weight}


def own_tensors(cell: RecurrentCell) -> dict[str, Tensor]:
    """The other parameters, and the buffers, under the names they have in `WithParameters`."""
    named = [*cell.named_parameters(), *cell.named_buffers()]
    return {f"cell.{name}": tensor for name, tensor in named if name not in matrices(cell)}


def _build(cell: RecurrentCell, extras: Extras, like: Tensor) -> list[StageKernel]:
    everything = [*cell.parameters(), *cell.buffers()]
    empty: dict[int, Any] = {
        id(tensor): nn.Parameter(torch.empty_like(tensor, device="meta"), False) for tensor in everything
    }
    try:
        skeleton = WithParameters(copy.deepcopy(cell, empty))
    except Exception as error:
        raise UnsupportedError(f"it cannot be copied: {error}") from error
    del skeleton.cell.input_size  # cells that differ in it share their kernels, and no product is made here
    kernels: list[StageKernel] = []
    carried: tuple[int, ...] = ()
    for index in range(len(cell.stages)):
        kernel = _stage_kernel(cell, skeleton, index, carried, extras, like)
        carried = kernel.widths[1:]
        kernels.append(kernel)
    return kernels


def _stage_kernel(
    cell: RecurrentCell,
    skeleton: WithParameters,
    index: int,
    carried: tuple[int, ...],
    extras: Extras,
    like: Tensor,
) -> StageKernel:
    """What a stage reads and returns is found by running it once on two rows."""
    stage = cell.stages[index]
    last = index == len(cell.stages) - 1
    sizes = [*[sum(cell.stage_sizes(stage))] * num_parts(stage), *cell.state_sizes, *carried]

    def example(shape: Sequence[int]) -> Tensor:
        count = torch.Size(shape).numel()
        return torch.linspace(0.2, 0.8, count, dtype=like.dtype, device=like.device).view(shape).requires_grad_()

    tensors = own_tensors(cell)
    inputs = [example((2, size)) for size in sizes]
    values = [example(tensor.shape) if tensor.is_floating_point() else tensor for tensor in tensors.values()]
    constants = [example((2, cell.state_sizes[0]))] if masks_operand(cell, index, extras) else []
    if last and extras.zoneout:
        constants.extend(example((2, size)) for size in cell.state_sizes)
    if last and extras.live:
        constants.append(torch.tensor([[True], [False]], device=like.device))

    outputs = _row_wise(cell, skeleton, index, len(carried), tuple(tensors), extras)(*inputs, *values, *constants)
    _check_outputs(cell, index, outputs, like)
    total = torch.stack([output.sum() for output in outputs]).sum()
    leaves = [*inputs, *(value for value in values if value.requires_grad)]
    read = {
        id(leaf)
        for leaf, gradient in zip(leaves, torch.autograd.grad(total, leaves, allow_unused=True), strict=True)
        if gradient is not None
    }
    names = tuple(
        name for name, value in zip(tensors, values, strict=True) if id(value) in read or not value.requires_grad
    )
    fields = inputs[num_parts(stage) : num_parts(stage) + len(cell.state_sizes)]
    return StageKernel(
        function=_row_wise(cell, skeleton, index, len(carried), names, extras),
        num_parts=num_parts(stage),
        reads=tuple(id(leaf) in read for leaf in fields),
        num_carried=len(carried),
        parameters=names,
        widths=tuple(output.shape[-1] for output in outputs),
    )


def num_parts(stage: Stage) -> int:
    """How many arguments of a stage's function are gates: the products, or their sum."""
    products = int(stage.inputs) + int(stage.weight is not None)
    return products if stage.apart else min(products, 1)


def masks_operand(cell: RecurrentCell, index: int, extras: Extras) -> bool:
    """Whether the operand that a stage's result hands to the next product is masked: the last stage's to the first."""
    return extras.operand and cell.stages[(index + 1) % len(cell.stages)].weight == "weight_hh"


def _check_outputs(cell: RecurrentCell, index: int, outputs: tuple[Tensor, ...], like: Tensor) -> None:
    name = f"{type(cell).__name__}.{cell.stages[index].function}"
    for output in outputs:
        if output.dtype != like.dtype or output.dim() != 2 or output.shape[0] != 2:
            raise UnsupportedError(f"{name} returned {output.dtype} {tuple(output.shape)} for rows of {like.dtype}")
    if index == len(cell.stages) - 1:
        found = tuple(output.shape[-1] for output in outputs[: len(cell.state_sizes)])
        if found != cell.state_sizes:
            raise UnsupportedError(f"{name} returned a state {found} wide, and state_sizes are {cell.state_sizes}")


def _row_wise(
    cell: RecurrentCell,
    skeleton: WithParameters,
    index: int,
    num_carried: int,
    names: tuple[str, ...],
    extras: Extras,
) -> Callable[..., tuple[Tensor, ...]]:
    """A stage's outputs as a function of its inputs, in the order that `StageKernel` says."""
    stage = cell.stages[index]
    last = index == len(cell.stages) - 1
    parts, sizes, fields = num_parts(stage), cell.stage_sizes(stage), len(cell.state_sizes)
    gates_type = type(make_gates(stage.gates, [torch.empty(0)] * len(sizes)))
    state_type = cell.state_type
    method = stage.function
    masked = masks_operand(cell, index, extras)
    zoneout, live = extras.zoneout and last, extras.live and last

    def call(own: RecurrentCell, *args: Any) -> Any:
        return getattr(own, method)(*args)

    def row_wise(*tensors: Tensor) -> tuple[Tensor, ...]:
        gates = [gates_type(*torch.split(part, sizes, -1)) for part in tensors[:parts]]
        old = tensors[parts : parts + fields]
        at = parts + fields
        args = (*gates, state_type(*old), *tensors[at : at + num_carried])
        at += num_carried
        if names:
            own = dict(zip(names, tensors[at : at + len(names)], strict=True))
            result = tuple(functional_call(skeleton, own, (call, *args)))
        else:
            result = tuple(call(skeleton.cell, *args))
        constants = tensors[at + len(names) :]
        mask = constants[0] if masked else None
        constants = constants[1:] if masked else constants
        if zoneout:
            keep = constants[:fields]
            result = tuple(k * o + (1 - k) * n for k, o, n in zip(keep, old, result, strict=True))
        if live:
            result = tuple(torch.where(constants[-1], n, o) for n, o in zip(result, old, strict=True))
        if mask is not None:
            result = (*result, result[0] * mask) if last else (result[0] * mask, *result[1:])
        return tuple(output.contiguous() for output in result)

    return row_wise
