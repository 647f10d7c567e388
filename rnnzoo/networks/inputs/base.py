"""What an input layer is."""

from __future__ import annotations

from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs


class InputLayer(nn.Module):
    """Turns the sequences of a batch into vectors (N, T, D); what it gives in padding has no meaning.

    A subclass is made of an encoding (`rnnzoo.encodings`), first argument, and of options, keyword arguments.

    Attributes:
        output_size: D.
    """

    output_size: int

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, D)."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(inputs)")
