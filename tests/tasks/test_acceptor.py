"""The acceptor: its loss by hand, its answers, its use from a checkpoint alone."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import nn

from rnnzoo.batches import LabelledBatch, SequenceInputs
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor, SequenceTask
from rnnzoo.testing.tasks import check_task

TEXT = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "a", "b", "c"]}
SERIES = {"kind": "series", "mean": [0.0, 0.0], "scale": [1.0, 1.0]}
ANSWERS = {
    "class": ({"kind": "class", "labels": ["x", "y", "z"]}, torch.tensor([0, 2, 1, 0])),
    "labels": (
        {"kind": "labels", "labels": ["x", "y"]},
        torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]),
    ),
    "value": ({"kind": "value", "size": 2}, torch.tensor([[0.5, 1.0], [-1.0, 2.0], [0.0, 0.3], [9.0, 9.0]])),
}


def _text_inputs() -> SequenceInputs:
    tokens = torch.tensor([[1, 2, 3, 1, 2], [2, 2, 0, 0, 0], [3, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    return SequenceInputs(torch.tensor([5, 2, 3, 0]), tokens=tokens)


def _task(answer: str, **given: object) -> Acceptor:
    torch.manual_seed(0)
    stack = StackConfig(hidden_size=6, bidirectional=True)
    return Acceptor(TEXT, ANSWERS[answer][0], input={"embedding_size": 5}, stack=stack, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", list(ANSWERS))
@pytest.mark.parametrize("pooling", ["final", "mean", "max", "attention", ["final", "max", "mean"]])
def test_contract(answer: str, pooling: str | list[str]) -> None:
    check_task(_task(answer, pooling=pooling), LabelledBatch(_text_inputs(), ANSWERS[answer][1]))


def test_contract_with_self_attention_on_series() -> None:
    torch.manual_seed(1)
    inputs = SequenceInputs(torch.tensor([4, 1, 0]), values=torch.randn(3, 4, 2))
    task = Acceptor(
        SERIES,
        ANSWERS["class"][0],
        stack=StackConfig(cell="gru", hidden_size=6, num_layers=2, bidirectional=True, connections="residual"),
        pooling=["mean", "max"],
        self_attention=True,
    )
    check_task(task, LabelledBatch(inputs, torch.tensor([0, 1, 2])))


@pytest.mark.parametrize("answer", list(ANSWERS))
def test_loss_is_that_of_each_row_alone_by_torch(answer: str) -> None:
    """torch.nn.LSTM over each row alone, its final states, a hand-written loss; the empty row counts for nothing."""
    task = _task(answer)
    inputs, targets = _text_inputs(), ANSWERS[answer][1]
    lstm = nn.LSTM(5, 6, bidirectional=True, batch_first=True)
    cells = dict(zip(("", "_reverse"), task.network.reader.stack.cells, strict=True))
    for suffix, cell in cells.items():
        for name, value in cell.named_parameters():
            getattr(lstm, f"{name}_l0{suffix}").data.copy_(value)
    expected, count = 0.0, 0
    for row in range(3):
        length = int(inputs.lengths[row])
        vectors = task.network.reader.inputs.embedding.weight[inputs.tokens[row, :length]]  # type: ignore[index]
        _, (h, _) = lstm(vectors[None])
        scores = task.network.head.linear(torch.cat((h[0], h[1]), -1))[0]
        if answer == "class":
            expected -= torch.log_softmax(scores, -1)[targets[row]].item()
            count += 1
        elif answer == "labels":
            p = torch.sigmoid(scores)
            expected -= (targets[row] * p.log() + (1 - targets[row]) * (1 - p).log()).sum().item()
            count += 1
        else:
            expected += ((scores - targets[row]) ** 2).sum().item()
            count += 2
    loss_sum, found = task.batch_loss(LabelledBatch(inputs, targets), "val")
    assert loss_sum.item() == pytest.approx(expected, rel=1e-5)
    assert found.item() == count


def test_smoothing_and_weights_are_those_of_torch() -> None:
    task = _task("class", label_smoothing=0.2, class_weights={"y": 3.0})
    batch = LabelledBatch(_text_inputs(), ANSWERS["class"][1])
    task.train()
    loss_sum, count = task.batch_loss(batch, "train")
    logits = task.network.head.linear(task.network(batch.inputs))[:3]
    # torch weighs the smoothed part by the weight of each class, not by the row's: its own loss of the unsmoothed part
    weights = torch.tensor([1.0, 3.0, 1.0])
    plain = nn.functional.cross_entropy(logits, batch.targets[:3], weights, reduction="sum")
    smooth = nn.functional.cross_entropy(logits, batch.targets[:3], label_smoothing=0.2, reduction="none")
    unsmoothed = nn.functional.cross_entropy(logits, batch.targets[:3], reduction="none")
    row_weights = weights[batch.targets[:3]]
    assert (row_weights * unsmoothed).sum().item() == pytest.approx(plain.item(), rel=1e-6)
    assert loss_sum.item() == pytest.approx((row_weights * smooth).sum().item(), rel=1e-6)
    assert count.item() == row_weights.sum().item()


def test_metrics_leave_the_filling_rows_out() -> None:
    task = _task("class")
    batch = LabelledBatch(_text_inputs(), ANSWERS["class"][1])
    with task.evaluating():
        task.batch_loss(batch, "val")
        right = task.network.head.log_probs(task.network(batch.inputs)).argmax(-1)[:3] == batch.targets[:3]
    assert task.stage_metrics("val")["accuracy"].compute().item() == pytest.approx(right.float().mean().item())


def test_predict_from_a_checkpoint_alone(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from lightning import Trainer

    task = _task("class")
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    trainer.strategy.connect(task)
    trainer.save_checkpoint(tmp_path / "x.ckpt", weights_only=True)
    loaded = SequenceTask.load_from_checkpoint(tmp_path / "x.ckpt")
    texts = ["a b c", "b", ["c", "what"]]
    together = loaded.predict(texts)  # type: ignore[attr-defined]
    for text, found in zip(texts, together, strict=True):
        alone = task.predict([text])[0]
        assert found.label == alone.label
        assert found.probabilities == pytest.approx(alone.probabilities, rel=1e-5)
        assert math.fsum(found.probabilities.values()) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pooling": "last"}, "unknown pooling 'last'"),
        ({"pooling": ["max", "max"]}, "pooling has one kind twice"),
        (
            {"input": {"embeding_size": 3}},
            "unknown key of input (tokens) 'embeding_size': did you mean 'embedding_size'",
        ),
        ({"input": {"kind": "values"}}, "input.kind values reads series, but the data is of the kind text"),
        ({"class_weights": {"q": 1.0}}, "unknown label in model.class_weights 'q'"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ({"dropout": 1.5}, "model.dropout must be a probability of at least 0 and below 1, not 1.5"),
        ({"input": {"embedding_size": -1}}, "input.embedding_size must be a whole number of at least 1, not -1"),
        ({"input": {"embedding_size": 0}}, "input.embedding_size must be a whole number of at least 1, not 0"),
        ({"input": {"embedding_size": "a"}}, "input.embedding_size must be a whole number"),
        ({"input": {"word_dropout": "x"}}, "input.word_dropout must be a number, not 'x'"),
        (
            {"input": {"word_dropout": 1.0}},
            "input.word_dropout must be a probability of at least 0 and below 1, not 1.0",
        ),
        (
            {"input": {"freeze_vectors": True}},
            "input.freeze_vectors without input.vectors would freeze random numbers: give both",
        ),
    ],
)
def test_mistakes(given: dict[str, object], message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        Acceptor(TEXT, ANSWERS["class"][0], **given)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_predict_names_the_input_that_is_wrong() -> None:
    task = _task("class")
    with pytest.raises(RnnzooError, match="input 1: there is no token in ''"):
        task.predict(["a", ""])
    with pytest.raises(RnnzooError, match="give a list of inputs"):
        task.predict("a b")


def test_a_long_text_does_not_pad_the_short_ones() -> None:
    task, read = _task("class"), []
    task.network.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0].tokens.shape))
    texts = [" ".join("abc"[at % 3] * (1 + at % 4)) for at in range(600)]
    texts[100] = " ".join("cab" * 1000)
    together = task.predict(texts)
    assert sum(rows for rows, _ in read) == 600
    assert max(rows * steps for rows, steps in read) == 3000  # one text of 3,000 words, alone
    assert max(rows for rows, _ in read) == 256
    for at in (0, 1, 2, 3, 99, 100, 101, 598, 599):
        assert together[at].probabilities == pytest.approx(task.predict([texts[at]])[0].probabilities, rel=1e-4)


def test_weights_of_labels_that_are_numbers() -> None:
    """YAML reads {1: 2.0} with a number for a key."""
    answer = {"kind": "class", "labels": ["1", "2"]}
    task = Acceptor(TEXT, answer, class_weights={1: 2.0})  # type: ignore[dict-item]  # as YAML gives it
    assert task.network.head.class_weights.tolist() == [2.0, 1.0]
    assert task.hparams["class_weights"] == {"1": 2.0}


def test_a_learning_rate_that_cannot_be() -> None:
    task = _task("class", optimizer=partial(torch.optim.Adam, lr=-1.0))
    with pytest.raises(RnnzooError, match=r"^model\.optimizer: Invalid learning rate: -1\.0$"):
        task.configure_optimizers()
