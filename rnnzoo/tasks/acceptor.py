"""The acceptor as a task."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from rnnzoo.baselines import Table
from rnnzoo.batches import LabelledBatch
from rnnzoo.errors import RnnzooError, require_probability
from rnnzoo.metrics.class_report import ClassReport
from rnnzoo.networks.acceptor import AcceptorNetwork
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.tasks.acceptor_baselines import BASELINES, check_baselines, compare_acceptor
from rnnzoo.tasks.answers import Answer, build_answer
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.reading import ReadingTask


class Acceptor(ReadingTask):
    """Reads a sequence and gives one answer: a class, several labels, or numbers.

    Beside the loss (nats a sequence, or squared error a number): `val/accuracy` and `val/f1` (macro) of labels,
    `val/mse` and `val/mae` of numbers, and the same for `test`.

    Args:
        encoding: how raw inputs become numbers; from the data.
        answer: what is answered, as `rnnzoo.tasks.answers.build_answer` takes it; from the data.
        input: the input layer, as `rnnzoo.networks.inputs.build_input` takes it.
        stack: the recurrent layers; a dictionary with the keys of `StackConfig` will do.
        pooling: how the outputs become one vector: `final`, `mean`, `max`, `attention`, or a list of these.
        self_attention: whether each step also looks at the others, before the pooling.
        dropout: of the pooled vector.
        label_smoothing: see `rnnzoo.layers.ClassificationHead`.
        class_weights: the weight of a label in the training loss; labels that are not named have 1.
        baselines: what a test is compared with, see `rnnzoo.tasks.acceptor_baselines`: `constant`, `bag`,
            `convolution`, or none of them.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.

    Example:
        >>> encoding = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "good", "bad"]}
        >>> task = Acceptor(encoding, {"kind": "class", "labels": ["no", "yes"]}, stack=StackConfig(hidden_size=8))
        >>> sorted(task.predict(["good , not bad"])[0].probabilities)
        ['no', 'yes']
    """

    network: AcceptorNetwork

    def __init__(
        self,
        encoding: dict[str, Any],
        answer: dict[str, Any],
        input: dict[str, Any] = {},  # noqa: B006  # the field's own name; never changed
        stack: StackConfig = StackConfig(),  # noqa: B008  # frozen; jsonargparse shows its fields as the defaults
        pooling: str | list[str] = "final",
        self_attention: bool = False,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: dict[str, float] | None = None,
        baselines: list[str] = list(BASELINES),  # noqa: B006  # never changed
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        check_baselines(baselines)
        require_probability("model.dropout", dropout)
        if class_weights is not None:  # YAML reads the label 1 as a number
            class_weights = {str(label): weight for label, weight in class_weights.items()}
        self._answer: Answer = build_answer(answer, label_smoothing=label_smoothing, class_weights=class_weights)
        super().__init__(encoding, optimizer, scheduler, scheduler_interval)
        self._class_metric = self._answer.class_metric()

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        given = self.hparams
        return AcceptorNetwork(
            self.build_reader(),
            given["pooling"],
            given["self_attention"],
            given["dropout"],
            make_head=self._answer.make_head,
        )

    def build_metrics(self) -> dict[str, Metric]:
        """Accuracy and F1, or errors."""
        return self._answer.metrics()

    def batch_loss(self, batch: LabelledBatch, stage: str) -> tuple[Tensor, Tensor]:
        """The summed loss of a batch's sequences, and how many they are."""
        features, real = self.network(batch.inputs), batch.inputs.real
        loss_sum, count = self.network.head.loss(features, batch.targets, real)
        metrics = list(self.stage_metrics(stage).values())
        if stage == "test" and self._class_metric is not None:
            metrics.append(self._class_metric)
        if metrics:
            decided = self._answer.decide(self.network.head, features)[real]
            targets = self._answer.comparable(batch.targets[real])
            for metric in metrics:
                metric.update(decided, targets)
        return loss_sum, count

    def on_test_epoch_start(self) -> None:
        """Begin new sums."""
        super().on_test_epoch_start()
        if self._class_metric is not None:
            self._class_metric.reset()

    def class_report(self) -> ClassReport | None:
        """What the last test says of each class, of all ranks, which must all ask; None where numbers are answered."""
        return None if self._class_metric is None else self._answer.class_report(self._class_metric)

    def last_step_probe(self, batch: LabelledBatch) -> tuple[RecurrentStack, Tensor, Callable[[Tensor], Tensor]]:
        """What the picture of gradients through time needs: the stack, its inputs, and the loss of the answer.

        Rows shorter than the longest are left out.

        Returns:
            The stack; inputs (N, T, D); the function from the outputs at T, (N, D'), to the mean loss.

        Raises:
            RnnzooError: the answer does not come from the last state alone.
        """
        network, reader = self.network, self.network.reader
        if self.hparams["pooling"] not in ("final", ["final"]) or network.self_attention or reader.bidirectional:
            raise RnnzooError(
                "this acceptor answers from more than the last state, so its loss is none of the last step: give "
                "model.pooling final, model.self_attention false and model.stack.bidirectional false, or remove "
                "TemporalGradientMonitor"
            )
        lengths, longest = batch.inputs.lengths, int(batch.inputs.lengths.max())
        full = lengths == longest
        vectors, targets = reader.inputs(reader.in_own_precision(batch.inputs)), batch.targets[full]

        def loss(outputs: Tensor) -> Tensor:
            total, count = network.head.loss(outputs, targets)
            mean: Tensor = total / count
            return mean

        return reader.stack, vectors[full, :longest].detach(), loss

    def compare(self, data: Any) -> Table:
        """The acceptor and its baselines on the test data: see `rnnzoo.tasks.acceptor_baselines`."""
        with self.evaluating():
            return compare_acceptor(
                type(self).__name__,
                lambda batch: self._answer.decide(self.network.head, self.network(batch.inputs)),
                self._answer,
                self.encoding,
                data,
                self.hparams["baselines"],
                self.device,
            )

    def predict(self, raw: Sequence[Any]) -> list[Any]:
        """An answer to each raw input: label and probabilities (`Prediction`), labels and probabilities
        (`LabelsPrediction`), or a list of numbers.

        Raises:
            RnnzooError: an input cannot be encoded; its position is named.
        """
        return self.answer_each(raw, lambda inputs: self._answer.tell(self.network.head, self.network(inputs)))

    def predict_step(self, batch: LabelledBatch, batch_idx: int) -> list[Any]:
        """An answer to each sequence of a batch."""
        features = self.network(batch.inputs)[batch.inputs.real]
        return self._answer.tell(self.network.head, features)
