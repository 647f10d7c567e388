"""The spectral radius of recurrent weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnzoo.callbacks.layer_names import layer_name


@torch.no_grad()
def spectral_radii(module: nn.Module) -> dict[str, float]:
    """The largest magnitude of the eigenvalues of each recurrent matrix, by ``<layer>/<gate>``.

    In a linear recurrence ``h_t = W h_{t-1}`` gradients vanish over time where this is below 1 and can explode where it
    is above (Pascanu et al. 2013, section 2.1). Looked at is every sub-module that has a matrix ``weight_hh``, whose
    rows are cut into the gates that the cell names in its ``stages``, or into square blocks where it names none. A
    block that is not square (a projection, gates of another width) has no eigenvalues and is left out.

    >>> cell = nn.RNNCell(1, 2)
    >>> with torch.no_grad():
    ...     _ = cell.weight_hh.copy_(torch.tensor([[2.0, 1.0], [0.0, -3.0]]))
    >>> spectral_radii(nn.ModuleDict({"rnn": cell}))
    {'rnn/0': 3.0}
    """
    radii: dict[str, float] = {}
    for path, part in module.named_modules():
        weight = getattr(part, "weight_hh", None)
        if not isinstance(weight, Tensor) or weight.ndim != 2:
            continue
        for gate, block in _blocks(part, weight.float() if weight.dtype.itemsize < 4 else weight):
            if block.shape[0] == block.shape[1]:
                radii[f"{layer_name(path) or 'cell'}/{gate}"] = float(torch.linalg.eigvals(block.cpu()).abs().max())
    return radii


def _blocks(cell: nn.Module, weight: Tensor) -> list[tuple[str, Tensor]]:
    """The rows of each gate, named."""
    stages = [stage for stage in getattr(cell, "stages", ()) if stage.weight == "weight_hh"]
    sizes: dict[str, int] = getattr(cell, "gate_sizes", {})
    names = [name for stage in stages for name in stage.gates]
    if names and sum(sizes[name] for name in names) == len(weight):
        return list(zip(names, torch.split(weight, [sizes[name] for name in names]), strict=True))
    if len(weight) % weight.shape[1]:
        return []
    return [(str(place), block) for place, block in enumerate(torch.split(weight, weight.shape[1]))]
