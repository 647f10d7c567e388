"""From what was read, or from any vector, to the state that a decoder begins with."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from rnnzoo.cells import RecurrentCell
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.recurrent import RecurrentStack
from rnnzoo.recurrent.state import rebuild, tensors

BRIDGES = ("copy", "projected", "learned", "zero")


class StateBridge(nn.Module):
    """``s_0`` of every layer of a stack, each field of its state (also the LSTM's c), from a source.

    The source is a vector (N, D), or the final state of an encoder's stack. The kinds:

    - ``copy``: each field is the source as it is. A vector becomes every field of every layer. Of an encoder's state
      each field becomes the same field of the same layer; the two directions of an encoder are put side by side,
      forward first. The widths must be equal.
    - ``projected``: each field is ``tanh(W v + b)`` with a W and b of its own (Bahdanau et al. 2015, appendix A.2.2,
      without b), v the vector, or all fields of all layers and directions of the encoder's state side by side: the
      encoder may have other cells, another depth and another width.
    - ``learned``: each field is a parameter, zero at the start and the same for every row.
    - ``zero``: the stack's own initial state.

    Args:
        target: the stack that begins with s_0.
        source: the width D of the vector, or the encoder's stack.
        kind: ``copy``, ``projected``, ``learned`` or ``zero``.

    Raises:
        RnnzooError: an unknown kind; a copy between unequal widths, numbers of layers or fields; a target with two
            directions.

    Example:
        >>> stack = RecurrentStack(3, {"cell": "lstm", "hidden_size": 4, "num_layers": 2})
        >>> bridge = StateBridge(stack, source=7)
        >>> state = bridge(torch.ones(5, 7), stack.initial_state(5))
        >>> [(name, tuple(field.shape)) for layer in state for name, field in layer._asdict().items()]
        [('h', (5, 4)), ('c', (5, 4)), ('h', (5, 4)), ('c', (5, 4))]
    """

    def __init__(self, target: RecurrentStack, source: int | RecurrentStack, kind: str = "projected") -> None:
        super().__init__()
        if kind not in BRIDGES:
            raise RnnzooError(unknown("bridge", str(kind), BRIDGES))
        if target.directions == 2:
            raise RnnzooError("what a bridge leads to writes forward: its stack must not be bidirectional")
        self.kind = kind
        self.widths = [width for cell in _cells(target) for width in cell.state_sizes]
        self.directions = 1 if isinstance(source, int) else source.directions
        if kind == "learned":
            self.state = nn.Parameter(torch.zeros(sum(self.widths)))
        elif kind == "projected":
            size = source if isinstance(source, int) else sum(sum(cell.state_sizes) for cell in _cells(source))
            self.linear = nn.Linear(size, sum(self.widths))
        elif kind == "copy":
            _check_copy(target, source)

    def forward(self, source: Any, initial: Any) -> Any:
        """The state s_0.

        Args:
            source: the vector (N, D) or the encoder's final state; ``learned`` and ``zero`` do not look at it.
            initial: what `target.initial_state` gives for N rows.

        Returns:
            A state of the shape of `initial`.
        """
        if self.kind == "zero":
            return initial
        if self.kind == "learned":
            rows = next(tensors(initial)).shape[0]
            return rebuild(initial, [part.expand(rows, -1) for part in torch.split(self.state, self.widths)])
        if self.kind == "projected":
            vector = source if isinstance(source, Tensor) else torch.cat(list(tensors(source)), -1)
            return rebuild(initial, torch.split(torch.tanh(self.linear(vector)), self.widths, -1))
        if isinstance(source, Tensor):
            return rebuild(initial, [source] * len(self.widths))
        layers = [source[i : i + self.directions] for i in range(0, len(source), self.directions)]
        return rebuild(initial, [torch.cat(same, -1) for layer in layers for same in zip(*layer, strict=True)])


def _cells(stack: RecurrentStack) -> list[RecurrentCell]:
    return cast("list[RecurrentCell]", list(stack.cells))


def _check_copy(target: RecurrentStack, source: int | RecurrentStack) -> None:
    advice = "make them equal, or take the bridge 'projected'"
    if isinstance(source, int):
        for index, cell in enumerate(_cells(target)):
            for name, width in zip(cell.state_type._fields, cell.state_sizes, strict=True):
                if width != source:
                    raise RnnzooError(
                        f"a vector of {source} features cannot be copied into {name} of layer {index}, which has "
                        f"{width}: {advice}"
                    )
        return
    if source.config.num_layers != target.config.num_layers:
        raise RnnzooError(
            f"the states of {source.config.num_layers} layers cannot be copied into {target.config.num_layers}: "
            f"{advice}"
        )
    for index in range(target.config.num_layers):
        old, new = source.layer(index)[0], target.layer(index)[0]
        if old.state_type._fields != new.state_type._fields:
            raise RnnzooError(
                f"the state {', '.join(old.state_type._fields)} of {type(old).__name__} cannot be copied into "
                f"{', '.join(new.state_type._fields)} of {type(new).__name__}: take the same cell, or the bridge "
                "'projected'"
            )
        for name, width, size in zip(new.state_type._fields, old.state_sizes, new.state_sizes, strict=True):
            if width * source.directions != size:
                both = f" in each of {source.directions} directions" if source.directions > 1 else ""
                raise RnnzooError(
                    f"{name} of layer {index} of the encoder has {width} features{both} and cannot be copied into "
                    f"{name} of the decoder, which has {size}: {advice}"
                )
