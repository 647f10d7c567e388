"""What a DataModule hands to a task: frozen dataclasses of tensors, batch first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class LanguageModelBatch:
    """A window of N rows of a language model's stream, or N sentences.

    `targets[n, t]` is the token that follows `inputs[n, t]`.

    Attributes:
        inputs: (N, T) int64.
        targets: (N, T) int64.
        lengths: (N,) int64, how many of a row's positions are real; 0 is legal. None means every row is full.
        first: Whether the rows start here, so that the state before them is s_0; else it is the one that the rows'
            last window left.

    >>> import torch
    >>> ids = torch.tensor([[4, 2], [3, 0]])
    >>> batch = LanguageModelBatch(ids, ids, lengths=torch.tensor([2, 1]), first=True)
    >>> batch.num_tokens, batch.mask.tolist()
    (3, [[True, True], [True, False]])
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None
    first: bool
    _num_tokens: int | None = field(default=None, repr=False, compare=False)

    @property
    def num_tokens(self) -> int:
        """How many targets are real; after `to` it is known without a look at the device."""
        if self._num_tokens is not None:
            return self._num_tokens
        return self.targets.numel() if self.lengths is None else int(self.lengths.sum())

    @property
    def mask(self) -> Tensor:
        """(N, T) bool: True where a position is real."""
        if self.lengths is None:
            return torch.ones_like(self.targets, dtype=torch.bool)
        return torch.arange(self.targets.shape[1], device=self.lengths.device) < self.lengths[:, None]

    def to(self, device: torch.device | str, **kwargs: Any) -> LanguageModelBatch:
        """The batch on a device; further arguments are those of `Tensor.to`, such as `non_blocking`."""
        return replace(
            self,
            inputs=self.inputs.to(device, **kwargs),
            targets=self.targets.to(device, **kwargs),
            lengths=None if self.lengths is None else self.lengths.to(device, **kwargs),
            _num_tokens=self.num_tokens,
        )
