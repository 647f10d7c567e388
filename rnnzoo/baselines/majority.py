"""The class that most rows have: what any classifier must beat."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError


class MajorityClass:
    """Predicts each class with its share of the training rows, whatever the row.

    ``p(c) = (n_c + 1) / (n + C)``: one row is added to each class, so that a class without training rows has a finite
    loss.

    Args:
        num_classes: C.

    >>> model = MajorityClass(3).fit([2, 2, 0])
    >>> model.log_probs(2).exp()
    tensor([[0.3333, 0.1667, 0.5000],
            [0.3333, 0.1667, 0.5000]], dtype=torch.float64)
    """

    name = "majority class"

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self._log_probs: Tensor | None = None

    def fit(self, labels: Sequence[int]) -> MajorityClass:
        """Counts the training rows' classes, ids below C; the model itself."""
        counts = class_counts(labels, self.num_classes)
        self._log_probs = ((counts + 1) / (counts + 1).sum()).log()
        return self

    def log_probs(self, rows: int) -> Tensor:
        """Log p of each class, the same for all rows: (rows, C), natural logarithms.

        Raises:
            RnnzooError: before `fit`.
        """
        if self._log_probs is None:
            raise RnnzooError("fit the majority class before asking it")
        return self._log_probs.expand(rows, -1)


def class_counts(labels: Sequence[int], num_classes: int) -> Tensor:
    """How many rows each class has: (C,) float64.

    Raises:
        RnnzooError: no row, or a class id outside 0..C-1.
    """
    ids = torch.as_tensor(labels, dtype=torch.int64)
    if len(ids) == 0:
        raise RnnzooError("there are no training rows to count")
    wrong = ((ids < 0) | (ids >= num_classes)).nonzero().flatten().tolist()
    if wrong:
        raise RnnzooError(f"row {wrong[0]} is of class {int(ids[wrong[0]])}: {num_classes} classes have ids from 0 up")
    return ids.bincount(minlength=num_classes).double()
