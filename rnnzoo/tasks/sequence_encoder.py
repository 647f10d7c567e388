"""The sequence encoder as a task."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from rnnzoo.baselines import Table
from rnnzoo.baselines.tfidf import TfIdf
from rnnzoo.batches import PairBatch, SequenceInputs
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError, require_pairs, require_probability, unknown
from rnnzoo.metrics import CorpusRetrieval, Spearman
from rnnzoo.networks.encoder import EncoderNetwork
from rnnzoo.networks.inputs import PretrainedInput
from rnnzoo.networks.pair import ContrastiveHead, CosineHead, PairClassificationHead, PairHead
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.reading import ReadingTask

KINDS = ("class", "score", "match")
RETRIEVAL = ("recall@1", "recall@10", "mrr")
ROWS = 256  # texts whose tokens are counted at once


class SequenceEncoder(ReadingTask):
    """Reads a sequence and gives a vector for it, learned from pairs of sequences.

    What is learned depends on what the data says of its pairs (`answer`):

    - `class`: which class, by a softmax over ``[u, v, |u - v|, u * v]`` (`PairClassificationHead`); `val/accuracy`;
    - `score`: how alike, by the cosine of u and v (`CosineHead`); `val/spearman`;
    - `match`: which second belongs to a first, against the others of the batch (`ContrastiveHead`); `val/recall@1`,
      `val/recall@10` and `val/mrr` among the seconds of the whole split.

    And the same for `test`. An encoder is reused by its checkpoint: `input: {kind: pretrained, checkpoint: PATH}`.

    Args:
        encoding: how raw inputs become numbers; from the data.
        answer: what is known of a pair, plain data; from the data.
        input: the input layer, as `rnnzoo.networks.inputs.build_input` takes it.
        stack: the recurrent layers; a dictionary with the keys of `StackConfig` will do.
        pooling: how the outputs become one vector: `final`, `mean`, `max`, `attention`, or a list of these.
        dropout: of the pooled vector.
        temperature: of `match`; see `ContrastiveHead`.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.

    Example:
        >>> encoding = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "good", "bad"]}
        >>> task = SequenceEncoder(encoding, {"kind": "match"}, stack=StackConfig(hidden_size=8))
        >>> task.encode(["good , not bad", "bad"]).shape
        (2, 8)
    """

    network: EncoderNetwork

    def __init__(
        self,
        encoding: dict[str, Any],
        answer: dict[str, Any],
        input: dict[str, Any] = {},  # noqa: B006  # the field's own name; never changed
        stack: StackConfig = StackConfig(),  # noqa: B008  # frozen; jsonargparse shows its fields as the defaults
        pooling: str | list[str] = "max",
        dropout: float = 0.0,
        temperature: float = 0.05,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        if answer.get("kind") not in KINDS:
            raise RnnzooError(unknown("kind of answer to a pair", str(answer.get("kind")), KINDS))
        require_probability("model.dropout", dropout)
        self._kind: str = answer["kind"]
        super().__init__(encoding, optimizer, scheduler, scheduler_interval)

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        given = self.hparams
        make = partial(_make_head, given["answer"], given["temperature"])
        return EncoderNetwork(self.build_reader(), given["pooling"], given["dropout"], make_head=make)

    def build_metrics(self) -> dict[str, Metric]:
        """Accuracy, Spearman's correlation, or recall and mean reciprocal rank."""
        if self._kind == "class":
            count = len(self.hparams["answer"]["labels"])
            return {"accuracy": MulticlassAccuracy(count, average="micro", validate_args=False)}
        if self._kind == "score":
            return {"spearman": Spearman()}
        return {name: RetrievalScore(name) for name in RETRIEVAL}

    def batch_loss(self, batch: PairBatch, stage: str) -> tuple[Tensor, Tensor]:
        """The summed loss of a batch's pairs, and how many they are."""
        first, second, real = self.network(batch.first), self.network(batch.second), batch.first.real
        loss_sum, count = self.network.head.loss(first, second, batch.targets, real)
        for metric in self.stage_metrics(stage).values():
            if self._kind == "match":
                metric.update(_unit(first[real]), _unit(second[real]), _keys(batch)[real])
            else:
                told = self.network.head.tell(first[real], second[real])
                assert batch.targets is not None  # these kinds have them
                metric.update(told.argmax(-1) if self._kind == "class" else told, batch.targets[real])
        return loss_sum, count

    def encode(self, raw: Sequence[Any]) -> npt.NDArray[np.floating[Any]]:
        """Vectors (N, D) of raw inputs: float32, or float64 of a task in that precision.

        Raises:
            RnnzooError: an input cannot be encoded; its position is named.
        """
        vectors = self._vectors(raw)
        return vectors.to(torch.promote_types(vectors.dtype, torch.float32)).numpy()  # bfloat16 is no type of NumPy

    def _vectors(self, raw: Sequence[Any]) -> Tensor:
        vectors = self.answer_each(raw, lambda inputs: self.network(inputs).cpu())
        return torch.stack(vectors) if vectors else torch.empty(0, self.network.output_size)

    def predict(self, raw: Sequence[tuple[Any, Any]]) -> list[Any]:
        """What is told of pairs of raw inputs: a label, a score, or how well they match (a cosine).

        Raises:
            RnnzooError: an input cannot be encoded; its position is named.
        """
        pairs = require_pairs("(first, second)", raw)
        first, second = zip(*pairs, strict=True) if pairs else ([], [])
        told = self.network.head.tell(self._vectors(first).to(self.device), self._vectors(second).to(self.device))
        if self._kind == "class":
            return [self.hparams["answer"]["labels"][at] for at in told.argmax(-1).tolist()]
        scores: list[float] = told.tolist()
        return scores

    def predict_step(self, batch: PairBatch, batch_idx: int) -> tuple[Tensor, Tensor]:
        """The vectors of both sides of a batch's pairs."""
        real = batch.first.real
        return self.network(batch.first)[real], self.network(batch.second)[real]

    def compare(self, data: Any) -> Table | None:
        """The model, the mean of its own embeddings without any order, and tf-idf, on the test pairs of a DataModule.

        tf-idf counts its document frequencies in both sides of the training pairs. For classes of pairs there is no
        such baseline: None.
        """
        if self._kind == "class" or not isinstance(self.encoding, TextEncoding):
            return None
        model = TfIdf(len(self.encoding.vocabulary))
        for side in data.sides("train"):
            for rows in torch.split(torch.arange(len(side)), ROWS):
                inputs = side.batch(rows)
                model.fit(inputs.tokens, inputs.lengths)
        network = self.network
        rows_of: dict[str, Callable[[SequenceInputs], Tensor]] = {
            type(self).__name__: lambda inputs: network(inputs.to(self.device)).cpu(),
            "mean of its embeddings": lambda inputs: _mean_embedding(network, inputs.to(self.device)).cpu(),
            "tf-idf": lambda inputs: model.vectors(inputs.tokens, inputs.lengths),  # type: ignore[arg-type]  # of text
        }
        with self.evaluating():
            measured = {name: self._measure(data, vectors) for name, vectors in rows_of.items()}
        return Table(f"{data.description}, {len(data.examples('test')):,} test pairs", measured)

    def _measure(self, data: Any, vectors: Callable[[SequenceInputs], Tensor]) -> dict[str, float]:
        metrics = self.build_metrics()
        for batch in data.test_dataloader():
            real = batch.first.real
            first, second = _unit(vectors(batch.first))[real], _unit(vectors(batch.second))[real]
            for metric in metrics.values():
                if self._kind == "match":
                    metric.update(first, second, _keys(batch)[real])
                else:
                    metric.update((first * second).sum(-1), batch.targets[real])
        return {name: float(metric.compute()) for name, metric in metrics.items()}


class RetrievalScore(CorpusRetrieval):
    """One number of `CorpusRetrieval`.

    Args:
        name: `recall@k` or `mrr`.
        kwargs: those of `torchmetrics.Metric`.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__((int(name.partition("@")[2] or 1),), **kwargs)
        self.name = name

    def compute(self) -> Tensor:  # type: ignore[override]  # one number of its dictionary
        """The number over all that was added."""
        return super().compute()[self.name]


def _make_head(answer: dict[str, Any], temperature: float, width: int) -> PairHead:
    if answer["kind"] == "class":
        return PairClassificationHead(width, len(answer["labels"]))
    if answer["kind"] == "score":
        return CosineHead(answer["low"], answer["high"])
    return ContrastiveHead(temperature)


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors, dim=-1)


def _keys(batch: PairBatch) -> Tensor:
    assert batch.targets is not None  # a DataModule of matches gives keys
    return batch.targets


def _mean_embedding(network: EncoderNetwork, inputs: SequenceInputs) -> Tensor:
    layer = network.reader.inputs
    while isinstance(layer, PretrainedInput):
        layer = layer.inputs
    vectors = layer(inputs) * inputs.mask[:, :, None]
    mean: Tensor = vectors.sum(1) / inputs.lengths.clamp(min=1)[:, None]
    return mean
