"""The tagger as a task."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from rnnzoo.baselines import Table
from rnnzoo.batches import SequenceInputs, TaggedBatch
from rnnzoo.encodings import SeriesEncoding, TextEncoding
from rnnzoo.errors import RnnzooError, require_probability, unknown
from rnnzoo.layers import ClassificationHead
from rnnzoo.layers.crf import CRFHead
from rnnzoo.metrics.spans import SpanF1
from rnnzoo.networks.tagger import TaggerNetwork
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.reading import ReadingTask
from rnnzoo.tasks.tagger_baselines import compare_tagger
from rnnzoo.tasks.transducer import Transducer
from rnnzoo.text.schemes import Constraints, SchemeError, constraints, validate

HEADS = ("softmax", "crf")


class Tagger(ReadingTask, Transducer):
    """Gives each step of a sequence a tag, or one of each of several columns.

    Beside the loss (nats a step, summed over the columns): `val/accuracy`, the share of steps whose tag of the first
    column is right, and with several columns `val/accuracy/<column>`; the same for `test`. Where tags mark spans, also
    `val/f1` of the first column and `val/f1/<column>` of others.

    Args:
        encoding: how raw inputs become numbers; from the data.
        tags: the tags of each column; from the data. The first column is the one that counts.
        input: the input layer, as `rnnzoo.networks.inputs.build_input` takes it.
        stack: the recurrent layers; a dictionary with the keys of `StackConfig` will do.
        head: `softmax`: each step by itself; `crf`: all steps together (`CRFHead`).
        scheme: of the first column's tags, a name of `rnnzoo.text.schemes.SCHEMES`, where they mark spans; of several
            columns a name for each that does. What it forbids is impossible to the `crf`, which refuses data that break
            it, and the F1 of spans is logged. None: single tags.
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
        scheme: dict[str, str] | str | None = None,
        dropout: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        if head not in HEADS:
            raise RnnzooError(unknown("model.head", str(head), HEADS))
        if not tags:
            raise RnnzooError("a tagger needs at least one column of tags")
        require_probability("model.dropout", dropout)
        self._tags, self._schemes = tags, _schemes(scheme, tags)
        self._seen: set[str] = set()  # the splits whose tags were looked at
        super().__init__(encoding, optimizer, scheduler, scheduler_interval)

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        heads = [self._head_of(tags, self._schemes.get(column)) for column, tags in self._tags.items()]
        return TaggerNetwork(self.build_reader(), self.hparams["dropout"], make_heads=heads)

    def build_metrics(self) -> dict[str, Metric]:
        """The accuracy of each column, and the F1 of the spans that columns with a scheme mark."""
        metrics: dict[str, Metric] = {}
        for at, (column, tags) in enumerate(self._tags.items()):
            accuracy = MulticlassAccuracy(len(tags), average="micro", ignore_index=-1, validate_args=False)
            metrics[_name("accuracy", at, column)] = accuracy
            if column in self._schemes:
                metrics[_name("f1", at, column)] = SpanF1(tags, self._schemes[column])
        return metrics

    def on_train_start(self) -> None:
        """See that the training data keep the scheme."""
        self._check_schemes("train")

    def on_validation_start(self) -> None:
        """See that the validation data keep the scheme."""
        self._check_schemes("validation")

    def on_test_start(self) -> None:
        """See that the test data keep the scheme."""
        self._check_schemes("test")

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
        raw = self.encoding.listed(raw)
        found, split = self.answer_each(raw, self._tell), getattr(self.encoding, "split", None)
        steps = [range(len(tags)) if split is None else split(one) for one, tags in zip(raw, found, strict=True)]
        return [list(zip(row, tags, strict=True)) for row, tags in zip(steps, found, strict=True)]

    def k_best(self, raw: Sequence[Any], k: int = 5, column: str | None = None) -> list[list[tuple[list[str], float]]]:
        """For each raw input its k likeliest sequences of tags, the best first, with their probabilities.

        There are fewer where the scheme admits fewer.

        Args:
            raw: the inputs.
            k: how many.
            column: of tags; None: the first.

        Raises:
            RnnzooError: the head is no `crf`; no such column; k is below 1; an input cannot be encoded.
        """
        at, names = self._column(column)

        def answer(inputs: SequenceInputs) -> list[list[tuple[list[str], float]]]:
            tags, log_probs = self.network.k_best(self.network(inputs), inputs.mask, at, k)
            rows = zip(tags.tolist(), log_probs.exp().tolist(), inputs.lengths.tolist(), strict=True)
            return [
                [([names[tag] for tag in path[:length]], p) for path, p in zip(paths, found, strict=True) if p > 0]
                for paths, found, length in rows
            ]

        return self.answer_each(raw, answer)

    def marginals(self, raw: Sequence[Any], column: str | None = None) -> list[list[dict[str, float]]]:
        """For each raw input the probability of each tag at each of its steps; of a `crf` over all sequences of tags.

        Args:
            raw: the inputs.
            column: of tags; None: the first.

        Raises:
            RnnzooError: no such column; an input cannot be encoded.
        """
        at, names = self._column(column)

        def answer(inputs: SequenceInputs) -> list[list[dict[str, float]]]:
            found = self.network.marginals(self.network(inputs), inputs.mask, at)
            return [
                [dict(zip(names, step, strict=True)) for step in row[:length].tolist()]
                for row, length in zip(found, inputs.lengths.tolist(), strict=True)
            ]

        return self.answer_each(raw, answer)

    def predict_step(self, batch: TaggedBatch, batch_idx: int) -> list[list[Any]]:
        """The tags of each sequence of a batch."""
        return [tags for tags in self._tell(batch.inputs) if tags]

    def compare(self, data: Any) -> Table | None:
        """The tagger and its baselines on the test data; None where that is neither text nor series.

        Of text: each word's most frequent tag, and a window of five words (Collobert & Weston 2008). Of series: the
        most frequent tag, and logistic regression on the last twelve steps. They are trained within this call, on the
        same data.
        """
        if not isinstance(self.encoding, TextEncoding | SeriesEncoding):
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
        for at, column in enumerate(self._tags):
            metrics[_name("accuracy", at, column)].update(found[:, :, at].flatten(), targets[:, :, at].flatten())
            if column in self._schemes:
                metrics[_name("f1", at, column)].update(found[:, :, at], batch.targets[:, :, at], mask)

    def _tell(self, inputs: SequenceInputs) -> list[list[Any]]:
        """The tags of each row, without those of padding."""
        found = self.network.decode(self.network(inputs), inputs.mask)
        return [self._named(tags[:length]) for tags, length in zip(found, inputs.lengths.tolist(), strict=True)]

    def _column(self, name: str | None) -> tuple[int, list[str]]:
        """The position of a column and its tags."""
        columns = list(self._tags)
        if name is not None and name not in columns:
            raise RnnzooError(unknown("column of tags", name, columns))
        at = 0 if name is None else columns.index(name)
        return at, self._tags[columns[at]]

    def _check_schemes(self, split: str) -> None:
        """Refuse, naming the place, what the constraints of a CRF forbid, where a DataModule of examples has it."""
        examples = getattr(self.trainer.datamodule, "examples", None)  # type: ignore[attr-defined]  # set by Lightning
        if examples is None or not self._schemes or self.hparams["head"] != "crf" or split in self._seen:
            return
        self._seen.add(split)
        for column, scheme in self._schemes.items():
            at = list(self._tags).index(column)
            for example in examples(split):
                try:
                    validate([tag for tag in example.target[at] if tag is not None], scheme)
                except SchemeError as error:
                    raise RnnzooError(
                        f"{example.place_of(error.position)}: column {column}: {error}; correct it, or name in "
                        "model.scheme the scheme that the data is written in"
                    ) from None

    def _named(self, tags: Tensor) -> list[Any]:
        columns = [[names[at] for at in tags[:, k].tolist()] for k, names in enumerate(self._tags.values())]
        if len(columns) == 1:
            return columns[0]
        return [dict(zip(self._tags, row, strict=True)) for row in zip(*columns, strict=True)]

    def _head_of(self, tags: list[str], scheme: str | None) -> Callable[[int], ClassificationHead | CRFHead]:
        if self.hparams["head"] == "softmax":
            return partial(_softmax, len(tags))
        return partial(_crf, len(tags), None if scheme is None else constraints(tags, scheme))


def _name(metric: str, at: int, column: str) -> str:
    """What the metric of a column is logged as: the first column is the one that counts."""
    return f"{metric}/{column}" if at else metric


def _schemes(given: Mapping[str, str] | str | None, tags: Mapping[str, list[str]]) -> dict[str, str]:
    """The scheme of each column that has one."""
    named = {next(iter(tags)): given} if isinstance(given, str) else dict(given or {})
    for column in named:
        if column not in tags:
            raise RnnzooError(unknown("column in model.scheme", str(column), tags))
    return named


def _softmax(count: int, width: int) -> ClassificationHead:
    return ClassificationHead(width, count)


def _crf(count: int, allowed: Constraints | None, width: int) -> CRFHead:
    return CRFHead(width, count, allowed)
