"""What the weights of a cell are before training, other than PyTorch's U(-1/sqrt(H), 1/sqrt(H)).

Each function changes a cell in place. In a recipe they stand in the cell's options, by name and with their argument:

```yaml
cell_options:
  forget_bias: 1.0            # an option of the LSTM cells themselves
  init: {orthogonal: 1.0}     # any of uniform, orthogonal, identity, chrono
```

Gates have two biases, ``bias_ih`` and ``bias_hh``, of which only the sum acts (save the candidate's in a GRU). Where a
bias is set to a value, ``bias_ih`` carries it and ``bias_hh`` is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rnnzoo.cells.base import RecurrentCell
from rnnzoo.errors import RnnzooError, unknown


def uniform(cell: RecurrentCell, bound: float) -> None:
    """All matrices and their biases from U(-bound, bound); a cell's own vectors (gains, peepholes, u) stay.

    Zaremba et al. (2014, *Recurrent Neural Network Regularization*, section 4.1): 0.05 and 0.04.
    """
    _positive("uniform", bound)
    matrices = {stage.weight for stage in cell.stages if stage.weight is not None}
    for name in ("weight_ih", "bias_ih", "bias_hh", *sorted(matrices)):
        parameter = getattr(cell, name)
        if parameter is not None:
            nn.init.uniform_(parameter, -bound, bound)


def orthogonal(cell: RecurrentCell, gain: float = 1.0) -> None:
    """Each gate's block of ``weight_hh`` to ``gain`` times a random orthogonal matrix (Saxe et al. 2014, section 3).

    A block that is not square (a projection, a gate of a block of cells) gets orthonormal rows or columns, whichever
    are fewer.

    Raises:
        RnnzooError: the cell has no ``weight_hh``.

    Example:
        >>> from rnnzoo.cells import GRUCell
        >>> cell = GRUCell(2, 4)
        >>> orthogonal(cell)
        >>> W_hr = cell.weight_hh[:4]
        >>> torch.allclose(W_hr @ W_hr.T, torch.eye(4), atol=1e-6)
        True
    """
    _positive("orthogonal", gain)
    with torch.no_grad():
        for block in _recurrent_blocks(cell, "orthogonal"):
            block.copy_(nn.init.orthogonal_(torch.empty_like(block), gain))


def identity(cell: RecurrentCell, scale: float = 1.0) -> None:
    """IRNN (Le et al. 2015, section 2): ``weight_hh = scale * I``, biases 0, ``weight_ih`` from N(0, 0.001^2).

    0.001 is the paper's standard deviation; smaller scales than 1 forget (the paper: 0.01 for speech).

    Raises:
        RnnzooError: the cell has more gates than one, and an identity in front of a gate is no IRNN.
    """
    _positive("identity", scale)
    blocks = _recurrent_blocks(cell, "identity")
    if len(blocks) != 1 or blocks[0].shape[0] != blocks[0].shape[1]:
        raise RnnzooError(f"init 'identity' (IRNN) is for a cell of one gate as wide as its state, not {_name(cell)}")
    with torch.no_grad():
        blocks[0].copy_(scale * torch.eye(len(blocks[0])))
        nn.init.normal_(cell.weight_ih, std=0.001)
        for bias in (cell.bias_ih, cell.bias_hh):
            if bias is not None:
                bias.zero_()


def chrono(cell: RecurrentCell, longest: float) -> None:
    """Biases for memories of 1 to about `longest` steps (Tallec & Ollivier 2018, *Can RNNs warp time?*, section 3).

    LSTM: ``b_f = log u``, ``b_i = -b_f`` with u from U(1, longest - 1), for each unit its own. A single
    gate, as a GRU's z: ``log u`` where it is the share of the old that is kept, ``-log u`` where it is that of the new.
    A cell says which gates these are by `RecurrentCell.keep_gates` and `write_gates`.

    Raises:
        RnnzooError: `longest` below 2, a cell without such a gate or without biases.

    Example:
        >>> from rnnzoo.cells import LSTMCell
        >>> cell = LSTMCell(3, 1)
        >>> chrono(cell, 2)  # u = 1
        >>> cell.bias_ih[:2].abs().tolist(), cell.bias_hh[:2].tolist()
        ([0.0, 0.0], [0.0, 0.0])
    """
    if isinstance(longest, bool) or not isinstance(longest, (int, float)) or longest < 2:
        raise RnnzooError(f"init 'chrono' takes the longest memory in steps, a number of at least 2, not {longest!r}")
    gates = [*cell.keep_gates, *cell.write_gates]
    if not gates:
        raise RnnzooError(f"init 'chrono': {_name(cell)} names no gates that keep or write (keep_gates, write_gates)")
    values = torch.empty(cell.gate_sizes[gates[0]]).uniform_(1, longest - 1).log()
    for gate in gates:
        set_gate_bias(cell, gate, values if gate in cell.keep_gates else -values)


def forget_bias(cell: RecurrentCell, value: float) -> None:
    """The bias of gate f to a value (1: Gers et al. 2000 and Jozefowicz et al. 2015).

    Raises:
        RnnzooError: the cell has no gate f, or no biases.
    """
    if "f" not in cell.gate_sizes:
        raise RnnzooError(
            f"forget_bias needs a gate f, and the gates of {_name(cell)} are {', '.join(cell.gate_sizes)}"
        )
    set_gate_bias(cell, "f", torch.full((cell.gate_sizes["f"],), float(value)))


def set_gate_bias(cell: RecurrentCell, gate: str, values: Tensor) -> None:
    """Give a gate's bias (its width,): ``bias_ih`` takes the values, and the gate's part of ``bias_hh`` becomes 0."""
    if cell.bias_ih is None:
        raise RnnzooError(f"the bias of gate {gate} of {_name(cell)} cannot be set: the cell has bias=False")
    with torch.no_grad():
        for stages, bias, start in (
            ([stage for stage in cell.stages if stage.inputs], cell.bias_ih, values),
            ([stage for stage in cell.stages if stage.weight == "weight_hh"], cell.bias_hh, torch.zeros_like(values)),
        ):
            names = [name for stage in stages for name in stage.gates]
            if bias is not None and gate in names:
                torch.split(bias, [cell.gate_sizes[name] for name in names])[names.index(gate)].copy_(start)


#: In the order in which they are applied: a later one may set what an earlier one has drawn.
INITIALIZATIONS: dict[str, Callable[[RecurrentCell, Any], None]] = {
    "uniform": uniform,
    "orthogonal": orthogonal,
    "identity": identity,
    "chrono": chrono,
}


def initialize(cell: RecurrentCell, init: Mapping[str, float]) -> None:
    """Apply initialisations by name, in the order of `INITIALIZATIONS`.

    Raises:
        RnnzooError: an unknown name, or two that would draw the same weights.
    """
    if not isinstance(init, Mapping):
        raise RnnzooError(f"init must be a mapping such as {{orthogonal: 1.0}}, not {init!r}")
    for name in init:
        if name not in INITIALIZATIONS:
            raise RnnzooError(unknown("init", str(name), INITIALIZATIONS))
    if "identity" in init and len(init) > 1:
        raise RnnzooError(
            f"init 'identity' sets all weights, so {', '.join(set(init) - {'identity'})} cannot stand by it"
        )
    for name, function in INITIALIZATIONS.items():
        if name in init:
            function(cell, init[name])


def _recurrent_blocks(cell: RecurrentCell, init: str) -> list[Tensor]:
    if cell.weight_hh is None:
        raise RnnzooError(f"init {init!r} is for weight_hh, which {_name(cell)} has not")
    sizes = [size for stage in cell.stages if stage.weight == "weight_hh" for size in cell.stage_sizes(stage)]
    return list(torch.split(cell.weight_hh.detach(), sizes))


def _positive(init: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise RnnzooError(f"init {init!r} takes a number above 0, not {value!r}")


def _name(cell: RecurrentCell) -> str:
    return type(cell).__name__
