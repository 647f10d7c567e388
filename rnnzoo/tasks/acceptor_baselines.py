"""What an acceptor is held against, learned from the same data: a constant, a bag of n-grams, a convolution."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rnnzoo.baselines import Table
from rnnzoo.baselines.bag import BagOfNGrams
from rnnzoo.baselines.majority import MajorityClass
from rnnzoo.batches import LabelledBatch
from rnnzoo.encodings import InputEncoding, TextEncoding
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.tasks.answers import Answer, ClassAnswer, ValueAnswer
from rnnzoo.tasks.convolution_baseline import train_convolution

BASELINES = ("constant", "bag", "convolution")
LARGE = 200_000  # training rows x classes from which on the bag takes minutes, so that it is told

Decide = Callable[[LabelledBatch], Tensor]
Learn = Callable[[Answer, InputEncoding, Any, torch.device], tuple[str, Decide] | None]


def check_baselines(names: Sequence[str]) -> None:
    """Refuse what is no baseline.

    Raises:
        RnnzooError: an unknown name, or one given twice.
    """
    for name in names:
        if name not in BASELINES:
            raise RnnzooError(unknown("baseline in model.baselines", str(name), BASELINES))
    if len(set(names)) < len(names):
        raise RnnzooError(f"model.baselines has one twice: {', '.join(names)}")


def compare_acceptor(
    name: str,
    decide: Decide,
    answer: Answer,
    encoding: InputEncoding,
    data: Any,
    baselines: Sequence[str],
    device: torch.device,
) -> Table:
    """An acceptor and baselines, all learned from the training data, on all of the test data.

    - `constant`: the class that most training examples have (`MajorityClass`), or the mean of their targets.
    - `bag`: logistic regression on n-grams of tokens, 1-2 of words and 1-4 of characters (`BagOfNGrams`), its penalty
      chosen on the validation data. For labels only, and for text only.
    - `convolution`: `rnnzoo.tasks.convolution_baseline`.

    Args:
        name: of the acceptor's row.
        decide: what the acceptor decides about a batch, as `Answer.decide`.
        answer: the kind of answer.
        encoding: of the inputs.
        data: a DataModule whose loaders give `LabelledBatch`es.
        baselines: which of them, in the table's order.
        device: where they are trained.
    """
    with whole(data):
        rows = {name: answer.score(decide, _moved(data.test_dataloader(), device))}
        for baseline in baselines:
            learned = _LEARN[baseline](answer, encoding, data, device)
            if learned is not None:
                rows[learned[0]] = answer.score(learned[1], _moved(data.test_dataloader(), device))
        count = sum(int(batch.inputs.real.sum()) for batch in data.test_dataloader())
    described = getattr(data, "description", type(data).__name__)
    return Table(f"{described}: {count:,} test examples", rows)


@contextmanager
def whole(data: Any) -> Iterator[None]:
    """Loaders that give all examples, not one process's share: a comparison is made by one process alone."""
    trainer = getattr(data, "trainer", None)
    if trainer is not None and trainer.world_size > 1:
        data.trainer = None
    try:
        yield
    finally:
        data.trainer = trainer


def _learn_constant(answer: Answer, encoding: InputEncoding, data: Any, device: torch.device) -> tuple[str, Decide]:
    targets = torch.cat([batch.targets[batch.inputs.real] for batch in data.train_dataloader()])
    if isinstance(answer, ClassAnswer):
        model = MajorityClass(len(answer.labels)).fit(targets.tolist())
        name, row = model.name, model.log_probs(1).argmax(-1)
    elif isinstance(answer, ValueAnswer):
        name, row = "mean", targets.mean(0, keepdim=True)
    else:
        name, row = "majority of each label", (targets.mean(0, keepdim=True) > 0.5).int()
    row = row.to(device)
    return name, lambda batch: row.expand(len(batch.targets), *row.shape[1:])


def _learn_bag(answer: Answer, encoding: InputEncoding, data: Any, device: torch.device) -> tuple[str, Decide] | None:
    if isinstance(answer, ValueAnswer) or not isinstance(encoding, TextEncoding):
        return None
    orders = (1, 4) if encoding.tokenizer.config()["name"] == "character" else (1, 2)
    rows, targets = _texts(data.train_dataloader())
    dev_rows, dev_targets = _texts(data.val_dataloader())
    if isinstance(answer, ClassAnswer):
        model = BagOfNGrams(len(answer.labels), orders)
        if len(rows) * len(answer.labels) > LARGE:
            print(f"fitting the {model.name} baseline ({len(rows):,} rows)", file=sys.stderr, flush=True)
        model.fit_tuned(rows, targets.tolist(), dev_rows, dev_targets.tolist())
        return model.name, lambda batch: model.log_probs(_tokens(batch)).argmax(-1).to(device)
    models = [
        BagOfNGrams(2, orders).fit_tuned(rows, column.tolist(), dev_rows, dev_column.tolist())
        for column, dev_column in zip(targets.long().T, dev_targets.long().T, strict=True)
    ]

    def decide(batch: LabelledBatch) -> Tensor:
        tokens = _tokens(batch)
        return torch.stack([model.log_probs(tokens).argmax(-1) for model in models], -1).to(device)

    return models[0].name, decide


def _learn_convolution(answer: Answer, encoding: InputEncoding, data: Any, device: torch.device) -> tuple[str, Decide]:
    network = train_convolution(answer, encoding, data, device)
    return "convolution", network.decide


_LEARN: dict[str, Learn] = {"constant": _learn_constant, "bag": _learn_bag, "convolution": _learn_convolution}


def _texts(loader: Any) -> tuple[list[list[int]], Tensor]:
    batches = list(loader)
    rows = [
        row for batch in batches for row, real in zip(_tokens(batch), batch.inputs.real.tolist(), strict=True) if real
    ]
    return rows, torch.cat([batch.targets[batch.inputs.real] for batch in batches])


def _tokens(batch: LabelledBatch) -> list[list[int]]:
    """The ids that the acceptor reads, a list a row; one of a filling row is empty."""
    assert batch.inputs.tokens is not None  # the encoding is of text
    rows = batch.inputs.tokens.tolist()
    return [row[:length] for row, length in zip(rows, batch.inputs.lengths.tolist(), strict=True)]


def _moved(loader: Any, device: torch.device) -> Iterator[LabelledBatch]:
    return (batch.to(device) for batch in loader)
