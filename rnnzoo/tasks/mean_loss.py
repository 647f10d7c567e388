"""The mean loss of an evaluation, from sums."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class MeanLoss(Metric):
    """Summed losses over summed counts, over all batches and ranks; NaN of nothing.

    >>> mean = MeanLoss()
    >>> mean.update(torch.tensor(6.0), torch.tensor(1))
    >>> mean.update(torch.tensor(2.0), torch.tensor(3))
    >>> mean.compute()
    tensor(2., dtype=torch.float64)
    """

    full_state_update = False

    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, total: Tensor, count: Tensor) -> None:
        """Add a batch: its summed loss and over how many."""
        self.total += total
        self.count += count

    def compute(self) -> Tensor:
        """The mean of all that was added."""
        return self.total / self.count
