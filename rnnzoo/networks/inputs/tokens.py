"""Tokens, embedded."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import InputEncoding, TextEncoding
from rnnzoo.errors import RnnzooError, require_count, require_probability
from rnnzoo.layers import LockedDropout, TokenEmbedding
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.text.vectors import Coverage, PretrainedVectors, coverage, initialise, read_vectors

_SIZE = 100


class TokenInput(InputLayer):
    """Each token's vector: a row of an embedding matrix.

    Args:
        encoding: of text.
        embedding_size: E; None: that of the vectors, else 100.
        word_dropout: the probability that a token is read as `<unk>`, drawn for each token by itself (Iyyer et al.
            2015, section 3; Dyer et al. 2015), so that what stands for unknown words is learned. In training only.
        embedding_dropout: the probability that a word type is dropped, see `TokenEmbedding`.
        dropout: of the vectors' components.
        locked_dropout: whether `dropout` draws one mask for all steps of a row.
        vectors: a file of pretrained word vectors (GloVe, word2vec, fastText's .vec; see `rnnzoo.text.vectors`) that
            the rows of its words start from. In a task's checkpoint the rows themselves are what is kept.
        freeze_vectors: whether the whole matrix stays as it starts.

    Attributes:
        vectors: what was read of `vectors`, for `coverage`; None where nothing was.

    Raises:
        RnnzooError: the encoding is not of text; word dropout without an `<unk>`; no probability; a width below 1;
            vectors of another width, or none for any word.
    """

    def __init__(
        self,
        encoding: InputEncoding,
        embedding_size: int | None = None,
        word_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        locked_dropout: bool = False,
        vectors: str | None = None,
        freeze_vectors: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(encoding, TextEncoding):
            raise RnnzooError(f"input.kind tokens reads text, but the data is of the kind {encoding.kind}")
        for name, p in (
            ("word_dropout", word_dropout),
            ("embedding_dropout", embedding_dropout),
            ("dropout", dropout),
        ):
            require_probability(f"input.{name}", p)
        if embedding_size is not None:
            require_count("input.embedding_size", embedding_size)
        unknown_id = encoding.vocabulary.unknown_id
        if word_dropout and unknown_id is None:
            raise RnnzooError("input.word_dropout reads tokens as <unk>, but the vocabulary has no <unk>: give 0")
        self.word_dropout, self.unknown_id = word_dropout, unknown_id or 0
        read = None if vectors is None else read_vectors(vectors, encoding.vocabulary.tokens)
        self.vectors: PretrainedVectors | None = read
        self.output_size = embedding_size or (_SIZE if read is None else read.size)
        self.embedding = TokenEmbedding(len(encoding.vocabulary), self.output_size, embedding_dropout)
        self.dropout = LockedDropout(dropout) if locked_dropout else nn.Dropout(dropout)
        if read is not None:
            initialise(self.embedding.weight, encoding.vocabulary, read)
        self.embedding.weight.requires_grad_(not freeze_vectors)

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, E) of `inputs.tokens` (N, T)."""
        tokens = inputs.tokens
        if tokens is None:
            raise RnnzooError("the batch has no tokens: its encoding is not that of text")
        if self.training and self.word_dropout:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.word_dropout
            tokens = tokens.masked_fill(dropped, self.unknown_id)
        vectors: Tensor = self.dropout(self.embedding(tokens))
        return vectors

    def coverage(self, counts: Mapping[str, int]) -> Coverage:
        """How much of a text the vectors that were read cover.

        Args:
            counts: how often each word occurs in the text.

        Raises:
            RnnzooError: no vectors were read, or nothing is counted.
        """
        if self.vectors is None:
            raise RnnzooError("no vectors were read: give input.vectors")
        return coverage(counts, self.vectors)
