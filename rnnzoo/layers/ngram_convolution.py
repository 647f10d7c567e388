"""Convolutions around each step: detectors of n-grams whose answers stay where they were found."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent.lengths import check_lengths, lengths_mask


class NgramConvolution(nn.Module):
    """How strongly each filter responds to the window around each step (Goldberg, section 13.1: n-gram detectors).

    For each width w and filter f, ``y_t = relu(W_f [x_{t-l}; ...; x_{t-l+w-1}] + b_f)`` with l = w // 2 steps to the
    left, so that a window of even width sees one step more there than on the right. Before the first and after the last
    step of a row stand zeros ("wide" convolution: a row keeps its length). Padding of the batch never changes a result,
    and outputs past a row's end are zero.

    Args:
        input_size: D.
        filters: of each width.
        widths: steps that a filter sees.

    Raises:
        RnnzooError: no width, or a size below 1.

    >>> convolution = NgramConvolution(input_size=5, filters=4, widths=(2, 3))
    >>> convolution(torch.zeros(7, 9, 5), torch.full((7,), 6)).shape, convolution.output_size
    (torch.Size([7, 9, 8]), 8)
    """

    def __init__(self, input_size: int, filters: int = 50, widths: Sequence[int] = (2, 3, 4)) -> None:
        super().__init__()
        if not widths or min(*widths, filters, input_size) < 1:
            raise RnnzooError(
                "convolutions need sizes of 1 at least: "
                f"input_size {input_size}, filters {filters}, widths {tuple(widths)}"
            )
        self.input_size = input_size
        self.widths = tuple(widths)
        self.output_size = filters * len(self.widths)
        self.convolutions = nn.ModuleList(nn.Conv1d(input_size, filters, width) for width in self.widths)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Inputs (N, T, D), lengths (N,) or None where every row is full, to (N, T, filters * number of widths)."""
        steps = inputs.shape[1]
        if lengths is None:
            lengths = torch.full((inputs.shape[0],), steps, device=inputs.device)
        lengths = check_lengths(lengths, inputs.shape[0], steps, inputs.device)
        real = lengths_mask(lengths, steps).unsqueeze(2)
        across = inputs.where(real, 0.0).transpose(1, 2)
        found = []
        for width, convolution in zip(self.widths, self.convolutions, strict=True):
            left = width // 2
            # One zero more than needed: of a batch without a step there is a window too, which is cut off.
            found.append(convolution(F.pad(across, (left, width - left)))[:, :, :steps])
        return torch.cat(found, 1).relu().transpose(1, 2).where(real, 0.0)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.input_size}, {self.output_size}"
