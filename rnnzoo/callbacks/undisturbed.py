"""Look at a module in the middle of training without leaving a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lightning.pytorch.utilities.seed import isolate_rng
from torch import nn


@contextmanager
def undisturbed(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for the block; afterwards each sub-module's mode and all random states are as before.

    >>> import torch
    >>> module = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> before = torch.get_rng_state()
    >>> with undisturbed(module):
    ...     _ = torch.rand(3)
    ...     [part.training for part in module]
    [False, False]
    >>> [part.training for part in module], torch.equal(before, torch.get_rng_state())
    ([True, False], True)
    """
    training = {part: part.training for part in module.modules()}
    with isolate_rng():
        module.eval()
        try:
            yield
        finally:
            for part, mode in training.items():
                part.training = mode
