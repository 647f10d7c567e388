"""A padded batch cut into dense pieces, so that a kernel for full batches runs rows of unequal length.

The rows are sorted, the longest first, and time is cut where rows have ended: each piece has only the rows that are
still alive when it begins. Few pieces, as a call has its price, so that some padding is left within them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

#: The least share of all N * T steps that a cut must save.
LEAST_SHARE = 0.04


@dataclass(frozen=True)
class Pieces:
    """Where each step of a padded batch (T, N) stands in the pieces, M steps in all, one after another.

    Attributes:
        spans: the steps and rows of each piece, in the order in which they are run.
        order: (N,), the rows as the pieces have them.
        source: (M,), for each step of the pieces where it comes from, t * N + n.
        place: (T * N,), the inverse; anything for steps that no piece has, which are padding.
        padding: (T * N, 1), the steps past their row's end.
    """

    spans: list[tuple[int, int]]
    order: Tensor
    source: Tensor
    place: Tensor
    padding: Tensor

    def take(self, batch: Tensor) -> Tensor:
        """(T, N, F) to (M, F). No gradient is returned for padding."""
        taken: Tensor = _Take.apply(batch, self)  # type: ignore[no-untyped-call]  # torch has no type for it
        return taken

    def put(self, steps: Tensor) -> Tensor:
        """(M, F) to (T, N, F), zero on padding."""
        batch: Tensor = _Put.apply(steps, self)  # type: ignore[no-untyped-call]  # as above
        return batch.view(-1, len(self.order), steps.shape[-1])


def cut(lengths: Tensor, steps: int, reverse: bool, least: int) -> Pieces:
    """The pieces of a batch of T = `steps`; in the reverse direction each row's last real step comes first.

    On an accelerator the whole batch is one piece: cutting it would wait for the lengths.

    Args:
        lengths: (N,).
        steps: T.
        reverse: whether each row's real steps are taken in the reverse order.
        least: how many steps of a row a cut must save, beside `LEAST_SHARE`.
    """
    batch_size, device = len(lengths), lengths.device
    time = torch.arange(steps, device=device).unsqueeze(1)
    padding = time >= lengths
    if device.type == "cpu":
        order = lengths.argsort(descending=True, stable=True)
        sorted_lengths = lengths[order].tolist()
        end = max(1, sorted_lengths[0])
        bounds = _bounds(sorted_lengths, end, max(least, LEAST_SHARE * batch_size * steps))
    else:
        order = torch.arange(batch_size, device=device)
        sorted_lengths, bounds = [steps] * batch_size, [0, steps]
    moved = torch.where(padding, time, lengths - 1 - time) if reverse else time.expand(-1, batch_size)
    sources = (moved * batch_size + torch.arange(batch_size, device=device)).index_select(1, order)
    spans, sources_of = [], []
    for start, stop in pairwise(bounds):
        alive = max(1, sum(length > start for length in sorted_lengths))
        spans.append((stop - start, alive))
        sources_of.append(sources[start:stop, :alive].reshape(-1))
    source = torch.cat(sources_of)
    place = torch.zeros(steps * batch_size, dtype=torch.int64, device=device)
    place[source] = torch.arange(len(source), device=device)
    return Pieces(spans, order, source, place, padding.view(-1, 1))


def _bounds(lengths: list[int], end: int, least: float) -> list[int]:
    """Where to cut time, given lengths that fall: each cut takes the largest rectangle of padding out of a piece."""
    best, best_at = 0.0, 0
    for alive, length in enumerate(lengths):
        saved = (len(lengths) - alive) * (end - length)
        if saved > best and length > 0:
            best, best_at = saved, alive
    if best < least or not best_at:
        return [0, end]
    at = lengths[best_at]
    first = _bounds([min(length, at) for length in lengths], at, least)
    later = _bounds([length - at for length in lengths[:best_at]], end - at, least)
    return first + [at + bound for bound in later[1:]]


class _Take(torch.autograd.Function):
    """Its gradient is gathered as well, not scattered: `place` is the inverse of `source` on all that is real."""

    @staticmethod
    def forward(batch: Tensor, pieces: Pieces) -> Tensor:
        return batch.flatten(0, 1).index_select(0, pieces.source)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Pieces], output: Tensor) -> None:
        ctx.pieces = inputs[1]
        ctx.shape = inputs[0].shape

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        found = gradient.index_select(0, ctx.pieces.place).masked_fill(ctx.pieces.padding, 0.0)
        return found.view(ctx.shape), None


class _Put(torch.autograd.Function):
    """The transpose of `_Take`."""

    @staticmethod
    def forward(steps: Tensor, pieces: Pieces) -> Tensor:
        return steps.index_select(0, pieces.place).masked_fill_(pieces.padding, 0.0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Pieces], output: Tensor) -> None:
        ctx.pieces = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.masked_fill(ctx.pieces.padding, 0.0).index_select(0, ctx.pieces.source), None
