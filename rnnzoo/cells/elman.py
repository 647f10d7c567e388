"""Elman's simple recurrent network."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rnnzoo.cells.base import Gates, RecurrentCell
from rnnzoo.errors import RnnzooError, unknown

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda x: x}


class ElmanState(NamedTuple):
    """h (N, H)."""

    h: Tensor


class ElmanCell(RecurrentCell):
    """A single step of Elman's simple recurrent network (Elman 1990, *Finding Structure in Time*).

    ``h' = g(W_ih x + b_ih + W_hh h + b_hh)``

    Args:
        input_size: D.
        hidden_size: H.
        activation: g: ``tanh``, ``relu`` or ``identity``.
        bias: whether the biases exist.
    """

    gates = ("g",)
    state_type = ElmanState

    def __init__(self, input_size: int, hidden_size: int, *, activation: str = "tanh", bias: bool = True) -> None:
        if activation not in ACTIVATIONS:
            raise RnnzooError(unknown("activation", activation, ACTIVATIONS))
        super().__init__(input_size, hidden_size, bias=bias)
        self.activation = ACTIVATIONS[activation]

    def transition(self, gates: Gates, state: ElmanState) -> ElmanState:
        """R: see the class."""
        return ElmanState(h=self.activation(gates.g))
