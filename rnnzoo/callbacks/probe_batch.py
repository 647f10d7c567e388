"""A small copy of a batch, kept to look at the same data throughout training."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor


def probe_of(batch: Any, rows: int, steps: int) -> Any:
    """The first `rows` rows and `steps` steps of a batch, copied to the CPU.

    A batch is a tensor (N, ...) or a tuple, list, dict or dataclass of batches. A tensor's second axis, where there is
    one, is time, unless it is one of floats with two axes only (N, D). A field called ``lengths`` is limited to
    `steps`. Other values are kept; private fields of a dataclass, which cache what follows from the others, are reset.

    >>> import torch
    >>> probe_of({"inputs": torch.zeros(9, 7), "ids": torch.zeros(9, 7).long(), "lengths": torch.tensor([7] * 9)}, 2, 4)
    {'inputs': tensor([[0., 0., 0., 0., 0., 0., 0.],
            [0., 0., 0., 0., 0., 0., 0.]]), 'ids': tensor([[0, 0, 0, 0],
            [0, 0, 0, 0]]), 'lengths': tensor([4, 4])}
    """
    if isinstance(batch, Tensor):
        has_time = batch.ndim > 2 or (batch.ndim == 2 and not batch.is_floating_point())
        return (batch[:rows, :steps] if has_time else batch[:rows]).detach().cpu().clone()
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        names = [field.name for field in dataclasses.fields(batch)]
        cut = {name: _field(name, getattr(batch, name), rows, steps) for name in names}
        cached = {field.name: field.default for field in dataclasses.fields(batch) if field.name.startswith("_")}
        return dataclasses.replace(batch, **(cut | cached))
    if isinstance(batch, dict):
        return {name: _field(name, value, rows, steps) for name, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_asdict"):
        return type(batch)(**probe_of(batch._asdict(), rows, steps))
    if isinstance(batch, (tuple, list)):
        return type(batch)(probe_of(part, rows, steps) for part in batch)
    return batch


def _field(name: str, value: Any, rows: int, steps: int) -> Any:
    part = probe_of(value, rows, steps)
    return part.clamp(max=steps) if name == "lengths" and isinstance(part, Tensor) else part
