"""The LSTM whose gates see its memory."""

from __future__ import annotations

import math

import torch
from torch import nn, sigmoid, tanh

from rnnzoo.cells.base import Gates
from rnnzoo.cells.lstm import LSTMCell, LSTMState


class PeepholeLSTMCell(LSTMCell):
    """A single step of an LSTM with peepholes (Gers & Schmidhuber 2000; Graves 2013, *Generating Sequences*, eq. 7-11).

    ``i = sigmoid(W_ii x + b_ii + W_hi h + b_hi + w_ci * c)`` (eq. 7)
    ``f = sigmoid(W_if x + b_if + W_hf h + b_hf + w_cf * c)`` (eq. 8)
    ``c' = f * c + i * tanh(W_ig x + b_ig + W_hg h + b_hg)`` (eq. 9)
    ``o = sigmoid(W_io x + b_io + W_ho h + b_ho + w_co * c')`` (eq. 10)
    ``h' = o * tanh(c')`` (eq. 11)

    The peepholes ``weight_ci``, ``weight_cf`` and ``weight_co`` (H,) are the diagonals of Graves's W_ci, W_cf and W_co,
    drawn from U(-1/sqrt(H), 1/sqrt(H)); with them at 0 this is `LSTMCell`. Gate order i, f, g, o.

    Args:
        input_size: D.
        hidden_size: H.
        forget_bias: see `LSTMCell`.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, forget_bias: float | None = None, bias: bool = True
    ) -> None:
        super().__init__(input_size, hidden_size, forget_bias=forget_bias, bias=bias)
        bound = 1 / math.sqrt(hidden_size)
        self.weight_ci = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))
        self.weight_cf = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))
        self.weight_co = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))

    def transition(self, gates: Gates, state: LSTMState) -> LSTMState:
        """R: see the class."""
        i = sigmoid(gates.i + self.weight_ci * state.c)
        f = sigmoid(gates.f + self.weight_cf * state.c)
        c = f * state.c + i * tanh(gates.g)
        o = sigmoid(gates.o + self.weight_co * c)
        return LSTMState(h=o * tanh(c), c=c)
