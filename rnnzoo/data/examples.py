"""DataModules of examples: raw inputs with targets, read once, encoded, and loaded in batches of like lengths."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor

from rnnzoo.data.example_loaders import BatchSize, BucketedLoader, OrderedLoader, SortedLoader
from rnnzoo.data.loader import StatefulLoader
from rnnzoo.data.store import SequenceStore
from rnnzoo.encodings import InputEncoding
from rnnzoo.errors import RnnzooError, require_seed


@dataclass(frozen=True)
class Example:
    """A raw input, what is to be answered, and where both stand.

    Attributes:
        inputs: what the encoding reads: a text, a list of tokens, an array ...
        target: what the DataModule makes a target of: a label, a number, a list of tags ...
        place: `file:line` or the like, for messages.
        lines: of each step, in the file that `place` names; empty where steps have none of their own.
    """

    inputs: Any
    target: Any
    place: str
    lines: Sequence[int] = ()

    def place_of(self, step: int) -> str:
        """Where a step stands, counted from 0; where the example does, if its steps have no lines."""
        return f"{self.place.rpartition(':')[0]}:{self.lines[step]}" if self.lines else self.place


class ExampleDataModule(LightningDataModule):
    """Batches of examples; a subclass says what they are.

    A subclass defines `read(split)`, the examples of a split; `fit_encoding(examples)`, the encoding of their inputs,
    from training examples only; and `make_batch(split, rows)`. All are called when first needed and kept.

    Training batches hold examples of like lengths and are drawn anew each epoch from the seed; every process has as
    many; a run that was killed goes on with the next batch. Evaluation reads the examples sorted by length, `predict`
    in their order.

    Args:
        batch_size: at most so many examples in a batch, per process, as everywhere in Lightning.
        max_steps_per_batch: at most so many steps (tokens) in a batch, padding counted, per process; None: no limit.
        seed: of the order.
        workers: processes that make training batches ahead; 0: they are made when they are asked for.
    """

    def __init__(
        self, batch_size: int = 32, max_steps_per_batch: int | None = None, seed: int = 0, workers: int = 0
    ) -> None:
        super().__init__()
        self.size = BatchSize(batch_size, max_steps_per_batch)
        if workers < 0:
            raise RnnzooError(f"data.workers: {workers} must be at least 0")
        require_seed("data.seed", seed)
        self.seed, self.workers = seed, workers
        self._read: dict[str, Sequence[Example]] = {}
        self._stored: dict[str, SequenceStore] = {}

    def __str__(self) -> str:
        """The class; Lightning's own would read all loaders."""
        return f"{type(self).__name__}()"

    def read(self, split: str) -> Sequence[Example]:
        """The examples of `train`, `validation` or `test`.

        Raises:
            RnnzooError: something is wrong with them; file and line are named.
        """
        raise NotImplementedError(f"{type(self).__name__} must define read(split)")

    def fit_encoding(self, examples: Sequence[Example]) -> InputEncoding:
        """The encoding of the inputs, learned from the training examples."""
        raise NotImplementedError(f"{type(self).__name__} must define fit_encoding(examples)")

    def make_batch(self, split: str, rows: Tensor) -> Any:
        """The batch of the examples `rows` (N,) int64 of a split; -1 is a row that fills the batch up."""
        raise NotImplementedError(f"{type(self).__name__} must define make_batch(split, rows)")

    @property
    def description(self) -> str:
        """The data in a few words, for the title of a table."""
        return type(self).__name__

    @property
    def encoding(self) -> dict[str, Any]:
        """The encoding of the inputs as plain data; read once, without a trainer."""
        return self.input_encoding.config()

    @cached_property
    def input_encoding(self) -> InputEncoding:
        """The encoding of the inputs."""
        return self.fit_encoding(self.examples("train"))

    def examples(self, split: str) -> Sequence[Example]:
        """The examples of a split, read once.

        Raises:
            RnnzooError: there are none, or as `read`.
        """
        if split not in self._read:
            found = self.read(split)
            if not found:
                raise RnnzooError(f"there is no {split} example in {self.description}")
            self._read[split] = found
        return self._read[split]

    def stored(self, split: str) -> SequenceStore:
        """The encoded inputs of a split, encoded once.

        Raises:
            RnnzooError: an input cannot be encoded; its place is named.
        """
        if split not in self._stored:
            self._stored[split] = SequenceStore(self._encode(self.examples(split)))
        return self._stored[split]

    def train_dataloader(self) -> StatefulLoader[Any]:
        """The training batches of this process."""
        loader: StatefulLoader[Any] = BucketedLoader(
            self._lengths("train"), self._maker("train"), self.size, self.seed, *self._process(), self.workers
        )
        if self.trainer is not None:
            loader.train_by(self.trainer)
        return loader

    def val_dataloader(self) -> StatefulLoader[Any]:
        """The validation batches of this process."""
        return SortedLoader(self._lengths("validation"), self._maker("validation"), self.size, *self._process())

    def test_dataloader(self) -> StatefulLoader[Any]:
        """The test batches of this process."""
        return SortedLoader(self._lengths("test"), self._maker("test"), self.size, *self._process())

    def predict_dataloader(self) -> StatefulLoader[Any]:
        """The test examples in their order."""
        return OrderedLoader(self._lengths("test"), self._maker("test"), self.size, *self._process())

    def _lengths(self, split: str) -> Tensor:
        return self.stored(split).lengths

    def _maker(self, split: str) -> Callable[[Tensor], Any]:
        return partial(self.make_batch, split)

    def _encode(self, examples: Sequence[Example]) -> Iterator[dict[str, Tensor]]:
        encoding = self.input_encoding
        for example in examples:
            try:
                yield encoding.encode(example.inputs)
            except RnnzooError as error:
                raise RnnzooError(f"{example.place}: {error}") from None

    def _process(self) -> tuple[int, int]:
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size


def class_ids(examples: Sequence[Example], labels: Sequence[str]) -> Tensor:
    """The number of each example's label, (number of examples,) int64.

    Raises:
        RnnzooError: a label that is not among `labels`; its place is named.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    for example in examples:
        if example.target not in numbers:
            said = ", ".join(map(repr, list(labels)[:12])) + (" ..." if len(labels) > 12 else "")
            raise RnnzooError(
                f"{example.place}: the label {example.target!r} does not occur in the training data ({said}): "
                "correct it, leave the example out, or add training examples of it"
            )
    return torch.tensor([numbers[example.target] for example in examples])
