"""What a decoder is given, looks at, remembers and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from rnnzoo.layers.attention import AttentionMemory
from rnnzoo.layers.copy import CopySource


class DecoderCondition(NamedTuple):
    """What is written from. What a decoder does not use is None.

    Attributes:
        rows: N.
        state: what the bridge leads to s_0: a vector (N, D) or an encoder's final state.
        vector: (N, D), what is concatenated at each step.
        values: (N, S, D), what is attended to.
        lengths: (N,), how many of the S are real; None: all.
        source: what may be copied.
    """

    rows: int
    state: Any = None
    vector: Tensor | None = None
    values: Tensor | None = None
    lengths: Tensor | None = None
    source: CopySource | None = None


class DecoderMemory(NamedTuple):
    """What all steps and all hypotheses of N rows look at; it never changes."""

    attention: AttentionMemory | None
    vector: Tensor | None
    source: CopySource | None


class DecoderState(NamedTuple):
    """What changes from step to step, M rows.

    Attributes:
        stack: the state of the stack.
        attention: the state of the attention; ``()`` where there is none.
        fed: (M, F), the attentional output of the step before; (M, 0) without input feeding.
    """

    stack: Any
    attention: Any
    fed: Tensor


class DecoderOutput(NamedTuple):
    """What a run gives at each of Q places of N rows.

    Attributes:
        features: (N, Q, F), for the head.
        weights: (N, Q, S), where was looked; None without attention.
        gate: (N, Q), the logit of the share that is not copied; None without copying.
        source: what may be copied; None without copying.
    """

    features: Tensor
    weights: Tensor | None
    gate: Tensor | None
    source: CopySource | None


class StepParts(NamedTuple):
    """What a step has made before the head: each (M, width), or (N, Q, width)."""

    embedded: Tensor
    output: Tensor
    context: Tensor | None
    weights: Tensor | None
    readout: Tensor | None = None


def select_memory(memory: DecoderMemory, index: Tensor) -> DecoderMemory:
    """The rows `index` of a memory."""
    attention, vector, source = memory
    if attention is not None:
        attention = AttentionMemory._make(part if part is None else part.index_select(0, index) for part in attention)
    if source is not None:
        source = source._replace(ids=source.ids.index_select(0, index))
    return DecoderMemory(attention, vector if vector is None else vector.index_select(0, index), source)


def map_parts(function: Callable[[Tensor], Tensor], parts: StepParts) -> StepParts:
    """The parts that exist, each through `function`."""
    return StepParts._make(part if part is None else function(part) for part in parts)


def by_row(rows: Tensor, count: int) -> Tensor:
    """(N * B, width) as (N, B, width), N = `count`: no copy."""
    return rows.view(count, rows.shape[0] // max(count, 1), rows.shape[-1])


def spread(vector: Tensor, beside: Tensor) -> Tensor:
    """The vectors (N, D) of N rows beside what has N * B rows, (N * B, width), or Q places, (N, Q, width)."""
    if beside.dim() == 3:
        return vector.unsqueeze(1).expand(-1, beside.shape[1], -1)
    return vector.unsqueeze(1).expand(-1, beside.shape[0] // vector.shape[0], -1).flatten(0, 1)
