"""Formal languages for an acceptor: strings to accept or to reject, trained on short and tested on longer ones."""

from collections.abc import Sequence
from functools import cached_property

import torch

from rnnzoo.baselines import Table
from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.formal_splits import FormalDataModule
from rnnzoo.errors import RnnzooError

ACCEPTED, REJECTED = "accepted", "rejected"


class FormalLanguageDataModule(FormalDataModule, AcceptorDataModule):
    """Strings labelled by whether a formal language has them; the arguments are those of `FormalDataModule`.

    Example:
        >>> data = FormalLanguageDataModule("dyck-1", train_lengths=[2, 8], test_lengths=[10, 20], train_size=100)
        >>> {bool(data.machine.accepts([e.inputs])) for e in data.examples("train") if e.target == "accepted"}
        {True}
    """

    def read(self, split: str) -> Sequence[Example]:
        """The strings of a split, accepted and rejected in turn."""
        return [
            Example(string, (ACCEPTED, REJECTED)[at % 2], f"{split} string {at}")
            for at, string in enumerate(self.strings(split))
        ]

    @cached_property
    def labels(self) -> list[str]:
        """`accepted` and `rejected`."""
        return [ACCEPTED, REJECTED]

    def accuracy_by_length(self, labels: Sequence[str], buckets: int = 4, model_name: str = "Acceptor") -> Table:
        """How many of the test strings were answered rightly, overall and by their length.

        Args:
            labels: The answer to each test string, in order.
            buckets: Into how many ranges of the same width the test lengths are divided.
            model_name: The name of the model's row.

        Raises:
            RnnzooError: If there is not one answer for each test string, or one is no label.
        """
        examples = self.examples("test")
        if len(labels) != len(examples):
            raise RnnzooError(f"{len(labels)} answers to {len(examples)} test strings: give one for each, in order")
        strange = set(labels) - {ACCEPTED, REJECTED}
        if strange:
            raise RnnzooError(f"{min(strange)!r} is no answer: {ACCEPTED} or {REJECTED} is")
        shortest, longest = self.lengths["test"]
        width = -(-(longest - shortest + 1) // buckets)
        bucket = torch.tensor([(len(example.inputs) - shortest) // width for example in examples])
        strings = [example.inputs for example in examples]
        truth = self.machine.accepts(strings)
        rows = {}
        for name, said in ((model_name, [label == ACCEPTED for label in labels]), ("majority", [True] * len(labels))):
            right = (torch.tensor(said) == truth).double()
            rows[name] = {"accuracy": right.mean().item()}
            for number in sorted(set(bucket.tolist())):
                start = shortest + number * width
                lengths = f"{start}-{min(start + width - 1, longest)}"
                rows[name][lengths] = right[bucket == number].mean().item()
        return Table(f"{self.description}: {len(labels):,} test strings, accuracy by length", rows)
