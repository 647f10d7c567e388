"""The gated recurrent unit, in both conventions."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, sigmoid, tanh

from rnnzoo.cells.base import Gates, RecurrentCell, Stage


class GRUState(NamedTuple):
    """h (N, H)."""

    h: Tensor


class GRUCell(RecurrentCell):
    """A single step of a gated recurrent unit, reset after the product (as cuDNN and PyTorch have it)."""

    gates = ("r", "z", "n")
    stages = (Stage(("r", "z", "n"), apart=True),)
    state_type = GRUState

    def transition(self, inputs: Gates, hidden: Gates, state: GRUState) -> GRUState:
        """R: see the class."""
        r = sigmoid(inputs.r + hidden.r)
        z = sigmoid(inputs.z + hidden.z)
        n = tanh(inputs.n + r * hidden.n)
        return GRUState(h=(1 - z) * n + z * state.h)


class ResetBeforeGRUCell(RecurrentCell):
    """A single step of a gated recurrent unit, reset before the product (Cho et al. 2014, eq. 5-8)."""

    gates = ("r", "z", "n")
    stages = (Stage(("r", "z"), "reset"), Stage(("n",)))
    state_type = GRUState

    def reset(self, gates: Gates, state: GRUState) -> tuple[Tensor, Tensor]:
        """The reset state ``r * h``, which W_hn multiplies, and z, which goes on to the last stage."""
        return sigmoid(gates.r) * state.h, sigmoid(gates.z)

    def transition(self, gates: Gates, state: GRUState, z: Tensor) -> GRUState:
        """R: see the class."""
        return GRUState(h=(1 - z) * tanh(gates.n) + z * state.h)
