"""The nonlinearities that a cell can be given by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError, unknown


def identity(x: Tensor) -> Tensor:
    """No nonlinearity."""
    return x


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": torch.relu, "identity": identity}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The function of this name.

    Raises:
        RnnzooError: there is none.
    """
    if name not in ACTIVATIONS:
        raise RnnzooError(unknown("activation", str(name), ACTIVATIONS))
    return ACTIVATIONS[name]
