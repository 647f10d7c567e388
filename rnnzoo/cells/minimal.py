"""minGRU and minLSTM: gates that see only the inputs."""

from __future__ import annotations

from torch import Tensor, sigmoid
from torch.nn.functional import softplus

from rnnzoo.cells.base import Gates
from rnnzoo.cells.linear import LinearCell


class MinGRUCell(LinearCell):
    """A single step of a minimal gated recurrent unit (Feng et al. 2024, *Were RNNs All We Needed?*, section 3.1).

    ``z = sigmoid(W_iz x + b_iz)``
    ``n = W_in x + b_in``
    ``h' = (1 - z) * h + z * n``

    Gate order z, n (the paper writes h with a tilde for n). Note that z is the share of the new here, and of the old in
    `GRUCell`. Deviation: the paper's log-space form (appendix B) makes n positive by a function g; that changes the
    model for the sake of a parallel scan that is not needed here, and n is left as it is, as in section 3.1.

    Args:
        input_size: D.
        hidden_size: H.
        bias: whether ``bias_ih`` exists.
    """

    gates = ("z", "n")
    write_gates = ("z",)

    def coefficients(self, gates: Gates) -> tuple[Tensor, Tensor]:
        """The share ``a = 1 - z`` and what is added, ``b = z * n``."""
        z = sigmoid(gates.z)
        return 1 - z, z * gates.n


class MinLSTMCell(LinearCell):
    """A single step of a minimal LSTM (Feng et al. 2024, *Were RNNs All We Needed?*, section 3.2).

    ``i = sigmoid(W_ii x + b_ii)``
    ``f = sigmoid(W_if x + b_if)``
    ``g = W_ig x + b_ig``
    ``h' = f / (f + i) * h + i / (f + i) * g``

    Gate order i, f, g. The state is h alone. ``f / (f + i)`` is computed as ``sigmoid(log f - log i)``, which does not
    divide 0 by 0 where both gates are shut. Deviation: as in `MinGRUCell`, g is not made positive.

    Args:
        input_size: D.
        hidden_size: H.
        bias: whether ``bias_ih`` exists.
    """

    gates = ("i", "f", "g")
    keep_gates = ("f",)
    write_gates = ("i",)

    def coefficients(self, gates: Gates) -> tuple[Tensor, Tensor]:
        """The share ``a = f / (f + i)`` and what is added, ``b = i / (f + i) * g``."""
        f = sigmoid(softplus(-gates.i) - softplus(-gates.f))
        return f, (1 - f) * gates.g
