"""The kinds of answers that an acceptor gives: the head, the metrics, and what is told of a prediction."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MultilabelAccuracy,
    MultilabelF1Score,
)

from rnnzoo.batches import LabelledBatch
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.layers.answer_heads import ClassificationHead, MultiLabelHead, RegressionHead
from rnnzoo.metrics.class_report import ClassReport
from rnnzoo.metrics.classification import ConfusionMatrix, MultiLabelF1


class Prediction(NamedTuple):
    """The likeliest label, and the probability of each."""

    label: str
    probabilities: dict[str, float]


class LabelsPrediction(NamedTuple):
    """The labels that are likelier to hold than not, and the probability of each."""

    labels: list[str]
    probabilities: dict[str, float]


class Answer(ABC):
    """One kind of answer, made from plain data."""

    @abstractmethod
    def make_head(self, width: int) -> nn.Module:
        """The head for features of a width."""

    @abstractmethod
    def metrics(self) -> dict[str, Metric]:
        """New metrics; the first is the one to choose a model by."""

    def class_metric(self) -> Metric | None:
        """A new metric that `class_report` is made from; None: there are no classes."""
        return None

    def class_report(self, metric: Any) -> ClassReport | None:
        """What it says of each class."""
        return None

    @abstractmethod
    def decide(self, head: Any, features: Tensor) -> Tensor:
        """What the metrics are updated with, (N, ...)."""

    @abstractmethod
    def tell(self, head: Any, features: Tensor) -> list[Any]:
        """A prediction for each row of features (N, D)."""

    def comparable(self, targets: Tensor) -> Tensor:
        """Targets as the metrics take them."""
        return targets

    def score(self, decide: Callable[[LabelledBatch], Tensor], batches: Iterable[LabelledBatch]) -> dict[str, float]:
        """The metrics of what `decide` says of batches, filling rows left out."""
        metrics = self.metrics()
        for batch in batches:
            real = batch.inputs.real
            decided, targets = decide(batch)[real], self.comparable(batch.targets[real])
            for metric in metrics.values():
                metric.to(targets.device).update(decided, targets)
        return {name: float(metric.compute()) for name, metric in metrics.items()}

    def main_score(
        self, decide: Callable[[LabelledBatch], Tensor], batches: Iterable[LabelledBatch]
    ) -> tuple[str, float, float]:
        """Name and value of the first metric, and the value again with the sign by which higher is better."""
        name, value = next(iter(self.score(decide, batches).items()))
        return name, value, value if self.metrics()[name].higher_is_better else -value


class ClassAnswer(Answer):
    """One of several labels.

    Args:
        labels: at least two.
        label_smoothing: see `ClassificationHead`, and so the next.
        class_weights: by label; a label that is not named has 1.
    """

    def __init__(
        self, labels: list[str], label_smoothing: float = 0.0, class_weights: Mapping[str, float] | None = None
    ) -> None:
        if len(labels) < 2:
            raise RnnzooError(f"an acceptor needs at least two labels, not {labels}")
        for label in class_weights or ():
            if label not in labels:
                raise RnnzooError(unknown("label in model.class_weights", label, labels))
        self.labels, self.label_smoothing = labels, label_smoothing
        self.class_weights = None if not class_weights else [float(class_weights.get(label, 1.0)) for label in labels]

    def make_head(self, width: int) -> ClassificationHead:
        """A softmax."""
        return ClassificationHead(width, len(self.labels), self.label_smoothing, self.class_weights)

    def metrics(self) -> dict[str, Metric]:
        """Accuracy over all rows, and F1 averaged over the labels."""
        count = len(self.labels)
        return {
            "accuracy": MulticlassAccuracy(count, average="micro", validate_args=False),
            "f1": MulticlassF1Score(count, average="macro", validate_args=False),
        }

    def class_metric(self) -> ConfusionMatrix:
        """Which class is taken for which."""
        return ConfusionMatrix(len(self.labels))

    def class_report(self, metric: ConfusionMatrix) -> ClassReport:
        """The scores of each class and the matrix."""
        return ClassReport(self.labels, metric.scores(), metric.compute())

    def decide(self, head: ClassificationHead, features: Tensor) -> Tensor:
        """The likeliest class of each row, (N,)."""
        return head.log_probs(features).argmax(-1)

    def tell(self, head: ClassificationHead, features: Tensor) -> list[Prediction]:
        """Label and probabilities of each row."""
        rows = head.log_probs(features).exp().tolist()
        found = [dict(zip(self.labels, row, strict=True)) for row in rows]
        return [Prediction(max(row, key=row.__getitem__), row) for row in found]


class LabelsAnswer(Answer):
    """Each label holds or not, by itself.

    Args:
        labels: at least one.
    """

    def __init__(self, labels: list[str]) -> None:
        if not labels:
            raise RnnzooError("an acceptor of several labels needs at least one")
        self.labels = labels

    def make_head(self, width: int) -> MultiLabelHead:
        """A sigmoid for each label."""
        return MultiLabelHead(width, len(self.labels))

    def metrics(self) -> dict[str, Metric]:
        """Share of right decisions, and F1 averaged over the labels."""
        count = len(self.labels)
        return {
            "accuracy": MultilabelAccuracy(count, average="micro", validate_args=False),
            "f1": MultilabelF1Score(count, average="macro", validate_args=False),
        }

    def class_metric(self) -> MultiLabelF1:
        """How often each label is right, predicted and true."""
        return MultiLabelF1(len(self.labels))

    def class_report(self, metric: MultiLabelF1) -> ClassReport:
        """The scores of each label."""
        return ClassReport(self.labels, metric.scores())

    def comparable(self, targets: Tensor) -> Tensor:
        """Whole numbers."""
        return targets.int()

    def decide(self, head: MultiLabelHead, features: Tensor) -> Tensor:
        """1 where a label is likelier to hold than not, (N, K) int32."""
        return (head.log_probs(features).exp() > 0.5).int()

    def tell(self, head: MultiLabelHead, features: Tensor) -> list[LabelsPrediction]:
        """The labels that hold, and all probabilities, of each row."""
        rows = head.log_probs(features).exp().tolist()
        found = [dict(zip(self.labels, row, strict=True)) for row in rows]
        return [LabelsPrediction([label for label, p in row.items() if p > 0.5], row) for row in found]


class ValueAnswer(Answer):
    """D numbers.

    Args:
        size: D.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def make_head(self, width: int) -> RegressionHead:
        """A linear map."""
        return RegressionHead(width, self.size)

    def metrics(self) -> dict[str, Metric]:
        """Mean squared and mean absolute error."""
        return {"mse": MeanSquaredError(), "mae": MeanAbsoluteError()}

    def decide(self, head: RegressionHead, features: Tensor) -> Tensor:
        """The numbers (N, D)."""
        numbers: Tensor = head(features)
        return numbers

    def tell(self, head: RegressionHead, features: Tensor) -> list[list[float]]:
        """The numbers of each row."""
        rows: list[list[float]] = head(features).tolist()
        return rows


KINDS: dict[str, type[Answer]] = {"class": ClassAnswer, "labels": LabelsAnswer, "value": ValueAnswer}


def build_answer(config: Mapping[str, Any], **training: Any) -> Answer:
    """The kind of answer that plain data names: `{"kind": "class", "labels": [...]}`, or `labels`, or `value`.

    Args:
        config: what a DataModule's `answer` is.
        training: options of the kind that a model is given: label smoothing and class weights of `class`.

    Raises:
        RnnzooError: an unknown kind, or an option that the kind does not have.
    """
    options = dict(config)
    kind = str(options.pop("kind", None))
    if kind not in KINDS:
        raise RnnzooError(unknown("kind of answer", kind, list(KINDS)))
    if kind != "class":
        for name, value in training.items():
            if value:
                raise RnnzooError(f"model.{name} is for one label of several, but the data asks for {kind}: remove it")
        training = {}
    return KINDS[kind](**options, **training)
