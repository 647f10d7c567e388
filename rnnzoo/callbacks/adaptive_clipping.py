"""Adaptive gradient clipping: a unit's gradient is limited relative to the unit's own weight."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError, unknown

SMALLEST_WEIGHT_NORM = 1e-3  # ε of the paper: units initialised at zero must be able to leave it


@torch.no_grad()
def clip_adaptively(weight: nn.Parameter, limit: float) -> Tensor:
    """Scale each row's gradient to at most `limit` times the row's norm; whether any row was over, a bool tensor.

    ``G_i ← limit · max(‖W_i‖, ε) / ‖G_i‖ · G_i`` where ``‖G_i‖`` is larger than that (Brock et al. 2021, eq. 3).

    >>> weight = nn.Parameter(torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    >>> weight.grad = torch.tensor([[0.0, 5.0], [0.05, 0.0]])
    >>> clip_adaptively(weight, 0.1)
    tensor(True)
    >>> weight.grad
    tensor([[0.0000, 0.5000],
            [0.0500, 0.0000]])
    """
    gradient = weight.grad
    assert gradient is not None
    rows = list(range(1, weight.ndim))
    allowed = limit * torch.linalg.vector_norm(weight, dim=rows, keepdim=True).clamp_min(SMALLEST_WEIGHT_NORM)
    norm = torch.linalg.vector_norm(gradient, dim=rows, keepdim=True)
    gradient.mul_(torch.where(norm > allowed, allowed / norm, torch.ones_like(norm)))
    exceeded: Tensor = (norm > allowed).any()
    return exceeded


def excluded_parameters(module: nn.Module, exclude: list[str] | None) -> set[int]:
    """The ids of the parameters under the modules of these paths; of ``head``, if there is one, for None.

    A path's last names are enough: ``head`` finds ``network.head``. A parameter that is also somewhere else, as the
    weight that a tied head shares with the embedding, is excluded by either place.

    Raises:
        RnnzooError: a path that no module of `module` has.
    """
    paths = [name for name, _ in module.named_modules() if name]
    found: set[int] = set()
    for wanted in exclude if exclude is not None else ["head"]:
        matching = [path for path in paths if f".{path}".endswith(f".{wanted}")]
        if not matching and exclude is not None:
            known = [path.removeprefix("network.") for path in paths]
            raise RnnzooError(f"GradientClipping(adaptive_exclude): {unknown('module', wanted, known)}")
        for path in matching:
            found.update(id(parameter) for parameter in module.get_submodule(path).parameters())
    return found
