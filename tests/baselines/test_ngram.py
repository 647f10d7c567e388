"""n-gram models: numbers worked by hand, distributions, samples, refusals."""

import re
from collections import Counter

import pytest
import torch

from rnnzoo.baselines import SMOOTHINGS, AddDelta, KneserNey, ModifiedKneserNey, build_ngram
from rnnzoo.errors import RnnzooError

# two sentences: a b </s>, a c </s>
A, B, C, END = range(4)
SENTENCES = torch.tensor([A, B, END, A, C, END])


def test_kneser_ney_by_hand_with_sentences() -> None:
    """Order 3, as SRILM counts: "<s> a" keeps its count 2 on order 2, where its continuation count would be 0.

    Order 1 continuation counts: a 1, b 1, c 1, </s> 2, so D = 3/5 and p(a) = p(b) = p(c) = 0.4/5 + 0.6*4/5/4 = 0.2,
    p(</s>) = 0.4. Order 2: "<s> a" 2 and four of 1, D = 4/6: p(a | <s>) = (4/3)/2 + (2/3)/2 * 0.2 = 11/15;
    p(b | a) = (1/3)/2 + 2/3 * 0.2 = 0.3; p(</s> | b) = 1/3 + 2/3 * 0.4 = 0.6. Order 3: four of 1, none of 2, so
    D = 1/2: p(b | <s> a) = 0.5/2 + 0.5 * 0.3 = 0.4; p(</s> | a b) = 0.5 + 0.5 * 0.6 = 0.8.
    """
    model = KneserNey(3, 4, sentence_end=END).fit(SENTENCES)
    found = model.token_log_probs(torch.tensor([A, B, END, A, B, END])).exp()
    torch.testing.assert_close(found, torch.tensor([11 / 15, 0.4, 0.8] * 2, dtype=torch.float64))
    torch.testing.assert_close(model.distribution()[A], found[0])
    torch.testing.assert_close(model.distribution([C, C, END])[A], found[0])  # nothing before </s> is looked at


def test_kneser_ney_by_hand_in_a_stream() -> None:
    """Order 2 without sentences: </s> a is a bigram like others, and the first token has no history.

    Order 2 counts: ab, b</s>, </s>a, ac, c</s> once each, so D = 1/2. Order 1: a 1, b 1, c 1, </s> 2, as above.
    """
    model = KneserNey(2, 4).fit(SENTENCES)
    found = model.token_log_probs(torch.tensor([A, B, END, A])).exp()
    wanted = [0.2, 0.5 / 2 + 0.5 * 0.2, 0.5 + 0.5 * 0.4, 0.5 + 0.5 * 0.2]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


def test_modified_discounts_by_hand() -> None:
    """n1..n4 = 4, 2, 1, 1: Y = 1/2, D1 = 1 - 2*2/8 = 1/2, D2 = 2 - 3/4 = 5/4, D3+ = 3 - 4/2 = 1."""
    found = ModifiedKneserNey(2, 9).discounts(torch.tensor([1, 1, 1, 1, 2, 2, 3, 4]))
    torch.testing.assert_close(found, torch.tensor([0, 0.5, 1.25, 1.0], dtype=torch.float64))


@pytest.mark.parametrize(
    "counts",
    [
        [5, 5, 5],  # no count of 1 to 4 at all
        [1, 1, 2, 3],  # n4 = 0
        [1, 2, 3] + [4] * 20,  # D3+ = 3 - 4 * (1/3) * 20 < 0
    ],
)
def test_discounts_fall_back_where_counts_say_nothing(counts: list[int]) -> None:
    found = ModifiedKneserNey(2, 9).discounts(torch.tensor(counts))
    assert found.tolist() == [0, 0.5, 1, 1.5]


@pytest.mark.parametrize("counts", [[5, 5], [1, 1, 3], [2, 2]])
def test_one_discount_falls_back(counts: list[int]) -> None:
    assert KneserNey(2, 9).discounts(torch.tensor(counts)).tolist() == [0, 0.5]


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("end", [None, 0])
def test_distributions_sum_to_one(smoothing: str, end: int | None) -> None:
    generator = torch.Generator().manual_seed(0)
    size = 50
    ids = (torch.randn(5000, generator=generator).abs() * 12).long().clamp(max=size - 2)  # id 49 is never seen
    model = build_ngram(smoothing, 4, size, sentence_end=end).fit(ids)
    seen = [ids[start : start + length].tolist() for start in range(0, 4000, 400) for length in (0, 1, 2, 3, 9)]
    unseen = torch.randint(size, (20, 4), generator=generator).tolist()
    for context in [*seen, *unseen, [49], [49, 49, 49], [3, 49]]:
        distribution = model.distribution(context)
        assert distribution.shape == (size,)
        assert abs(float(distribution.sum()) - 1) < 1e-12, context
        assert float(distribution.min()) > 0, context


def test_a_wide_vocabulary_sums_to_one() -> None:
    ids = torch.randint(30_000, (20_000,), generator=torch.Generator().manual_seed(0))
    model = ModifiedKneserNey(5, 33_278).fit(ids)
    for context in ([], ids[:4].tolist(), [33_277]):
        assert abs(float(model.distribution(context).sum()) - 1) < 1e-12


def test_histories_do_not_cross_the_end() -> None:
    """The same line has the same probability whatever line came before."""
    model = KneserNey(4, 4, sentence_end=END).fit(SENTENCES)
    line = [A, B, END]
    first = model.token_log_probs(torch.tensor([*line, C, C, END, *line]))
    torch.testing.assert_close(first[:3], first[-3:], rtol=0, atol=0)
    stream = KneserNey(4, 4).fit(SENTENCES).token_log_probs(torch.tensor([*line, C, C, END, *line]))
    assert float((stream[:3] - stream[-3:]).abs().max()) > 0.01


def test_fit_again_forgets() -> None:
    twice = KneserNey(3, 4).fit(torch.tensor([A, A, A, B])).fit(SENTENCES)
    once = KneserNey(3, 4).fit(SENTENCES)
    torch.testing.assert_close(twice.distribution([A]), once.distribution([A]), rtol=0, atol=0)


def test_samples_are_as_frequent_as_they_are_probable() -> None:
    """Pearson's chi-square of the ids that follow each id, at 3 degrees of freedom each: below its 99.9 % point."""
    model = KneserNey(2, 4).fit(torch.tensor([0, 1, 2, 3, 0, 1, 0, 2, 2, 1, 3, 3, 0, 1, 1]))
    drawn = model.sample(3000, seed=0, context=[0])
    pairs = Counter(zip([0, *drawn], drawn, strict=False))
    for context in range(4):
        total = sum(pairs[context, w] for w in range(4))
        wanted = model.distribution([context]) * total
        assert total > 300
        chi_square = sum((pairs[context, w] - float(wanted[w])) ** 2 / float(wanted[w]) for w in range(4))
        assert chi_square < 16.27, (context, chi_square)


def test_temperature_is_an_exponent() -> None:
    model = AddDelta(1, 3).fit(torch.tensor([0, 0, 0, 0, 0, 1, 1]))  # p = 0.6, 0.3, 0.1
    drawn = Counter(model.sample(3000, seed=1, temperature=0.5))
    for symbol, p in enumerate([0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46]):
        assert abs(drawn[symbol] / 3000 - p) < 4 * (p * (1 - p) / 3000) ** 0.5


def test_a_seed_gives_the_same_sample() -> None:
    model = KneserNey(2, 4).fit(SENTENCES)
    assert model.sample(50, seed=3) == model.sample(50, seed=3)
    assert model.sample(50, seed=3) != model.sample(50, seed=4)


def test_a_low_temperature_follows_the_most_probable() -> None:
    model = KneserNey(2, 3).fit(torch.tensor([0, 1, 2] * 20))
    assert model.sample(6, seed=0, context=[0], temperature=1e-3) == [1, 2, 0, 1, 2, 0]


def test_int32_ids_are_ids() -> None:
    model = KneserNey(2, 4).fit(SENTENCES.int())
    torch.testing.assert_close(model.distribution([A]), KneserNey(2, 4).fit(SENTENCES).distribution([A]))


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: KneserNey(0, 4), "order of an n-gram model must be at least 1, not 0"),
        (lambda: KneserNey(2, 0), "vocabulary_size of an n-gram model must be at least 1"),
        (lambda: KneserNey(2, 4, sentence_end=4), "sentence_end 4 is outside the vocabulary of 4 ids"),
        (lambda: KneserNey(2, 4).distribution([0]), "KneserNey has no counts yet: call fit(ids)"),
        (lambda: KneserNey(2, 4).token_log_probs(SENTENCES), "no counts yet"),
        (lambda: KneserNey(2, 4).sample(1, seed=0), "no counts yet"),
        (lambda: KneserNey(2, 4).fit(torch.tensor([], dtype=torch.int64)), "stream of ids is empty"),
        (lambda: KneserNey(2, 4).fit(torch.tensor([0.0, 1.0])), "whole numbers, not shape (2,) of torch.float32"),
        (lambda: KneserNey(2, 4).fit(SENTENCES.view(2, 3)), "one axis of whole numbers, not shape (2, 3)"),
        (lambda: KneserNey(2, 4).fit(torch.tensor([0, 4])), "id 4 at position 1 is outside the vocabulary of 4 ids"),
        (lambda: KneserNey(2, 4).fit(torch.tensor([-1])), "id -1 at position 0 is outside"),
        (lambda: KneserNey(2, 4).fit(SENTENCES).distribution([9]), "id 9 at position 0 is outside"),
        (lambda: KneserNey(2, 4).fit(SENTENCES).sample(1, 0, temperature=0), "temperature must be above 0, not 0"),
        (lambda: KneserNey(2, 4).fit(SENTENCES).sample(-1, 0), "length of a sample must not be negative"),
        (lambda: build_ngram("add_delta", 2, 4, delta=0), "delta must be above 0 and finite, not 0"),
        (lambda: build_ngram("stupid_backoff", 2, 4, alpha=1.5), "alpha of stupid back-off must be above 0"),
        (lambda: build_ngram("kneser_nay", 2, 4), "unknown smoothing 'kneser_nay': did you mean 'kneser_ney'"),
        (lambda: build_ngram("kneser_ney", 2, 4, delta=1), "kneser_ney takes no option 'delta'"),
    ],
)
def test_refusals(action: object, message: str) -> None:
    with pytest.raises(RnnzooError, match=re.escape(message)):
        action()  # type: ignore[operator]
