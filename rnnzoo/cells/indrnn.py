"""The independently recurrent network."""

from __future__ import annotations

import torch
from torch import nn

from rnnzoo.cells.activations import activation as named_activation
from rnnzoo.cells.base import Gates, HiddenState, RecurrentCell, Stage


class IndRNNCell(RecurrentCell):
    """A single step of an independently recurrent network (Li et al. 2018, *IndRNN*, section 3).

    ``h' = g(W_ih x + b_ih + u * h)``

    Each unit remembers itself alone: ``u`` (H,) stands where another cell has a matrix, so there are no ``weight_hh``
    and ``bias_hh``. It starts in U(0, 1), where no unit explodes and some remember long. Deviation: the paper bounds
    |u| by 2^(1/T) while it trains a ReLU network on sequences of T steps; here that is left to the optimizer.

    Args:
        input_size: D.
        hidden_size: H.
        activation: g: ``relu``, ``tanh`` or ``identity``.
        bias: whether ``bias_ih`` exists.

    Raises:
        RnnzooError: an activation of another name.
    """

    stages = (Stage(("g",), weight=None),)
    state_type = HiddenState

    def __init__(self, input_size: int, hidden_size: int, *, activation: str = "relu", bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, bias=bias)
        self.activation = named_activation(activation)
        self.u = nn.Parameter(torch.rand(hidden_size))

    def transition(self, gates: Gates, state: HiddenState) -> HiddenState:
        """R: see the class."""
        return HiddenState(h=self.activation(gates.g + self.u * state.h))
