"""What the DataModules of taggers share: a tag of each column for each step."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain

import torch
from torch import Tensor

from rnnzoo.batches import TaggedBatch
from rnnzoo.data.examples import Example, ExampleDataModule
from rnnzoo.errors import RnnzooError


class TaggerDataModule(ExampleDataModule):
    """Sequences with tags; a subclass reads them (see `ExampleDataModule`).

    An example's target is a list with an entry for each column: the list of the tags of all steps, None where a step
    has none. `Example.lines` lets an error name the line of a tag.

    Attributes:
        columns: the names of the columns, the first is the one that counts.
    """

    columns: Sequence[str] = ("tag",)

    @cached_property
    def tags(self) -> dict[str, list[str]]:
        """The tags of each column that occur in the training data, sorted."""
        examples = self.examples("train")
        found = {
            column: sorted({tag for example in examples for tag in example.target[at] if tag is not None})
            for at, column in enumerate(self.columns)
        }
        for column, tags in found.items():
            if len(tags) < 2:
                has = f"only the tag {tags[0]!r}" if tags else "no tag"
                raise RnnzooError(f"the column {column} of {self.description} has {has}: there is nothing to learn")
        return found

    def targets(self, split: str) -> Tensor:
        """The tags of all steps of a split, (steps, K) int64; -1 where there is none.

        Raises:
            RnnzooError: a tag that training lacks, or another number of tags than steps; the place is named.
        """
        if split not in self._targets:
            self._targets[split] = self._make_targets(split)
        return self._targets[split]

    def make_batch(self, split: str, rows: Tensor) -> TaggedBatch:
        """The batch of the examples `rows` of a split."""
        store = self.stored(split)
        return TaggedBatch(store.batch(rows), store.steps(self.targets(split), rows, -1))

    def _make_targets(self, split: str) -> Tensor:
        examples, lengths = self.examples(split), self.stored(split).lengths.tolist()
        columns = []
        for at, column in enumerate(self.columns):
            numbers: dict[str | None, int] = {tag: number for number, tag in enumerate(self.tags[column])}
            numbers[None] = -1
            for example, length in zip(examples, lengths, strict=True):
                _check(example, at, column, numbers, length)
            columns.append([numbers[tag] for tag in chain.from_iterable(example.target[at] for example in examples)])
        return torch.tensor(columns).T.contiguous()

    @cached_property
    def _targets(self) -> dict[str, Tensor]:
        return {}


def _check(example: Example, at: int, column: str, numbers: dict[str | None, int], length: int) -> None:
    tags = example.target[at]
    if len(tags) != length:
        raise RnnzooError(f"{example.place}: {length} tokens, but {len(tags)} tags of {column}: give one for each")
    for step, tag in enumerate(tags):
        if tag not in numbers:
            kind = "tag" if column == "tag" else f"{column} tag"
            raise RnnzooError(
                f"{example.place_of(step)}: the {kind} {tag!r} of token {step + 1} does not occur in the training data"
                ": correct it, leave the sentence out, or add training sentences that have it"
            )
