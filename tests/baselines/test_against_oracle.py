"""Each smoothing against the recursion of its paper, in exact fractions."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest
import torch
from chen_goodman import Corpus, histories
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.baselines import AddDelta, KneserNey, ModifiedKneserNey, NGram, StupidBackoff

Oracle = Callable[[Corpus, tuple[object, ...], int], Fraction]


def normalised_stupid(corpus: Corpus, history: tuple[object, ...], word: int) -> Fraction:
    scores = [corpus.stupid_score(history, w, Fraction(2, 5)) for w in range(corpus.vocabulary_size)]
    return scores[word] / sum(scores)


CASES: dict[str, tuple[type[NGram], dict[str, float], Oracle]] = {
    "kneser_ney": (KneserNey, {}, lambda corpus, h, w: corpus.kneser_ney(h, w, modified=False)),
    "modified_kneser_ney": (ModifiedKneserNey, {}, lambda corpus, h, w: corpus.kneser_ney(h, w, modified=True)),
    "add_delta": (AddDelta, {"delta": 0.25}, lambda corpus, h, w: corpus.add_delta(h, w, Fraction(1, 4))),
    "stupid_backoff": (StupidBackoff, {"alpha": 0.4}, normalised_stupid),
}


def zipf_stream(length: int, vocabulary_size: int, seed: int) -> list[int]:
    """Ids of which few are frequent and half depend on those before them, so that every order has something to say."""
    generator = torch.Generator().manual_seed(seed)
    weights = 1 / torch.arange(1, vocabulary_size + 1, dtype=torch.float64) ** 1.2
    ids = torch.multinomial(weights, length, replacement=True, generator=generator)
    copy = torch.rand(length, generator=generator) < 0.5
    return [
        int(ids[t] if t < 3 or not copy[t] else (ids[t - 1] * 3 + ids[t - 3]) % vocabulary_size) for t in range(length)
    ]


def expected(oracle: Oracle, corpus: Corpus, ids: Sequence[int], end: int | None) -> torch.Tensor:
    known: dict[tuple[tuple[object, ...], int], float] = {}
    pairs = histories(ids, end, corpus.order)
    for pair in pairs:
        if pair not in known:
            known[pair] = float(oracle(corpus, *pair))
    return torch.tensor([known[pair] for pair in pairs], dtype=torch.float64).log()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("end", [None, 2])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_token_log_probs_on_a_stream(name: str, end: int | None, order: int) -> None:
    kind, options, oracle = CASES[name]
    train, test = zipf_stream(1500, 12, seed=0), zipf_stream(80, 14, seed=1)
    model = kind(order, 14, sentence_end=end, **options).fit(torch.tensor(train))
    corpus = Corpus(train, order, 14, end)
    torch.testing.assert_close(
        model.token_log_probs(torch.tensor(test)), expected(oracle, corpus, test, end), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("modified", [False, True])
def test_the_stream_above_reaches_the_estimated_discounts(modified: bool) -> None:
    """Else the test above would see the fallback only (which order 1 takes: 12 ids have few counts of counts)."""
    corpus = Corpus(zipf_stream(1500, 12, seed=0), 5, 14, 2)
    fallback = corpus.discounts(0, modified)
    assert all(corpus.discounts(k, modified) != fallback for k in (2, 3, 4, 5))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", CASES)
def test_tiny_streams(name: str, data: st.DataObject) -> None:
    """All the ends: one token, an order longer than the stream, empty sentences, unseen ids and contexts."""
    kind, options, oracle = CASES[name]
    vocabulary_size = data.draw(st.integers(1, 4))
    stream = st.lists(st.integers(0, vocabulary_size - 1), min_size=1, max_size=14)
    train, test = data.draw(stream), data.draw(stream)
    order = data.draw(st.integers(1, 4))
    end = data.draw(st.none() | st.integers(0, vocabulary_size - 1))
    model = kind(order, vocabulary_size, sentence_end=end, **options).fit(torch.tensor(train))
    found = model.token_log_probs(torch.tensor(test))
    corpus = Corpus(train, order, vocabulary_size, end)
    torch.testing.assert_close(found, expected(oracle, corpus, test, end), rtol=1e-11, atol=1e-12)
    for place in range(len(test)):
        distribution = model.distribution(test[:place])
        assert abs(float(distribution.sum()) - 1) < 1e-12
        assert float(distribution.min()) > 0
        torch.testing.assert_close(distribution[test[place]].log(), found[place], rtol=1e-12, atol=1e-12)


def test_ids_of_a_vocabulary_of_two_thousand_millions() -> None:
    """(2^31)^5 is no int64: grams are numbered order by order, not packed whole."""
    size = 2**31
    small = zipf_stream(200, 8, seed=3)
    stretched = [symbol * ((size - 1) // 7) for symbol in small]
    model = KneserNey(5, size).fit(torch.tensor(stretched))
    corpus = Corpus(small, 5, size, None)
    wanted = expected(CASES["kneser_ney"][2], corpus, small, None)
    torch.testing.assert_close(model.token_log_probs(torch.tensor(stretched)), wanted, rtol=1e-12, atol=1e-12)


def test_stupid_scores_are_those_of_the_paper() -> None:
    train, test = zipf_stream(300, 8, seed=4), zipf_stream(60, 9, seed=5)
    model = StupidBackoff(3, 9, sentence_end=1, alpha=0.4).fit(torch.tensor(train))
    corpus = Corpus(train, 3, 9, 1)
    wanted = expected(lambda c, h, w: c.stupid_score(h, w, Fraction(2, 5)), corpus, test, 1)
    torch.testing.assert_close(model.token_log_scores(torch.tensor(test)), wanted, rtol=1e-12, atol=1e-12)
