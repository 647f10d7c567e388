"""A window around each step: the encoder of taggers before recurrent ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent.lengths import check_lengths, lengths_mask


class WindowEncoder(nn.Module):
    """Each step with its k neighbours on either side, and nothing else (Collobert et al. 2011, section 3.3.1).

    ``y_t = hardtanh(W [x_{t-k}; ...; x_{t+k}] + b)``. Before the first and after the last step of a row stands a
    learned vector, the paper's PADDING; it starts at zero. Padding of the batch never changes a result, and outputs
    past a row's end are zero.

    Args:
        input_size: D.
        hidden_size: H.
        context: k, neighbours on each side; 2 in the paper.

    Raises:
        RnnzooError: a size below 1, or a context below 0.

    >>> encoder = WindowEncoder(input_size=3, hidden_size=4)
    >>> encoder(torch.zeros(2, 5, 3), torch.tensor([5, 2])).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, input_size: int, hidden_size: int, context: int = 2) -> None:
        super().__init__()
        if min(input_size, hidden_size) < 1 or context < 0:
            raise RnnzooError(
                "a window needs sizes of 1 and a context of 0 at least: "
                f"input_size {input_size}, hidden_size {hidden_size}, context {context}"
            )
        self.input_size = input_size
        self.output_size = hidden_size
        self.context = context
        # A convolution is the product with the concatenation, without the concatenation.
        self.hidden = nn.Conv1d(input_size, hidden_size, 2 * context + 1)
        self.boundary = nn.Parameter(torch.zeros(input_size))

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Inputs (N, T, D), lengths (N,) or None where every row is full, to (N, T, H)."""
        rows, steps, _ = inputs.shape
        if lengths is None:
            lengths = torch.full((rows,), steps, device=inputs.device)
        mask = lengths_mask(check_lengths(lengths, rows, steps, inputs.device), steps).unsqueeze(2)
        if steps == 0:
            return inputs.new_zeros(rows, 0, self.output_size)
        edge = self.boundary.to(inputs.dtype).expand(rows, self.context, -1)
        framed = torch.cat([edge, torch.where(mask, inputs, self.boundary.to(inputs.dtype)), edge], 1)
        return F.hardtanh(self.hidden(framed.transpose(1, 2))).transpose(1, 2).where(mask, 0.0)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.input_size}, {self.output_size}, context={self.context}"
