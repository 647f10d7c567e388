"""What can be done to any state, whichever cell it belongs to.

A state is a tensor whose first axis is the batch, or a tuple (also a NamedTuple) of states: a cell's is a NamedTuple of
tensors, a stack's a tuple of these, one per layer and direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def map_state(function: Callable[..., Tensor], *states: Any) -> Any:
    """`function` of the tensors at each place of one or more states of the same shape."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    parts = [map_state(function, *same) for same in zip(*states, strict=True)]
    return type(first)._make(parts) if hasattr(first, "_make") else tuple(parts)


def tensors(state: Any) -> Iterator[Tensor]:
    """The tensors of a state in a fixed order."""
    if isinstance(state, Tensor):
        yield state
    else:
        for part in state:
            yield from tensors(part)


def rebuild(state: Any, values: Sequence[Tensor]) -> Any:
    """A state of the shape of `state` with these tensors, in the order of `tensors`."""
    remaining = iter(values)
    return map_state(lambda _: next(remaining), state)


def detach(state: Any) -> Any:
    """The state without its history."""
    return map_state(Tensor.detach, state)


def select(state: Any, index: Tensor) -> Any:
    """The rows `index` (M,) of a state, which may repeat and reorder them."""
    return map_state(lambda field: field.index_select(0, index), state)


def repeat(state: Any, times: int) -> Any:
    """Each row `times` times, copies side by side."""
    return map_state(lambda field: field.repeat_interleave(times, 0), state)


def to(state: Any, device: torch.device | str) -> Any:
    """The state on another device."""
    return map_state(lambda field: field.to(device), state)


def where(mask: Tensor, state: Any, other: Any) -> Any:
    """Row by row, `state` where mask (N,) is true, else `other`."""
    column = mask.unsqueeze(-1)
    return map_state(lambda field, instead: torch.where(column, field, instead), state, other)
