"""The generator as a task: its conditions, its loss by hand, its texts from a checkpoint alone, its table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rnnzoo.batches import WritingBatch
from rnnzoo.data import ConditionedTextDataModule
from rnnzoo.encodings.conditions import ClassCondition, NoCondition, VectorCondition, build_condition
from rnnzoo.errors import RnnzooError
from rnnzoo.tasks import Generator, SequenceTask
from rnnzoo.testing.tasks import check_task

TEXT = {"kind": "text", "tokenizer": "character", "vocabulary": ["<unk>", "<eos>", "a", "b", "c"]}
CLASSES = {"kind": "class", "labels": ["x", "y", "z"]}
VECTORS = {"kind": "vector", "mean": [1.0, 0.0], "scale": [2.0, 1.0]}
TARGETS = torch.tensor([[2, 3, 4, 1], [4, 1, 0, 0], [0, 0, 0, 0]])
LENGTHS = torch.tensor([4, 2, 0])
SOURCES: dict[str, Any] = {
    "class": torch.tensor([0, 2, 1]),
    "vector": torch.tensor([[0.1, 0.2], [1.0, -1.0], [0.0, 0.0]]),
    "none": None,
}
CONDITIONS: dict[str, dict[str, Any]] = {"class": CLASSES, "vector": VECTORS, "none": {"kind": "none"}}


def _batch(kind: str) -> WritingBatch:
    inputs = torch.cat((torch.ones(3, 1, dtype=torch.long), TARGETS[:, :-1]), 1)
    return WritingBatch(SOURCES[kind], inputs, TARGETS, LENGTHS)


def _task(kind: str, decoder: dict[str, Any] | None = None, **given: Any) -> Generator:
    torch.manual_seed(0)
    config = {"stack": {"cell": "gru", "hidden_size": 4}, "bridge": "learned" if kind == "none" else "projected"}
    return Generator(CONDITIONS[kind], TEXT, config | (decoder or {}), max_length=5, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["class", "vector", "none"])
def test_contract(kind: str) -> None:
    check_task(_task(kind, {} if kind == "none" else {"concatenate": "both"}), _batch(kind))


def test_loss_is_that_of_each_row_alone_by_torch() -> None:
    task, batch, expected = _task("vector"), _batch("vector"), 0.0
    decoder = task.network.decoder
    gru = nn.GRU(4, 4, batch_first=True)
    for name, value in decoder.stack.cells[0].named_parameters():
        getattr(gru, f"{name}_l0").data.copy_(value)
    for row, length in ((0, 4), (1, 2)):
        start = torch.tanh(decoder.bridge.linear(batch.source[row]))
        outputs, _ = gru(decoder.embedding.weight[batch.inputs[row, :length]][None], start[None, None])
        log_probs = torch.log_softmax(outputs[0] @ decoder.head.weight.T + decoder.head.bias, -1)
        expected -= sum(log_probs[t, TARGETS[row, t]].item() for t in range(length))
    with task.evaluating():
        loss_sum, count = task.batch_loss(batch, "val")
    assert loss_sum.item() == pytest.approx(expected, rel=1e-5)
    assert count.item() == 6


@pytest.mark.parametrize(("kind", "raw"), [("class", ["y", "x"]), ("vector", [[0.5, 2], (1, 1)]), ("none", [None] * 2)])
def test_writes_from_a_checkpoint_alone(kind: str, raw: list[Any], tmp_path: Path, make_trainer: Any) -> None:
    task = _task(kind)
    trainer = make_trainer()
    trainer.strategy.connect(task)
    trainer.save_checkpoint(tmp_path / "x.ckpt", weights_only=True)
    loaded: Any = SequenceTask.load_from_checkpoint(tmp_path / "x.ckpt")
    assert loaded.predict(raw, beam_size=3) == [task.predict([one], beam_size=3)[0] for one in raw]
    assert loaded.sample(raw, 4, seed=3) == task.sample(raw, 4, seed=3)
    assert loaded.generate("ab", seed=1, condition=raw[0]).startswith("ab")
    assert loaded.generate(seed=5) == task.generate(seed=5)


def test_samples_are_drawn_from_the_model() -> None:
    """The frequency of first characters among many draws is the softmax of the first step."""
    task = _task("class")
    texts = task.sample(["y"], num_return=20000, seed=1, max_length=1)[0]
    with task.evaluating():
        output = task.network(torch.tensor([1]), torch.tensor([[1]]))
        expected = task.network.decoder.log_probs(output)[0, 0].exp()
    for at, token in ((2, "a"), (3, "b"), (4, "c"), (1, "")):
        p = expected[at].item()
        assert texts.count(token) / 20000 == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 20000))


def test_conditions() -> None:
    fitted = VectorCondition.fit([[1.0, 5.0], [3.0, 5.0]])
    assert fitted.config() == {"kind": "vector", "mean": [2.0, 5.0], "scale": [1.0, 1.0]}
    for condition in (fitted, ClassCondition(["x", "y"]), NoCondition()):
        again = build_condition(condition.config())
        assert again.config() == condition.config()
    with pytest.raises(RnnzooError, match="condition 1: unknown class 'w'"):
        ClassCondition(["x", "y"]).encode(["x", "w"])
    for wrong in ([1.0], [1.0, float("nan")], "ab", None):
        with pytest.raises(RnnzooError, match="condition 1: 2 numbers are expected"):
            fitted.encode([[1.0, 2.0], wrong])
    with pytest.raises(RnnzooError, match="condition 0: this model writes from nothing"):
        NoCondition().encode(["x"])
    with pytest.raises(RnnzooError, match="at least two different classes"):
        ClassCondition(["x", "x"])


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("none", {"decoder": {"bridge": "projected"}}, "nothing is written from"),
        ("vector", {"class_size": 3}, "class_size is the width of a class's embedding"),
        ("class", {"decoder": {"bridge": "zero"}}, "the condition would do nothing"),
        ("class", {"decoder": {"attention": "dot"}}, "has nothing to attend to"),
        ("class", {"max_length": 0}, "max_length"),
    ],
)
def test_mistakes(kind: str, given: dict[str, Any], message: str) -> None:
    decoder = given.pop("decoder", {})
    if given.pop("max_length", None) == 0:
        with pytest.raises(RnnzooError, match="max_length must be at least 1, not 0"):
            _task(kind).sample(["x"], max_length=0)
        return
    with pytest.raises(RnnzooError, match=message):
        _task(kind, decoder, **given)


@pytest.fixture
def texts(tmp_path: Path) -> ConditionedTextDataModule:
    rows = "".join(f"{'aab' if label == 'x' else 'bba'}\t{label}\n" for label in "xy" * 20)
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.tsv").write_text(f"text\tlabel\n{rows}")
    return ConditionedTextDataModule(*([str(tmp_path / f"{split}.tsv")] for split in ("train", "validation", "test")))


def test_what_depends_on_the_condition_is_learned(texts: ConditionedTextDataModule, make_trainer: Any) -> None:
    """The condition decides the text: perplexity 1; without it 2^(1/4) at best, one bit in four tokens."""
    task = Generator(
        texts.condition,
        texts.target_encoding,
        {"stack": {"cell": "gru", "hidden_size": 16}},  # type: ignore[arg-type]
        optimizer=lambda groups: torch.optim.Adam(groups, lr=0.03),
    )
    make_trainer(max_epochs=20).fit(task, texts)
    assert task.predict(["x", "y"]) == ["aab", "bba"]
    rows = task.compare(texts).rows  # type: ignore[union-attr]
    assert rows["Generator"]["perplexity"] < 1.05
    assert rows["Generator, conditions exchanged"]["perplexity"] > 2
    assert 2**0.25 <= rows["Kneser-Ney 6-gram, no condition"]["perplexity"] < 1.35
    assert rows["unigram, add-1, no condition"]["perplexity"] == pytest.approx(
        math.exp(-(math.log(61 / 164) * 60 * 2 + math.log(41 / 164) * 40) / 160)
    )


@pytest.mark.parametrize(
    ("rows", "kind", "columns", "message"),
    [
        ("aab\t\n", "class", ["label"], "train.tsv:2: the label is empty"),
        ("\tx\n", "class", ["label"], "train.tsv:2: the text is ''"),
        ("a\tx\na\ty\na\tred\n", "vector", ["label"], "is no number"),
        ("a\tx\n", "class", ["label", "text"], "a class stands in one column"),
        ("a\tx\n", "vector", [], "a vector in one or several"),
        ("a\tx\n", "sound", ["label"], "unknown data.condition_kind 'sound'"),
    ],
)
def test_mistakes_of_the_files(rows: str, kind: Any, columns: list[Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(f"text\tlabel\n{rows}")
    with pytest.raises(RnnzooError, match=message):
        ConditionedTextDataModule(
            [str(tmp_path / "train.tsv")],
            fractions=[0.8, 0.1, 0.1],
            condition_kind=kind,
            condition_columns=columns,
        ).read_file(str(tmp_path / "train.tsv"))


def test_a_class_that_training_lacks_is_named(texts: ConditionedTextDataModule, tmp_path: Path) -> None:
    (tmp_path / "test.tsv").write_text("text\tlabel\naab\tx\naab\tw\n")
    with pytest.raises(RnnzooError, match=r"test\.tsv:3: unknown class 'w'"):
        texts.test_dataloader()
