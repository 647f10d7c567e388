"""Sequences compared by the tokens that they share: what an encoder of meaning must beat."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError


class TfIdf:
    """Vectors of length 1 whose dot product is the cosine of tf-idf weights.

    The weight of token w in a row is ``count(w) (1 + ln((1 + n) / (1 + d_w)))``, n the number of rows that were fitted
    and d_w in how many of them w stands (Salton & Buckley 1988, with the smoothing of scikit-learn's
    `TfidfVectorizer`, whose vectors these are).

    Args:
        vocabulary_size: V.

    >>> model = TfIdf(3).fit(torch.tensor([[0, 1], [0, 2]]), torch.tensor([2, 2]))
    >>> model.vectors(torch.tensor([[0, 1]]), torch.tensor([2]))
    tensor([[0.5797, 0.8148, 0.0000]])
    """

    def __init__(self, vocabulary_size: int) -> None:
        self._found = torch.zeros(vocabulary_size)
        self._rows = 0

    def fit(self, tokens: Tensor, lengths: Tensor) -> TfIdf:
        """Count rows; may be called for batch after batch.

        Args:
            tokens: (N, T) ids.
            lengths: (N,) how many of a row are real; a row of none is not counted.
        """
        self._found += (self._counts(tokens, lengths) > 0).sum(0)
        self._rows += int((lengths > 0).sum())
        return self

    def vectors(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Rows (N, T) as vectors (N, V).

        Raises:
            RnnzooError: before `fit`.
        """
        if not self._rows:
            raise RnnzooError("fit tf-idf before asking it")
        weights = 1 + ((1 + self._rows) / (1 + self._found)).log()
        return F.normalize(self._counts(tokens, lengths) * weights, dim=-1)

    def _counts(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        real = torch.arange(tokens.shape[1]) < lengths[:, None]
        counts = torch.zeros(len(tokens), len(self._found))
        return counts.scatter_add_(1, tokens.masked_fill(~real, 0), real.float())
