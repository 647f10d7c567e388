"""One vector of a sequence of states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError, unknown

POOLINGS = ("final", "mean", "max", "attention")


class Pooling(nn.Module):
    """The vector that stands for a sequence: one pooling, or several side by side.

    With outputs ``y_1 .. y_L`` of a row with L real steps:

    - ``final``: what the states at the ends are: ``y_L`` of the forward direction and ``y_1`` of the backward one.
      Goldberg 2017, section 14.3.1 and 14.4 (acceptor and biRNN).
    - ``mean``: ``sum_t y_t / L``.
    - ``max``: ``max_t y_t``, feature by feature (Conneau et al. 2017, section 3.2.2).
    - ``attention``: ``sum_t a_t y_t``, ``a = softmax_t(u . tanh(W y_t + b))`` (Yang et al. 2016, eqs. 5-7).

    A row of length 0 gives zeros.

    Args:
        input_size: D, the width of the outputs.
        kinds: one of the four names, or several, whose vectors are concatenated (Howard & Ruder 2018, section 3.3:
            ``[final, max, mean]``).
        bidirectional: whether the second half of the features is the backward direction's.

    Raises:
        RnnzooError: an unknown name, one given twice, or none.

    Example:
        >>> outputs = torch.tensor([[[1.0, 5.0], [3.0, 4.0], [0.0, 0.0]]])
        >>> Pooling(2, ["final", "mean", "max"])(outputs, torch.tensor([2]))
        tensor([[3.0000, 4.0000, 2.0000, 4.5000, 3.0000, 5.0000]])
    """

    def __init__(self, input_size: int, kinds: str | Sequence[str], bidirectional: bool = False) -> None:
        super().__init__()
        self.kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if not self.kinds:
            raise RnnzooError(f"pooling is empty: give at least one of {', '.join(POOLINGS)}")
        for kind in self.kinds:
            if kind not in POOLINGS:
                raise RnnzooError(unknown("pooling", str(kind), POOLINGS))
        if len(set(self.kinds)) < len(self.kinds):
            raise RnnzooError(f"pooling has one kind twice: {', '.join(self.kinds)}")
        self.bidirectional = bidirectional
        self.output_size = input_size * len(self.kinds)
        if "attention" in self.kinds:
            self.score = nn.Sequential(
                nn.Linear(input_size, input_size), nn.Tanh(), nn.Linear(input_size, 1, bias=False)
            )

    def forward(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Outputs (N, T, D), zero past the lengths (N,), to (N, D x kinds)."""
        return torch.cat([getattr(self, f"_{kind}")(outputs, lengths) for kind in self.kinds], -1)

    def attention_weights(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """(N, T): the share of each step in the ``attention`` pooling; zeros in padding."""
        scores = self.score(outputs).squeeze(-1).masked_fill(~_mask(outputs, lengths), float("-inf"))
        return torch.softmax(scores, -1).masked_fill(lengths[:, None] == 0, 0.0)

    def _final(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        last = (lengths - 1).clamp(min=0)
        at_end = outputs.gather(1, last[:, None, None].expand(-1, 1, outputs.shape[2])).squeeze(1)
        if not self.bidirectional:
            return at_end
        half = outputs.shape[2] // 2
        return torch.cat((at_end[:, :half], outputs[:, 0, half:]), -1)

    def _mean(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        return outputs.sum(1) / lengths.clamp(min=1)[:, None]

    def _max(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        past = ~_mask(outputs, lengths)[:, :, None]
        return outputs.masked_fill(past, float("-inf")).amax(1).masked_fill(lengths[:, None] == 0, 0.0)

    def _attention(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        return (self.attention_weights(outputs, lengths)[:, :, None] * outputs).sum(1)

    def extra_repr(self) -> str:
        """The kinds."""
        return ", ".join(self.kinds)


def _mask(outputs: Tensor, lengths: Tensor) -> Any:
    return torch.arange(outputs.shape[1], device=outputs.device) < lengths[:, None]
