"""Tokens, embedded, and the n-grams around each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import InputEncoding
from rnnzoo.errors import require_count
from rnnzoo.layers import NgramConvolution
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.networks.inputs.tokens import TokenInput


class TokenAndNgramInput(InputLayer):
    """The embedded token and what filters find in the n-grams around it, side by side: ``[e_t; ngrams(e)_t]``.

    A state then says how far it has read, and the filters beside it which n-grams stand there, without the state having
    to keep them. Convolutions below an LSTM: Zhou et al. 2015, "A C-LSTM neural network for text classification",
    section 3, where the LSTM reads the filters alone.

    Args:
        encoding: of text.
        embedding_size: E; see `TokenInput`.
        widths: tokens of an n-gram; see `NgramConvolution`.
        filters: how many of each width.
        word_dropout: see `TokenInput`, and so are the rest. What is dropped is dropped for the filters too.
        embedding_dropout: see there.
        dropout: see there.
        locked_dropout: see there.
        vectors: see there.
        freeze_vectors: see there.

    Raises:
        RnnzooError: as `TokenInput`; no width, or one below 1; no filters.
    """

    def __init__(
        self,
        encoding: InputEncoding,
        embedding_size: int | None = None,
        widths: Sequence[int] = (2, 3, 4),
        filters: int = 50,
        word_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        locked_dropout: bool = False,
        vectors: str | None = None,
        freeze_vectors: bool = False,
    ) -> None:
        super().__init__()
        require_count("input.filters", filters)
        for width in widths:
            require_count("each of input.widths", width)
        self.tokens = TokenInput(
            encoding, embedding_size, word_dropout, embedding_dropout, dropout, locked_dropout, vectors, freeze_vectors
        )
        self.ngrams = NgramConvolution(self.tokens.output_size, filters, widths)
        self.output_size = self.tokens.output_size + self.ngrams.output_size

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, E + filters * number of widths)."""
        vectors = self.tokens(inputs)
        return torch.cat((vectors, self.ngrams(vectors, inputs.lengths)), -1)
