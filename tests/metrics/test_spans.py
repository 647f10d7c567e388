"""Span F1 by hand, against seqeval, and over two halves of the data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.spans import SpanF1
from rnnzoo.text.schemes import SCHEMES, spans

TAGS = {
    scheme: ["O", *(f"{letter}-{kind}" for kind in ("X", "Y", "Z-1") for letter in SCHEMES[scheme].letters[1:])]
    for scheme in SCHEMES
}
Sentence = tuple[list[int], list[int]]


def padded(pairs: list[Sentence]) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions, targets and mask; the padding holds a tag that would begin a span."""
    steps = max((len(targets) for _, targets in pairs), default=0)
    predictions, targets = (torch.tensor([[*p[i], *[1] * (steps - len(p[i]))] for p in pairs]) for i in range(2))
    return predictions, targets, torch.arange(steps) < torch.tensor([[len(p[1])] for p in pairs])


def pairs_of(scheme: str) -> st.SearchStrategy[list[Sentence]]:
    """Sentences of predicted and true tags in any order, mostly ill-formed, the longest of at least one token."""
    tag = st.integers(0, len(TAGS[scheme]) - 1)
    both = st.lists(st.tuples(tag, tag), max_size=9).map(lambda s: ([p for p, _ in s], [t for _, t in s]))
    return st.lists(both, min_size=1, max_size=4).filter(lambda pairs: any(targets for _, targets in pairs))


def test_the_counts_of_a_sentence_by_hand() -> None:
    """PER right; LOC one token short; a second PER found as LOC; a third that is no span at all."""
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    true = [1, 2, 0, 3, 4, 0, 1, 1, 0]
    predicted = [1, 2, 0, 3, 0, 0, 3, 1, 2]
    metric = SpanF1(tags, "IOB2")
    metric.update(torch.tensor([predicted]), torch.tensor([true]))
    assert metric.types == ["LOC", "PER"]
    assert (metric.right.tolist(), metric.predicted.tolist(), metric.support.tolist()) == ([0, 1], [2, 2], [1, 3])
    per = metric.scores().rows(metric.types)[1]
    assert (per["precision"], per["recall"], per["f1"]) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert metric.compute().item() == pytest.approx(2 * 1 / (4 + 4))
    assert metric.token_accuracy().item() == pytest.approx(6 / 9)


def test_the_percentages_of_the_published_example() -> None:
    """The sample output of the CoNLL-2000 page: 371 of 539 found phrases right, of 459 in the corpus."""
    metric = SpanF1(["O", "B-NP"], "IOB2")
    metric.right += 371
    metric.predicted += 539
    metric.support += 459
    metric.tokens += 961
    metric.right_tokens += 808
    first, second, third = metric.report().splitlines()
    assert first == "processed 961 tokens with 459 phrases; found: 539 phrases; correct: 371."
    assert second == "accuracy:  84.08%; precision:  68.83%; recall:  80.83%; FB1:  74.35"
    assert third == "               NP: precision:  68.83%; recall:  80.83%; FB1:  74.35  539"


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_tags_count_as_the_sets_of_their_spans_do(scheme: str, data: st.DataObject) -> None:
    pairs = data.draw(pairs_of(scheme))
    names = TAGS[scheme]
    metric = SpanF1(names, scheme)
    metric.update(*padded(pairs))
    found, true = (
        {(n, *span) for n, pair in enumerate(pairs) for span in spans([names[tag] for tag in pair[i]], scheme)}
        for i in range(2)
    )
    for at, kind in enumerate(metric.types):
        counts = [sum(span[1] == kind for span in each) for each in (found & true, found, true)]
        assert [metric.right[at].item(), metric.predicted[at].item(), metric.support[at].item()] == counts
    assert metric.compute().item() == pytest.approx(2 * len(found & true) / max(len(found) + len(true), 1))
    assert metric.tokens.item() == sum(len(targets) for _, targets in pairs)
    assert metric.right_tokens.item() == sum(p == t for pair in pairs for p, t in zip(*pair, strict=True))


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "IOBES"])
def test_scores_are_those_of_seqeval_on_ill_formed_tags(scheme: str) -> None:
    seqeval = pytest.importorskip("seqeval.metrics", reason="the package seqeval is not installed")
    generator = torch.Generator().manual_seed(0)
    names = TAGS[scheme]
    targets = torch.randint(len(names), (200, 12), generator=generator)
    noise = torch.rand(200, 12, generator=generator) < 0.3
    predictions = torch.where(noise, torch.randint(len(names), (200, 12), generator=generator), targets)
    mask = torch.arange(12) < torch.randint(1, 13, (200, 1), generator=generator)
    metric = SpanF1(names, scheme)
    metric.update(predictions, targets, mask)
    true, found = (
        [[names[tag] for tag in row[real].tolist()] for row, real in zip(each, mask, strict=True)]
        for each in (targets, predictions)
    )
    assert metric.compute().item() == pytest.approx(seqeval.f1_score(true, found))
    assert metric.overall().precision.item() == pytest.approx(seqeval.precision_score(true, found))
    assert metric.token_accuracy().item() == pytest.approx(seqeval.accuracy_score(true, found))
    assert metric.scores().f1.tolist() == pytest.approx(list(seqeval.f1_score(true, found, average=None)))
    assert 0.1 < metric.compute().item() < 0.9


@settings(deadline=None, max_examples=40)
@given(pairs=pairs_of("IOB2"))
def test_batches_and_order_and_padding_change_nothing(pairs: list[Sentence]) -> None:
    once, apart = SpanF1(TAGS["IOB2"], "IOB2"), SpanF1(TAGS["IOB2"], "IOB2")
    once.update(*padded(pairs))
    for pair in reversed(pairs):
        predictions, targets = torch.tensor([pair[0]], dtype=torch.long), torch.tensor([pair[1]], dtype=torch.long)
        apart.update(predictions, targets)
    assert once.report() == apart.report()


def test_the_sums_of_two_processes_add() -> None:
    """The states are sums, so the metric of both halves has the sum of the states."""
    metrics = [SpanF1(TAGS["IOB2"], "IOB2") for _ in range(3)]
    generator = torch.Generator().manual_seed(1)
    tags = torch.randint(10, (2, 2, 20, 6), generator=generator).clamp(max=len(TAGS["IOB2"]) - 1)
    for half in range(2):
        metrics[half].update(*tags[half])
        metrics[2].update(*tags[half])
    for name in ("right", "predicted", "support", "right_tokens", "tokens"):
        assert metrics[2]._reductions[name] is not None
        assert torch.equal(getattr(metrics[0], name) + getattr(metrics[1], name), getattr(metrics[2], name))
    assert metrics[2].support.sum() > 50


def test_nothing_at_all_and_no_span() -> None:
    metric = SpanF1(["O", "B-X"], "IOB2")
    assert metric.token_accuracy().isnan()
    assert metric.report() == "processed 0 tokens with 0 phrases; found: 0 phrases; correct: 0."
    metric.update(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long))
    assert metric.compute().item() == 0
    assert metric.report().endswith("accuracy: 100.00%; precision:   0.00%; recall:   0.00%; FB1:   0.00")


def test_a_tag_outside_the_scheme_is_an_error() -> None:
    with pytest.raises(RnnzooError, match="tag 2, 'NOUN', is none of IOB2"):
        SpanF1(["O", "NOUN"], "IOB2")
