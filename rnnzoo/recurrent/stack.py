"""Layers of cells over time, depth and direction."""

from __future__ import annotations

import inspect
import warnings
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.cells.registry import build_cell
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent.config import StackConfig
from rnnzoo.recurrent.engine import reads_padding, run
from rnnzoo.recurrent.lengths import check_lengths, lengths_mask
from rnnzoo.recurrent.noise import StackNoise, dropout_mask, zoneout_shares


class RecurrentOutput(NamedTuple):
    """What a stack returns: `outputs` (N, T, D') of every step, and the `state` after each row's last real step."""

    outputs: Tensor
    state: Any


class RecurrentStack(nn.Module):
    """Cells over time, in layers and directions.

    The state is a tuple with the state of each cell, in PyTorch's order: layer 0 forward, layer 0 backward, layer 1
    forward, and so on. With two directions a layer's output is the forward one followed by the backward one.

    Layer l reads ``x_l`` and gives ``y_l``, with ``F_l`` its cells, followed by layer normalisation where `normalize`
    is set. ``x_0`` are the inputs, the outputs are ``y`` of the last layer. Where `connections` is

    - ``none``: ``y_l = F_l(x_l)``, ``x_{l+1} = y_l``;
    - ``residual``: ``y_l = F_l(x_l) + x_l`` (Wu et al. 2016, eq. 6);
    - ``highway``: ``y_l = t * F_l(x_l) + (1 - t) * x_l``, ``t = sigmoid(W_t x_l + b_t)``, with b_t = -1 at the start
      (Srivastava et al. 2015, *Highway Networks*, eq. 3 and section 2.2), here with a recurrent layer as F;
    - ``dense``: ``y_l = F_l(x_l)``, ``x_{l+1} = [x_l; y_l]``: each layer reads the inputs and all layers below (Huang
      et al. 2017, eq. 2; in recurrent stacks Ding et al. 2018).

    Residual and highway need ``x_l`` as wide as ``F_l(x_l)``. A layer that changes the width, usually the first, is
    plain, as in both papers; nothing is projected. Dropout acts on what F reads in the layers above the first, not on
    what goes round it.

    Lengths mean: outputs past a row's end are zero; each field of the state is the one after the row's last real step
    (a row of length 0 keeps its s_0); the backward direction starts at the last real step. What stands in the
    padding of the inputs changes nothing, whatever it is, NaN as well.

    Args:
        input_size: D, the width of the inputs.
        config: the rest, or a mapping with the same keys.

    Example:
        >>> stack = RecurrentStack(3, StackConfig(cell="gru", hidden_size=4, num_layers=2, bidirectional=True))
        >>> outputs, state = stack(torch.ones(2, 5, 3), lengths=torch.tensor([5, 2]))
        >>> outputs.shape, len(state), state[0].h.shape
        (torch.Size([2, 5, 8]), 4, torch.Size([2, 4]))
        >>> outputs[1, 2:].abs().sum().item()
        0.0
    """

    def __init__(self, input_size: int, config: StackConfig | dict[str, Any]) -> None:
        super().__init__()
        config = config if isinstance(config, StackConfig) else StackConfig.from_dict(config)
        self.input_size = input_size
        self.config = config
        self.directions = 2 if config.bidirectional else 1
        self.cells = nn.ModuleList()
        self.norms = nn.ModuleList()
        self.gates = nn.ModuleList()
        width = input_size
        widths: list[int] = []
        for _ in range(config.num_layers):
            cells = [
                build_cell(config.cell, width, config.hidden_size, **config.cell_options)
                for _ in range(self.directions)
            ]
            _check_noise(config, cells[0])
            self.cells.extend(cells)
            output_size = sum(cell.output_size for cell in cells)
            if config.normalize:
                self.norms.append(nn.LayerNorm(output_size))
            if config.connections == "highway":
                self.gates.append(_transform_gate(width) if width == output_size else nn.Identity())
            widths.append(width)
            width = width + output_size if config.connections == "dense" else output_size
        self.layer_input_sizes = tuple(widths)
        self.output_size = output_size
        self._warn_of_what_does_nothing()

    def _warn_of_what_does_nothing(self) -> None:
        config = self.config
        if config.dropout and config.num_layers == 1:
            warnings.warn("stack.dropout acts between layers, and there is one layer: it does nothing", stacklevel=3)
        plain = self.layer_input_sizes == (self.input_size,) and self.input_size != self.output_size
        if (config.connections == "dense" and config.num_layers == 1) or (config.connections != "none" and plain):
            warnings.warn(
                f"stack.connections={config.connections!r} joins layers of equal width, and there is one layer from "
                f"{self.input_size} to {self.output_size}: it does nothing",
                stacklevel=3,
            )

    def layer(self, index: int) -> list[RecurrentCell]:
        """The cells of a layer: forward, then, where there is one, backward."""
        return self._all_cells()[index * self.directions : (index + 1) * self.directions]

    def _all_cells(self) -> list[RecurrentCell]:
        return cast("list[RecurrentCell]", list(self.cells))

    def initial_state(self, batch_size: int) -> tuple[Any, ...]:
        """s_0 of every cell: zeros."""
        return tuple(cell.initial_state(batch_size) for cell in self._all_cells())

    def draw_noise(self, batch_size: int, steps: int) -> StackNoise:
        """What is random in a sequence of `steps` steps, from the global generator: nothing but zoneout's shares at
        evaluation.
        """
        config = self.config
        cells: list[Noise | None] = []
        inputs: list[Tensor | None] = []
        for index, width in enumerate(self.layer_input_sizes):
            layer = self.layer(index)
            rate = config.dropout if self.training and index else 0.0
            inputs.append(
                dropout_mask(layer[0].weight_ih, (1 if config.variational else steps, batch_size, width), rate)
            )
            for cell in layer:
                rate = config.recurrent_dropout if self.training else 0.0
                operand = dropout_mask(cell.weight_ih, (batch_size, cell.state_sizes[0]), rate)
                zoneout = zoneout_shares(cell, config.zoneout, steps, batch_size, self.training)
                cells.append(None if operand is None and zoneout is None else Noise(operand, zoneout))
        return StackNoise(tuple(cells), tuple(inputs))

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: Any = None, noise: StackNoise | None = None
    ) -> RecurrentOutput:
        """Run whole sequences.

        Args:
            inputs: (N, T, D).
            lengths: (N,), the real steps of each row, 0..T, on any device; None: every row is full.
            state: s_0 as `initial_state` gives it, which is also the default.
            noise: what `draw_noise` gave; drawn here by default.

        Raises:
            RnnzooError: inputs, lengths or state of another shape than this.
        """
        if inputs.dim() != 3 or inputs.shape[-1] != self.input_size:
            raise RnnzooError(f"inputs must be (N, T, {self.input_size}), and are {tuple(inputs.shape)}")
        batch_size, steps, _ = inputs.shape
        state = self.initial_state(batch_size) if state is None else self.check_state(state, batch_size)
        noise = self.draw_noise(batch_size, steps) if noise is None else noise
        padding: Tensor | None = None
        if lengths is not None:
            lengths = check_lengths(lengths, batch_size, steps, inputs.device)
            padding = ~lengths_mask(lengths, steps).t().unsqueeze(-1)
        read = inputs.transpose(0, 1)
        engine = self.config.engine
        if padding is not None and (
            self.config.connections != "none"
            or any(reads_padding(cell, read, noise.cells[at], engine) for at, cell in enumerate(self.layer(0)))
        ):
            read = read.masked_fill(padding, 0.0)
        new: list[Any] = []
        for index in range(self.config.num_layers):
            first = index * self.directions
            dropped = _masked(read, noise.inputs[index])
            parts = []
            for direction, cell in enumerate(self.layer(index)):
                at = first + direction
                output, last = run(cell, dropped, lengths, state[at], noise.cells[at], direction == 1, engine)
                parts.append(output)
                new.append(last)
            read, outputs = self._connect(index, read, parts[0] if len(parts) == 1 else torch.cat(parts, -1), padding)
        return RecurrentOutput(outputs.transpose(0, 1), tuple(new))

    def step(self, inputs: Tensor, state: Any, noise: StackNoise | None = None) -> tuple[Tensor, tuple[Any, ...]]:
        """One step of every layer, for decoding: T of these give what `forward` gives.

        Args:
            inputs: (N, D).
            state: what `initial_state` or the step before returned.
            noise: one step of what `draw_noise` gave, `noise.at(t)`. Needed in training where a mask is shared over
                time (`variational`, `recurrent_dropout`); otherwise drawn here.

        Returns:
            outputs (N, D') and the new state.

        Raises:
            RnnzooError: the stack is bidirectional, so that a step would need the future; or see `forward`.
        """
        config = self.config
        if config.bidirectional:
            raise RnnzooError("a bidirectional stack has no step: its backward direction reads the future")
        if inputs.dim() != 2 or inputs.shape[-1] != self.input_size:
            raise RnnzooError(f"inputs of a step must be (N, {self.input_size}), and are {tuple(inputs.shape)}")
        if noise is None:
            if self.training and (config.variational or config.recurrent_dropout):
                raise RnnzooError(
                    "the dropout masks of this stack are shared over time: draw them once for the sequence, "
                    "noise = stack.draw_noise(batch_size, steps), and pass noise.at(t) to each step"
                )
            noise = self.draw_noise(inputs.shape[0], 1).at(0)  # not len(inputs), a fixed number in torch.export
        state = self.check_state(state, inputs.shape[0])
        read, new = inputs, []
        for index, cell in enumerate(self.cells):
            now = noise.cells[index]
            arguments = (_masked(read, noise.inputs[index]), state[index])
            output, last = cell(*arguments) if now is None else cell(*arguments, now)
            new.append(last)
            read, output = self._connect(index, read, output, None)
        return output, tuple(new)

    def _connect(self, index: int, read: Tensor, output: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the layer above reads, and this layer's output, from what this one read and its cells gave."""
        connections = self.config.connections
        if self.config.normalize:
            output = self.norms[index](output)
            if padding is not None:
                output = output.masked_fill(padding, 0.0)
        if read.shape[-1] == output.shape[-1] and connections in ("residual", "highway"):
            if connections == "residual":
                output = output + read
            else:
                t = torch.sigmoid(self.gates[index](read))
                output = t * output + (1 - t) * read
        return (torch.cat((read, output), -1) if connections == "dense" else output), output

    def check_state(self, state: Any, batch_size: int) -> tuple[Any, ...]:
        """`state` with the types of this stack's cells, or an error that says what was expected.

        Raises:
            RnnzooError: it is not one part for each cell, each of fields (N, width).
        """
        cells = self._all_cells()
        expected = [[(batch_size, size) for size in cell.state_sizes] for cell in cells]
        try:
            found = [[tuple(field.shape) for field in part] for part in state]
        except (TypeError, AttributeError):
            found = None
        if found != expected:
            names = [f"{cell.state_type.__name__}{tuple(cell.state_type._fields)}" for cell in cells]
            raise RnnzooError(
                f"the state must be a tuple with one {names[0]} for each layer and direction, of shapes {expected}; "
                f"it has {found if found is not None else f'the type {type(state).__name__}'}"
            )
        return tuple(cell.state_type._make(part) for cell, part in zip(cells, state, strict=True))


def _masked(inputs: Tensor, mask: Tensor | None) -> Tensor:
    return inputs if mask is None else inputs * mask


def _check_noise(config: StackConfig, cell: RecurrentCell) -> None:
    zoneout = config.zoneout if isinstance(config.zoneout, list) else [config.zoneout]
    if (config.recurrent_dropout or any(zoneout)) and len(inspect.signature(cell.forward).parameters) < 3:
        raise RnnzooError(
            f"stack.zoneout and stack.recurrent_dropout are given to a cell, and the forward of {type(cell).__name__} "
            "takes no noise: define forward(inputs, state, noise=None), see rnnzoo.cells.Noise, or leave them out"
        )
    if config.recurrent_dropout and cell.stages and not any(stage.weight == "weight_hh" for stage in cell.stages):
        raise RnnzooError(
            f"stack.recurrent_dropout drops what weight_hh multiplies, and {type(cell).__name__} has no weight_hh; "
            "zoneout acts on every cell"
        )


def _transform_gate(width: int) -> nn.Linear:
    gate = nn.Linear(width, width)
    nn.init.constant_(gate.bias, -1.0)
    return gate
