"""What the tasks that read a sequence share: the encoding of raw inputs, and the reader."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import InputEncoding, build_encoding
from rnnzoo.encodings.base import collate
from rnnzoo.networks.inputs import build_input
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable

ROWS = 256  # raw inputs that are read together, at most
STEPS = 8192  # and their steps, padding counted; a longer input is read alone


class ReadingTask(SequenceTask):
    """A task whose network begins with a `SequenceReader`; a subclass has `input` and `stack` among its arguments.

    Args:
        encoding: how raw inputs become numbers: the data that `rnnzoo.encodings.build_encoding` takes.
        optimizer: as in `SequenceTask`, and so are the next two.
        scheduler: see there.
        scheduler_interval: see there.
    """

    def __init__(
        self,
        encoding: dict[str, Any],
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: str = "epoch",
    ) -> None:
        self._encoding = build_encoding(encoding)
        super().__init__(optimizer, scheduler, scheduler_interval)

    @property
    def encoding(self) -> InputEncoding:
        """How raw inputs become numbers."""
        return self._encoding

    def build_reader(self) -> SequenceReader:
        """The reader of `hparams`."""
        layer = build_input(self._encoding, self.hparams["input"])
        return SequenceReader(layer, StackConfig.from_dict(self.hparams["stack"]))

    def inputs_of(self, raw: Sequence[Any]) -> SequenceInputs:
        """Raw inputs as a batch on the task's device.

        Raises:
            RnnzooError: one of them cannot be encoded; its position is named.
        """
        return self._encoding.batch(raw).to(self.device)

    def answer_each(self, raw: Sequence[Any], answer: Callable[[SequenceInputs], Sequence[Any]]) -> list[Any]:
        """What `answer` says of each raw input, in their order, in evaluation mode.

        Inputs of like lengths are read together, so that one long input does not pad all the others.

        Args:
            raw: the inputs.
            answer: gives an answer to each row of a batch on the task's device.

        Raises:
            RnnzooError: one of them cannot be encoded; its position is named, and nothing is read.
        """
        encoded = self._encoding.encode_all(raw)
        lengths = [len(next(iter(one.values()))) for one in encoded]
        found: list[Any] = [None] * len(encoded)
        with self.evaluating():
            for positions in batches_by_length(lengths):
                inputs = collate([encoded[position] for position in positions]).to(self.device)
                for position, said in zip(positions, answer(inputs), strict=True):
                    found[position] = said
        return found


def batches_by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The positions of all lengths, the short first, in groups of at most `ROWS` rows and `STEPS` padded steps.

    >>> list(batches_by_length([5000, 1, 3000, 2]))
    [[1, 3], [2], [0]]
    """
    group: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) == ROWS or (len(group) + 1) * lengths[position] > STEPS):
            yield group
            group = []
        group.append(position)
    if group:
        yield group
