"""Elman's simple recurrent network."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from rnnzoo.cells.activations import activation as named_activation
from rnnzoo.cells.base import Gates, RecurrentCell


class ElmanState(NamedTuple):
    """h (N, H)."""

    h: Tensor


class ElmanCell(RecurrentCell):
    """A single step of Elman's simple recurrent network (Elman 1990, *Finding Structure in Time*, figure 2).

    ``h' = g(W_ih x + b_ih + W_hh h + b_hh)``

    Elman's units were logistic and their layer of output units is not part of the cell; otherwise `torch.nn.RNNCell`,
    which also has tanh and ReLU. The IRNN of Le et al. (2015, *A Simple Way to Initialize Recurrent Networks of
    Rectified Linear Units*) is ``activation="relu"`` with `rnnzoo.cells.initialization.identity`.

    Args:
        input_size: D.
        hidden_size: H.
        activation: g: ``tanh``, ``relu`` or ``identity``.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.

    Raises:
        RnnzooError: an activation of another name.

    Example:
        >>> import torch
        >>> cell = ElmanCell(1, 1, activation="identity", bias=False)
        >>> _ = torch.nn.init.constant_(cell.weight_ih, 2.0), torch.nn.init.constant_(cell.weight_hh, 0.5)
        >>> cell(torch.tensor([[3.0]]), ElmanState(h=torch.tensor([[4.0]])))[0].item()  # 2 * 3 + 0.5 * 4
        8.0
    """

    gates = ("g",)
    state_type = ElmanState

    def __init__(self, input_size: int, hidden_size: int, *, activation: str = "tanh", bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, bias=bias)
        self.activation = named_activation(activation)

    def transition(self, gates: Gates, state: ElmanState) -> ElmanState:
        """R: see the class."""
        return ElmanState(h=self.activation(gates.g))
