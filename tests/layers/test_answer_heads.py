"""The heads' losses against formulas in float64, number by number."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.answer_heads import ClassificationHead, GaussianHead, MultiLabelHead, RegressionHead

FEATURES = torch.randn(5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
CLASSES = torch.tensor([0, 2, 3, 3, 1])
MASK = torch.tensor([True, True, False, True, True])
REAL = [0, 1, 3, 4]


def _double(head):  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    return head.double()


def _scores(weight: Tensor, bias: Tensor, row: int) -> list[float]:
    return [
        math.fsum(w * x for w, x in zip(weights, FEATURES[row].tolist(), strict=True)) + b
        for weights, b in zip(weight.tolist(), bias.tolist(), strict=True)
    ]


def _log_softmax(scores: list[float]) -> list[float]:
    total = math.log(math.fsum(map(math.exp, scores)))
    return [score - total for score in scores]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [1.0, 0.5, 2.0, 0.0]])
def test_classification(smoothing: float, weights: list[float] | None) -> None:
    head = _double(ClassificationHead(3, 4, smoothing, weights))
    plain = trained = count = 0.0
    for row in REAL:
        log_probs = _log_softmax(_scores(head.linear.weight, head.linear.bias, row))
        target = int(CLASSES[row])
        weight = weights[target] if weights else 1.0
        plain -= log_probs[target]
        trained += weight * (-(1 - smoothing) * log_probs[target] - smoothing / 4 * math.fsum(log_probs))
        count += weight
    loss, counted = head.train().loss(FEATURES, CLASSES, MASK)
    assert loss.item() == pytest.approx(trained, rel=1e-12)
    assert counted.item() == pytest.approx(count)
    loss, counted = head.eval().loss(FEATURES, CLASSES, MASK)
    assert loss.item() == pytest.approx(plain, rel=1e-12)
    assert counted.item() == 4


def test_several_labels() -> None:
    head = _double(MultiLabelHead(3, 2))
    targets = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    expected = 0.0
    for row in REAL:
        for score, target in zip(
            _scores(head.linear.weight, head.linear.bias, row), targets[row].tolist(), strict=True
        ):
            p = 1 / (1 + math.exp(-score))
            expected -= math.log(p if target else 1 - p)
    loss, count = head.loss(FEATURES, targets, MASK)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert count.item() == 4
    assert head.log_probs(FEATURES).exp()[0].tolist() == pytest.approx(
        [1 / (1 + math.exp(-score)) for score in _scores(head.linear.weight, head.linear.bias, 0)]
    )


NUMBERS = torch.randn(5, 2, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


def test_numbers() -> None:
    head = _double(RegressionHead(3, 2))
    errors = [
        (score - target) ** 2
        for row in REAL
        for score, target in zip(_scores(head.linear.weight, head.linear.bias, row), NUMBERS[row].tolist(), strict=True)
    ]
    loss, count = head.loss(FEATURES, NUMBERS, MASK)
    assert loss.item() == pytest.approx(math.fsum(errors), rel=1e-12)
    assert count.item() == 8
    assert head.loss(FEATURES, NUMBERS)[1].item() == 10
    single = torch.zeros(5, 2, dtype=torch.bool)
    single[2, 1] = single[REAL[0], 0] = True  # a mask of each number
    found = head(FEATURES)
    expected = (found[2, 1] - NUMBERS[2, 1]) ** 2 + (found[REAL[0], 0] - NUMBERS[REAL[0], 0]) ** 2
    loss, count = head.loss(FEATURES, NUMBERS, single)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    assert count.item() == 2


def test_normal_distributions() -> None:
    head = _double(GaussianHead(3, 2))
    expected = 0.0
    for row in REAL:
        *means, raw_a, raw_b = _scores(head.linear.weight, head.linear.bias, row)
        for mean, raw, target in zip(means, (raw_a, raw_b), NUMBERS[row].tolist(), strict=True):
            deviation = math.log1p(math.exp(raw)) + 1e-4
            density = math.exp(-0.5 * ((target - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
            expected -= math.log(density)
    assert head.loss(FEATURES, NUMBERS, MASK)[0].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ({"class_weights": [1.0]}, "class_weights must be 4 numbers"),
        ({"class_weights": [1.0, 1.0, -1.0, 1.0]}, "class_weights must be 4 numbers of at least 0"),
    ],
)
def test_mistakes(given: dict[str, object], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        ClassificationHead(3, 4, **given)  # type: ignore[arg-type]
