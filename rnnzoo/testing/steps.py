"""What one step of a cell must do."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rnnzoo.cells import RecurrentCell
from rnnzoo.recurrent.reference import run_reference
from rnnzoo.recurrent.state import map_state, select, tensors, where

N, T = 5, 4

#: What is checked, by name: from a copy of the cell to what is wrong with it.
Checks = dict[str, Callable[[RecurrentCell], Iterator[str]]]


def _check_initial_state(cell: RecurrentCell) -> Iterator[str]:
    """s_0 has the type, the widths and the dtype that the cell declares."""
    fields = cell.state_type._fields
    if len(cell.state_sizes) != len(fields):
        yield f"{len(cell.state_sizes)} state_sizes for the fields {', '.join(fields)} of {cell.state_type.__name__}"
        return
    for batch_size in (0, 1, N):
        state = cell.initial_state(batch_size)
        if type(state) is not cell.state_type:
            yield f"it is a {type(state).__name__}, not the cell's state_type {cell.state_type.__name__}"
            return
        for name, field, size in zip(fields, state, cell.state_sizes, strict=True):
            if tuple(field.shape) != (batch_size, size) or field.dtype != cell.weight_ih.dtype:
                yield (
                    f"{name} of initial_state({batch_size}) is {_form(field)}, and must be {(batch_size, size)} of "
                    f"{cell.weight_ih.dtype} (state_sizes, the dtype of the weights)"
                )
                return


def _check_step(cell: RecurrentCell) -> Iterator[str]:
    """A step gives an output and a state of the form of the one before."""
    inputs, before = torch.randn(N, cell.input_size), cell.initial_state(N)
    output, after = cell(inputs, before)
    if type(after) is not cell.state_type:
        yield (
            f"the new state is a {type(after).__name__}, not a {cell.state_type.__name__}: name its fields, "
            f"{cell.state_type.__name__}({', '.join(f'{name}=...' for name in cell.state_type._fields)}), so that none "
            "can stand in the place of another"
        )
        return
    for name, old, new in zip(cell.state_type._fields, before, after, strict=True):
        if _form(new) != _form(old):
            hint = ""
            if sorted(map(_form, after)) == sorted(map(_form, before)):
                hint = "; all widths are there: are the fields in the wrong order?"
            yield f"{name} of the new state is {_form(new)}, and was {_form(old)}{hint}"
    if tuple(output.shape) != (N, cell.output_size) or output.dtype != cell.weight_ih.dtype:
        expected = f"{(N, cell.output_size)} of {cell.weight_ih.dtype} (output_size)"
        yield f"the output is {_form(output)}, and must be {expected}"


def _check_finite(cell: RecurrentCell) -> Iterator[str]:
    """Steps on inputs of N(0, 1) give finite numbers; of nan, every other check would say something misleading."""
    inputs, state = sample(cell)
    for name, value in zip(names_of(cell), step(cell, inputs[0], state), strict=True):
        if not value.isfinite().all():
            kind = "nan" if value.isnan().any() else "infinite"
            yield f"{name} is {kind} after three steps on inputs of N(0, 1): look for 0 / 0 or log(0)"


def _check_dtype(cell: RecurrentCell) -> Iterator[str]:
    """Every tensor of a float64 cell is one."""
    for owner, module in cell.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                path = f"{owner}.{name}".lstrip(".")
                yield f"{path} is a plain tensor, which .to() does not move: self.register_buffer({name!r}, ...)"
    cell = cell.double()
    state = cell.initial_state(N)
    with _ForeignDtypes() as watch:
        try:
            _, new = cell(torch.randn(N, cell.input_size, dtype=torch.float64), state)
        except RuntimeError:
            if not watch.found:
                raise
            new = state
    if watch.found:
        yield (
            f"{' and '.join(watch.found)} in a step of a float64 cell: make constants like the state "
            "(torch.full_like(state.h, ...)), register others as buffers, and do not name a dtype"
        )
    for name, field in zip(cell.state_type._fields, new, strict=True):
        if field.dtype != torch.float64:
            yield f"{name} of the new state of a float64 cell is {field.dtype}"


def _check_rows(cell: RecurrentCell) -> Iterator[str]:
    """No row of the batch sees another."""
    cell = cell.double()
    inputs, state = sample(cell)
    others, other = 10 * torch.randn_like(inputs), sample(cell)[1]
    before = step(cell, inputs[0], state)
    for row in (0, N - 1):
        kept = torch.arange(N) == row
        mixed = torch.where(kept.unsqueeze(-1), inputs[0], others[0]), where(kept, state, other)
        change = _difference(cell, before, step(cell, *mixed), row, row)
        if change:
            yield f"row {row} of {change} when only other rows of the batch change: {DO_NOT_MIX}"
            return
        alone = torch.tensor([row])
        change = _difference(cell, before, step(cell, inputs[0][alone], select(state, alone)), row, 0)
        if change:
            yield f"row {row} of {change} when it is a batch of its own: {DO_NOT_MIX}"
            return


DO_NOT_MIX = (
    "a step must not mix rows (no mean, norm or batch normalisation over the first axis; features are the last one)"
)


def _difference(cell: RecurrentCell, before: list[Tensor], after: list[Tensor], row: int, at: int) -> str:
    """Which of output and state changes, and by how much, from one row before to another after; empty: none."""
    for name, old, new in zip(names_of(cell), before, after, strict=True):
        change = (old[row] - new[at]).abs().max().item()
        if not change <= 1e-9 * (1 + old[row].abs().max().item()):
            return f"{name} changes by {change:.2g}"
    return ""


def _check_in_place(cell: RecurrentCell) -> Iterator[str]:
    """What a step is given stays as it is, and so does the cell."""
    inputs, state = sample(cell)
    given = list(zip(["the inputs", *names_of(cell)[1:]], [inputs, *state], strict=True))
    given += [(f"the parameter {name}", value) for name, value in cell.named_parameters()]
    given += [(f"the buffer {name}", value) for name, value in cell.named_buffers()]
    before = [value.detach().clone() for _, value in given]
    step(cell, inputs[0], state)
    for (name, after), value in zip(given, before, strict=True):
        if not torch.equal(after.detach(), value):
            yield f"a step changes {name}: return new tensors (c = f * state.c, not state.c.mul_(f)); remember nothing"


def _check_determinism(cell: RecurrentCell) -> Iterator[str]:
    """The same step gives the same, whatever was before it."""
    inputs, state = sample(cell)
    torch.manual_seed(1)
    generator = torch.get_rng_state()
    first = step(cell, inputs[0], state)
    if not torch.equal(generator, torch.get_rng_state()):
        yield (
            "a step draws random numbers: noise is drawn by the stack, once for a sequence, and passed in (StackConfig "
            "has dropout, recurrent_dropout and zoneout)"
        )
        return
    again = step(cell, inputs[0], state)
    step(cell, inputs[1], map_state(lambda field: 2 * field + 1, state))
    later = step(cell, inputs[0], state)
    for name, one, two, three in zip(names_of(cell), first, again, later, strict=True):
        if not (torch.equal(one, two) and torch.equal(one, three)):
            yield (
                f"{name} differs between two calls of the same step: a cell remembers nothing and draws nothing (the "
                "state is an argument and a result, never an attribute)"
            )


def _check_gradients(cell: RecurrentCell) -> Iterator[str]:
    """Gradients are right, and reach every parameter."""
    cell = cell.double()
    inputs, state = sample(cell)
    learned = {name: parameter for name, parameter in cell.named_parameters() if parameter.requires_grad}
    inputs, state = inputs[:2, :2].requires_grad_(), map_state(lambda field: field[:2].requires_grad_(), state)

    def run(inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        outputs, last = run_reference(cell, inputs, None, cell.state_type._make(rest[: len(state)]))
        return outputs, *last

    values = run(inputs, *cell.initial_state(2))  # s_0 may be learned
    loss = torch.stack([(value * torch.rand_like(value)).sum() for value in values]).sum()
    found: tuple[Tensor | None, ...] = torch.autograd.grad(loss, [*learned.values()], allow_unused=True)
    for name, gradient in zip(learned, found, strict=True):
        if gradient is None:
            yield f"the parameter {name} gets no gradient: remove it, or use it without detach and .data"
    try:
        torch.autograd.gradcheck(run, (inputs, *state, *learned.values()), fast_mode=False)
    except Exception as error:
        line = str(error).strip().splitlines()[0]
        yield f"wrong against finite differences in float64 (detach, .data, rounding or a kink in the step?): {line}"


def _check_copies(cell: RecurrentCell) -> Iterator[str]:
    """A copy, a pickle and saved weights give the same cell."""
    inputs, state = sample(cell)
    expected = step(cell, inputs[0], state)
    pickled = copy.deepcopy(cell)
    try:
        pickled.__dict__ = pickle.loads(pickle.dumps(vars(cell)))
    except Exception as error:
        yield f"it cannot be pickled (sent to another process): {error}; keep no lambdas, files or locks as attributes"
    saved = io.BytesIO()
    torch.save(cell.state_dict(), saved)
    saved.seek(0)
    loaded = copy.deepcopy(cell)
    with torch.no_grad():
        for value in (*loaded.parameters(), *loaded.buffers()):
            value.zero_()
    loaded.load_state_dict(torch.load(saved, weights_only=True))
    for how, other in (("a deepcopy", copy.deepcopy(cell)), ("a pickle", pickled), ("its state_dict", loaded)):
        if not all(map(torch.equal, expected, step(other, inputs[0], state))):
            yield f"the cell restored from {how} gives another result: what it computes with must be in the state_dict"


FORM: Checks = {"initial state": _check_initial_state, "step": _check_step, "finite": _check_finite}
PROPERTIES: Checks = {
    "dtype": _check_dtype,
    "rows": _check_rows,
    "in place": _check_in_place,
    "determinism": _check_determinism,
    "gradients": _check_gradients,
    "copies": _check_copies,
}


def sample(cell: RecurrentCell) -> tuple[Tensor, Any]:
    """Random inputs (T, N, D) and a state that the cell can be in: the one after some steps."""
    inputs = torch.randn(T, N, cell.input_size, dtype=cell.weight_ih.dtype)
    state = cell.initial_state(N)
    with torch.no_grad():
        for _ in range(2):
            _, state = cell(torch.randn_like(inputs[0]), map_state(torch.clone, state))
    return inputs, map_state(torch.detach, state)


def step(cell: RecurrentCell, inputs: Tensor, state: Any) -> list[Tensor]:
    """The output and the fields of the new state, without a graph."""
    with torch.no_grad():
        output, new = cell(inputs, state)
    return [output, *tensors(new)]


def names_of(cell: RecurrentCell) -> list[str]:
    """What `step` returns, in words."""
    return ["the output", *(f"{name} of the state" for name in cell.state_type._fields)]


class _ForeignDtypes(TorchFunctionMode):
    """Notes the first function that is given, and the first that makes, a floating tensor which is no float64."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note, then do, what was called."""
        kwargs = kwargs or {}
        self._note(func, "is given", (*args, *kwargs.values()))
        result = func(*args, **kwargs)
        self._note(func, "makes", result)
        return result

    def _note(self, func: Any, verb: str, values: Any) -> None:
        if isinstance(values, Tensor):
            if values.is_floating_point() and values.dtype != torch.float64 and not self.found:
                self.found.append(f"{getattr(func, '__name__', func)} {verb} a tensor of {values.dtype}")
        elif isinstance(values, (tuple, list)):
            for value in values:
                self._note(func, verb, value)


def _form(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} of {tensor.dtype}"
