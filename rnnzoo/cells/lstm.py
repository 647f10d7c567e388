"""The long short-term memory."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, sigmoid, tanh

from rnnzoo.cells.base import Gates, RecurrentCell


class LSTMState(NamedTuple):
    """h and c, each (N, H)."""

    h: Tensor
    c: Tensor


class LSTMCell(RecurrentCell):
    """A single step of a long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000)."""

    gates = ("i", "f", "g", "o")
    state_type = LSTMState

    def transition(self, gates: Gates, state: LSTMState) -> LSTMState:
        """R: see the class."""
        c = sigmoid(gates.f) * state.c + sigmoid(gates.i) * tanh(gates.g)
        return LSTMState(h=sigmoid(gates.o) * tanh(c), c=c)
