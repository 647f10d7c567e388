"""Images, one a step, each made a vector."""

from __future__ import annotations

from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import ImageSequenceEncoding, InputEncoding
from rnnzoo.errors import RnnzooError, require_count
from rnnzoo.layers.images import FrameEncoder
from rnnzoo.networks.inputs.base import InputLayer


class FrameInput(InputLayer):
    """A vector of each image, all by the same small convolutional network (`rnnzoo.layers.images.FrameEncoder`).

    Args:
        encoding: of sequences of images.
        filters: as in `FrameEncoder`.
        output_size: the width of the vectors.

    Raises:
        RnnzooError: the encoding is not of images; a number below 1.
    """

    def __init__(self, encoding: InputEncoding, filters: int = 16, output_size: int = 128) -> None:
        super().__init__()
        if not isinstance(encoding, ImageSequenceEncoding):
            raise RnnzooError(f"input.kind frames reads images, but the data is of the kind {encoding.kind}")
        require_count("input.filters", filters)
        require_count("input.output_size", output_size)
        self.encoder = FrameEncoder(encoding.height, encoding.width, encoding.channels, filters, output_size)
        self.output_size = output_size

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, D) of `inputs.values` (N, T, height, width, channels)."""
        if inputs.values is None:
            raise RnnzooError("the batch has no values: its encoding is not that of images")
        vectors: Tensor = self.encoder(inputs.values, inputs.lengths)
        return vectors
