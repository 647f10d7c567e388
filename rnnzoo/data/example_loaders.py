"""Loaders of examples: in order, sorted by length, or in buckets of like lengths that are shuffled."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rnnzoo.data.loader import StatefulLoader
from rnnzoo.errors import RnnzooError

Batch = TypeVar("Batch")

_POOL = 256  # batches sorted by length together, where batches are not cut by a budget


@dataclass(frozen=True)
class BatchSize:
    """How much a batch of one process holds.

    Attributes:
        rows: at most so many examples.
        steps: at most so many steps, padding counted: rows times the longest; None: no limit. An example longer than
            that is a batch of its own.
    """

    rows: int
    steps: int | None = None

    def __post_init__(self) -> None:
        """Refuse what holds nothing."""
        for key, value in (("data.batch_size", self.rows), ("data.max_steps_per_batch", self.steps)):
            if value is not None and value < 1:
                raise RnnzooError(f"{key}: {value} must be at least 1")


class OrderedLoader(StatefulLoader[Batch]):
    """Examples in their order.

    Each global batch is shared out row by row among the processes; a process that gets none of the last rows has one
    empty row (index -1), so that every process has the same number of batches and nothing is counted twice.

    Args:
        lengths: (number of examples,) int64.
        make: makes a batch of the examples with these numbers (rows,) int64; -1 is an empty row.
        size: of a batch of one process.
        rank: which process this is.
        world: how many there are.
        workers: processes that make batches ahead; 0: they are made when they are asked for.
    """

    def __init__(
        self,
        lengths: Tensor,
        make: Callable[[Tensor], Batch],
        size: BatchSize,
        rank: int = 0,
        world: int = 1,
        workers: int = 0,
    ) -> None:
        super().__init__()
        if not len(lengths):
            raise RnnzooError("there is no example to load")
        self._lengths, self._make, self.size = lengths, make, size
        self.rank, self.world, self.workers = rank, world, workers
        self.arrange()

    def order(self) -> Tensor:
        """The numbers of the examples in the order in which batches are cut from them."""
        return torch.arange(len(self._lengths))

    def plan(self) -> list[Tensor]:
        """The numbers of the examples of each global batch."""
        return cut(self.order(), self._lengths, self.size, self.world)

    def arrange(self) -> None:
        """Draw the plan of the current epoch."""
        self._plan = self.plan()

    def __len__(self) -> int:
        return len(self._plan)

    def batch(self, index: int) -> Batch:
        """The batch of this process at a position of the epoch."""
        rows = self._plan[index]
        missing = -len(rows) % self.world
        return self._make(torch.cat((rows, rows.new_full((missing,), -1)))[self.rank :: self.world])

    def batches(self, start: int, end: int) -> Iterator[Batch]:
        """The batches from a position to another; made by the workers, if there are any, in the same order."""
        return self._made_ahead(start, end) if self.workers else super().batches(start, end)

    def _made_ahead(self, start: int, end: int) -> Iterator[Batch]:
        # A generator of its own: a DataLoader draws from the global one, and a resumed run would go another way.
        loader = DataLoader(
            _Made(self),
            sampler=range(start, end),
            batch_size=None,
            num_workers=self.workers,
            generator=torch.Generator(),
        )
        for made in loader:
            if isinstance(made, _Refused):
                raise RnnzooError(made.message)
            yield made

    def settings(self) -> dict[str, int | str | bool]:
        """What the order of the batches depends on."""
        return {
            "data.batch_size x processes": self.size.rows * self.world,
            "data.max_steps_per_batch x processes": (self.size.steps or 0) * self.world,
            "processes": self.world,
            "examples": len(self._lengths),
            "checksum of their lengths": zlib.crc32(self._lengths.numpy().tobytes()),
        }


class SortedLoader(OrderedLoader[Batch]):
    """Examples sorted by length, for evaluation: the least padding."""

    def order(self) -> Tensor:
        """Shortest first; examples of one length in their order."""
        return self._lengths.argsort(stable=True)


class BucketedLoader(OrderedLoader[Batch]):
    """Batches of examples of like lengths, drawn anew and in another order each epoch.

    From the seed and the epoch: all examples are shuffled and sorted by length (with a budget of steps: all together,
    so that the number of batches is the same in each epoch; without: 256 batches at a time), cut into batches, and the
    batches are shuffled.

    Args:
        lengths: (number of examples,) int64.
        make: makes a batch of the examples with these numbers.
        size: of a batch of one process.
        seed: of the order.
        rank: which process this is.
        world: how many there are.
        workers: processes that make batches ahead.
    """

    def __init__(
        self,
        lengths: Tensor,
        make: Callable[[Tensor], Batch],
        size: BatchSize,
        seed: int,
        rank: int = 0,
        world: int = 1,
        workers: int = 0,
    ) -> None:
        self.seed = seed
        super().__init__(lengths, make, size, rank, world, workers)

    def plan(self) -> list[Tensor]:
        """The numbers of the examples of each global batch of this epoch."""
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        shuffled = torch.randperm(len(self._lengths), generator=draw)
        pool = len(shuffled) if self.size.steps is not None else _POOL * self.size.rows * self.world
        pools = [part[self._lengths[part].argsort(stable=True)] for part in torch.split(shuffled, pool)]
        batches = cut(torch.cat(pools), self._lengths, self.size, self.world)
        return [batches[at] for at in torch.randperm(len(batches), generator=draw).tolist()]

    def settings(self) -> dict[str, int | str | bool]:
        """What the order of the batches depends on, the seed too."""
        return {**super().settings(), "data.seed": self.seed}


@dataclass(frozen=True)
class _Refused:
    """The message of an error in a worker: as an exception it would arrive with the worker's traceback in it."""

    message: str


class _Made(Dataset[Any]):
    """The batches of a loader by position, as a DataLoader's workers ask for them."""

    def __init__(self, loader: OrderedLoader[Any]) -> None:
        self.loader = loader

    def __getitem__(self, index: int) -> Any:
        try:
            return self.loader.batch(index)
        except RnnzooError as error:
            return _Refused(str(error))


def cut(order: Tensor, lengths: Tensor, size: BatchSize, world: int) -> list[Tensor]:
    """Cut an order into global batches: `world` times the rows and steps of one process.

    >>> lengths = torch.tensor([1, 2, 3, 4])
    >>> [rows.tolist() for rows in cut(torch.arange(4), lengths, BatchSize(rows=3, steps=6), world=1)]
    [[0, 1], [2], [3]]
    """
    if size.steps is None:
        return list(torch.split(order, size.rows * world))
    rows, steps = size.rows * world, size.steps * world
    batches, start, longest = [], 0, 0
    sorted_lengths = lengths[order].tolist()
    for at, length in enumerate(sorted_lengths):
        longest = max(longest, length)
        if at > start and (at + 1 - start > rows or (at + 1 - start) * longest > steps):
            batches.append(order[start:at])
            start, longest = at, length
    return [*batches, order[start:]]
