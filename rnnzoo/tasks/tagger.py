"""The tagger as a task."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from rnnzoo.baselines import Table
from rnnzoo.batches import TaggedBatch
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.layers import ClassificationHead
from rnnzoo.layers.crf import CRFHead
from rnnzoo.metrics.spans import SpanF1
from rnnzoo.networks.tagger import TaggerNetwork
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.reading import ReadingTask
from rnnzoo.tasks.tagger_baselines import compare_tagger
from rnnzoo.text.schemes import Constraints, constraints

HEADS = ("softmax", "crf")


class Tagger(ReadingTask):
    """Gives each step of a sequence a tag, or one of each of several columns.

    Beside the loss (nats a step, summed over the columns): `val/accuracy`, the share of steps whose tag of the first
    column is right, and with several columns `val/accuracy/<column>`; the same for `test`.

    Args:
        encoding: how raw inputs become numbers; from the data.
        tags: the tags of each column; from the data. The first column is the one that counts.
        input: the input layer, as `rnnzoo.networks.inputs.build_input` takes it.
        stack: the recurrent layers; a dictionary with the keys of `StackConfig` will do.
        head: `softmax`: each step by itself; `crf`: all steps together (`CRFHead`).
        scheme: of the first column's tags, a name of `rnnzoo.text.schemes.SCHEMES`, where they mark spans: what it
            forbids is impossible to the `crf`, and `val/f1` and `test/f1` are logged. None: single tags.
        dropout: of the stack's outputs.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.

    Example:
        >>> encoding = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "time", "flies"]}
        >>> task = Tagger(encoding, {"pos": ["NOUN", "VERB"]}, stack=StackConfig(hidden_size=8))
        >>> [token for token, _ in task.predict(["time flies"])[0]]
        ['time', 'flies']
    """

    network: TaggerNetwork

    def __init__(
        self,
        encoding: dict[str, Any],
        tags: dict[str, list[str]],
        input: dict[str, Any] = {},  # noqa: B006  # the field's own name; never changed
        stack: StackConfig = StackConfig(bidirectional=True),  # noqa: B008  # frozen; jsonargparse shows its fields
        head: Literal["softmax", "crf"] = "softmax",
        scheme: str | None = None,
        dropout: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        if head not in HEADS:
            raise RnnzooError(unknown("model.head", str(head), HEADS))
        if not tags:
            raise RnnzooError("a tagger needs at least one column of tags")
        self._tags, self._scheme = tags, scheme
        super().__init__(encoding, optimizer, scheduler, scheduler_interval)

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        heads = [self._head_of(tags, self._scheme if not at else None) for at, tags in enumerate(self._tags.values())]
        return TaggerNetwork(self.build_reader(), self.hparams["dropout"], make_heads=heads)

    def build_metrics(self) -> dict[str, Metric]:
        """The accuracy of each column, and the F1 of the spans that the first one marks."""
        accuracies: dict[str, Metric] = {}
        for at, (column, tags) in enumerate(self._tags.items()):
            name = f"accuracy/{column}" if at else "accuracy"
            accuracies[name] = MulticlassAccuracy(len(tags), average="micro", ignore_index=-1, validate_args=False)
        if self._scheme is not None:
            accuracies["f1"] = SpanF1(next(iter(self._tags.values())), self._scheme)
        return accuracies

    def batch_loss(self, batch: TaggedBatch, stage: str) -> tuple[Tensor, Tensor]:
        """The summed loss of a batch's steps, and how many they are."""
        features, mask = self.network(batch.inputs), batch.inputs.mask
        metrics = self.stage_metrics(stage)
        if metrics:
            self._measure(metrics, self.network.decode(features, mask), batch)
        return self.network.loss(features, batch.targets, mask)

    def predict(self, raw: Sequence[Any]) -> list[list[tuple[Any, Any]]]:
        """For each raw input its steps with their tags: (token, tag), or with several columns (token, {column: tag}).

        A token is the text's; of a series it is the number of the step.

        Raises:
            RnnzooError: an input cannot be encoded; its position is named.
        """
        inputs = self.inputs_of(raw)
        with self.evaluating():
            found = self.network.decode(self.network(inputs), inputs.mask)
        steps = [
            self.encoding.split(one) if isinstance(self.encoding, TextEncoding) else range(len(one)) for one in raw
        ]
        return [
            list(zip(row, self._named(tags[: len(row)]), strict=True)) for row, tags in zip(steps, found, strict=True)
        ]

    def predict_step(self, batch: TaggedBatch, batch_idx: int) -> list[list[Any]]:
        """The tags of each sequence of a batch."""
        found = self.network.decode(self.network(batch.inputs), batch.inputs.mask)
        return [
            self._named(tags[:length])
            for tags, length in zip(found, batch.inputs.lengths.tolist(), strict=True)
            if length
        ]

    def compare(self, data: Any) -> Table | None:
        """The tagger, each word's most frequent tag, and a window of words, on the test data; None where it is no text.

        The window tagger (Collobert & Weston 2008) is trained on the same data within this call.
        """
        if not isinstance(self.encoding, TextEncoding):
            return None
        return compare_tagger(self, data)

    def scores(self, tags: Callable[[TaggedBatch], Tensor], data: Any) -> dict[str, float]:
        """The metrics of tags (N, T, K) that are given to the test batches, by the names that are logged."""
        metrics = {name: metric.to(self.device) for name, metric in self.build_metrics().items()}
        for batch in data.test_dataloader():
            batch = batch.to(self.device)
            self._measure(metrics, tags(batch), batch)
        return {name: float(metric.compute()) for name, metric in metrics.items()}

    def decide(self, batch: TaggedBatch) -> Tensor:
        """The tags (N, T, K) that the network gives to a batch."""
        with self.evaluating():
            return self.network.decode(self.network(batch.inputs), batch.inputs.mask)

    def _measure(self, metrics: Mapping[str, Metric], found: Tensor, batch: TaggedBatch) -> None:
        mask = batch.inputs.mask
        targets = batch.targets.masked_fill(~mask.unsqueeze(-1), -1)
        for column in range(len(self._tags)):
            metric = list(metrics.values())[column]
            metric.update(found[:, :, column].flatten(), targets[:, :, column].flatten())
        if "f1" in metrics:
            metrics["f1"].update(found[:, :, 0], batch.targets[:, :, 0], mask)

    def _named(self, tags: Tensor) -> list[Any]:
        columns = [[names[at] for at in tags[:, k].tolist()] for k, names in enumerate(self._tags.values())]
        if len(columns) == 1:
            return columns[0]
        return [dict(zip(self._tags, row, strict=True)) for row in zip(*columns, strict=True)]

    def _head_of(self, tags: list[str], scheme: str | None) -> Callable[[int], ClassificationHead | CRFHead]:
        if self.hparams["head"] == "softmax":
            return partial(_softmax, len(tags))
        return partial(_crf, len(tags), None if scheme is None else constraints(tags, scheme))


def _softmax(count: int, width: int) -> ClassificationHead:
    return ClassificationHead(width, count)


def _crf(count: int, allowed: Constraints | None, width: int) -> CRFHead:
    return CRFHead(width, count, allowed)
