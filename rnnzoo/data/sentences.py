"""Sentences: each line of the text is a row of its own, with a state of its own."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.data.loader import StatefulLoader
from rnnzoo.errors import RnnzooError

_POOL = 32  # batches sorted by length together: wide enough for even lengths, narrow enough for another mix each epoch


class SentenceLoader(StatefulLoader[LanguageModelBatch]):
    """The sentences of a stream in their order, padded to the longest of their batch.

    A sentence is what ends in `end_id`. It starts from s_0 with `end_id` as its first input, and `end_id` is its last
    target, so that each token of the stream is a target once. Where the rows of a batch are fewer than there is room
    for, the rest are empty (length 0): every process has the same number of batches and nothing is counted twice.

    Args:
        ids: (L,) int64, the stream, which ends in `end_id`.
        batch_size: Rows of a batch, per process.
        end_id: The id of `<eos>`.
        rank: Which process this is.
        world: How many there are.

    Raises:
        RnnzooError: If the stream does not end in `end_id` or a size is below 1.
    """

    def __init__(self, ids: Tensor, batch_size: int, end_id: int, rank: int = 0, world: int = 1) -> None:
        super().__init__()
        if batch_size < 1:
            raise RnnzooError(f"data.batch_size: {batch_size} must be at least 1")
        if len(ids) == 0 or ids[-1] != end_id:
            raise RnnzooError("the stream has no sentences: its last token is not <eos>")
        self.batch_size, self.rank, self.world = batch_size, rank, world
        self.num_tokens = len(ids)
        self._checksum = zlib.crc32(ids.numpy().tobytes())
        self._targets = ids
        self._inputs = torch.cat((ids.new_tensor([end_id]), ids[:-1]))
        ends = (ids == end_id).nonzero().squeeze(1) + 1
        self._starts = torch.cat((ends.new_zeros(1), ends[:-1]))
        self._lengths = ends - self._starts
        self.arrange()

    def plan(self) -> Tensor:
        """(batches, rows over all processes): which sentence stands where, -1 for an empty row."""
        return _rows(torch.arange(len(self._starts)), self.batch_size * self.world)

    def arrange(self) -> None:
        """Draw the plan of the current epoch."""
        self._plan = self.plan()

    def __len__(self) -> int:
        return len(self._plan)

    def batch(self, index: int) -> LanguageModelBatch:
        """The batch at a position of the epoch; every process pads to the longest row of all."""
        rows = self._plan[index]
        longest = int(self._lengths[rows[rows >= 0]].max())
        rows = rows[self.rank :: self.world]
        lengths = self._lengths[rows].masked_fill(rows < 0, 0)
        steps = torch.arange(longest)
        at = (self._starts[rows, None] + steps).clamp(max=self.num_tokens - 1)
        padding = steps >= lengths[:, None]
        return LanguageModelBatch(
            inputs=self._inputs[at].masked_fill(padding, 0),
            targets=self._targets[at].masked_fill(padding, 0),
            lengths=lengths,
            first=True,
        )

    def settings(self) -> dict[str, int | str | bool]:
        """Rows, processes and text."""
        return {
            "data.mode": "sentences",
            "data.batch_size x processes": self.batch_size * self.world,
            "processes": self.world,
            "tokens": self.num_tokens,
            "checksum of the text": self._checksum,
        }


class BucketedSentenceLoader(SentenceLoader):
    """The sentences of a stream in batches of like lengths, in another order each epoch.

    The order is drawn from the seed and the epoch: all sentences are shuffled, runs of 32 batches are sorted by
    length and cut into batches, and the batches are shuffled.

    Args:
        ids: (L,) int64, the stream, which ends in `end_id`.
        batch_size: Rows of a batch, per process.
        end_id: The id of `<eos>`.
        seed: Of the order.
        rank: Which process this is.
        world: How many there are.
    """

    def __init__(self, ids: Tensor, batch_size: int, end_id: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.seed = seed
        super().__init__(ids, batch_size, end_id, rank, world)

    def plan(self) -> Tensor:
        """(batches, rows over all processes): which sentence stands where, -1 for an empty row."""
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        shuffled = torch.randperm(len(self._starts), generator=draw)
        width = self.batch_size * self.world
        pools = [pool[self._lengths[pool].argsort(stable=True)] for pool in torch.split(shuffled, width * _POOL)]
        batches = _rows(torch.cat(pools), width)
        return batches[torch.randperm(len(batches), generator=draw)]

    def settings(self) -> dict[str, int | str | bool]:
        """Rows, processes, text, and the seed of the order."""
        return {**super().settings(), "data.seed": self.seed}


def _rows(order: Tensor, width: int) -> Tensor:
    missing = -len(order) % width
    return torch.cat((order, order.new_full((missing,), -1))).view(-1, width)
