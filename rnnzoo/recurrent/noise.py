"""What is random in a stack, drawn before a sequence is run: so a sequence and its steps can share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.errors import RnnzooError


@dataclass(frozen=True)
class StackNoise:
    """The noise of a stack for one sequence, or, by `at`, for one of its steps.

    Attributes:
        cells: what each cell gets, in the order of the stack's state.
        inputs: for each layer the scaled dropout mask of what it reads, (T, N, width), or (1, N, width) where it is
            shared over time; None where nothing is dropped.
    """

    cells: tuple[Noise | None, ...]
    inputs: tuple[Tensor | None, ...]

    def at(self, step: int) -> StackNoise:
        """The noise of one step: fields (N, width)."""
        return StackNoise(
            tuple(
                noise and Noise(noise.operand, noise.zoneout and tuple(keep[step] for keep in noise.zoneout))
                for noise in self.cells
            ),
            tuple(mask if mask is None else mask[step if len(mask) > 1 else 0] for mask in self.inputs),
        )


def dropout_mask(like: Tensor, shape: Sequence[int], probability: float) -> Tensor | None:
    """Zeros with this probability, elsewhere 1 / (1 - probability), of the dtype and device of `like`."""
    if not probability:
        return None
    return like.new_empty(tuple(shape)).bernoulli_(1 - probability).div_(1 - probability)


def zoneout_shares(
    cell: RecurrentCell, zoneout: float | list[float], steps: int, batch_size: int, training: bool
) -> tuple[Tensor, ...] | None:
    """For each field of the state the share kept from the step before, (T, N, width).

    In training 0 or 1 with the probability `zoneout` of 1, each step and component on its own (Krueger et al. 2017,
    eq. 3); at evaluation the probability itself, which is the expectation (their section 3.1).
    """
    sizes = cell.state_sizes
    shares = zoneout if isinstance(zoneout, list) else [zoneout] * len(sizes)
    if len(shares) != len(sizes):
        raise RnnzooError(
            f"stack.zoneout has {len(shares)} numbers, but the state of {type(cell).__name__} has {len(sizes)} fields "
            f"({', '.join(cell.state_type._fields)})"
        )
    if not any(shares):
        return None
    like = cell.weight_ih
    if not training:
        return tuple(
            like.new_full((1, 1, 1), share).expand(steps, batch_size, size)
            for share, size in zip(shares, sizes, strict=True)
        )
    return tuple(
        like.new_empty(steps, batch_size, size).bernoulli_(share) for share, size in zip(shares, sizes, strict=True)
    )
