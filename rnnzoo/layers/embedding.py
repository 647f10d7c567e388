"""Token embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError


class TokenEmbedding(nn.Module):
    """Looks up a row of ``weight`` (V, E) for each token, with dropout of whole rows.

    In training each word *type* is dropped with probability `row_dropout` for the whole batch, wherever it stands, and
    the other rows are scaled by ``1 / (1 - row_dropout)`` (Gal & Ghahramani 2016, section 4.2; Merity et al. 2018,
    section 4.3). Rows start as U(-0.1, 0.1), not N(0, 1) as in `torch.nn.Embedding`: the matrix may also be the output
    matrix, which unit variance would start with logits of size sqrt(E).

    Args:
        vocabulary_size: V.
        embedding_size: E.
        row_dropout: the probability to drop a word type.

    Raises:
        RnnzooError: `row_dropout` is not in [0, 1).
    """

    def __init__(self, vocabulary_size: int, embedding_size: int, row_dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= row_dropout < 1:
            raise RnnzooError(f"the dropout of embedding rows must be in [0, 1), not {row_dropout}")
        self.vocabulary_size = vocabulary_size
        self.embedding_size = embedding_size
        self.row_dropout = row_dropout
        self.weight = nn.Parameter(torch.empty(vocabulary_size, embedding_size))
        nn.init.uniform_(self.weight, -0.1, 0.1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (...) int64 to vectors (..., E)."""
        vectors = F.embedding(tokens, self.weight)
        if not self.training or self.row_dropout == 0:
            return vectors
        # One draw per type, applied to the rows that were looked up: the same values as masking the matrix, without
        # a copy of it.
        keep = torch.empty(self.vocabulary_size, device=vectors.device, dtype=vectors.dtype)
        keep.bernoulli_(1 - self.row_dropout).div_(1 - self.row_dropout)
        return vectors * keep[tokens].unsqueeze(-1)

    def extra_repr(self) -> str:
        """Sizes, as `torch.nn.Embedding` shows them."""
        return f"{self.vocabulary_size}, {self.embedding_size}" + (
            f", row_dropout={self.row_dropout}" if self.row_dropout else ""
        )
