"""The LSTM that forgets as much as it writes."""

from __future__ import annotations

from torch import sigmoid, tanh

from rnnzoo.cells.base import Gates, RecurrentCell
from rnnzoo.cells.initialization import forget_bias as set_forget_bias
from rnnzoo.cells.lstm import LSTMState


class CoupledLSTMCell(RecurrentCell):
    """A single step of an LSTM with coupled gates (CIFG: Greff et al. 2017, *LSTM: A Search Space Odyssey*).

    ``f = sigmoid(W_if x + b_if + W_hf h + b_hf)``
    ``g = tanh(W_ig x + b_ig + W_hg h + b_hg)``
    ``o = sigmoid(W_io x + b_io + W_ho h + b_ho)``
    ``c' = f * c + (1 - f) * g``
    ``h' = o * tanh(c')``

    Gate order f, g, o. Deviations: Greff et al. keep the input gate and set f = 1 - i, the same function with the sign
    of that gate's weights changed (f is kept here, so that `forget_bias` means what it means in `LSTMCell`); they have
    peepholes.

    Args:
        input_size: D.
        hidden_size: H.
        forget_bias: see `LSTMCell`.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.
    """

    gates = ("f", "g", "o")
    state_type = LSTMState
    keep_gates = ("f",)

    def __init__(
        self, input_size: int, hidden_size: int, *, forget_bias: float | None = None, bias: bool = True
    ) -> None:
        super().__init__(input_size, hidden_size, bias=bias)
        if forget_bias is not None:
            set_forget_bias(self, forget_bias)

    def transition(self, gates: Gates, state: LSTMState) -> LSTMState:
        """R: see the class."""
        f = sigmoid(gates.f)
        c = f * state.c + (1 - f) * tanh(gates.g)
        return LSTMState(h=sigmoid(gates.o) * tanh(c), c=c)
