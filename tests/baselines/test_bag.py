"""The bag of n-grams and the majority class, against scikit-learn and counting by hand."""

from __future__ import annotations

import random

import pytest
import torch

from rnnzoo.baselines.bag import BagOfNGrams
from rnnzoo.baselines.gram_features import EDGE, GramFeatures
from rnnzoo.baselines.majority import MajorityClass
from rnnzoo.errors import RnnzooError

Rows = list[list[str]]


def random_rows(rows: int, seed: int) -> tuple[Rows, list[int]]:
    """Classes show in pairs of tokens, not in single ones: 0 likes `ab`, 1 likes `ba`, 2 likes `cc`."""
    draw = random.Random(seed)
    labels = [draw.randrange(3) for _ in range(rows)]
    return [[*draw.choices("abcd", k=draw.randint(0, 3)), *("ab", "ba", "cc")[label]] for label in labels], labels


def grams_by_hand(row: list[str], orders: tuple[int, int]) -> set[tuple[object, ...]]:
    padded: list[object] = [EDGE, *row, EDGE]
    grams = {tuple(padded[i : i + n]) for n in range(orders[0], orders[1] + 1) for i in range(len(padded) - n + 1)}
    return grams - {(EDGE,)}


@pytest.mark.parametrize("orders", [(1, 1), (1, 2), (2, 3), (1, 4)])
def test_the_grams_of_a_row_are_those_that_counting_finds(orders: tuple[int, int]) -> None:
    train, _ = random_rows(30, 0)
    other = [*random_rows(20, 1)[0], [], ["z"], ["a", "z", "b"]]
    features = GramFeatures(train, orders)
    rows = [*train, *other]
    wanted: dict[tuple[object, ...], set[int]] = {}
    for number, row in enumerate(rows):
        for gram in grams_by_hand(row, orders):
            wanted.setdefault(gram, set()).add(number)
    wanted = {gram: where for gram, where in wanted.items() if min(where) < len(train)}  # those that training has
    found: dict[int, set[int]] = {}
    number = 0
    for bags in (features.bags, features.find(other)):
        ends = [*bags.offsets.tolist()[1:], len(bags.grams)]
        for start, end in zip(bags.offsets.tolist(), ends, strict=True):
            for gram in bags.grams[start:end].tolist():
                found.setdefault(gram, set()).add(number)
            own = [gram for gram, where in wanted.items() if number in where]
            assert end - start == len(own)
            assert bags.values[start:end].tolist() == pytest.approx([max(len(own), 1) ** -0.5] * len(own))
            number += 1
    assert number == len(rows)
    assert features.num_grams == len(wanted) + (orders[0] == 1)
    # The numbers stand for the grams one to one: in the same sets of rows.
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, wanted.values()))


def test_probabilities_are_those_of_scikit_learn() -> None:
    """The same objective by another optimiser: C = 1 / l2."""
    linear = pytest.importorskip("sklearn.linear_model")
    text = pytest.importorskip("sklearn.feature_extraction.text")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    rows, labels = random_rows(120, 2)
    others, _ = random_rows(40, 3)

    def grams(row: list[str]) -> list[str]:
        return sorted(map(str, grams_by_hand(row, (1, 2))))

    counter = text.CountVectorizer(analyzer=grams, binary=True)
    features = preprocessing.normalize(counter.fit_transform(rows).astype("float64"))
    oracle = linear.LogisticRegression(C=1 / 0.3, tol=1e-8, max_iter=2000).fit(features, labels)
    wanted = oracle.predict_log_proba(preprocessing.normalize(counter.transform(others).astype("float64")))
    found = BagOfNGrams(3).fit(rows, labels, l2=0.3).log_probs(others)
    torch.testing.assert_close(found, torch.from_numpy(wanted), atol=2e-4, rtol=0)
    assert found.exp().max() > 0.8


def test_pairs_tell_what_single_tokens_do_not() -> None:
    rows, labels = random_rows(400, 4)
    others, wanted = random_rows(200, 5)

    def accuracy(orders: tuple[int, int]) -> float:
        found = BagOfNGrams(3, orders).fit(rows, labels, l2=0.1).log_probs(others).argmax(-1)
        return (found == torch.tensor(wanted)).double().mean().item()

    assert accuracy((1, 2)) == 1  # the last pair and the edge after it
    assert accuracy((1, 1)) < 0.9


def test_the_penalty_is_the_best_on_other_rows() -> None:
    rows, labels = random_rows(60, 6)
    noisy = [random.Random(i).randrange(3) if i % 3 == 0 else label for i, label in enumerate(labels)]
    others, wanted = random_rows(80, 7)
    penalties = (100.0, 1.0, 0.001)
    found = {}
    for l2 in penalties:
        scores = BagOfNGrams(3).fit(rows, noisy, l2).log_probs(others)
        found[l2] = int((scores.argmax(-1) == torch.tensor(wanted)).sum())
    assert len(set(found.values())) > 1
    model = BagOfNGrams(3).fit_tuned(rows, noisy, others, wanted, penalties)
    assert model.l2 == max(penalties, key=lambda l2: found[l2])
    right = int((model.log_probs(others).argmax(-1) == torch.tensor(wanted)).sum())
    assert abs(right - max(found.values())) <= 1  # from another starting point


def test_a_row_without_known_grams_gets_the_bias() -> None:
    model = BagOfNGrams(2, (1, 1)).fit([["a"], ["a"], ["a"], ["b"]], [0, 0, 0, 1], l2=1e6)
    torch.testing.assert_close(
        model.log_probs([["z"], []]).exp(), torch.tensor([[0.75, 0.25]] * 2, dtype=torch.float64), atol=1e-3, rtol=0
    )


def test_rows_without_any_token_leave_the_shares_of_the_classes() -> None:
    found = BagOfNGrams(2, (1, 1)).fit([[], [], [], []], [0, 1, 1, 1]).log_probs([[], ["a"]]).exp()
    torch.testing.assert_close(found, torch.tensor([[0.25, 0.75]] * 2, dtype=torch.float64), atol=1e-4, rtol=0)


def test_majority_class() -> None:
    model = MajorityClass(3).fit([1, 1, 1, 0, 1])
    wanted = torch.tensor([2 / 8, 5 / 8, 1 / 8], dtype=torch.float64)
    torch.testing.assert_close(model.log_probs(4).exp(), wanted.expand(4, 3))


def test_mistakes_are_named() -> None:
    with pytest.raises(RnnzooError, match="1 <= shortest <= longest"):
        BagOfNGrams(2, (2, 1))
    with pytest.raises(RnnzooError, match="2 rows and 1 labels"):
        BagOfNGrams(2).fit([["a"], ["b"]], [0])
    with pytest.raises(RnnzooError, match="row 1 is of class 2"):
        BagOfNGrams(2).fit([["a"], ["b"]], [0, 2])
    with pytest.raises(RnnzooError, match="no training rows"):
        BagOfNGrams(2).fit([], [])
    with pytest.raises(RnnzooError, match="must be above 0"):
        BagOfNGrams(2).fit([["a"]], [0], l2=0.0)
    with pytest.raises(RnnzooError, match="fit the bag"):
        BagOfNGrams(2).log_probs([["a"]])
    with pytest.raises(RnnzooError, match="fit the majority"):
        MajorityClass(2).log_probs(1)
