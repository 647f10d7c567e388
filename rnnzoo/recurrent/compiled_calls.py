"""Functions compiled once and called at each step: Dynamo's checks are made at a sequence's first step only.

They take longer than what a step computes, and could find nothing new: at every step of a sequence the same code is
given contiguous tensors of the same sizes and dtypes.
"""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]


class Compiled:
    """A function of contiguous tensors to contiguous tensors, which writes to none of them, compiled for any number
    of rows.

    Args:
        function: what is compiled, when it is first called.
        number: tells its code from that of other functions made by the same ``def``: Dynamo keeps its versions of a
            function, and counts them against a limit beyond which it runs the function as it is, by code object.
    """

    def __init__(self, function: Function, number: int) -> None:
        assert isinstance(function, types.FunctionType)
        code = function.__code__.replace(co_name=f"{function.__name__}_{number}")
        own = types.FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)
        self._called = threading.local()  # what Dynamo called last in this thread: see `_backend`
        self._guarded: Function = torch.compile(
            own, fullgraph=True, backend=self._backend, options={"guard_filter_fn": _worth_guarding}
        )

    def first(self, inputs: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Function]:
        """The outputs of a sequence's first step, and the function for the other ones.

        That one checks nothing: it is for inputs that differ from these in their values alone.
        """
        inputs = _all_different(inputs)
        self._called.last = None
        outputs = self._guarded(*inputs)
        called, self._called.last = self._called.last, None
        if called is None:  # nothing was compiled: a function that only passes on, or a compiler that is switched off
            return outputs, self._guarded
        return outputs, _without_guards(inputs, outputs, *called)

    def _backend(self, graph: torch.fx.GraphModule, example_inputs: list[Any]) -> Callable[..., Any]:
        """Inductor, but what it compiled is remembered with its arguments and results when Dynamo calls it."""
        code = torch._dynamo.lookup_backend("inductor")(graph, example_inputs)

        def remembering(*arguments: Any) -> Any:
            made = code(*arguments)
            self._called.last = (code, arguments, made)
            return made

        return remembering


def mark_rows_dynamic(tensors: Sequence[Tensor]) -> None:
    """Say that the number of rows of these tensors varies, so that another batch size compiles nothing."""
    for tensor in tensors:
        torch._dynamo.maybe_mark_dynamic(tensor, 0)


def _all_different(inputs: Sequence[Tensor]) -> list[Tensor]:
    """A tensor that is given twice would be compiled as one, and in the steps that follow it is two.

    Such are parts of a state, and zeros for what is not there; parameters are given once.
    """
    seen: set[int] = set()
    different = []
    for tensor in inputs:
        if id(tensor) in seen:
            tensor = tensor.clone()
            mark_rows_dynamic([tensor])
        seen.add(id(tensor))
        different.append(tensor)
    return different


def _without_guards(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], code: Callable[..., Any], arguments: Any, made: Any
) -> Function:
    """The function that gave `outputs` for `inputs` by ``made = code(*arguments)``, found by which is which.

    What is among the arguments and no input, as the number of rows, is the same at every step.
    """
    place = {id(tensor): at for at, tensor in enumerate(inputs)}
    takes = [(at, place[id(argument)]) for at, argument in enumerate(arguments) if id(argument) in place]
    constant = [None if id(argument) in place else argument for argument in arguments]
    found = {id(tensor): at for at, tensor in enumerate(made)} | {
        id(tensor): len(made) + at for at, tensor in enumerate(inputs)
    }
    gives = [found[id(output)] for output in outputs]

    def again(*inputs: Tensor) -> tuple[Tensor, ...]:
        taken = constant.copy()
        for at, source in takes:
            taken[at] = inputs[source]
        results = (*code(*taken), *inputs)
        return tuple([results[at] for at in gives])

    return again


_GUARDED = frozenset({"TENSOR_MATCH", "SHAPE_ENV", "DUPLICATE_INPUT", "GLOBAL_STATE", "GRAD_MODE"})


def _worth_guarding(guards: Sequence[Any]) -> list[bool]:
    """Which of Dynamo's guards are checked: tensors, and globals of the module that wrote the cell.

    The others concern the cell, of which `configuration` is the key, and the innards of PyTorch; they are most of them.
    """

    def worth(guard: Any) -> bool:
        if guard.guard_type in _GUARDED:
            return True
        module = guard.name.removeprefix("G['__import_").partition("_dot_")[0].partition("']")[0]
        user = guard.name.startswith("G['__import_") and module not in sys.stdlib_module_names
        return user and module not in ("torch", "rnnzoo")

    return [worth(guard) for guard in guards]
