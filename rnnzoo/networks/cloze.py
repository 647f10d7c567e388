"""Each word from the words on both sides of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.layers import AdaptiveHead, Head, LinearHead, TokenEmbedding
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.recurrent.lengths import reverse_sequences


class ClozeNetwork(nn.Module):
    """``p(x_i | x_1 .. x_{i-1}, x_{i+1} .. x_m) = head([f_{i-1}; b_{i+1}])``.

    ``f`` are the outputs of a stack that reads the sentence from the left, ``b`` those of another that reads it from
    the right, so that neither has seen ``x_i``. The two meet in the head only: the upper layers of one bidirectional
    stack would carry ``x_i`` to its own place. Schuster & Paliwal 1997, "Bidirectional recurrent neural networks",
    section II, with the token's own step left out (Mousa & Schuller 2017, "Contextual bidirectional long short-term
    memory recurrent neural network language models").

    Args:
        vocabulary_size: V.
        stack: the recurrent part, of each direction.
        embedding_size: E, shared by both directions; None: the stack's hidden size.
        tied: the output matrix is the embedding's; the features are projected to its width.
        cutoffs: where the clusters of an adaptive softmax begin; None: a softmax over all words.
        dropout: of the features, before the head.
        input_dropout: of the embedded tokens.

    Raises:
        RnnzooError: a bidirectional stack, or options that exclude each other.
    """

    def __init__(
        self,
        vocabulary_size: int,
        stack: StackConfig,
        embedding_size: int | None = None,
        tied: bool = False,
        cutoffs: Sequence[int] | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if stack.bidirectional:
            raise RnnzooError(
                "stack.bidirectional must be false: there is one stack for each direction, and they must not meet "
                "before the head, or a word would be predicted from itself"
            )
        if tied and cutoffs is not None:
            raise RnnzooError("an adaptive softmax has matrices of several widths and cannot be tied: give tied false")
        self.embedding = TokenEmbedding(vocabulary_size, embedding_size or stack.hidden_size)
        self.input_dropout = nn.Dropout(input_dropout)
        self.from_left = RecurrentStack(self.embedding.embedding_size, stack)
        self.from_right = RecurrentStack(self.embedding.embedding_size, stack)
        self.output_dropout = nn.Dropout(dropout)
        width = self.from_left.output_size + self.from_right.output_size
        self.head: Head = (
            LinearHead(width, vocabulary_size, tied_to=self.embedding.weight if tied else None)
            if cutoffs is None
            else AdaptiveHead(width, vocabulary_size, cutoffs)
        )

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Features for the head of all tokens but the first and the last of a row, which are its borders.

        Args:
            tokens: (N, m + 2) int64: each row begins and ends with the token for a sentence's border.
            lengths: (N,), how many tokens of a row are real, borders counted; 0 is legal. None: every row is full.

        Returns:
            (N, m, 2 H): those at i belong to ``tokens[:, i + 1]``.
        """
        embedded = self.input_dropout(self.embedding(tokens))
        left = self.from_left(embedded, lengths).outputs
        right = reverse_sequences(self.from_right(reverse_sequences(embedded, lengths), lengths).outputs, lengths)
        features: Tensor = self.output_dropout(torch.cat((left[:, :-2], right[:, 2:]), -1))
        return features
