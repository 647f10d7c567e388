"""Cells that are linear in their state: an engine may run them as a scan."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rnnzoo.cells.base import Gates, HiddenState, RecurrentCell, Stage


class LinearCell(RecurrentCell):
    """A cell whose gates see only the inputs, so that its state obeys a linear recurrence.

    ``h' = a * h + b``, where ``a`` and ``b`` are elementwise in the gates ``gates.k = W_ik x + b_ik``

    There is no recurrent product: the cell has neither ``weight_hh`` nor ``bias_hh``. A subclass names its `gates` and
    writes `coefficients`; an engine may call it with the gates of a whole sequence at once.

    Example:
        >>> import torch
        >>> class AverageCell(LinearCell):
        ...     gates = ("g",)
        ...
        ...     def coefficients(self, gates):
        ...         return torch.full_like(gates.g, 0.5), 0.5 * gates.g
        >>> cell = AverageCell(1, 1, bias=False)
        >>> _ = torch.nn.init.ones_(cell.weight_ih)
        >>> cell(torch.tensor([[8.0]]), HiddenState(h=torch.tensor([[2.0]])))[0].item()
        5.0
    """

    state_type = HiddenState

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the one stage, without a product, of a cell that only names its gates."""
        if "gates" in cls.__dict__ and "stages" not in cls.__dict__:
            cls.stages = (Stage(cls.gates, weight=None),)
        super().__init_subclass__(**kwargs)

    def coefficients(self, gates: Gates) -> tuple[Tensor, Tensor]:
        """The a and b (..., H) of the gates (..., H), elementwise."""
        raise NotImplementedError(f"{type(self).__name__} must define coefficients(gates), which returns (a, b)")

    def transition(self, gates: Gates, state: HiddenState) -> HiddenState:
        """R: see the class."""
        a, b = self.coefficients(gates)
        return HiddenState(h=a * state.h + b)
