"""The report of classes against scikit-learn's, and what of it is shown."""

from __future__ import annotations

import random

import pytest
import torch

from rnnzoo.metrics.class_report import ClassReport
from rnnzoo.metrics.classification import ConfusionMatrix


def _report(count: int, seed: int = 0) -> tuple[ClassReport, list[int], list[int]]:
    draw = random.Random(seed)
    true = [draw.randrange(count) for _ in range(300)]
    predicted = [draw.choice([label, draw.randrange(count - 1)]) for label in true]  # the last is rarely predicted
    metric = ConfusionMatrix(count)
    metric.update(torch.tensor(predicted), torch.tensor(true))
    return ClassReport([f"class {at}" for at in range(count)], metric.scores(), metric.compute()), true, predicted


def test_scores_and_matrix_are_those_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    report, true, predicted = _report(5)
    expected = sklearn.classification_report(true, predicted, labels=range(5), output_dict=True, zero_division=0)
    for at, row in enumerate(report.class_rows()):
        wanted = expected[str(at)]
        assert row == {
            "class": f"class {at}",
            "precision": pytest.approx(wanted["precision"]),
            "recall": pytest.approx(wanted["recall"]),
            "f1": pytest.approx(wanted["f1-score"]),
            "support": wanted["support"],
        }
    heading, *rows = report.confusion_rows()
    assert heading[1:] == report.labels
    assert [row[1:] for row in rows] == sklearn.confusion_matrix(true, predicted).tolist()


def test_many_classes_show_what_is_confused_most() -> None:
    report, true, predicted = _report(12)
    pairs = [(a, b) for a, b in zip(true, predicted, strict=True) if a != b]
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    found = report.most_confused()
    assert [pair.times for pair in found] == sorted(counts.values(), reverse=True)[:10]
    for pair in found:
        assert counts[int(pair.true.split()[1]), int(pair.predicted.split()[1])] == pair.times
    lines = report.plain().splitlines()
    assert len(lines) == 1 + 12 + 1 + 10
    assert lines[13].split() == ["true", "predicted", "count"]


def test_nothing_confused_and_nothing_to_confuse() -> None:
    metric = ConfusionMatrix(12)
    metric.update(torch.arange(12), torch.arange(12))
    labels = [str(at) for at in range(12)]
    assert len(ClassReport(labels, metric.scores(), metric.compute()).plain().splitlines()) == 13
    alone = ClassReport(labels, metric.scores())
    assert alone.confusion_rows() == alone.most_confused() == []
