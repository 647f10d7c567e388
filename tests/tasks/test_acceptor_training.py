"""Acceptors in a Trainer: the table of baselines and the report of classes against counting by hand."""

from __future__ import annotations

import csv
import random
from collections import Counter

import pytest
import torch

from rnnzoo.callbacks import ClassReporter
from rnnzoo.data import AcceptorDataModule, Example
from rnnzoo.encodings import SeriesEncoding, TextEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor

TOKENS = ["<unk>", *"abcd"]


class Letters(AcceptorDataModule):
    """Rows of letters; the label is the more frequent of a and b, which order does not tell."""

    def __init__(self, kind: str = "class", **given: int) -> None:
        super().__init__(**given)
        self.answer_kind = kind  # type: ignore[assignment]
        draw = random.Random(4)
        self.rows = [draw.choices("aabcd", k=draw.randint(2, 9)) for _ in range(260)]

    def target(self, row: list[str]) -> object:
        if self.answer_kind == "class":
            return "many" if row.count("a") > row.count("b") else "few" if row.count("a") else "none"
        if self.answer_kind == "labels":
            return [letter for letter in "abc" if letter in row]
        return [float(row.count("a")), float(len(row))]

    def read(self, split: str) -> list[Example]:
        part = {"train": slice(0, 160), "validation": slice(160, 200), "test": slice(200, 260)}[split]
        return [Example(row, self.target(row), f"row {at}") for at, row in enumerate(self.rows[part])]

    def fit_encoding(self, examples):  # type: ignore[no-untyped-def]
        return TextEncoding("whitespace", TOKENS)


def _task(data: AcceptorDataModule, **given: object) -> Acceptor:
    torch.manual_seed(0)
    stack = StackConfig(cell="gru", hidden_size=12)
    return Acceptor(
        data.encoding,
        data.answer,
        stack=stack,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.02),
        **given,  # type: ignore[arg-type]
    )


def _macro_f1(pairs: list[tuple[object, object]]) -> float:
    found = []
    for label in {label for pair in pairs for label in pair}:
        right = sum(a == b == label for a, b in pairs)
        found.append(2 * right / sum((a == label) + (b == label) for a, b in pairs))
    return sum(found) / len(found)


def test_the_table_is_what_counting_finds(make_trainer, tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = Letters(batch_size=16)
    task = _task(data)
    make_trainer(max_epochs=6).fit(task, datamodule=data)
    logged = make_trainer().test(task, datamodule=data, verbose=False)[0]
    before = torch.get_rng_state()
    table = task.compare(data)
    assert torch.equal(before, torch.get_rng_state())
    assert table.title == "Letters: 60 test examples"
    assert list(table.rows) == ["Acceptor", "majority class", "bag of 1-2-grams", "convolution"]

    test = data.examples("test")
    answers = [prediction.label for prediction in task.predict([example.inputs for example in test])]
    pairs = list(zip(answers, [example.target for example in test], strict=True))
    accuracy = sum(a == b for a, b in pairs) / len(pairs)
    assert table.rows["Acceptor"] == pytest.approx({"accuracy": accuracy, "f1": _macro_f1(pairs)}, rel=1e-6)
    assert logged["test/accuracy"] == pytest.approx(accuracy, rel=1e-6)
    commonest = Counter(example.target for example in data.examples("train")).most_common(1)[0][0]
    constant = [(commonest, example.target) for example in test]
    assert table.rows["majority class"] == pytest.approx(
        {"accuracy": sum(a == b for a, b in constant) / 60, "f1": _macro_f1(constant)}, rel=1e-6
    )
    for baseline in ("bag of 1-2-grams", "convolution"):  # which letters there are tells much of the label
        assert table.rows["majority class"]["accuracy"] + 0.1 < table.rows[baseline]["accuracy"] <= 1


def test_numbers_are_compared_with_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnzoo.tasks.convolution_baseline.STEPS", 120)
    data = Letters("value", batch_size=16)
    table = _task(data).compare(data)
    assert list(table.rows) == ["Acceptor", "mean", "convolution"]
    train = torch.tensor([example.target for example in data.examples("train")], dtype=torch.float64)
    errors = torch.tensor([example.target for example in data.examples("test")], dtype=torch.float64) - train.mean(0)
    assert table.rows["mean"] == pytest.approx(
        {"mse": errors.square().mean().item(), "mae": errors.abs().mean().item()}, rel=1e-5
    )
    assert table.rows["convolution"]["mse"] < table.rows["mean"]["mse"]


def test_several_labels_have_a_bag_each() -> None:
    data = Letters("labels", batch_size=16)
    table = _task(data, baselines=["constant", "bag"]).compare(data)
    assert list(table.rows) == ["Acceptor", "majority of each label", "bag of 1-2-grams"]
    train = [example.target for example in data.examples("train")]
    usual = {label for label in "abc" if sum(label in target for target in train) > 80}
    right = sum((label in usual) == (label in example.target) for example in data.examples("test") for label in "abc")
    assert table.rows["majority of each label"]["accuracy"] == pytest.approx(right / 180)
    assert table.rows["bag of 1-2-grams"]["accuracy"] > 0.95  # each label is one letter's presence


class Series(Letters):
    def read(self, split: str) -> list[Example]:
        return [
            Example([[float(TOKENS.index(letter))] for letter in example.inputs], example.target, example.place)
            for example in super().read(split)
        ]

    def fit_encoding(self, examples):  # type: ignore[no-untyped-def]
        return SeriesEncoding.fit([example.inputs for example in examples])


def test_series_have_no_bag_and_baselines_can_be_left_out() -> None:
    data = Series(batch_size=16)
    assert list(_task(data, baselines=["bag", "constant"]).compare(data).rows) == ["Acceptor", "majority class"]
    assert list(_task(data, baselines=[]).compare(data).rows) == ["Acceptor"]
    with pytest.raises(RnnzooError, match=r"unknown baseline in model\.baselines 'bags': did you mean 'bag'"):
        _task(data, baselines=["bags"])


def test_two_processes_compare_on_all_examples(make_trainer) -> None:  # type: ignore[no-untyped-def]
    """What one process would see as its share is not what the table is of."""
    data = Letters(batch_size=16)

    class Other:
        world_size, global_rank = 2, 0

    task = _task(data, baselines=["constant"])
    expected = task.compare(data)
    data.trainer = Other()  # type: ignore[assignment]
    assert task.compare(data) == expected
    assert isinstance(data.trainer, Other)


def test_classes_are_reported(make_trainer, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    data = Letters(batch_size=16)
    task = _task(data)
    trainer = make_trainer(max_epochs=2, callbacks=[ClassReporter()])
    trainer.fit(task, datamodule=data)
    for _ in range(2):  # a second test begins anew
        trainer.test(task, datamodule=data, verbose=False)
    test = data.examples("test")
    answers = [prediction.label for prediction in task.predict([example.inputs for example in test])]
    counts = Counter(zip([example.target for example in test], answers, strict=True))
    with (tmp_path / "confusion.csv").open() as file:
        heading, *rows = list(csv.reader(file))
    assert heading[1:] == data.labels == [row[0] for row in rows]
    for true, *row in rows:
        assert {label: int(count) for label, count in zip(data.labels, row, strict=True)} == {
            label: counts[true, label] for label in data.labels
        }
    with (tmp_path / "classes.csv").open() as file:
        for row in csv.DictReader(file):
            right = counts[row["class"], row["class"]]
            support = sum(count for (true, _), count in counts.items() if true == row["class"])
            assert int(row["support"]) == support
            assert float(row["recall"]) == pytest.approx(right / max(support, 1))
    printed = capsys.readouterr().out
    assert printed.count("true \\ predicted") == 2
    assert printed.splitlines()[0].split() == ["class", "precision", "recall", "f1", "support"]


def test_labels_are_reported_without_a_matrix(make_trainer, tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = Letters("labels", batch_size=16)
    task = _task(data)
    make_trainer(callbacks=[ClassReporter()]).test(task, datamodule=data, verbose=False)
    test = data.examples("test")
    said = [prediction.labels for prediction in task.predict([example.inputs for example in test])]
    with (tmp_path / "classes.csv").open() as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["a", "b", "c"]
    for label, row in rows.items():
        right = sum(label in found and label in example.target for found, example in zip(said, test, strict=True))
        predicted = sum(label in found for found in said)
        assert float(row["precision"]) == pytest.approx(right / max(predicted, 1))
        assert int(row["support"]) == sum(label in example.target for example in test)
    assert not (tmp_path / "confusion.csv").exists()


def test_numbers_have_no_report(make_trainer, tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = Letters("value", batch_size=16)
    make_trainer(callbacks=[ClassReporter()]).test(_task(data), datamodule=data, verbose=False)
    assert not list(tmp_path.glob("*.csv"))


def test_a_module_without_classes_is_refused(make_trainer) -> None:  # type: ignore[no-untyped-def]
    from lightning.pytorch.demos.boring_classes import BoringModel

    with pytest.raises(RnnzooError, match=r"ClassReporter needs BoringModel\.class_report"):
        make_trainer(callbacks=[ClassReporter()]).test(BoringModel(), verbose=False)


def test_wandb_gets_a_table_and_a_panel(make_trainer, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    wandb = pytest.importorskip("wandb")
    from lightning.pytorch.loggers import WandbLogger

    logged: dict[str, object] = {}

    class Run(wandb.sdk.lib.disabled.RunDisabled):  # type: ignore[misc, name-defined]
        def log(self, values: dict[str, object], *_: object, **__: object) -> None:
            logged.update(values)

    monkeypatch.setenv("WANDB_MODE", "disabled")
    data = Letters(batch_size=16)
    logger = WandbLogger(save_dir=str(tmp_path), experiment=None, offline=True)
    monkeypatch.setattr(type(logger), "experiment", property(lambda self: Run()))
    task = _task(data)
    make_trainer(callbacks=[ClassReporter(str(tmp_path))], logger=logger).test(task, datamodule=data, verbose=False)
    assert logged["test/classes"].columns == ["class", "precision", "recall", "f1", "support"]  # type: ignore[attr-defined]
    panel = logged["test/confusion"]
    assert panel.spec.spec_name == "wandb/confusion_matrix/v1"  # type: ignore[attr-defined]
    assert sum(row[2] for row in panel.table.data) == 60  # type: ignore[attr-defined]
