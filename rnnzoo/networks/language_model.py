"""The recurrent language model (a transducer): every state predicts the next token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.layers import AdaptiveHead, Head, LinearHead, LockedDropout, TokenEmbedding
from rnnzoo.recurrent import RecurrentOutput, RecurrentStack, StackConfig
from rnnzoo.recurrent.state import select

HEADS = ("linear", "adaptive")


class LanguageModelNetwork(nn.Module):
    """Each state predicts the next token: ``p(. | w_1 .. w_t) = head(y_t)``, ``y, s = stack(embedding(w))``.

    Mikolov et al. 2010, "Recurrent neural network based language model", section 2, for any cell and depth.

    Args:
        vocabulary_size: V.
        stack: the recurrent part.
        embedding_size: E; None: the stack's hidden size.
        tied: the output matrix is the embedding's (linear head only).
        head: ``linear`` or ``adaptive``.
        cutoffs: where the clusters of the adaptive head begin.
        dropout: of the stack's outputs, before the head.
        input_dropout: of the embedded tokens.
        embedding_dropout: of word types, see `TokenEmbedding`.
        locked_dropout: `dropout` and `input_dropout` draw one mask for all steps of a row (`LockedDropout`).
        init_range: a: every parameter starts as U(-a, a), biases too (Zaremba et al. 2014, section 4.1); None: each
            layer's own start.

    Raises:
        RnnzooError: a bidirectional stack, which would see what it predicts; options that exclude each other.
    """

    def __init__(
        self,
        vocabulary_size: int,
        stack: StackConfig,
        embedding_size: int | None = None,
        tied: bool = False,
        head: str = "linear",
        cutoffs: Sequence[int] | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        locked_dropout: bool = False,
        init_range: float | None = None,
    ) -> None:
        super().__init__()
        if stack.bidirectional:
            raise RnnzooError("a language model must not see what it predicts: stack.bidirectional must be false")
        for name, p in (("dropout", dropout), ("input_dropout", input_dropout)):
            if not 0 <= p < 1:
                raise RnnzooError(f"{name} must be a probability of at least 0 and below 1, not {p}")
        if embedding_size is not None and embedding_size < 1:
            raise RnnzooError(f"embedding_size must be at least 1, not {embedding_size}")
        self.vocabulary_size = vocabulary_size
        make_dropout = LockedDropout if locked_dropout else nn.Dropout
        self.embedding = TokenEmbedding(vocabulary_size, embedding_size or stack.hidden_size, embedding_dropout)
        self.input_dropout = make_dropout(input_dropout)
        self.stack = RecurrentStack(self.embedding.embedding_size, stack)
        self.output_dropout = make_dropout(dropout)
        self.head = _make_head(head, self.stack.output_size, self.embedding, tied, cutoffs)
        if init_range is not None:
            if not 0 < init_range < math.inf:
                raise RnnzooError(f"init_range must be above 0 and finite, not {init_range}")
            for option in ("init", "forget_bias"):
                if option in stack.cell_options:
                    raise RnnzooError(f"init_range would overwrite stack.cell_options.{option}: give one of them")
            for parameter in self.parameters():
                nn.init.uniform_(parameter, -init_range, init_range)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None, state: Any = None) -> RecurrentOutput:
        """Features for the head after each token.

        Args:
            inputs: (N, T) int64.
            lengths: (N,); None: every row is full.
            state: s_0 by default.

        Returns:
            outputs (N, T, H) and the state after each row's last token.
        """
        outputs, state = self.stack(self.input_dropout(self.embedding(inputs)), lengths, state)
        return RecurrentOutput(self.output_dropout(outputs), state)

    def init_state(self, condition: int) -> tuple[Any, None]:
        """The state before the first token of `condition` rows; a language model has no memory beside it."""
        return self.stack.initial_state(condition), None

    def step(self, tokens: Tensor, state: Any, memory: None = None) -> tuple[Tensor, Any]:
        """Read one token a row, (N,) int64: log p(next token), (N, V), and the new state."""
        outputs, state = self.stack.step(self.embedding(tokens), state)
        return self.head.log_probs(outputs), state

    def reorder(self, state: Any, index: Tensor) -> Any:
        """The rows `index` (M,) of a state."""
        return select(state, index)


def _make_head(
    name: str, input_size: int, embedding: TokenEmbedding, tied: bool, cutoffs: Sequence[int] | None
) -> Head:
    if name not in HEADS:
        raise RnnzooError(unknown("head", name, HEADS))
    if name == "linear":
        if cutoffs is not None:
            raise RnnzooError("cutoffs belong to the adaptive head: give head 'adaptive', or no cutoffs")
        return LinearHead(input_size, embedding.vocabulary_size, tied_to=embedding.weight if tied else None)
    if tied:
        raise RnnzooError("the adaptive head has matrices of several widths and cannot be tied: give tied false")
    if cutoffs is None:
        raise RnnzooError("the adaptive head needs cutoffs, such as [2000, 10000]: where its clusters of ids begin")
    return AdaptiveHead(input_size, embedding.vocabulary_size, cutoffs)
