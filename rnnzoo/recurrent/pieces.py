"""A padded batch cut into dense pieces, so that a kernel for full batches runs rows of unequal length.

The rows are sorted, the longest first, and time is cut where rows have ended: each piece has only the rows that are
still alive when it begins. Few pieces, as a call has its price, so that some padding is left within them.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        source: (M,), for each step of the pieces where it comes from, t * N + n; T * N for padding.
        place: (T * N,), the inverse; M for padding.
        ends: (N,), where each row's last real step, in the direction that is run, stands in the pieces; M for rows of
            length 0.
    """

    spans: list[tuple[int, int]]
    order: Tensor
    source: Tensor
    place: Tensor
    ends: Tensor

    def take(self, batch: Tensor) -> Tensor:
        """(T, N, F) to (M, F), zero on padding."""
        taken: Tensor = _Gather.apply(batch.flatten(0, 1), self.source, self.place)  # type: ignore[no-untyped-call]  # torch has no type for it
        return taken

    def put(self, steps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The steps of each piece, (M, F) together, to (T, N, F), zero on padding, and to each row's last, (N, F)."""
        batch, ends = _Put.apply(self, *steps)  # type: ignore[no-untyped-call]  # as above
        return batch.view(-1, len(self.order), batch.shape[-1]), ends


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
    place = torch.empty(steps * batch_size, dtype=torch.int64, device=device)
    place[source] = torch.arange(len(source), device=device)
    padding = padding.flatten()
    source = source.masked_fill(padding[source], steps * batch_size)
    place = place.masked_fill(padding, len(source))
    row = torch.arange(batch_size, device=device)
    ends = place[row if reverse else (lengths - 1).clamp(min=0) * batch_size + row]
    return Pieces(spans, order, source, place, ends)


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


class _Gather(torch.autograd.Function):
    """Rows by index, where the index past the last one is a row of zeros.

    Its gradient is gathered as well, not scattered: by the other index, the inverse of this one on all that is real.
    """

    @staticmethod
    def forward(rows: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        return _gather(rows, index)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.inverse = inputs[2]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _gather(gradient, ctx.inverse), None, None


class _Put(torch.autograd.Function):
    """See `Pieces.put`: one gradient for what goes to two places, so that the ends cost no batch of zeros."""

    @staticmethod
    def forward(pieces: Pieces, *steps: Tensor) -> tuple[Tensor, Tensor]:
        rows = _with_zeros(steps)
        return rows.index_select(0, pieces.place), rows.index_select(0, pieces.ends)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.set_materialize_grads(False)
        ctx.pieces, ctx.sizes = inputs[0], [len(steps) for steps in inputs[1:]]

    @staticmethod
    def backward(ctx: Any, batch: Tensor | None, ends: Tensor | None) -> tuple[Tensor | None, ...]:
        pieces: Pieces = ctx.pieces
        if batch is not None:
            gradient = _gather(batch, pieces.source)
        elif ends is not None:
            gradient = ends.new_zeros(len(pieces.source), ends.shape[-1])
        else:
            return (None,) * (1 + len(ctx.sizes))
        if ends is not None:
            some = pieces.ends < len(pieces.source)  # what a row of length 0 gets is a zero that depends on nothing
            gradient = gradient.index_add(
                0, pieces.ends.clamp(max=len(pieces.source) - 1), torch.where(some.unsqueeze(-1), ends, 0.0)
            )
        return None, *torch.split(gradient, ctx.sizes)


def _gather(rows: Tensor, index: Tensor) -> Tensor:
    return _with_zeros((rows,)).index_select(0, index)


def _with_zeros(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat((*parts, parts[0].new_zeros(1, parts[0].shape[1])))
