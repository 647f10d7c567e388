"""A device that is not there: its tensors say that they are elsewhere, and what is done to them is computed on the CPU.

What a GPU refuses is refused: an operation on tensors of two devices, a generator of another device, a state that cuDNN
does not take. What makes a program wait for a GPU is counted, by the line of the library that did it. The device is
called ``meta``, since autograd asks no driver about that one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torchmetrics import Metric

import rnnzoo
from rnnzoo.recurrent import transforms

ELSEWHERE = torch.device("meta")
LIBRARY = str(Path(rnnzoo.__file__).parent)
aten = torch.ops.aten

#: Operations whose result, or its size, depends on values: the program waits for them.
WAITS = {
    aten._local_scalar_dense,
    aten.nonzero,
    aten.masked_select,
    aten.equal,
    aten.is_nonzero,
    aten.bincount,
    aten.unique_dim,
    aten.unique_consecutive,
    aten._unique2,
}

#: Operations of which no argument may be a number on the CPU.
STRICT = {aten.stack, aten.cat, aten.index_select, aten.gather, aten.scatter, aten.embedding}

_devices: list[PretendedDevice] = []
_tensor, _generator = torch.tensor, torch.Generator


class Elsewhere(Tensor):
    """A tensor of the pretended device; `here` has its values."""

    here: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, here: Tensor) -> Elsewhere:
        made = Tensor._make_wrapper_subclass(
            cls, here.size(), here.stride(), here.storage_offset(), dtype=here.dtype, device=ELSEWHERE
        )
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _devices[-1].run(func, args, kwargs or {})

    def tolist(self) -> Any:
        """As of any tensor, which waits."""
        _devices[-1].waits[f"{_place()} tolist"] += 1
        return self.here.tolist()

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        """Refused, as that of a GPU's tensor."""
        raise TypeError(f"numpy of a tensor of another device at {_place()}")

    __array__ = numpy

    def __repr__(self, **options: Any) -> str:
        return f"Elsewhere({self.here})"


class PretendedDevice(TorchDispatchMode):
    """The device, while it is entered.

    Args:
        autocast: to which precision it casts.

    Attributes:
        waits: how often the program waited for a result, by place.
        copies: how often it sent something to the device, for which it waits as well, by place.
    """

    def __init__(self, autocast: torch.dtype | None = None) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()
        self.copies: Counter[str] = Counter()
        self._autocast = autocast
        self._generators: list[torch.Generator] = []

    def __enter__(self) -> Any:
        _devices.append(self)
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(torch, "tensor", self._make_tensor)
        self._patch.setattr(torch, "Generator", self._make_generator)
        self._patch.setattr(torch, "inference_mode", torch.no_grad)  # there a wrapper cannot be made
        self._patch.setattr(transforms, "at_work", lambda tensors: None)  # a wrapper is no sign of a tracer
        self._patch.setattr(torch.amp, "is_autocast_available", lambda kind: True)
        self._patch.setattr(torch, "is_autocast_enabled", lambda kind: kind != "cpu" and self._autocast is not None)
        self._patch.setattr(torch, "get_autocast_dtype", lambda kind: self._autocast)
        self._patch.setattr(torch, "autocast", self._without_autocast)
        for name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
            self._patch.setattr(torch, name, self._as_cudnn(getattr(torch, name)))
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._patch.undo()
        _devices.pop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """An operation of ATen."""
        operation, device = func.overloadpacket, kwargs.get("device")
        asked = None if device is None else torch.device(device).type == ELSEWHERE.type
        if operation is aten._to_copy:
            return self._moved(func, args, kwargs, isinstance(args[0], Elsewhere) if asked is None else asked)
        if operation is aten.copy_:
            if isinstance(args[0], Elsewhere) != isinstance(args[1], Elsewhere):
                self._count_move(args[1])
            func(*_values(args), **kwargs)
            return args[0]
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        there = [one for one in tensors if isinstance(one, Elsewhere)]
        if there:
            self._refuse_two_devices(func, args, tensors)
            self._count_waits(func, args, kwargs)
        elsewhere = bool(there) if asked is None else asked
        generator = kwargs.get("generator")
        if generator is not None and any(one._cdata == generator._cdata for one in self._generators) != elsewhere:
            raise RuntimeError(f"{func}: a generator of another device at {_place()}")
        given = _values(kwargs) | ({} if device is None else {"device": "cpu"})
        out = func(*_values(args), **given)
        known = {id(one.here): one for one in there}  # what is written in place stays the tensor that it is
        wrap = elsewhere and operation is not aten._local_scalar_dense
        return tree_map(lambda one: _wrapped(one, known) if isinstance(one, Tensor) else one, out) if wrap else out

    def _moved(self, func: Any, args: Any, kwargs: dict[str, Any], elsewhere: bool) -> Tensor:
        if isinstance(args[0], Elsewhere) != elsewhere:
            self._count_move(args[0])
        out: Tensor = func(*_values(args), **kwargs | {"device": "cpu"})
        return Elsewhere(out) if elsewhere else out

    def _count_move(self, source: Tensor) -> None:
        (self.waits if isinstance(source, Elsewhere) else self.copies)[f"{_place()} copy"] += 1

    def _refuse_two_devices(self, func: Any, args: Any, tensors: list[Tensor]) -> None:
        here = [one for one in tensors if not isinstance(one, Elsewhere)]
        writes = func._schema.is_mutable and here and args[0] is here[0]
        if writes or any(one.dim() or func.overloadpacket in STRICT for one in here):
            raise RuntimeError(f"{func}: tensors on two devices at {_place()}")

    def _count_waits(self, func: Any, args: Any, kwargs: dict[str, Any]) -> None:
        masks = func.overloadpacket in (aten.index, aten.index_put, aten.index_put_) and any(
            one is not None and one.dtype == torch.bool for one in args[1]
        )
        repeats = func is aten.repeat_interleave.Tensor and kwargs.get("output_size") is None
        if masks or repeats or func.overloadpacket in WAITS:
            self.waits[f"{_place()} {func.overloadpacket.__name__}"] += 1

    def _make_tensor(self, data: Any, *, device: Any = None, **options: Any) -> Tensor:
        made = _tensor(data, **options)
        return made if device is None else made.to(device)

    def _make_generator(self, device: Any = "cpu") -> torch.Generator:
        made = _generator("cpu")
        if torch.device(device).type == ELSEWHERE.type:
            self._generators.append(made)
        return made

    @contextmanager
    def _without_autocast(self, device_type: str, enabled: bool) -> Iterator[None]:
        assert not enabled
        before, self._autocast = self._autocast, None
        yield
        self._autocast = before

    def _as_cudnn(self, kernel: Any) -> Any:
        """cuDNN wants a contiguous state; autocast calls it in float16, whatever was asked for."""

        def checked(inputs: Tensor, state: Any, weights: Any, *rest: Any) -> Any:
            fields = state if isinstance(state, list | tuple) else [state]
            if isinstance(inputs, Elsewhere):
                if not all(field.is_contiguous() for field in fields):
                    raise RuntimeError(f"rnn: hx is not contiguous at {_place()}")
                if self._autocast is not None:
                    inputs, state, weights = tree_map(lambda one: one.to(torch.float16), (inputs, state, weights))
            return kernel(inputs, state, weights, *rest)

        return checked


def moved(module: Any) -> Any:
    """A module with its parameters, buffers and metrics on the pretended device; what is shared stays shared."""
    seen: dict[int, Tensor] = {}

    def over(tensor: Tensor) -> Tensor:
        if id(tensor) not in seen:
            copy = seen[id(tensor)] = Elsewhere(tensor.detach().clone())
            if isinstance(tensor, nn.Parameter):
                copy.requires_grad_(tensor.requires_grad)._is_param = True
        return seen[id(tensor)]

    for part in module.modules():
        if isinstance(part, Metric):
            part.to(ELSEWHERE)
        for table in (part._parameters, part._buffers):
            table.update({name: over(tensor) for name, tensor in table.items() if tensor is not None})
        if hasattr(part, "_device"):
            part._device = ELSEWHERE
    return module


def _values(tree: Any) -> Any:
    return tree_map(lambda one: one.here if isinstance(one, Elsewhere) else one, tree)


def _wrapped(value: Tensor, known: dict[int, Elsewhere]) -> Tensor:
    return known[id(value)] if id(value) in known else Elsewhere(value)


def _place() -> str:
    """The innermost line of the library."""
    frame = sys._getframe(1)
    while frame is not None and not frame.f_code.co_filename.startswith(LIBRARY):
        frame = frame.f_back  # type: ignore[assignment]
    return "?" if frame is None else f"{frame.f_code.co_filename[len(LIBRARY) + 1 :]}:{frame.f_lineno}"
