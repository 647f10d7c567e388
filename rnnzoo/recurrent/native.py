"""PyTorch's own fused kernels, for the cells that have one, with variable lengths and without packing.

These kernels are fast on full batches. So rows of unequal length are cut into a few dense pieces (`Pieces`), and what
the padding that is left within them did is put right, which costs less than `pack_padded_sequence`
(`tests/benchmarks/variable_lengths.py`):

- outputs past a row's end are set to zero, so no gradient comes from there;
- h after the last real step is found among the outputs;
- c is not among them, so it is frozen: one more column of the inputs is 1 on padding and 0 elsewhere, its weight is
  -1e4 on gate i and +1e4 on gate f, so that ``c' = 1 * c + 0 * g`` holds exactly. The column is no parameter and its
  gradient goes nowhere;
- the backward direction runs forward over each row's real steps in the reverse order, so the padding is still behind.

The same on every device, though on an accelerator the batch is one piece, for the sake of not waiting for it. cuDNN's
kernels have no second derivative (torch says so); those of the CPU have, and so has the reference.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from rnnzoo.cells import ElmanCell, GRUCell, LSTMCell, Noise, ProjectedLSTMCell, RecurrentCell
from rnnzoo.recurrent.pieces import cut
from rnnzoo.recurrent.state import map_state, select

#: Inputs (T, N, D), s_0, the parameters in PyTorch's order and whether there are biases, to outputs and state.
Kernel = Callable[[Tensor, Any, list[Tensor], bool], tuple[Tensor, Any]]

SATURATED = 1e4  # finite in float16, and sigmoid(-1e4) is 0 and sigmoid(1e4) is 1 in every dtype

#: How many multiplications of the input weights a cut must save to be worth a call more.
SAVED_BY_A_CUT = 1 << 22

# cuDNN's kernels copy weights that are apart from each other, as these are: little against what they then compute, and
# PyTorch's advice, `flatten_parameters`, is for modules of its own.
warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk of memory")

#: What makes a cell one that a kernel computes: a subclass may change the parameters' source, not R or O.
FORMULA = ("stages", "transition", "output", "forward", "project", "advance", "weights")


def supports(cell: RecurrentCell, noise: Noise | None = None) -> str | None:
    """None where there is a kernel for this cell and noise, else the reason why there is none."""
    if noise is not None:
        return "PyTorch's kernels have no recurrent dropout and no zoneout"
    kind = _kind(cell)
    if kind is None:
        return f"PyTorch has no kernel for {type(cell).__name__}"
    if kind is ElmanCell and cell.activation not in (torch.tanh, torch.relu):
        return "PyTorch's Elman kernels have tanh and relu only"
    if torch.compiler.is_exporting():
        return "it is being exported"
    if kind is LSTMCell and cell.weight_ih.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        return None if _has_autocast_lstm(dtype) else f"this processor has no LSTM kernel of {dtype}, of autocast"
    return None


@cache
def _has_autocast_lstm(dtype: torch.dtype) -> bool:
    """Whether oneDNN has an LSTM of this precision, which depends on the processor: tried, as PyTorch does not say."""
    one = torch.zeros(1, 1, 1)
    weight = torch.zeros(4, 1)
    try:
        with torch.autocast("cpu", dtype), torch.no_grad():
            torch.lstm(one, (one, one), [weight, weight], False, 1, 0.0, True, False, False)
    except RuntimeError:
        return False
    return True


@torch.compiler.disable  # type: ignore[untyped-decorator]  # Inductor fails on oneDNN's LSTM
def run_native(
    cell: RecurrentCell,
    inputs: Tensor,
    lengths: Tensor | None,
    state: Any,
    noise: Noise | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Any]:
    """Run a cell over time by a kernel of PyTorch; arguments and results are those of `run_reference`.

    Raises:
        ValueError: there is none, see `supports`.
    """
    reason = supports(cell, noise)
    if reason is not None:
        raise ValueError(reason)
    steps, batch_size, _ = inputs.shape
    if not steps or not batch_size:
        return inputs.new_zeros(steps, batch_size, cell.output_size), state
    weights, bias = _flat_weights(cell)
    dtype = _autocast_to(inputs.device.type, weights[0].dtype)
    if dtype is None:
        return _run(_kernel(cell), inputs, lengths, state, weights, bias, reverse)
    inputs, state = inputs.to(dtype), map_state(lambda field: field.to(dtype), state)
    weights = [weight.to(dtype) for weight in weights]
    with torch.autocast(inputs.device.type, enabled=False):
        return _run(_kernel(cell), inputs, lengths, state, weights, bias, reverse)


def _autocast_to(device: str, dtype: torch.dtype) -> torch.dtype | None:
    """The precision for which autocast is left to this module.

    PyTorch's runs cuDNN's kernels in float16, also where bfloat16 was asked for, so that no gradient is scaled.
    """
    if device == "cpu" or dtype == torch.float64 or not torch.amp.is_autocast_available(device):
        return None
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None


def _run(
    kernel: Kernel,
    inputs: Tensor,
    lengths: Tensor | None,
    state: Any,
    weights: list[Tensor],
    bias: bool,
    reverse: bool,
) -> tuple[Tensor, Any]:
    if lengths is not None:
        return _run_ragged(kernel, inputs, lengths, state, weights, bias, reverse)
    outputs, last = kernel(inputs.flip(0) if reverse else inputs, state, weights, bias)
    return outputs.flip(0) if reverse else outputs, last


def _run_ragged(
    kernel: Kernel, inputs: Tensor, lengths: Tensor, state: Any, weights: list[Tensor], bias: bool, reverse: bool
) -> tuple[Tensor, Any]:
    """`run_native` with lengths, as the module describes it."""
    steps, batch_size, _ = inputs.shape
    pieces = cut(lengths, steps, reverse, SAVED_BY_A_CUT // weights[0].numel())
    taken = pieces.take(inputs)
    if len(state) == 2:
        marked = (pieces.source == steps * batch_size).to(inputs.dtype)
        taken = torch.cat((taken, marked.unsqueeze(-1)), -1)
        weights = [torch.cat((weights[0], _freezing_column(weights[0])), 1), *weights[1:]]
    steps_of = torch.split(taken, [count * rows for count, rows in pieces.spans])
    alive = select(state, pieces.order)
    outputs: list[Tensor] = []
    ended: list[Any] = []
    for piece, (count, rows) in zip(steps_of, pieces.spans, strict=True):
        if rows < len(alive[0]):
            ended.append(map_state(lambda field, rows=rows: field[rows:], alive))
            alive = map_state(lambda field, rows=rows: field[:rows], alive)
        output, alive = kernel(piece.view(count, rows, -1), alive, weights, bias)
        outputs.append(output.flatten(0, 1))
    batch, ends = pieces.put(outputs)
    last = map_state(lambda *parts: torch.cat(parts), alive, *reversed(ended))
    last = select(last, pieces.order.argsort())
    return batch, last._replace(h=torch.where((lengths > 0).unsqueeze(-1), ends, state[0]))


def _kind(cell: RecurrentCell) -> type[RecurrentCell] | None:
    """The cell whose formula this one has: also where parametrization has made a subclass of its class."""
    for kind in (LSTMCell, GRUCell, ElmanCell, ProjectedLSTMCell):
        if isinstance(cell, kind) and all(getattr(type(cell), name) is getattr(kind, name) for name in FORMULA):
            return kind
    return None


def _flat_weights(cell: RecurrentCell) -> tuple[list[Tensor], bool]:
    """The parameters in the order of the kernels, and whether there are biases among them."""
    read = cell.weights()
    matrices = [read.input, read.recurrent[0]]
    biases = [read.input_bias, read.recurrent_bias[0]]
    flat = [*matrices, *biases, *read.recurrent[1:]]
    return [tensor for tensor in flat if tensor is not None], read.input_bias is not None


def _kernel(cell: RecurrentCell) -> Kernel:
    kind = _kind(cell)
    if kind in (LSTMCell, ProjectedLSTMCell):
        return _lstm
    if kind is GRUCell:
        return _one_field(torch.gru)
    return _one_field(torch.rnn_tanh if cell.activation is torch.tanh else torch.rnn_relu)


def _lstm(inputs: Tensor, state: Any, weights: list[Tensor], bias: bool) -> tuple[Tensor, Any]:
    at_start = [field.unsqueeze(0).contiguous() for field in state]  # cuDNN refuses others
    outputs, h, c = torch.lstm(inputs, at_start, weights, bias, 1, 0.0, torch.is_grad_enabled(), False, False)
    return outputs, type(state)(h.squeeze(0), c.squeeze(0))


def _one_field(function: Any) -> Kernel:
    def run(inputs: Tensor, state: Any, weights: list[Tensor], bias: bool) -> tuple[Tensor, Any]:
        at_start = state[0].unsqueeze(0).contiguous()  # as above
        outputs, h = function(inputs, at_start, weights, bias, 1, 0.0, torch.is_grad_enabled(), False, False)
        return outputs, type(state)(h.squeeze(0))

    return run


def _freezing_column(weight_ih: Tensor) -> Tensor:
    """The weights (4H, 1) of the column that marks padding; gates i, f, g, o."""
    hidden_size = len(weight_ih) // 4
    column = weight_ih.new_zeros(len(weight_ih), 1)
    column[:hidden_size] = -SATURATED
    column[hidden_size : 2 * hidden_size] = SATURATED
    return column
