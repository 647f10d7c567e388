"""Variable lengths: which steps of a padded batch are real."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError


def lengths_mask(lengths: Tensor, steps: int) -> Tensor:
    """The real steps of each row, (N, T) with T = `steps`.

    >>> lengths_mask(torch.tensor([2, 0, 3]), steps=3).int().tolist()
    [[1, 1, 0], [0, 0, 0], [1, 1, 1]]
    """
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def reverse_sequences(inputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Each row's real steps in the reverse order, its padding left where it is: (N, T, ...) to (N, T, ...).

    >>> reverse_sequences(torch.tensor([[1, 2, 3, 0], [4, 5, 6, 7]]), torch.tensor([3, 4])).tolist()
    [[3, 2, 1, 0], [7, 6, 5, 4]]
    """
    if lengths is None:
        return inputs.flip(1)
    index = reversed_steps(lengths, inputs.shape[1])
    index = index.view(*index.shape, *(1,) * (inputs.dim() - 2)).expand(inputs.shape)
    return inputs.gather(1, index)


def reversed_steps(lengths: Tensor, steps: int) -> Tensor:
    """For each row and step of the reversed batch, the step that it is read from: (N, T)."""
    time = torch.arange(steps, device=lengths.device)
    return torch.where(time < lengths.unsqueeze(1), lengths.unsqueeze(1) - 1 - time, time)


def check_lengths(lengths: Tensor, batch_size: int, steps: int, device: torch.device) -> Tensor:
    """`lengths` as int64 on `device`, or an error that says what is wrong with them.

    Costs one synchronisation per sequence where `lengths` live on an accelerator, none where they live on the CPU.

    Raises:
        RnnzooError: not one whole number in 0..T for each row.
    """
    if not isinstance(lengths, Tensor) or lengths.is_floating_point() or lengths.is_complex():
        found = f"of {lengths.dtype}" if isinstance(lengths, Tensor) else f"a {type(lengths).__name__}"
        raise RnnzooError(f"lengths must be a tensor of whole numbers, one for each row, and are {found}")
    if lengths.dtype == torch.bool or lengths.shape != (batch_size,):
        raise RnnzooError(
            f"lengths must be whole numbers of shape ({batch_size},), one for each row of the inputs, "
            f"and are {lengths.dtype} of shape {tuple(lengths.shape)}"
        )
    if not torch.compiler.is_exporting():  # an exported graph has no place for an error
        _check_values(lengths, steps)
    return lengths.to(device, torch.int64)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # it reads values
def _check_values(lengths: Tensor, steps: int) -> None:
    if bool(((lengths >= 0) & (lengths <= steps)).all()):
        return
    wrong = [(row, value) for row, value in enumerate(lengths.tolist()) if not 0 <= value <= steps]
    row, value = wrong[0]
    raise RnnzooError(
        f"lengths must be within 0..{steps}, the steps of the inputs: row {row} has {value} "
        f"({len(wrong)} of {len(lengths)} rows are outside)"
    )
