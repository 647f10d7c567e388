"""The sequence encoder: the sequence is read, and a vector stands for it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.layers.pooling import Pooling
from rnnzoo.networks.pair import PairHead
from rnnzoo.networks.reading import SequenceReader


class EncoderNetwork(nn.Module):
    """``u = pool(y_1 .. y_L)`` (Goldberg 2017, section 14.3.3), learned by what a head asks of a pair ``u, v``.

    Both sequences of a pair are read by the same weights (a Siamese network: Bromley et al. 1993).

    Args:
        reader: input layer and stack.
        pooling: see `rnnzoo.layers.Pooling`.
        dropout: of the pooled vector.
        make_head: makes what pairs are trained by for the width of the vectors.
    """

    def __init__(
        self,
        reader: SequenceReader,
        pooling: str | list[str] = "max",
        dropout: float = 0.0,
        *,
        make_head: Callable[[int], PairHead],
    ) -> None:
        super().__init__()
        self.reader = reader
        self.pooling = Pooling(reader.output_size, pooling, reader.bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.output_size = self.pooling.output_size
        self.head = make_head(self.output_size)

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, D) of N sequences."""
        vectors: Tensor = self.dropout(self.pooling(self.reader(inputs).outputs, inputs.lengths))
        return vectors
