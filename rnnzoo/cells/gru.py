"""The gated recurrent unit, in both conventions."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, sigmoid, tanh

from rnnzoo.cells.base import Gates, RecurrentCell, Stage


class GRUState(NamedTuple):
    """h (N, H)."""

    h: Tensor


class GRUCell(RecurrentCell):
    """A single step of a gated recurrent unit, reset after the product, as PyTorch and cuDNN have it.

    ``r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)``
    ``z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)``
    ``n = tanh(W_in x + b_in + r * (W_hn h + b_hn))``
    ``h' = (1 - z) * n + z * h``

    Gate order r, z, n; equal to `torch.nn.GRUCell`. In the published form (Cho et al. 2014, *Learning Phrase
    Representations using RNN Encoder-Decoder for Statistical Machine Translation*, eq. 8) the reset gate acts before
    the product: that is `ResetBeforeGRUCell`. After the product, all three gates need one matrix product, not two.

    Args:
        input_size: D.
        hidden_size: H.
        bias: whether ``bias_ih`` and ``bias_hh`` exist; they are not redundant here, since r scales b_hn.
    """

    stages = (Stage(("r", "z", "n"), apart=True),)
    state_type = GRUState
    keep_gates = ("z",)

    def transition(self, inputs: Gates, hidden: Gates, state: GRUState) -> GRUState:
        """R: see the class."""
        r = sigmoid(inputs.r + hidden.r)
        z = sigmoid(inputs.z + hidden.z)
        n = tanh(inputs.n + r * hidden.n)
        return GRUState(h=(1 - z) * n + z * state.h)


class ResetBeforeGRUCell(RecurrentCell):
    """A single step of a gated recurrent unit, reset before the product (Cho et al. 2014, eq. 5-8).

    ``r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)`` (eq. 5)
    ``z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)`` (eq. 6)
    ``n = tanh(W_in x + b_in + W_hn (r * h) + b_hn)`` (eq. 8)
    ``h' = (1 - z) * n + z * h`` (eq. 7)

    Gate order r, z, n. Deviation: the paper has no biases; ``bias=False`` is its form. (Chung et al. 2014 exchange z
    and 1 - z.)

    Args:
        input_size: D.
        hidden_size: H.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.
    """

    stages = (Stage(("r", "z"), "reset"), Stage(("n",)))
    state_type = GRUState
    keep_gates = ("z",)

    def reset(self, gates: Gates, state: GRUState) -> tuple[Tensor, Tensor]:
        """The reset state ``r * h``, which W_hn multiplies, and z, which goes on to the last stage."""
        return sigmoid(gates.r) * state.h, sigmoid(gates.z)

    def transition(self, gates: Gates, state: GRUState, z: Tensor) -> GRUState:
        """R: see the class."""
        return GRUState(h=(1 - z) * tanh(gates.n) + z * state.h)
