"""The long short-term memory, plain, with a projection, and in blocks that share their gates."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, sigmoid, tanh

from rnnzoo.cells.base import Gates, RecurrentCell, Stage
from rnnzoo.cells.initialization import forget_bias as set_forget_bias
from rnnzoo.errors import RnnzooError


class LSTMState(NamedTuple):
    """h (N, H, or narrower behind a projection) and c (N, H)."""

    h: Tensor
    c: Tensor


class LSTMCell(RecurrentCell):
    """A single step of a long short-term memory (Hochreiter & Schmidhuber 1997; its forget gate: Gers et al. 2000).

    ``i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)``
    ``f = sigmoid(W_if x + b_if + W_hf h + b_hf)``
    ``g = tanh(W_ig x + b_ig + W_hg h + b_hg)``
    ``o = sigmoid(W_io x + b_io + W_ho h + b_ho)``
    ``c' = f * c + i * g``
    ``h' = o * tanh(c')``

    Gate order i, f, g, o; equal to `torch.nn.LSTMCell`. Deviations: both papers squash with logistic functions
    stretched to (-2, 2) and (-1, 1) where tanh stands, and have one bias; 1997 has no forget gate (f = 1).

    Args:
        input_size: D.
        hidden_size: H.
        forget_bias: b_if at the start, while b_hf is 0, so that their sum is this value (1 in Jozefowicz et al. 2015,
            *An Empirical Exploration of Recurrent Network Architectures*); None: both drawn like the rest.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.

    Raises:
        RnnzooError: `forget_bias` without `bias`.

    Example:
        >>> import torch
        >>> cell = LSTMCell(3, 2, forget_bias=1.0)
        >>> (cell.bias_ih + cell.bias_hh)[2:4].tolist()
        [1.0, 1.0]
    """

    gates = ("i", "f", "g", "o")
    state_type = LSTMState
    keep_gates = ("f",)
    write_gates = ("i",)

    def __init__(
        self, input_size: int, hidden_size: int, *, forget_bias: float | None = None, bias: bool = True
    ) -> None:
        super().__init__(input_size, hidden_size, bias=bias)
        if forget_bias is not None:
            set_forget_bias(self, forget_bias)

    def transition(self, gates: Gates, state: LSTMState) -> LSTMState:
        """R: see the class."""
        c = sigmoid(gates.f) * state.c + sigmoid(gates.i) * tanh(gates.g)
        return LSTMState(h=sigmoid(gates.o) * tanh(c), c=c)


class ProjectedLSTMCell(RecurrentCell):
    """A single step of an LSTM whose output and recurrence go through a narrower layer (Sak et al. 2014, *LSTMP*).

    ``i, f, g, o, c'`` as in `LSTMCell`, with h (N, P) and W_h. (H, P); ``h' = W_hr (o * tanh(c'))``

    Equal to `torch.nn.LSTM` with ``proj_size``, also in the names: ``weight_hr`` (P, H), no bias. Deviations: Sak et
    al. have peepholes, and a second projection that is read by the output only.

    Args:
        input_size: D.
        hidden_size: H, the width of c and of the gates.
        projection_size: P, the width of h; None: half of H, rounded up.
        forget_bias: see `LSTMCell`.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.

    Raises:
        RnnzooError: a projection that is not narrower than the state (PyTorch refuses it as well), or see `LSTMCell`.

    Example:
        >>> cell = ProjectedLSTMCell(3, 8, projection_size=2)
        >>> [tuple(field.shape) for field in cell.initial_state(5)]
        [(5, 2), (5, 8)]
    """

    stages = (
        Stage(("i", "f", "g", "o"), "remember"),
        Stage(("h",), weight="weight_hr", inputs=False),
    )
    state_type = LSTMState
    keep_gates = ("f",)
    write_gates = ("i",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        projection_size: int | None = None,
        forget_bias: float | None = None,
        bias: bool = True,
    ) -> None:
        width = (hidden_size + 1) // 2 if projection_size is None else projection_size
        if not 1 <= width < hidden_size:
            raise RnnzooError(
                f"projection_size must be at least 1 and below hidden_size = {hidden_size}, not {projection_size}"
            )
        sizes = (width, hidden_size)
        super().__init__(input_size, hidden_size, bias=bias, gate_sizes={"h": width}, state_sizes=sizes)
        if forget_bias is not None:
            set_forget_bias(self, forget_bias)

    def remember(self, gates: Gates, state: LSTMState) -> tuple[Tensor, Tensor]:
        """``o * tanh(c')``, which W_hr multiplies, and c', which goes on to the last stage."""
        c = sigmoid(gates.f) * state.c + sigmoid(gates.i) * tanh(gates.g)
        return sigmoid(gates.o) * tanh(c), c

    def transition(self, gates: Gates, state: LSTMState, c: Tensor) -> LSTMState:
        """R: see the class."""
        return LSTMState(h=gates.h, c=c)


class BlockLSTMCell(RecurrentCell):
    """A single step of an LSTM in blocks of cells that share their gates (Hochreiter & Schmidhuber 1997, section 4).

    ``i, f, o`` as in `LSTMCell`, one of each for a block of S cells; ``g`` one for a cell
    ``c'_kv = f_k c_kv + i_k g_kv``, ``h'_kv = o_k tanh(c'_kv)`` for cell v of block k

    The cells of a block stand side by side in h, c and g. With S = 1 this is `LSTMCell`. ``weight_ih`` and
    ``weight_hh`` have 3 H/S + H rows: i (H/S), f (H/S), g (H), o (H/S). Deviations: as in `LSTMCell`; the forget gate,
    one for a block as well, is that of Gers et al. (2000, section 3).

    Args:
        input_size: D.
        hidden_size: H, the number of cells in all blocks.
        block_size: S, the number of cells in a block.
        forget_bias: see `LSTMCell`.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.

    Raises:
        RnnzooError: a hidden size that is no multiple of the block size, or see `LSTMCell`.

    Example:
        >>> BlockLSTMCell(3, 8, block_size=4).weight_hh.shape
        torch.Size([14, 8])
    """

    gates = ("i", "f", "g", "o")
    state_type = LSTMState
    keep_gates = ("f",)
    write_gates = ("i",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        block_size: int = 2,
        forget_bias: float | None = None,
        bias: bool = True,
    ) -> None:
        if block_size < 1 or hidden_size % block_size:
            raise RnnzooError(f"hidden_size = {hidden_size} cells cannot be shared out to blocks of {block_size}")
        blocks = hidden_size // block_size
        super().__init__(input_size, hidden_size, bias=bias, gate_sizes={"i": blocks, "f": blocks, "o": blocks})
        self.block_size = block_size
        if forget_bias is not None:
            set_forget_bias(self, forget_bias)

    def transition(self, gates: Gates, state: LSTMState) -> LSTMState:
        """R: see the class."""
        i, f, o = (sigmoid(gate).repeat_interleave(self.block_size, -1) for gate in (gates.i, gates.f, gates.o))
        c = f * state.c + i * tanh(gates.g)
        return LSTMState(h=o * tanh(c), c=c)
