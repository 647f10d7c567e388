"""What rnnzoo's own metrics share: sums in float64 that ranks add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from torchmetrics.utilities.distributed import gather_all_tensors


class Float64Metric(Metric):
    """A metric whose states keep their precision: float64, whatever the model's is.

    A float32 sum over a corpus loses the digits in which two models differ, and Lightning's `bf16-true` would turn the
    states into bfloat16.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._list_types: dict[str, torch.dtype] = {}

    def _sums(self, *names: str, shape: tuple[int, ...] = (), dtype: torch.dtype = torch.float64) -> None:
        """States that ranks add."""
        for name in names:
            self.add_state(name, torch.zeros(shape, dtype=dtype), dist_reduce_fx="sum")

    def _lists(self, *names: str, dtype: torch.dtype = torch.float64) -> None:
        """States of which processes show each other all values, tensors of one axis: for what is no sum of batches."""
        for name in names:
            self.add_state(name, [], dist_reduce_fx="cat")
            self._list_types[name] = dtype

    def _listed(self, name: str) -> Tensor:
        """All values of such a state: a list on each process, one tensor once they have been gathered."""
        state: Tensor | list[Tensor] = getattr(self, name)
        if len(state):
            return dim_zero_cat(state)
        dtype = self._list_types[name]
        return torch.zeros(0, dtype=_exact(self.device) if dtype.is_floating_point else dtype, device=self.device)

    def _float64(self, values: Tensor | float) -> Tensor:
        return torch.as_tensor(values, dtype=_exact(self.device), device=self.device).detach()

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Gathers; a process that saw nothing takes part with an empty tensor of the type that the others have."""
        for name in self._list_types:
            if not len(getattr(self, name)):
                setattr(self, name, [self._listed(name)])
        super()._sync_dist(dist_sync_fn, process_group)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> nn.Module:
        """Follows a model to its device, not to its precision."""

        def moved(state: Tensor) -> Tensor:
            device = fn(torch.zeros((), device=state.device)).device
            return state.to(device, _exact(device) if state.is_floating_point() else state.dtype)

        return super()._apply(moved, exclude_state)


def _exact(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
