"""What the DataModules of acceptors share: an answer for each example."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from rnnzoo.batches import LabelledBatch
from rnnzoo.data.examples import Example, ExampleDataModule, class_ids
from rnnzoo.errors import RnnzooError


class AcceptorDataModule(ExampleDataModule):
    """Examples with an answer each; a subclass reads them (see `ExampleDataModule`).

    What a target is depends on `answer_kind`, an attribute of the subclass or of the object:

    - `class`: a label, one of those that occur in the training data;
    - `labels`: a list of labels, all that hold, none included;
    - `value`: a list of D numbers.

    Args:
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    answer_kind: Literal["class", "labels", "value"] = "class"

    @property
    def answer(self) -> dict[str, Any]:
        """What is to be answered, as plain data: the kind, and the labels or the number of values."""
        if self.answer_kind == "value":
            return {"kind": "value", "size": len(self.examples("train")[0].target)}
        return {"kind": self.answer_kind, "labels": self.labels}

    @cached_property
    def labels(self) -> list[str]:
        """The labels of the training examples, sorted.

        Raises:
            RnnzooError: there is only one.
        """
        targets = [example.target for example in self.examples("train")]
        found = sorted(set(targets if self.answer_kind == "class" else (label for row in targets for label in row)))
        if len(found) < 2 and self.answer_kind == "class":
            raise RnnzooError(
                f"all training examples of {self.description} have the label {found[0]!r}: there is nothing to learn; "
                "give examples of at least two labels"
            )
        return found

    def targets(self, split: str) -> Tensor:
        """The targets of a split, one row an example.

        Raises:
            RnnzooError: a label that training lacks, or another number of values; the place is named.
        """
        if split not in self._targets:
            self._targets[split] = self._make_targets(self.examples(split))
        return self._targets[split]

    def make_batch(self, split: str, rows: Tensor) -> LabelledBatch:
        """The batch of the examples `rows` of a split; the target of a filling row has no meaning."""
        return LabelledBatch(self.stored(split).batch(rows), self.targets(split)[rows])

    def _make_targets(self, examples: Sequence[Example]) -> Tensor:
        if self.answer_kind == "class":
            return class_ids(examples, self.labels)
        if self.answer_kind == "labels":
            return _indicators(examples, self.labels)
        size = len(self.examples("train")[0].target)
        for example in examples:
            if len(example.target) != size:
                raise RnnzooError(f"{example.place}: {len(example.target)} target values, where the first has {size}")
        return torch.tensor([example.target for example in examples], dtype=torch.float32)

    @cached_property
    def _targets(self) -> dict[str, Tensor]:
        return {}


def _indicators(examples: Sequence[Example], labels: list[str]) -> Tensor:
    flat = [Example(example.inputs, label, example.place) for example in examples for label in example.target]
    columns = class_ids(flat, labels) if flat else torch.empty(0, dtype=torch.long)
    rows = torch.repeat_interleave(torch.tensor([len(example.target) for example in examples]))
    found = torch.zeros(len(examples), len(labels))
    found[rows, columns] = 1.0
    return found
