"""The acceptor: the sequence is read, and one answer is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.layers.pooling import Pooling
from rnnzoo.layers.self_attention import SelfAttention
from rnnzoo.networks.reading import SequenceReader


class AcceptorNetwork(nn.Module):
    """``features = pool(y_1 .. y_L)``, from which the head answers (Goldberg 2017, section 14.3.1).

    Args:
        reader: input layer and stack.
        pooling: see `rnnzoo.layers.Pooling`.
        self_attention: whether each step also looks at the others, between stack and pooling (`SelfAttention`).
        dropout: of the pooled vector.
        make_head: makes the head for the width of the features.
    """

    head: Any  # a `Head`, or a head of numbers; each has `loss`

    def __init__(
        self,
        reader: SequenceReader,
        pooling: str | list[str] = "final",
        self_attention: bool = False,
        dropout: float = 0.0,
        *,
        make_head: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.reader = reader
        self.self_attention = SelfAttention(reader.output_size) if self_attention else None
        width = reader.output_size if self.self_attention is None else self.self_attention.output_size
        # Behind self-attention the halves are no longer directions.
        self.pooling = Pooling(width, pooling, reader.bidirectional and not self_attention)
        self.dropout = nn.Dropout(dropout)
        self.head = make_head(self.pooling.output_size)

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Features (N, D) of N sequences."""
        outputs = self.reader(inputs).outputs
        if self.self_attention is not None:
            outputs = self.self_attention(outputs, inputs.lengths)
        features: Tensor = self.dropout(self.pooling(outputs, inputs.lengths))
        return features
