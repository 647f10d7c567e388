"""Each step looks at all steps of its sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """``z_t = [y_t ; sum_s a_ts y_s]``, ``a_t = softmax_s(y_t W y_s)`` over the real steps s other than t.

    Multiplicative self-attention over the outputs of a stack (Luong et al. 2015, "general", turned on the sequence
    itself). Each step keeps its own output beside the summary of the others, so a step is not among those that it looks
    at; in a row of one step the summary is zero.

    Args:
        input_size: D; the output is 2 D wide.
        dropout: of the weights ``a``.
    """

    def __init__(self, input_size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.output_size = 2 * input_size
        self.weight = nn.Parameter(torch.empty(input_size, input_size))
        nn.init.xavier_uniform_(self.weight)
        self.dropout = dropout

    def forward(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Outputs (N, T, D) and lengths (N,) to (N, T, 2 D), zero past the lengths."""
        steps = torch.arange(outputs.shape[1], device=outputs.device)
        real = steps < lengths[:, None]
        seen = real[:, None, :] & (steps[:, None] != steps[None, :])
        scores = (outputs @ self.weight @ outputs.transpose(1, 2)).masked_fill(~seen, float("-inf"))
        alone = ~seen.any(-1, keepdim=True)
        weights = torch.softmax(scores.masked_fill(alone, 0.0), -1).masked_fill(alone, 0.0)
        summary = F.dropout(weights, self.dropout, self.training) @ outputs
        return torch.cat((outputs, summary), -1).masked_fill(~real[:, :, None], 0.0)
