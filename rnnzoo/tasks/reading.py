"""What the tasks that read a sequence share: the encoding of raw inputs, and the reader."""

from collections.abc import Sequence
from typing import Any

import torch

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import InputEncoding, build_encoding
from rnnzoo.networks.inputs import build_input
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable


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
