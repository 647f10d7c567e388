"""The contract of a cell: what happens in one step of a recurrent network.

A network is a state machine with a learned transition, ``s_i = R(s_{i-1}, x_i)``, ``y_i = O(s_i)`` (Goldberg, *Neural
Network Methods for NLP*, ch. 14). A cell is R and O. How it is run over a sequence is the engine's business
(`rnnzoo.recurrent`), which can be fast because a cell says only what follows its matrix products.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError


class HiddenState(NamedTuple):
    """The state of a cell that remembers one vector ``h`` (N, H)."""

    h: Tensor


class Gates(Protocol):
    """Pre-activations by name, each (N, width of the gate): ``gates.i``, ``gates.f``, in the order of `Stage.gates`."""

    def __getattr__(self, name: str) -> Tensor: ...
    def __iter__(self) -> Any: ...


@cache
def _gates_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Gates", names)


def make_gates(names: tuple[str, ...], values: Sequence[Tensor]) -> Gates:
    """Separate tensors under the names of their gates."""
    gates: Gates = _gates_type(names)(*values)
    return gates


def _rows(matrix: Tensor, start: int, stop: int) -> Tensor:
    return matrix if stop - start == len(matrix) else matrix[start:stop]  # a slice's gradient is filled up with zeros


@dataclass(frozen=True)
class Stage:
    """One recurrent product, then one row-wise function: no row of the batch sees another.

    Attributes:
        gates: names of the rows of the weights, in their order.
        function: the method that follows the product. The last stage's returns the new state; an earlier one's
            returns ``(operand, *carried)``: what the next product multiplies, and what the next function also gets.
        weight: the parameter that multiplies the operand (the state's first field in the first stage); ``None``: no
            product. Stages that name the same parameter own consecutive rows of it. ``weight_hh`` (rows, width of the
            state's first field) has a bias, any other is (rows, H) and has none.
        inputs: whether the gates also have rows of ``weight_ih``.
        apart: hand the input's and the state's product over apart, ``function(inputs, hidden, state, *carried)``,
            rather than their sum, ``function(gates, state, *carried)``.
    """

    gates: tuple[str, ...]
    function: str = "transition"
    weight: str | None = "weight_hh"
    inputs: bool = True
    apart: bool = False


class Weights(NamedTuple):
    """The matrices of a cell as tensors, read once per sequence: `input` (G, D), and per stage the recurrent ones."""

    input: Tensor
    input_bias: Tensor | None
    recurrent: tuple[Tensor | None, ...]
    recurrent_bias: tuple[Tensor | None, ...]


class Noise(NamedTuple):
    """What is random in a step, drawn before the sequence is run; nothing random happens inside a cell.

    Attributes:
        operand: the recurrent-dropout mask (N, width of h), already scaled: it multiplies what ``weight_hh`` does.
        zoneout: per field of the state the share that is kept from the state before: 0 or 1 when drawn, the
            probability at evaluation; (N, width) in a step, (T, N, width) for a sequence.
    """

    operand: Tensor | None = None
    zoneout: tuple[Tensor, ...] | None = None


class RecurrentCell(nn.Module):
    """One step of a recurrent network: R (`transition`) and O (`output`).

    A cell of one stage names its `gates` and writes `transition(gates, state)`; the products are made for it:

    ``gates.k = W_ik x + b_ik + W_hk h + b_hk``

    with ``weight_ih`` (G, D), ``weight_hh`` (G, H), ``bias_ih`` and ``bias_hh`` (G,), G the sum of the gates' widths,
    in the order of `gates`, as in `torch.nn`, drawn from U(-1/sqrt(H), 1/sqrt(H)) as there (others:
    `rnnzoo.cells.initialization`). Cells of several stages, or whose products are needed apart, set `stages`. A cell
    with parameters of its own makes them in its constructor, after ``super().__init__``, with their first values.
    Anything beyond that overrides `forward` and is run step by step; it applies the `Noise` that it is given.

    Args:
        input_size: D, the width of the inputs.
        hidden_size: H, the width of the gates and of the state.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.
        gate_sizes: the width of each gate that is not H wide.
        state_sizes: the width of each field of the state; all H wide where it is None.

    Raises:
        RnnzooError: a size that is no whole number of at least 1.

    Example:
        >>> class LeakyCell(RecurrentCell):
        ...     gates = ("g",)
        ...
        ...     def transition(self, gates, state):
        ...         return HiddenState(h=0.9 * state.h + 0.1 * torch.tanh(gates.g))
        >>> cell = LeakyCell(input_size=3, hidden_size=5)
        >>> output, state = cell(torch.zeros(2, 3), cell.initial_state(2))
        >>> output.shape
        torch.Size([2, 5])
    """

    gates: ClassVar[tuple[str, ...]] = ()
    stages: ClassVar[tuple[Stage, ...]] = ()
    state_type: ClassVar[Any] = HiddenState
    #: Gates whose sigmoid is the share of the old state that is kept, or of the new that is written: what
    #: `rnnzoo.cells.initialization.chrono` sets the biases of.
    keep_gates: ClassVar[tuple[str, ...]] = ()
    write_gates: ClassVar[tuple[str, ...]] = ()

    weight_ih: Tensor
    weight_hh: Tensor | None
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the one stage of a cell that only names its gates."""
        super().__init_subclass__(**kwargs)
        if "gates" in cls.__dict__ and "stages" not in cls.__dict__:
            cls.stages = (Stage(cls.gates),)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        gate_sizes: Mapping[str, int] | None = None,
        state_sizes: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise RnnzooError(f"{name} of {type(self).__name__} must be a whole number of at least 1, not {size!r}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.gate_sizes = {name: hidden_size for stage in self.stages for name in stage.gates} | dict(gate_sizes or {})
        fields = len(self.state_type._fields)
        self.state_sizes = tuple(state_sizes) if state_sizes is not None else (hidden_size,) * fields
        self.bias = bias
        input_rows = sum(sum(self.stage_sizes(stage)) for stage in self.stages if stage.inputs)
        rows: dict[str, int] = {}
        for stage in self.stages:
            if stage.weight is not None:
                rows[stage.weight] = rows.get(stage.weight, 0) + sum(self.stage_sizes(stage))
        hidden_rows = rows.pop("weight_hh", 0)
        # Without gates, where `forward` does all, it only tells dtype and device: nothing to learn, as DDP must know.
        self.weight_ih = nn.Parameter(torch.empty(input_rows, input_size), requires_grad=input_rows > 0)
        self.weight_hh = nn.Parameter(torch.empty(hidden_rows, self.state_sizes[0])) if hidden_rows else None
        self.bias_ih = nn.Parameter(torch.empty(input_rows)) if bias and input_rows else None
        self.bias_hh = nn.Parameter(torch.empty(hidden_rows)) if bias and hidden_rows else None
        for name, count in rows.items():
            self.register_parameter(name, nn.Parameter(torch.empty(count, hidden_size)))
        bound = 1 / math.sqrt(hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def stage_sizes(self, stage: Stage) -> list[int]:
        """The widths of a stage's gates, in their order."""
        return [self.gate_sizes[name] for name in stage.gates]

    @property
    def output_size(self) -> int:
        """The width of y."""
        return self.state_sizes[0]

    def initial_state(self, batch_size: int) -> Any:
        """s_0: zeros, each field (batch_size, its width)."""
        zeros = (self.weight_ih.new_zeros(batch_size, size) for size in self.state_sizes)
        return self.state_type._make(zeros)

    def transition(self, *args: Any) -> Any:
        """R: the new state from the pre-activations and the state before. See `Stage` for the arguments."""
        raise NotImplementedError(f"{type(self).__name__} must define transition(gates, state), its R, or forward")

    def output(self, state: Any) -> Tensor:
        """O: y from the state, row-wise; the state's first field where a cell says nothing else."""
        first: Tensor = state[0]
        return first

    def weights(self) -> Weights:
        """The matrices, read once: whatever replaces a parameter (weight-drop) is drawn once per sequence."""
        taken: dict[str, int] = {}
        recurrent: list[Tensor | None] = []
        biases: list[Tensor | None] = []
        matrices = {stage.weight: getattr(self, stage.weight) for stage in self.stages if stage.weight}
        bias_hh = self.bias_hh
        for stage in self.stages:
            if stage.weight is None:
                recurrent.append(None)
                biases.append(None)
                continue
            start = taken.get(stage.weight, 0)
            stop = taken[stage.weight] = start + sum(self.stage_sizes(stage))
            recurrent.append(_rows(matrices[stage.weight], start, stop))
            biases.append(_rows(bias_hh, start, stop) if bias_hh is not None and stage.weight == "weight_hh" else None)
        return Weights(self.weight_ih, self.bias_ih, tuple(recurrent), tuple(biases))

    def project(self, inputs: Tensor, weights: Weights) -> Tensor:
        """The product of the inputs (..., D) with ``weight_ih``: (..., G), for one step or a whole sequence at once."""
        return F.linear(inputs, weights.input, weights.input_bias)

    def advance(self, projected: Tensor, state: Any, weights: Weights, noise: Noise | None = None) -> Any:
        """R from the projected inputs (N, G): each stage's product, then its row-wise function; zoneout at the end."""
        operand, carried, column = state[0], (), 0
        result: Any = None
        for stage, weight, bias in zip(self.stages, weights.recurrent, weights.recurrent_bias, strict=True):
            sizes = self.stage_sizes(stage)
            parts: list[Tensor] = []
            if stage.inputs:
                parts.append(projected[..., column : column + sum(sizes)])
                column += sum(sizes)
            if weight is not None:
                if noise is not None and noise.operand is not None and stage.weight == "weight_hh":
                    operand = operand * noise.operand
                parts.append(F.linear(operand, weight, bias))
            if not stage.apart:
                parts = [parts[0] + parts[1]] if len(parts) == 2 else parts
            gates = [make_gates(stage.gates, torch.split(part, sizes, -1)) for part in parts]
            result = getattr(self, stage.function)(*gates, state, *carried)
            operand, carried = result[0], tuple(result[1:])
        if noise is not None and noise.zoneout is not None:
            result = type(result)._make(
                keep * old + (1 - keep) * new for keep, old, new in zip(noise.zoneout, state, result, strict=True)
            )
        return result

    def forward(self, inputs: Tensor, state: Any, noise: Noise | None = None) -> tuple[Tensor, Any]:
        """One step: inputs (N, D) and state to ``(y, s)``, y (N, output_size)."""
        weights = self.weights()
        new = self.advance(self.project(inputs, weights), state, weights, noise)
        return self.output(new), new

    def extra_repr(self) -> str:
        """Sizes, as `torch.nn` shows them."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")
