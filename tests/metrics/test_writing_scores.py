"""Scores of written sequences against the published scorers and brute force."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics import Metric

from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.alignment import common_subsequences, edit_distances
from rnnzoo.metrics.captions import CaptionScores, caption_words
from rnnzoo.metrics.corpus_bleu import CHRF, CorpusBLEU
from rnnzoo.metrics.error_rate import ErrorRate, ExactMatch, SequenceErrorRate
from rnnzoo.metrics.rouge import RougeL

WORDS = [
    "a",
    "the",
    "man's",
    "dog",
    "cat",
    "runs",
    "sits",
    "on",
    "grass,",
    "red.",
    "Ball!",
    "two-wheeled",
    "(bike)",
    "isn't",
    "3.5",
    "é",
]

Rows = tuple[list[str], list[list[str]]]


def random_rows(seed: int, rows: int, most: int = 3, shortest: int = 1) -> Rows:
    """Predictions that share words with references of varying number."""
    draw = random.Random(seed)

    def sentence() -> str:
        return " ".join(draw.choice(WORDS) for _ in range(draw.randint(shortest, 9)))

    references = [[sentence() for _ in range(draw.randint(1, most))] for _ in range(rows)]
    predictions = []
    for own in references:
        words = own[0].split()
        for _ in range(draw.randint(0, 3)):
            words[draw.randrange(len(words))] = draw.choice(WORDS)
        predictions.append(" ".join(words))
    return predictions, references


def assert_parts_add_up(whole: Metric, first: Metric, second: Metric, rows: Rows, cut: int) -> None:
    """Two ranks that saw unequal shares, merged, equal one that saw all."""
    predictions, references = rows
    whole.update(predictions, references)
    first.update(predictions[:cut], references[:cut])
    second.update(predictions[cut:], references[cut:])
    second.update([], [])  # an empty batch adds nothing
    first.merge_state(second)
    together, alone = first.compute(), whole.compute()
    for name in alone if isinstance(alone, dict) else [None]:
        a, b = (x if name is None else x[name] for x in (together, alone))
        assert float(a) == pytest.approx(float(b), rel=1e-12)


# --- edit distance


def levenshtein(a: Any, b: Any) -> int:
    """By its recursive definition."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        levenshtein(a[1:], b) + 1,
        levenshtein(a, b[1:]) + 1,
        levenshtein(a[1:], b[1:]) + (a[0] != b[0]),
    )


def longest_common(a: Any, b: Any) -> int:
    """By its recursive definition."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + longest_common(a[1:], b[1:])
    return max(longest_common(a[1:], b), longest_common(a, b[1:]))


PAIRS = st.lists(st.tuples(st.text("abc", max_size=5), st.text("abc", max_size=5)), max_size=8)


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_distances_and_subsequences_of_a_batch_are_those_of_the_definitions(pairs: list[tuple[str, str]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    assert edit_distances(first, second).tolist() == [levenshtein(a, b) for a, b in pairs]
    assert common_subsequences(first, second).tolist() == [longest_common(a, b) for a, b in pairs]


def test_many_passes_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(0)
    first, second = (["".join(draw.choices("abcd", k=draw.randint(0, 40))) for _ in range(60)] for _ in range(2))
    wanted = edit_distances(first, second)
    monkeypatch.setattr("rnnzoo.metrics.alignment.CELLS", 300)
    assert torch.equal(edit_distances(first, second), wanted)


def test_the_reference_with_the_fewest_edits_counts_with_its_own_length() -> None:
    metric = ErrorRate()
    metric.update([list("abcd"), list("xy")], [[list("abzz"), list("abcde")], [list("xy")]])
    assert float(metric.compute()) == pytest.approx(1 / 7)
    metric.update([[]], [[["a", "b", "c"]]])
    assert float(metric.compute()) == pytest.approx(4 / 10)


def test_exact_match_and_its_complement() -> None:
    predictions, references = ["a b", "c", "d"], [["a b", "x"], ["d"], ["e", "d"]]
    match, error = ExactMatch(), SequenceErrorRate()
    match.update(predictions, references)
    error.update(predictions, references)
    assert float(match.compute()) == pytest.approx(2 / 3)
    assert float(error.compute()) == pytest.approx(1 / 3)


# --- sacrebleu


@pytest.mark.parametrize("options", [{}, {"tokenize": "char", "lowercase": True}, {"tokenize": "intl"}])
@pytest.mark.parametrize("most", [1, 3])
def test_bleu_is_that_of_sacrebleu(options: dict[str, Any], most: int) -> None:
    from sacrebleu.metrics import BLEU

    rows = predictions, references = random_rows(1, 40, most)
    scorer = BLEU(**options)
    streams = [[own[i] if i < len(own) else None for own in references] for i in range(most)]
    wanted = scorer.corpus_score(predictions, streams).score
    assert 5 < wanted < 95
    metric = CorpusBLEU(**options)
    for start in range(0, 40, 7):
        metric.update(predictions[start : start + 7], references[start : start + 7])
    assert float(metric.compute()) == wanted
    assert metric.signature() == str(scorer.get_signature())
    assert_parts_add_up(CorpusBLEU(**options), CorpusBLEU(**options), CorpusBLEU(**options), rows, 11)


@pytest.mark.parametrize("options", [{}, {"word_order": 2, "lowercase": True}])
@pytest.mark.parametrize("most", [1, 3])
def test_chrf_is_that_of_sacrebleu(options: dict[str, Any], most: int) -> None:
    from sacrebleu.metrics import CHRF as Published

    rows = predictions, references = random_rows(2, 40, most)
    scorer = Published(**options)
    streams = [[own[i] if i < len(own) else None for own in references] for i in range(most)]
    wanted = scorer.corpus_score(predictions, streams).score
    metric = CHRF(**options)
    for start in range(0, 40, 7):
        metric.update(predictions[start : start + 7], references[start : start + 7])
    assert float(metric.compute()) == wanted
    assert metric.signature() == str(scorer.get_signature())
    assert_parts_add_up(CHRF(**options), CHRF(**options), CHRF(**options), rows, 11)


def test_a_signature_needs_segments_and_a_tokenizer_a_known_name() -> None:
    with pytest.raises(RnnzooError, match="add segments"):
        CorpusBLEU().signature()
    with pytest.raises(RnnzooError, match=r"'13b'.*did you mean '13a'"):
        CorpusBLEU(tokenize="13b")


# --- captions


@pytest.mark.parametrize(("seed", "rows", "shortest"), [(3, 30, 1), (4, 6, 3), (5, 1, 2)])
def test_caption_scores_are_those_of_the_coco_evaluation(seed: int, rows: int, shortest: int) -> None:
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu")
    cider = pytest.importorskip("pycocoevalcap.cider.cider")
    rouge = pytest.importorskip("pycocoevalcap.rouge.rouge")
    predictions, references = random_rows(seed, rows, 5, shortest)
    found = {i: [" ".join(caption_words(text))] for i, text in enumerate(predictions)}
    wanted = {i: [" ".join(caption_words(text)) for text in own] for i, own in enumerate(references)}
    bleus, _ = bleu.Bleu(4).compute_score(wanted, found, verbose=0)
    expected = {f"bleu_{n}": score for n, score in enumerate(bleus, start=1)}
    expected["rouge_l"], _ = rouge.Rouge().compute_score(wanted, found)
    expected["cider"], _ = cider.Cider().compute_score(wanted, found)
    metric = CaptionScores()
    for start in range(0, rows, 8):
        metric.update(predictions[start : start + 8], references[start : start + 8])
    scores = {name: float(score) for name, score in metric.compute().items()}
    assert scores == pytest.approx(expected, abs=1e-6)
    assert scores["bleu_1"] > 0.3


def test_document_frequencies_are_those_of_all_ranks() -> None:
    rows = random_rows(6, 20, 5)
    assert_parts_add_up(CaptionScores(), CaptionScores(), CaptionScores(), rows, 6)
    part = CaptionScores()
    part.update(rows[0][:6], rows[1][:6])
    whole = CaptionScores()
    whole.update(*rows)
    assert float(part.compute()["cider"]) != pytest.approx(float(whole.compute()["cider"]), rel=1e-3)


def test_a_precise_caption_and_an_empty_one() -> None:
    metric = CaptionScores()
    metric.update(
        ["a red dog runs fast", "one two three four five", "!"], [["A red dog runs fast."], ["six"], ["seven"]]
    )
    scores = metric.compute()
    assert float(scores["rouge_l"]) == pytest.approx(1 / 3)
    assert float(scores["cider"]) == pytest.approx(10 / 3)


def test_punctuation_alone_is_an_empty_word_as_in_the_evaluation() -> None:
    rouge = pytest.importorskip("pycocoevalcap.rouge.rouge")
    predictions, references = ["!", "!", "a"], [["..."], ["a"], [".", "a b"]]
    wanted, _ = rouge.Rouge().compute_score({0: [""], 1: ["a"], 2: ["", "a b"]}, {0: [""], 1: [""], 2: ["a"]})
    metric = CaptionScores()
    metric.update(predictions, references)
    assert float(metric.compute()["rouge_l"]) == pytest.approx(wanted)
    assert wanted > 0.5


# --- ROUGE-L of summaries


def test_rouge_is_that_of_the_package() -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    rows = predictions, references = random_rows(7, 50)
    wanted = [
        max(scorer.score(one, prediction)["rougeL"].fmeasure for one in own)
        for prediction, own in zip(predictions, references, strict=True)
    ]
    metric = RougeL()
    metric.update(predictions, references)
    assert float(metric.compute()) == pytest.approx(sum(wanted) / 50, rel=1e-12)
    assert_parts_add_up(RougeL(), RougeL(), RougeL(), rows, 20)
    metric.reset()
    metric.update([""], [["!"]])
    assert float(metric.compute()) == 0


# --- what cannot be scored


@pytest.mark.parametrize("kind", [CorpusBLEU, CHRF, ErrorRate, ExactMatch, CaptionScores, RougeL])
@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        (["a", "b"], [["a"]], "2 predictions and 1 lists"),
        (["a"], ["abc"], "row 0 are the text 'abc'"),
        (["a", "b"], [["a"], []], "row 1 has no reference"),
    ],
    ids=["count", "text", "none"],
)
def test_what_would_be_scored_wrong_is_refused(
    kind: type[Metric], predictions: list[str], references: Any, message: str
) -> None:
    with pytest.raises(RnnzooError, match=message):
        kind().update(predictions, references)
