"""Attention of a decoder to a memory: where each step of what is written looks in what was read.

The memory is projected once per sequence (`Attention.init`) and never changes. What attention remembers is a state, an
argument and a result of each step. A memory of N rows serves N * B queries, the B hypotheses of a row side by side
(`rnnzoo.decoding`): they are viewed as (N, B, ...), so no copy of the memory is made for them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError, unknown


class AttentionMemory(NamedTuple):
    """What is attended to, prepared once.

    Attributes:
        values: (N, S, D), zero in padding: what a context is a mean of.
        keys: (N, S, A): what queries are compared with.
        padding: (N, 1, S) bool, true where nothing may be attended to; None: every row is full.
    """

    values: Tensor
    keys: Tensor
    padding: Tensor | None


class AttentionState(NamedTuple):
    """What attention remembers of a row.

    Attributes:
        weights: (M, S), those of the last step; zero before the first.
        coverage: (M, S), the sum of the weights of all steps (See et al. 2017, eq. 10; what the coverage penalty of Wu
            et al. 2016, eq. 14, looks at).
    """

    weights: Tensor
    coverage: Tensor


class AlignedState(NamedTuple):
    """As `AttentionState`, and `position` (M, 1) int64: how many steps were made."""

    weights: Tensor
    coverage: Tensor
    position: Tensor


class Attention(nn.Module):
    """``a_t = softmax_s(score(q_t, m_s))`` over the real positions s, ``c_t = sum_s a_ts m_s``.

    A subclass gives the scores. In a row without a real position all weights and the context are zero.

    Args:
        query_size: H, the width of a query.
        memory_size: D, the width of the memory, and so of the context.
    """

    #: Whether the scores of a step depend on the weights of those before, so that steps cannot be made at once.
    recurrent = False
    #: Whether the scores depend on the query.
    reads_query = True

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.query_size = query_size
        self.memory_size = memory_size

    def keys(self, values: Tensor) -> Tensor:
        """What queries are compared with, of the memory (N, S, D)."""
        return values

    def scores(self, queries: Tensor, memory: AttentionMemory, state: AttentionState | None) -> Tensor:
        """The scores (N, Q, S) of queries (N, Q, H); the fields of `state` are (N, Q, S), None if not `recurrent`."""
        raise NotImplementedError(f"{type(self).__name__} must define scores(queries, memory, state)")

    def init(self, values: Tensor, lengths: Tensor | None = None) -> AttentionMemory:
        """Prepare a memory.

        Args:
            values: (N, S, D). What stands in padding changes nothing.
            lengths: (N,), the real positions of each row; None: every row is full.

        Raises:
            RnnzooError: values of another shape.
        """
        if values.dim() != 3 or values.shape[-1] != self.memory_size:
            raise RnnzooError(f"what is attended to must be (N, S, {self.memory_size}), and is {tuple(values.shape)}")
        padding = None
        if lengths is not None:
            positions = torch.arange(values.shape[1], device=values.device)
            padding = (positions >= lengths.to(values.device).unsqueeze(1)).unsqueeze(1)
            values = values.masked_fill(padding.transpose(1, 2), 0.0)
        return AttentionMemory(values, self.keys(values), padding)

    def initial_state(self, memory: AttentionMemory, rows: int) -> Any:
        """The state before the first of `rows` queries: nothing was looked at."""
        zeros = memory.values.new_zeros(rows, memory.values.shape[1])
        return AttentionState(zeros, zeros)

    def forward(self, query: Tensor, memory: AttentionMemory, state: Any) -> tuple[Tensor, Any]:
        """One step.

        Args:
            query: (M, H), M a multiple of N, row-major by the rows of the memory.
            memory: as `init` gives it, of N rows.
            state: M rows.

        Returns:
            The contexts (M, D) and the new state, whose `weights` (M, S) are those of this step.

        Raises:
            RnnzooError: the number of queries is no multiple of the rows of the memory.
        """
        rows = memory.values.shape[0]
        if query.shape[0] % max(rows, 1):
            raise RnnzooError(f"{query.shape[0]} queries cannot be shared out to the {rows} rows of the memory")
        weights = self._step_weights(query, memory, state)
        contexts = torch.bmm(weights, memory.values)
        return contexts.flatten(0, 1), self._advance(state, weights.flatten(0, 1))

    def attend_steps(self, queries: Tensor, memory: AttentionMemory, state: Any) -> tuple[Tensor, Tensor]:
        """All steps after `state` at once: queries (N, T, H) to contexts (N, T, D) and weights (N, T, S).

        Raises:
            RnnzooError: this attention depends on its own steps before.
        """
        if self.recurrent:
            raise RnnzooError(f"{type(self).__name__} needs the weights of the steps before: it goes step by step")
        weights = _normalised(self.scores(queries, memory, None), memory.padding)
        return torch.bmm(weights, memory.values), weights

    def _step_weights(self, query: Tensor, memory: AttentionMemory, state: Any) -> Tensor:
        shape = (memory.values.shape[0], query.shape[0] // max(memory.values.shape[0], 1), -1)
        past = None
        if self.recurrent:
            past = AttentionState(*(field.view(*shape[:2], field.shape[-1]) for field in state[:2]))
        return _normalised(self.scores(query.view(shape), memory, past), memory.padding)

    def _advance(self, state: Any, weights: Tensor) -> Any:
        return AttentionState(weights, state.coverage + weights)


def _normalised(scores: Tensor, padding: Tensor | None) -> Tensor:
    if padding is None:
        return scores.softmax(-1)
    # The lowest finite number: in a row of padding only, -inf would give NaN where this gives a finite gradient of 0.
    return scores.masked_fill(padding, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(padding, 0.0)


class DotAttention(Attention):
    """``score(q, m) = q . m`` (Luong et al. 2015, eq. 8, *dot*); the memory is as wide as the query.

    Raises:
        RnnzooError: the widths differ.

    Example:
        >>> attention = DotAttention(2, 2)
        >>> memory = attention.init(torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]]), lengths=torch.tensor([2]))
        >>> context, state = attention(torch.tensor([[0.0, math.log(3)]]), memory, attention.initial_state(memory, 1))
        >>> state.weights, context
        (tensor([[0.2500, 0.7500, 0.0000]]), tensor([[0.2500, 0.7500]]))
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        if query_size != memory_size:
            raise RnnzooError(
                f"dot attention compares a query of {query_size} features with a memory of {memory_size}: "
                "make them equal, or take 'general'"
            )
        super().__init__(query_size, memory_size)

    def scores(self, queries: Tensor, memory: AttentionMemory, state: AttentionState | None) -> Tensor:
        """``q . m``."""
        return torch.bmm(queries, memory.keys.transpose(1, 2))


class GeneralAttention(DotAttention):
    """``score(q, m) = q . W m`` (Luong et al. 2015, eq. 8, *general*)."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__(query_size, query_size)
        self.memory_size = memory_size
        self.weight = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        """``W m``."""
        keys: Tensor = self.weight(values)
        return keys


class ScaledDotAttention(Attention):
    """``score(q, m) = (W_q q) . (W_k m) / sqrt(A)`` (Vaswani et al. 2017, eq. 1, with one head).

    Deviation: the values are the memory itself, neither projected before (W^V) nor after (W^O): what follows projects.

    Args:
        query_size: H.
        memory_size: D.
        attention_size: A.
    """

    def __init__(self, query_size: int, memory_size: int, attention_size: int) -> None:
        super().__init__(query_size, memory_size)
        self.query_weight = nn.Linear(query_size, attention_size, bias=False)
        self.key_weight = nn.Linear(memory_size, attention_size, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        """``W_k m / sqrt(A)``."""
        keys: Tensor = self.key_weight(values)
        return keys / math.sqrt(keys.shape[-1])

    def scores(self, queries: Tensor, memory: AttentionMemory, state: AttentionState | None) -> Tensor:
        """``(W_q q) . (W_k m) / sqrt(A)``."""
        return torch.bmm(self.query_weight(queries), memory.keys.transpose(1, 2))


class AdditiveAttention(Attention):
    """``score(q, m) = v . tanh(W q + U m + b)`` (Bahdanau et al. 2015, appendix A.1.2; theirs has no b).

    Args:
        query_size: H.
        memory_size: D.
        attention_size: A, the width of b and v.
    """

    def __init__(self, query_size: int, memory_size: int, attention_size: int) -> None:
        super().__init__(query_size, memory_size)
        self.query_weight = nn.Linear(query_size, attention_size, bias=False)
        self.key_weight = nn.Linear(memory_size, attention_size)
        self.score_weight = nn.Linear(attention_size, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        """``U m + b``."""
        keys: Tensor = self.key_weight(values)
        return keys

    def history(self, state: AttentionState) -> Tensor:
        """What a recurrent subclass adds inside the tanh, (N, Q, S, A)."""
        raise NotImplementedError(f"{type(self).__name__} is recurrent and must define history(state)")

    def scores(self, queries: Tensor, memory: AttentionMemory, state: AttentionState | None) -> Tensor:
        """``v . tanh(W q + U m + b)``."""
        terms = self.query_weight(queries).unsqueeze(2) + memory.keys.unsqueeze(1)
        if state is not None:
            terms = terms + self.history(state)
        scores: Tensor = self.score_weight(terms.tanh())
        return scores.squeeze(-1)


class CoverageAttention(AdditiveAttention):
    """``score(q, m_s) = v . tanh(W q + U m_s + w_c c_s + b)``, with c the sum of all weights before.

    See et al. 2017, eq. 11. Their training adds `rnnzoo.layers.coverage.coverage_loss`.
    """

    recurrent = True

    def __init__(self, query_size: int, memory_size: int, attention_size: int) -> None:
        super().__init__(query_size, memory_size, attention_size)
        self.coverage_weight = nn.Linear(1, attention_size, bias=False)

    def history(self, state: AttentionState) -> Tensor:
        """``w_c c_s``."""
        history: Tensor = self.coverage_weight(state.coverage.unsqueeze(-1))
        return history


class LocationAttention(AdditiveAttention):
    """``score(q, m_s) = v . tanh(W q + U m_s + V f_s + b)``, ``f = F * a'`` (Chorowski et al. 2015, eq. 8 and 9).

    ``a'`` are the weights of the step before, zero before the first; ``*`` is a convolution along the positions with
    zeros around them. The sharpening of their section 2.3 is not made.

    Args:
        query_size: H.
        memory_size: D.
        attention_size: A.
        filters: k, the rows of F.
        width: r, the positions that a filter spans, an odd number.

    Raises:
        RnnzooError: `width` is even, so that no position is its middle.
    """

    recurrent = True

    def __init__(
        self, query_size: int, memory_size: int, attention_size: int, filters: int = 10, width: int = 15
    ) -> None:
        super().__init__(query_size, memory_size, attention_size)
        if filters < 1 or width < 1 or width % 2 == 0:
            raise RnnzooError(
                f"location attention needs at least one filter of an odd width, not {filters} of width {width}"
            )
        self.location = nn.Conv1d(1, filters, width, padding=width // 2, bias=False)
        self.location_weight = nn.Linear(filters, attention_size, bias=False)

    def history(self, state: AttentionState) -> Tensor:
        """``V f_s``."""
        rows, queries, positions = state.weights.shape
        if positions == 0:  # a convolution of nothing is an error in torch
            return state.weights.new_zeros(rows, queries, 0, self.location_weight.out_features)
        features = self.location(state.weights.reshape(rows * queries, 1, positions)).transpose(1, 2)
        history: Tensor = self.location_weight(features)
        return history.view(rows, queries, positions, -1)


class AlignedAttention(Attention):
    """Step t looks at position t alone: ``c_t = m_t``, zero past the end of the memory. Nothing is learned.

    The naive many-to-many model, in which output t reads the encoder's output t, said as attention.
    """

    reads_query = False

    def initial_state(self, memory: AttentionMemory, rows: int) -> AlignedState:
        """The state before the first step."""
        zeros = memory.values.new_zeros(rows, memory.values.shape[1])
        return AlignedState(zeros, zeros, torch.zeros(rows, 1, dtype=torch.int64, device=zeros.device))

    def attend_steps(self, queries: Tensor, memory: AttentionMemory, state: Any) -> tuple[Tensor, Tensor]:
        """All steps at once; of the queries (N, T, ...) only T counts."""
        weights = self._one_hot(state.position + torch.arange(queries.shape[1], device=queries.device), memory)
        return torch.bmm(weights, memory.values), weights

    def _step_weights(self, query: Tensor, memory: AttentionMemory, state: Any) -> Tensor:
        return self._one_hot(state.position.view(memory.values.shape[0], -1), memory)

    def _one_hot(self, positions: Tensor, memory: AttentionMemory) -> Tensor:
        places = torch.arange(memory.values.shape[1], device=memory.values.device)
        weights = (positions.unsqueeze(-1) == places).to(memory.values.dtype)
        return weights if memory.padding is None else weights.masked_fill(memory.padding, 0.0)

    def _advance(self, state: Any, weights: Tensor) -> AlignedState:
        return AlignedState(weights, state.coverage + weights, state.position + 1)


ATTENTIONS: dict[str, type[Attention]] = {
    "dot": DotAttention,
    "general": GeneralAttention,
    "scaled": ScaledDotAttention,
    "additive": AdditiveAttention,
    "coverage": CoverageAttention,
    "location": LocationAttention,
    "aligned": AlignedAttention,
}


def build_attention(
    name: str, query_size: int, memory_size: int, attention_size: int | None = None, **options: Any
) -> Attention:
    """An attention by its name.

    Args:
        name: ``dot``, ``general``, ``scaled``, ``additive``, ``coverage``, ``location`` or ``aligned``.
        query_size: H.
        memory_size: D.
        attention_size: A, for those that have one; None: H.
        options: further arguments of the class: `filters` and `width` of ``location``.

    Raises:
        RnnzooError: an unknown name, or an argument that this attention does not have.

    Example:
        >>> build_attention("addtive", 4, 4)
        Traceback (most recent call last):
        rnnzoo.errors.RnnzooError: unknown attention 'addtive': did you mean 'additive'? ...
    """
    if name not in ATTENTIONS:
        raise RnnzooError(unknown("attention", name, ATTENTIONS))
    kind = ATTENTIONS[name]
    if issubclass(kind, (AdditiveAttention, ScaledDotAttention)):
        options["attention_size"] = query_size if attention_size is None else attention_size
    elif attention_size is not None:
        raise RnnzooError(f"{name} attention has no attention_size: leave it out")
    extra = set(options) - {"attention_size"}
    if extra and kind is not LocationAttention:
        raise RnnzooError(f"{', '.join(sorted(extra))} belong to location attention, not to {name}")
    return kind(query_size, memory_size, **options)
