"""The table of a model against its baselines."""

import json
import math

import pytest
import torch

from rnnzoo.baselines import AddDelta, Comparison, KneserNey, Score, compare_language_model
from rnnzoo.errors import RnnzooError


def test_scores_are_made_of_sums() -> None:
    score = Score("model", nats=600 * math.log(2), tokens=100, characters=400)
    assert score.perplexity == pytest.approx(64)
    assert score.bits_per_character == pytest.approx(1.5)
    assert Score("model", 1.0, 1).bits_per_character is None
    assert Score("bad", 1e6, 10).perplexity == math.inf
    assert math.isnan(Score("worse", math.nan, 10).perplexity)


def test_rows_are_plain_data() -> None:
    table = Comparison("t", (Score("model", math.log(8), 1, 3), Score("unigram", 0.0, 1)))
    rows = json.loads(json.dumps(table.as_rows()))
    assert rows[0] == {
        "model": "model",
        "perplexity": pytest.approx(8),
        "bits_per_character": pytest.approx(1),
        "nats": pytest.approx(math.log(8)),
        "tokens": 1,
    }
    assert "bits_per_character" not in rows[1]


def test_text_without_characters_has_no_column_for_them() -> None:
    table = Comparison("words", (Score("a model", math.log(123.456), 1), Score("b", math.log(9), 1)))
    assert table.plain() == "words\nmodel    perplexity\na model      123.46\nb              9.00"


def stream(length: int, seed: int) -> torch.Tensor:
    return (torch.randn(length, generator=torch.Generator().manual_seed(seed)).abs() * 4).long().clamp(max=19)


def test_a_language_model_against_its_baselines() -> None:
    """Each row from its own definition; the mixture's weight is the best for the validation text."""
    train, validation, test = stream(2000, 0), stream(300, 1), stream(400, 2)
    log_probs = torch.randn(20, generator=torch.Generator().manual_seed(9), dtype=torch.float64).log_softmax(0)
    table = compare_language_model(
        log_probs[validation].float(),
        log_probs[test],
        train,
        validation,
        test,
        20,
        order=2,
        sentence_end=0,
        title="random ids",
        model_name="GRU",
        characters=1000,
    )
    baseline = KneserNey(2, 20, sentence_end=0).fit(train)
    p, q = log_probs[validation].exp(), baseline.token_log_probs(validation).exp()
    low, high = 0.0, 1.0  # the maximum of a concave function, by thirds
    for _ in range(80):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if (left * p + (1 - left) * q).log().sum() < (right * p + (1 - right) * q).log().sum():
            low = left
        else:
            high = right
    weight = low
    mixture = weight * log_probs[test].exp() + (1 - weight) * baseline.token_log_probs(test).exp()
    counts = torch.bincount(train, minlength=20).double()
    unigram = ((counts + 1) / (len(train) + 20))[test].log()
    wanted = [log_probs[test], baseline.token_log_probs(test), mixture.log(), unigram]
    assert table.title == "random ids"
    assert [score.name for score in table.scores] == [
        "GRU",
        "Kneser-Ney 2-gram",
        f"{weight:.2f} GRU + {1 - weight:.2f} Kneser-Ney 2-gram",
        "unigram, add-1",
    ]
    for score, log_prob in zip(table.scores, wanted, strict=True):
        assert score.tokens == 400
        assert score.nats == pytest.approx(-float(log_prob.sum()), rel=1e-5)
        assert score.bits_per_character == pytest.approx(-float(log_prob.sum()) / math.log(2) / 1000, rel=1e-5)


def test_a_model_that_is_the_unigram_model_has_its_row() -> None:
    train, validation, test = stream(500, 0), stream(100, 1), stream(100, 2)
    unigram = AddDelta(1, 20).fit(train)
    scored = [unigram.token_log_probs(ids) for ids in (validation, test)]
    table = compare_language_model(*scored, train, validation, test, 20, order=3, smoothing="modified_kneser_ney")
    assert table.scores[0].nats == table.scores[3].nats
    assert table.scores[1].name == "modified Kneser-Ney 3-gram"


def test_a_model_that_skipped_tokens_is_refused() -> None:
    ids = stream(100, 0)
    with pytest.raises(RnnzooError, match="the model scored 99 tokens of the test text, which has 100"):
        compare_language_model(torch.zeros(100), torch.zeros(99), ids, ids, ids, 20)
