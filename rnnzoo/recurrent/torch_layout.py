"""To and from the layout of `torch.nn.LSTM`, `GRU` and `RNN`: states and parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent.stack import RecurrentStack


def state_to_torch(state: Any) -> Tensor | tuple[Tensor, ...]:
    """The state of a stack as PyTorch returns it: each field (num_layers * directions, N, H); one field not in a tuple.

    >>> stack = RecurrentStack(3, {"cell": "lstm", "hidden_size": 4, "num_layers": 2})
    >>> [tuple(field.shape) for field in state_to_torch(stack.initial_state(5))]
    [(2, 5, 4), (2, 5, 4)]
    """
    fields = tuple(torch.stack(field) for field in zip(*state, strict=True))
    return fields[0] if len(fields) == 1 else fields


def state_from_torch(stack: RecurrentStack, state: Tensor | tuple[Tensor, ...]) -> tuple[Any, ...]:
    """The state of `stack` from what `state_to_torch` gave, or a module of PyTorch."""
    fields = (state,) if isinstance(state, Tensor) else state
    parts = zip(*(field.unbind(0) for field in fields), strict=True)
    return stack.check_state(tuple(parts), fields[0].shape[1])


def load_torch_parameters(stack: RecurrentStack, state_dict: Mapping[str, Tensor]) -> None:
    """Copy the parameters of a `torch.nn.LSTM`, `GRU` or `RNN` of the same shape: ``weight_ih_l0_reverse`` and kin.

    >>> lstm = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    >>> stack = RecurrentStack(3, {"cell": "lstm", "hidden_size": 4, "num_layers": 2, "bidirectional": True})
    >>> load_torch_parameters(stack, lstm.state_dict())
    >>> inputs = torch.randn(2, 5, 3)
    >>> torch.allclose(lstm(inputs)[0], stack(inputs).outputs, atol=1e-6)
    True

    Raises:
        RnnzooError: a parameter that is missing, left over or of another shape.
    """
    renamed = {}
    for name, value in state_dict.items():
        match = re.fullmatch(r"(\w+)_l(\d+)(_reverse)?", name)
        if match is None:
            raise RnnzooError(f"{name!r} is no parameter of torch.nn.LSTM, GRU or RNN")
        cell = int(match[2]) * stack.directions + bool(match[3])
        renamed[f"cells.{cell}.{match[1]}"] = value
    try:
        stack.load_state_dict(renamed)
    except RuntimeError as error:
        raise RnnzooError(f"the stack and the module of PyTorch differ: {error}") from error
