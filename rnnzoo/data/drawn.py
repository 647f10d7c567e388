"""Data that is drawn while it is read: each batch from the seed, the epoch and its place, none of it stored."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from lightning import LightningDataModule
from torch import Tensor

from rnnzoo.data.loader import StatefulLoader
from rnnzoo.errors import RnnzooError, require_seed

Batch = TypeVar("Batch")


class DrawnLoader(StatefulLoader[Batch]):
    """Batches drawn from (seed, split, epoch, place of the batch), so that any of them can be drawn alone.

    Training is drawn anew each epoch; validation and test are the same in each. A global batch is drawn whole by each
    process, which keeps its share of the rows: together they read what one process would. In the last batch of an
    epoch, rows beyond `size` are left empty.

    Args:
        make: Makes a batch of the rows (N,) int64, -1 an empty one, out of a global batch of so many rows, with these
            random numbers.
        size: How many examples an epoch has.
        batch_size: Of one process.
        seed: Of all that is drawn.
        split: `train`, `validation` or `test`: each has its own random numbers.
        examples: What else the examples depend on, by its key.
        rank: Which process this is.
        world: How many there are.
    """

    def __init__(
        self,
        make: Callable[[Tensor, int, torch.Generator], Batch],
        size: int,
        batch_size: int,
        seed: int,
        split: str,
        examples: dict[str, int],
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__()
        self._make, self.size, self.seed, self.split = make, size, seed, split
        self.examples, self.width, self.rank, self.world = examples, batch_size * world, rank, world

    def __len__(self) -> int:
        return -(-self.size // self.width)

    def batch(self, index: int) -> Batch:
        """The batch of this process at a position of the epoch."""
        epoch = self.epoch if self.split == "train" else 0
        random = torch.Generator().manual_seed(_seed_of(self.seed, self.split, epoch, index))
        rows = torch.arange(self.width)
        rows = rows.masked_fill(rows >= self.size - index * self.width, -1)
        return self._make(rows[self.rank :: self.world], self.width, random)

    def settings(self) -> dict[str, int | str | bool]:
        """What the examples and their order depend on."""
        return {
            **self.examples,
            "data.batch_size x processes": self.width,
            "processes": self.world,
            f"data.{self.split}_size": self.size,
            "data.seed": self.seed,
        }


class DrawnDataModule(LightningDataModule, ABC):
    """Batches of examples that are drawn anew each epoch; a subclass says how one batch is drawn (`draw`).

    All examples have the same length. A resumed run, and one with other processes, draws what the whole would have.

    Args:
        train_size: How many training examples make an epoch.
        validation_size: How many validation examples there are, the same in each epoch.
        test_size: How many test examples there are.
        batch_size: Examples of a batch, per process.
        seed: Of all examples.

    Raises:
        RnnzooError: If a size is below 1, or the seed is none.
    """

    def __init__(self, train_size: int, validation_size: int, test_size: int, batch_size: int, seed: int) -> None:
        super().__init__()
        self.sizes = {"train": train_size, "validation": validation_size, "test": test_size}
        require_seed("data.seed", seed)
        self.batch_size, self.seed = batch_size, seed
        for key, value in (
            *((f"{split}_size", size) for split, size in self.sizes.items()),
            ("batch_size", batch_size),
        ):
            if value < 1:
                raise RnnzooError(f"data.{key}: {value} must be at least 1")

    def __str__(self) -> str:
        """The class; Lightning's own would read all loaders."""
        return f"{type(self).__name__}()"

    @abstractmethod
    def draw(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw the steps (count, T, ...) and the targets (count, ...) of so many examples."""

    @abstractmethod
    def make_batch(self, steps: Tensor, targets: Tensor, lengths: Tensor) -> Any:
        """The batch of drawn rows; lengths (N,) are T, or 0 where a row is to be empty."""

    @abstractmethod
    def example_settings(self) -> dict[str, int]:
        """What the examples depend on beside the seed, by the keys that the user knows."""

    def train_dataloader(self) -> StatefulLoader[Any]:
        """The training batches of this process."""
        loader = self._loader("train")
        if self.trainer is not None:
            loader.train_by(self.trainer)
        return loader

    def val_dataloader(self) -> StatefulLoader[Any]:
        """The validation batches of this process."""
        return self._loader("validation")

    def test_dataloader(self) -> StatefulLoader[Any]:
        """The test batches of this process."""
        return self._loader("test")

    def predict_dataloader(self) -> StatefulLoader[Any]:
        """The test batches, in the same order."""
        return self._loader("test")

    def _loader(self, split: str) -> DrawnLoader[Any]:
        process = (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)
        size, settings = self.sizes[split], self.example_settings()
        return DrawnLoader(self._make, size, self.batch_size, self.seed, split, settings, *process)

    def _make(self, rows: Tensor, count: int, random: torch.Generator) -> Any:
        steps, targets = self.draw(count, random)
        lengths = torch.full_like(rows, steps.shape[1]).masked_fill(rows < 0, 0)
        return self.make_batch(steps[rows], targets[rows], lengths)


def _seed_of(*parts: int | str) -> int:
    """A seed for each combination, no two of them near each other as sums and products would be."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1
