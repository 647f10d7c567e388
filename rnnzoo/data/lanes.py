"""Contiguous lanes: the stream of a language model for truncated backpropagation through time."""

from __future__ import annotations

import zlib
from itertools import accumulate

import torch
from torch import Tensor

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.data.loader import StatefulLoader
from rnnzoo.errors import RnnzooError


class LaneLoader(StatefulLoader[LanguageModelBatch]):
    """Cuts a stream into lanes that are read side by side, window after window.

    The stream of L tokens is cut into `lanes` contiguous pieces; the first L mod lanes of them are one token longer,
    which the last window says by `lengths`, so that every token is a target exactly once per epoch and none is left
    out. A window's inputs are its targets shifted by one: the input before a lane's first target is the last token of
    the lane before, and `start_id` before the first of the stream.

    With several processes each takes its share of the same lanes, so that their windows together are those of one
    process. Where the lanes are fewer than a multiple of the processes, the last rows are empty (length 0).

    Args:
        ids: (L,) int64, the stream.
        lanes: How many, over all processes.
        window: Tokens of a lane in one batch; the last window of an epoch is shorter where the lane ends.
        start_id: The token before the first.
        rank: Which process this is.
        world: How many there are.

    Raises:
        RnnzooError: If there are more lanes than tokens, or a size is below 1.
    """

    def __init__(self, ids: Tensor, lanes: int, window: int, start_id: int, rank: int = 0, world: int = 1) -> None:
        super().__init__()
        for name, value in (("lanes", lanes), ("window", window), ("world", world)):
            if value < 1:
                raise RnnzooError(f"{name}: {value} must be at least 1")
        if len(ids) < lanes:
            raise RnnzooError(f"{lanes} lanes cannot be cut from {len(ids)} tokens: take fewer lanes or more text")
        self.lanes, self.window, self.world = lanes, window, world
        self.num_tokens = len(ids)
        self._checksum = zlib.crc32(ids.numpy().tobytes())
        self._targets = ids
        self._inputs = torch.cat((ids.new_tensor([start_id]), ids[:-1]))
        whole, longer = divmod(len(ids), lanes)
        self.lane_length = whole + (longer > 0)
        per_rank = -(-lanes // world)
        own = torch.arange(rank * per_rank, (rank + 1) * per_rank)
        self._starts = own * whole + own.clamp(max=longer)
        self._lengths = (whole + (own < longer)).masked_fill(own >= lanes, 0)
        self.arrange()

    def windows(self) -> list[int]:
        """The lengths of this epoch's windows, which add up to the longest lane."""
        whole, rest = divmod(self.lane_length, self.window)
        return [self.window] * whole + [rest] * (rest > 0)

    def __len__(self) -> int:
        return len(self._ends)

    def arrange(self) -> None:
        """Draw the windows of the current epoch."""
        self._ends = list(accumulate(self.windows()))

    def batch(self, index: int) -> LanguageModelBatch:
        """The window at a position of the epoch: `inputs` and `targets` (lanes of this rank, window)."""
        end = self._ends[index]
        start = self._ends[index - 1] if index else 0
        steps = torch.arange(start, end)
        at = (self._starts[:, None] + steps).clamp(max=self.num_tokens - 1)
        inputs, targets = self._inputs[at], self._targets[at]
        if bool((self._lengths >= end).all()):
            return LanguageModelBatch(inputs, targets, lengths=None, first=index == 0)
        padding = steps >= self._lengths[:, None]
        return LanguageModelBatch(
            inputs=inputs.masked_fill(padding, 0),
            targets=targets.masked_fill(padding, 0),
            lengths=(self._lengths - start).clamp(0, end - start),
            first=index == 0,
        )

    def settings(self) -> dict[str, int | str | bool]:
        """Lanes, window and text."""
        return {
            "data.batch_size x processes": self.lanes,
            "processes": self.world,
            "data.window": self.window,
            "tokens": self.num_tokens,
            "checksum of the text": self._checksum,
        }


class RandomWindowLaneLoader(LaneLoader):
    """Lanes read in windows of random length (Merity et al. 2018, section 4.1; lengths as in its published code).

    A window's length is max(5, int(normal(base, 5))), where base is `window` with probability 0.95, else half of it.
    Deviation: the lengths that fill a lane are drawn once, from `seed`, and each epoch reads them in another order,
    drawn from the seed and the epoch. So the number of batches is the same in each epoch, which Lightning relies on
    (an epoch with more batches than the first would lose its end without a word), while the cuts fall elsewhere.
    All ranks, and a resumed run, draw the same. What is left at the lane's end is its last window.

    Args:
        ids: (L,) int64, the stream.
        lanes: How many, over all processes.
        window: The usual length.
        start_id: The token before the first.
        seed: Of the lengths and their orders.
        rank: Which process this is.
        world: How many there are.
    """

    def __init__(
        self, ids: Tensor, lanes: int, window: int, start_id: int, seed: int, rank: int = 0, world: int = 1
    ) -> None:
        self.seed = seed
        super().__init__(ids, lanes, window, start_id, rank, world)

    def windows(self) -> list[int]:
        """The lengths of this epoch's windows, which add up to the longest lane."""
        draw = torch.Generator().manual_seed(self.seed)
        drawn: list[int] = []
        left = self.lane_length
        while left > 0:
            base = self.window if torch.rand((), generator=draw).item() < 0.95 else self.window / 2
            drawn.append(min(left, max(5, int(torch.normal(base, 5.0, (), generator=draw)))))
            left -= drawn[-1]
        order = torch.randperm(len(drawn) - 1, generator=draw.manual_seed(self.seed * 1_000_003 + self.epoch + 1))
        return [drawn[position] for position in order.tolist()] + drawn[-1:]

    def settings(self) -> dict[str, int | str | bool]:
        """Lanes, window, text, and the seed of the window lengths."""
        return {**super().settings(), "data.random_window": True, "data.seed": self.seed}
