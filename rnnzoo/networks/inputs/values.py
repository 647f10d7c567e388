"""Real vectors, as they are or projected."""

from __future__ import annotations

from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import AudioEncoding, InputEncoding, SeriesEncoding
from rnnzoo.errors import RnnzooError, require_count, require_probability
from rnnzoo.layers import LockedDropout
from rnnzoo.networks.inputs.base import InputLayer


class ValueInput(InputLayer):
    """The numbers at each step: ``x`` itself, or ``W x + b`` where a `projection_size` is given.

    Args:
        encoding: of series or audio.
        projection_size: the width of ``W x + b``; None: no projection.
        dropout: of the vectors' components.
        locked_dropout: whether `dropout` draws one mask for all steps of a row.

    Raises:
        RnnzooError: the encoding is of neither; a width below 1; no probability.
    """

    def __init__(
        self,
        encoding: InputEncoding,
        projection_size: int | None = None,
        dropout: float = 0.0,
        locked_dropout: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(encoding, SeriesEncoding | AudioEncoding):
            raise RnnzooError(f"input.kind values reads series, but the data is of the kind {encoding.kind}")
        require_probability("input.dropout", dropout)
        if projection_size is not None:
            require_count("input.projection_size", projection_size)
        self.output_size = projection_size or encoding.size
        self.projection = None if projection_size is None else nn.Linear(encoding.size, projection_size)
        self.dropout = LockedDropout(dropout) if locked_dropout else nn.Dropout(dropout)

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, D) of `inputs.values` (N, T, D)."""
        values = inputs.values
        if values is None:
            raise RnnzooError("the batch has no values: its encoding is not that of series or audio")
        vectors: Tensor = self.dropout(values if self.projection is None else self.projection(values))
        return vectors
