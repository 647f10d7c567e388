"""Convolutions and max over time: the encoder that recurrent ones are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent.lengths import check_lengths, lengths_mask


class ConvolutionEncoder(nn.Module):
    """The strongest response of each filter anywhere in a row (Kim 2014, section 2; Goldberg, chapter 13).

    For each width w and filter f, ``y = max_t relu(W_f [x_t; ...; x_{t+w-1}] + b_f)`` over the windows that lie within
    the row. A row shorter than w is lengthened by zeros to one window, so that it has an answer; one of no step gives
    ``relu(b_f)``. Padding never changes a result.

    Args:
        input_size: D.
        channels: filters of each width.
        widths: steps that a filter sees.

    Raises:
        RnnzooError: no width, or a size below 1.

    >>> encoder = ConvolutionEncoder(input_size=5, channels=4, widths=(2, 3))
    >>> encoder(torch.zeros(7, 9, 5), torch.full((7,), 6)).shape, encoder.output_size
    (torch.Size([7, 8]), 8)
    """

    def __init__(self, input_size: int, channels: int = 100, widths: Sequence[int] = (3, 4, 5)) -> None:
        super().__init__()
        if not widths or min(*widths, channels, input_size) < 1:
            raise RnnzooError(
                "a convolution needs sizes of 1 at least: "
                f"input_size {input_size}, channels {channels}, widths {tuple(widths)}"
            )
        self.input_size = input_size
        self.widths = tuple(widths)
        self.output_size = channels * len(self.widths)
        self.convolutions = nn.ModuleList(nn.Conv1d(input_size, channels, width) for width in self.widths)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Inputs (N, T, D), lengths (N,) or None where every row is full, to (N, channels * number of widths)."""
        steps = inputs.shape[1]
        if lengths is None:
            lengths = torch.full((inputs.shape[0],), steps, device=inputs.device)
        lengths = check_lengths(lengths, inputs.shape[0], steps, inputs.device)
        real = inputs.where(lengths_mask(lengths, steps).unsqueeze(2), 0.0)
        real = F.pad(real.transpose(1, 2), (0, max(0, max(self.widths) - steps)))
        found = []
        for width, convolution in zip(self.widths, self.convolutions, strict=True):
            responses = convolution(real).relu()
            windows = lengths_mask((lengths - width + 1).clamp(min=1), responses.shape[2]).unsqueeze(1)
            found.append(responses.where(windows, 0.0).amax(2))  # no response is below 0
        return torch.cat(found, 1)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.input_size}, {self.output_size}"
