"""The layer-normalised LSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn import functional as F

from rnnzoo.cells.base import Gates, RecurrentCell, Stage, Weights
from rnnzoo.cells.initialization import forget_bias as set_forget_bias
from rnnzoo.cells.lstm import LSTMState

EPSILON = 1e-5


class LayerNormLSTMCell(RecurrentCell):
    """A single step of a layer-normalised LSTM (Ba et al. 2016, *Layer Normalization*, eq. 20-22).

    ``i, f, g, o = LN(W_ih x; gain_ih) + bias_ih + LN(W_hh h; gain_hh)`` (eq. 20)
    ``c' = sigmoid(f) * c + sigmoid(i) * tanh(g)`` (eq. 21)
    ``h' = sigmoid(o) * tanh(LN(c'; gain_c) + bias_c)`` (eq. 22)

    with ``LN(v; gain) = gain * (v - mean(v)) / sqrt(var(v) + 1e-5)``. The two products are normalised apart, each over
    the 4H rows of all its gates together, as eq. 20 has it (some implementations: each gate on its own). ``gain_ih``,
    ``gain_hh`` and ``bias_ih`` are (4H,), in the gate order i, f, g, o; ``gain_c`` and ``bias_c`` (H,); gains start at
    1, ``bias_c`` at 0. Deviations: ``bias_ih`` is the sum of the paper's two shifts and b, of which one is enough;
    the 1e-5, without which a state of zeros cannot be normalised.

    Args:
        input_size: D.
        hidden_size: H.
        forget_bias: see `LSTMCell`; the forget gate's part of ``bias_ih``.
        bias: whether ``bias_ih`` and ``bias_c`` exist.
    """

    stages = (Stage(("i", "f", "g", "o"), apart=True),)
    state_type = LSTMState
    keep_gates = ("f",)
    write_gates = ("i",)

    def __init__(
        self, input_size: int, hidden_size: int, *, forget_bias: float | None = None, bias: bool = True
    ) -> None:
        super().__init__(input_size, hidden_size, bias=bias)
        self.bias_hh = None  # it would be added before the normalisation, and no eq. has it there
        self.gain_ih = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_hh = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_c = nn.Parameter(torch.ones(hidden_size))
        self.bias_c = nn.Parameter(torch.zeros(hidden_size)) if bias else None
        if forget_bias is not None:
            set_forget_bias(self, forget_bias)

    def project(self, inputs: Tensor, weights: Weights) -> Tensor:
        """``LN(W_ih x; gain_ih) + bias_ih``: the state has no part in it, so a sequence's is normalised at once."""
        product = F.linear(inputs, weights.input)
        return F.layer_norm(product, product.shape[-1:], self.gain_ih, weights.input_bias, EPSILON)

    def transition(self, inputs: Gates, hidden: Gates, state: LSTMState) -> LSTMState:
        """R: see the class."""
        i, f, g, o = (x + h for x, h in zip(inputs, self._normalized(hidden), strict=True))
        c = sigmoid(f) * state.c + sigmoid(i) * tanh(g)
        normalized_c = F.layer_norm(c, c.shape[-1:], self.gain_c, self.bias_c, EPSILON)
        return LSTMState(h=sigmoid(o) * tanh(normalized_c), c=c)

    def _normalized(self, hidden: Gates) -> list[Tensor]:
        """The layer norm of the gates side by side, without putting them there, which a compiled step would copy."""
        count = len(self.gain_hh)
        mean = sum(gate.sum(-1, keepdim=True) for gate in hidden) / count
        centred = [gate - mean for gate in hidden]
        variance = sum(gate.square().sum(-1, keepdim=True) for gate in centred) / count
        scale = torch.rsqrt(variance + EPSILON)
        gains = torch.split(self.gain_hh, [gate.shape[-1] for gate in hidden])
        return [gain * (gate * scale) for gain, gate in zip(gains, centred, strict=True)]
