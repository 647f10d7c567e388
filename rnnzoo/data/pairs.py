"""What the DataModules of pairs of sequences share."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from rnnzoo.batches import PairBatch
from rnnzoo.data.examples import Example, ExampleDataModule, class_ids
from rnnzoo.data.store import SequenceStore
from rnnzoo.errors import RnnzooError


class PairDataModule(ExampleDataModule):
    """Examples whose `inputs` are two raw inputs, for a `SequenceEncoder`; a subclass reads them (`ExampleDataModule`).

    What a target is depends on `answer_kind`, an attribute of the subclass or of the object:

    - `class`: a label, one of those that occur in the training data;
    - `score`: a number from `low` to `high`, two more attributes;
    - `match`: a name of the second: pairs of equal names do not compete.

    A subclass's `fit_encoding(examples)` learns from `each_side(examples)`.

    Args:
        batch_size: as in `ExampleDataModule`, and so are the rest; the length of a pair is that of its longer side.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    answer_kind: Literal["class", "score", "match"] = "match"
    low: float = 0.0
    high: float = 1.0

    @property
    def answer(self) -> dict[str, Any]:
        """What is known of a pair, as plain data."""
        if self.answer_kind == "class":
            return {"kind": "class", "labels": self.labels}
        if self.answer_kind == "score":
            return {"kind": "score", "low": self.low, "high": self.high}
        return {"kind": "match"}

    @cached_property
    def labels(self) -> list[str]:
        """The labels of the training pairs, sorted.

        Raises:
            RnnzooError: there is only one.
        """
        found = sorted({example.target for example in self.examples("train")})
        if len(found) < 2:
            raise RnnzooError(
                f"all training pairs of {self.description} have the label {found[0]!r}: there is nothing to learn; "
                "give pairs of at least two labels"
            )
        return found

    def sides(self, split: str) -> tuple[SequenceStore, SequenceStore]:
        """The encoded firsts and seconds of a split, encoded once.

        Raises:
            RnnzooError: an input cannot be encoded; its place is named.
        """
        if split not in self._sides:
            examples = self.examples(split)
            first, second = ([replace(example, inputs=example.inputs[side]) for example in examples] for side in (0, 1))
            self._sides[split] = SequenceStore(self._encode(first)), SequenceStore(self._encode(second))
        return self._sides[split]

    def targets(self, split: str) -> Tensor:
        """The targets of a split, (pairs,): classes, scores, or numbers of the seconds.

        Raises:
            RnnzooError: a label that training lacks, or a score out of range; the place is named.
        """
        if split not in self._targets:
            self._targets[split] = self._make_targets(self.examples(split))
        return self._targets[split]

    def make_batch(self, split: str, rows: Tensor) -> PairBatch:
        """The batch of the pairs `rows` of a split; the target of a filling row has no meaning."""
        first, second = self.sides(split)
        return PairBatch(first.batch(rows), second.batch(rows), self.targets(split)[rows])

    def _lengths(self, split: str) -> Tensor:
        first, second = self.sides(split)
        return torch.maximum(first.lengths, second.lengths)

    def _make_targets(self, examples: Sequence[Example]) -> Tensor:
        if self.answer_kind == "class":
            return class_ids(examples, self.labels)
        if self.answer_kind == "match":
            return class_ids(examples, sorted({example.target for example in examples}))
        for example in examples:
            if not self.low <= example.target <= self.high:
                raise RnnzooError(
                    f"{example.place}: the score {example.target} is not from {self.low} to {self.high}: correct it"
                )
        return torch.tensor([example.target for example in examples], dtype=torch.float32)

    @cached_property
    def _sides(self) -> dict[str, tuple[SequenceStore, SequenceStore]]:
        return {}

    @cached_property
    def _targets(self) -> dict[str, Tensor]:
        return {}


def each_side(examples: Sequence[Example]) -> list[Example]:
    """The two inputs of each pair as examples of their own, to learn an encoding from."""
    return [replace(example, inputs=side) for example in examples for side in example.inputs]
