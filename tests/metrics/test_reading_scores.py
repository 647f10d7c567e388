"""Scores of what is read out of sequences, against scikit-learn, scipy and definitions written out."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.classification import ConfusionMatrix, MultiLabelF1
from rnnzoo.metrics.correlation import Pearson, Spearman
from rnnzoo.metrics.forecasting import MAE, MASE, RMSE, SMAPE, Coverage, GaussianNLL, naive_scale
from rnnzoo.metrics.retrieval import CorpusRetrieval, InBatchRetrieval, retrieval_ranks


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def classes(count: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(count, shape, generator=torch.Generator().manual_seed(seed))


# --- classes


def test_classes_are_scored_as_scikit_learn_does() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    predictions, targets = classes(6, 200), classes(5, 200, seed=1)  # class 5 is predicted and never true
    predictions[predictions == 3] = 2  # class 3 is true and never predicted; class 6 is neither
    metric = ConfusionMatrix(7)
    metric.update(predictions[:90].view(9, 10), targets[:90].view(9, 10))
    other = ConfusionMatrix(7)
    other.update(predictions[90:], targets[90:])
    metric.merge_state(other)
    labels = list(range(7))
    assert metric.compute().tolist() == sklearn.confusion_matrix(targets, predictions, labels=labels).tolist()
    wanted = sklearn.precision_recall_fscore_support(targets, predictions, labels=labels, zero_division=0)
    scores = metric.scores()
    for found, expected in zip(scores[:4], wanted, strict=True):
        assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-12)
    assert float(scores.macro_f1) == pytest.approx(sklearn.f1_score(targets, predictions, average="macro"))
    assert float(metric.accuracy()) == pytest.approx(sklearn.accuracy_score(targets, predictions))
    row = scores.rows("abcdefg")[1]
    assert row["class"] == "b"
    assert row["support"] == int((targets == 1).sum())
    with pytest.raises(RnnzooError, match="2 names for 7 classes"):
        scores.rows(["a", "b"])


def test_masked_places_do_not_count() -> None:
    metric = ConfusionMatrix(2)
    mask = torch.tensor([[True, False], [True, True]])
    metric.update(torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0, -7], [0, 1]]), mask)
    assert metric.compute().tolist() == [[1, 1], [0, 1]]


def test_several_labels_are_scored_as_scikit_learn_does() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    predictions, targets = numbers(60, 4) > 0.3, numbers(60, 4, seed=1) > 0.5
    predictions[:30] = targets[:30]
    predictions[0, 0] = ~predictions[0, 0]
    first, second = MultiLabelF1(4), MultiLabelF1(4)
    first.update(predictions[:17], targets[:17])
    second.update(predictions[17:], targets[17:])
    first.merge_state(second)
    scores = first.compute()
    assert float(scores["micro_f1"]) == pytest.approx(sklearn.f1_score(targets, predictions, average="micro"))
    assert float(scores["macro_f1"]) == pytest.approx(sklearn.f1_score(targets, predictions, average="macro"))
    assert float(scores["exact_match"]) == pytest.approx(sklearn.accuracy_score(targets, predictions))
    assert first.scores().f1.tolist() == pytest.approx(sklearn.f1_score(targets, predictions, average=None).tolist())


# --- forecasts


def test_errors_of_forecasts_by_their_definitions() -> None:
    forecasts, targets = numbers(7, 3, 2), numbers(7, 3, 2, seed=1)
    train = numbers(40, 2, seed=2)
    pairs = list(zip(forecasts.flatten().tolist(), targets.flatten().tolist(), strict=True))
    scale = [sum(abs(float(train[t, d] - train[t - 3, d])) for t in range(3, 40)) / 37 for d in range(2)]
    assert naive_scale(train, 3).tolist() == pytest.approx(scale)
    wanted = {
        MAE: sum(abs(y - f) for f, y in pairs) / len(pairs),
        RMSE: math.sqrt(sum((y - f) ** 2 for f, y in pairs) / len(pairs)),
        SMAPE: sum(200 * abs(y - f) / (abs(y) + abs(f)) for f, y in pairs) / len(pairs),
        MASE: sum(abs(y - f) / scale[i % 2] for i, (f, y) in enumerate(pairs)) / len(pairs),
    }
    for kind, expected in wanted.items():
        first, second = (MASE(naive_scale(train, 3)) if kind is MASE else kind() for _ in range(2))
        first.update(forecasts[:2], targets[:2])
        second.update(forecasts[2:], targets[2:])
        first.merge_state(second)
        assert float(first.compute()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", [MAE, RMSE, SMAPE, lambda: MASE(torch.tensor([2.0, 3.0]))])
def test_masked_steps_do_not_count_whatever_stands_there(kind: type[MAE]) -> None:
    forecasts, targets = numbers(2, 3, 2), numbers(2, 3, 2, seed=1)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    targets[~mask] = torch.nan
    masked, plain = kind(), kind()
    masked.update(forecasts, targets, mask)
    plain.update(forecasts[mask], targets[mask])
    assert float(masked.compute()) == pytest.approx(float(plain.compute()), rel=1e-12)


def test_a_seasonal_naive_forecast_of_the_training_series_has_a_scaled_error_of_one() -> None:
    series = numbers(50)
    metric = MASE(naive_scale(series, 4))
    metric.update(series[:-4], series[4:])
    assert float(metric.compute()) == pytest.approx(1, rel=1e-12)


def test_a_series_without_a_scale_is_refused() -> None:
    with pytest.raises(RnnzooError, match="above 0"):
        MASE(naive_scale(torch.ones(5)))
    with pytest.raises(RnnzooError, match="4 steps has no difference over 4"):
        naive_scale(torch.ones(4), 4)


def test_normal_forecasts_against_scipy() -> None:
    means, deviations, targets = numbers(30, 2), numbers(30, 2, seed=1).exp(), numbers(30, 2, seed=2)
    nll, coverage = GaussianNLL(), Coverage(0.6)
    for rows in (slice(11), slice(11, 30)):
        nll.update(means[rows], deviations[rows], targets[rows])
        coverage.update(means[rows], deviations[rows], targets[rows])
    expected = -stats.norm.logpdf(targets.numpy(), means.numpy(), deviations.numpy()).mean()
    assert float(nll.compute()) == pytest.approx(expected, rel=1e-12)
    low, high = stats.norm.interval(0.6, means.numpy(), deviations.numpy())
    inside = (low <= targets.numpy()) & (targets.numpy() <= high)
    assert 0.1 < inside.mean() < 0.9
    assert float(coverage.compute()) == pytest.approx(inside.mean(), rel=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_an_interval_of_the_true_distribution_covers_what_it_says(level: float) -> None:
    metric = Coverage(level)
    quantiles = torch.special.ndtri((torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000)
    metric.update(torch.full((10_000,), 3.0), torch.full((10_000,), 2.0), 3 + 2 * quantiles)
    assert float(metric.compute()) == pytest.approx(level, abs=2e-4)


# --- correlation


@pytest.mark.parametrize(("kind", "oracle"), [(Spearman, stats.spearmanr), (Pearson, stats.pearsonr)])
@pytest.mark.parametrize("values", [5, 10**6], ids=["ties", "no ties"])
def test_correlations_are_those_of_scipy(kind: type[Pearson], oracle: object, values: int) -> None:
    x = classes(values, 80).double()
    y = x / 2 + classes(values, 80, seed=1)
    first, second = kind(), kind()
    first.update(x[:30], y[:30])
    second.update(x[30:], y[30:])
    first.merge_state(second)
    assert callable(oracle)
    assert float(first.compute()) == pytest.approx(oracle(x.numpy(), y.numpy()).statistic, rel=1e-12)


# --- retrieval


def ranks_by_sorting(scores: Tensor, keys: list[int]) -> list[int]:
    """Each row's own item in the list of different items, best first; equal scores before it."""
    ranks = []
    for own, row in enumerate(scores.tolist()):
        rivals = [score for score, key in zip(row, keys, strict=True) if key != keys[own]]
        ranks.append(1 + len([score for score in rivals if score >= row[own]]))
    return ranks


def test_retrieval_over_the_batch_and_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnzoo.metrics.retrieval.QUERIES", 7)
    items, keys = numbers(40, 6), classes(30, 40, seed=1)
    items[1] = items[0]  # a tie between different items
    keys[:2] = torch.tensor([100, 101])
    queries = items + 1.5 * numbers(40, 6, seed=2)
    ranks = ranks_by_sorting(queries @ items.t(), keys.tolist())
    assert len(set(ranks)) > 5
    first, second = CorpusRetrieval((1, 3)), CorpusRetrieval((1, 3))
    first.update(queries[:25], items[:25], keys[:25])
    second.update(queries[25:], items[25:], keys[25:])
    second.merge_state(first)
    wanted = {"recall@1": ranks.count(1) / 40, "recall@3": sum(rank <= 3 for rank in ranks) / 40}
    wanted["mrr"] = sum(1 / rank for rank in ranks) / 40
    assert {name: float(score) for name, score in second.compute().items()} == pytest.approx(wanted, rel=1e-12)

    ranks = []
    first, second = InBatchRetrieval((1, 3)), InBatchRetrieval((1, 3))
    for metric, rows in ((first, slice(0, 10)), (second, slice(10, 22)), (first, slice(22, 40))):
        metric.update(queries[rows], items[rows], keys[rows])
        ranks += ranks_by_sorting(queries[rows] @ items[rows].t(), keys[rows].tolist())
    first.merge_state(second)
    wanted = {"recall@1": ranks.count(1) / 40, "recall@3": sum(rank <= 3 for rank in ranks) / 40}
    wanted["mrr"] = sum(1 / rank for rank in ranks) / 40
    assert {name: float(score) for name, score in first.compute().items()} == pytest.approx(wanted, rel=1e-12)


def test_vectors_that_are_all_the_same_retrieve_nothing() -> None:
    same = torch.ones(9, 4)
    assert retrieval_ranks(same, same, torch.arange(9)).tolist() == [9] * 9


@pytest.mark.parametrize("kind", [InBatchRetrieval, CorpusRetrieval])
@pytest.mark.parametrize("ks", [(), (0, 1)])
def test_recall_needs_a_place(kind: type[InBatchRetrieval], ks: tuple[int, ...]) -> None:
    with pytest.raises(RnnzooError, match="recall@k"):
        kind(ks)
