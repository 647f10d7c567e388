"""Tag schemes: what they allow, the spans they mark, and the way from one to another."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.errors import RnnzooError
from rnnzoo.text.schemes import (
    SCHEMES,
    SchemeError,
    Span,
    constraints,
    convert,
    from_spans,
    span_starts,
    spans,
    validate,
)

#: the same sentence in all: two touching spans of PER, a single LOC, then LOC of three
WRITTEN = {
    "IOB1": "I-PER I-PER B-PER O I-LOC O I-LOC I-LOC I-LOC",
    "IOB2": "B-PER I-PER B-PER O B-LOC O B-LOC I-LOC I-LOC",
    "IOBES": "B-PER E-PER S-PER O S-LOC O B-LOC I-LOC E-LOC",
    "BILOU": "B-PER L-PER U-PER O U-LOC O B-LOC I-LOC L-LOC",
    "BMES": "B-PER E-PER S-PER O S-LOC O B-LOC M-LOC E-LOC",
    "BMEWO": "B-PER E-PER W-PER O W-LOC O B-LOC M-LOC E-LOC",
}
MARKED = [Span("PER", 0, 2), Span("PER", 2, 3), Span("LOC", 4, 5), Span("LOC", 6, 9)]


def tags_of(scheme: str, types: tuple[str, ...] = ("X", "Y")) -> list[str]:
    return ["O", *(f"{letter}-{kind}" for kind in types for letter in SCHEMES[scheme].letters[1:])]


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Spans that do not overlap and the length of their sentence."""
    marked, at = [], 0
    for gap, size, kind in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from("XY")))):
        marked.append(Span(kind, at + gap, at + gap + size))
        at += gap + size
    return marked, at + draw(st.integers(0, 2))


def test_every_scheme_is_written_here() -> None:
    assert list(WRITTEN) == list(SCHEMES)


@pytest.mark.parametrize("target", SCHEMES)
@pytest.mark.parametrize("source", SCHEMES)
def test_a_sentence_in_every_scheme(source: str, target: str) -> None:
    assert spans(WRITTEN[source].split(), source) == MARKED
    assert convert(WRITTEN[source].split(), source, target) == WRITTEN[target].split()


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(deadline=None, max_examples=60)
@given(sentence=sentences())
def test_spans_undo_from_spans_and_what_is_written_is_valid(scheme: str, sentence: tuple[list[Span], int]) -> None:
    marked, length = sentence
    tags = from_spans(marked, length, scheme)
    validate(tags, scheme)
    assert spans(tags, scheme) == marked


@pytest.mark.parametrize("scheme", SCHEMES)
def test_constraints_allow_what_spans_can_write_and_nothing_else(scheme: str) -> None:
    """Of all sequences of four tags of two types, those are allowed that come out of their own spans unchanged."""
    tags = tags_of(scheme)
    rules = constraints(tags, scheme)
    allowed = 0
    for ids in product(range(len(tags)), repeat=4):
        sentence = [tags[each] for each in ids]
        legal = rules.start[ids[0]] and all(rules.transitions[a][b] for a, b in pairwise(ids)) and rules.end[ids[-1]]
        assert legal == (from_spans(spans(sentence, scheme), 4, scheme) == sentence)
        if legal:
            validate(sentence, scheme)
        else:
            with pytest.raises(SchemeError):
                validate(sentence, scheme)
        allowed += legal
    assert 0 < allowed < len(tags) ** 4


def test_constraints_of_tags_without_a_type() -> None:
    """Segmentation of words into characters: B M E S alone."""
    rules = constraints(["B", "M", "E", "S"], "BMES")
    assert rules.start == [True, False, False, True]
    assert rules.transitions == [[False, True, True, False]] * 2 + [[True, False, False, True]] * 2
    assert rules.end == [False, False, True, True]
    assert spans(["B", "M", "E", "S"], "BMES") == [Span("", 0, 3), Span("", 3, 4)]


def test_types_keep_their_later_hyphens() -> None:
    assert spans(["B-NP-SBJ", "I-NP-SBJ", "I-NP"], "IOB2") == [Span("NP-SBJ", 0, 2), Span("NP", 2, 3)]


@pytest.mark.parametrize(
    ("scheme", "tags", "position", "message"),
    [
        ("IOB2", "O I-PER", 1, "tag 2, 'I-PER', may not follow 'O' in IOB2: there may stand O, B-PER"),
        ("IOB2", "I-PER", 0, "tag 1, 'I-PER', may not come first in IOB2: there may stand O, B-PER"),
        ("IOB1", "I-PER B-LOC", 1, "tag 2, 'B-LOC', may not follow 'I-PER' in IOB1: there may stand O, B-PER"),
        ("IOBES", "B-A O", 1, "tag 2, 'O', may not follow 'B-A' in IOBES: there may stand I-A, E-A"),
        ("IOBES", "O B-A", 1, "tag 2, 'B-A', may not come last in IOBES: after it may stand I-A, E-A"),
        ("BMEWO", "M-A", 0, "tag 1, 'M-A', may not come first in BMEWO: there may stand O, B-A, W-A"),
        ("IOB2", "O S-A", 1, "tag 2, 'S-A', is none of IOB2: its tags are O, or B or I with a hyphen and a type"),
        ("IOB2", "O-A", 0, "tag 1, 'O-A', is none of IOB2"),
        ("IOB2", "B-", 0, "tag 1, 'B-', is none of IOB2"),
        ("IOBES", "O PER", 1, "its tags are O, or B, I, E or S with a hyphen"),
    ],
)  # fmt: skip
def test_what_breaks_a_scheme_is_named_with_its_place(scheme: str, tags: str, position: int, message: str) -> None:
    with pytest.raises(SchemeError) as caught:
        validate(tags.split(), scheme)
    assert message in str(caught.value)
    assert caught.value.position == position


def test_unknown_schemes_and_impossible_spans() -> None:
    for use in (constraints, validate, spans, span_starts):
        with pytest.raises(RnnzooError, match="unknown tag scheme 'IOBS': did you mean 'IOBES'"):
            use(["O"], "IOBS")
    for wrong in ([Span("X", 0, 2), Span("Y", 1, 3)], [Span("X", 1, 1)], [Span("X", 2, 5)], [Span("X", -1, 2)]):
        with pytest.raises(RnnzooError, match="is empty, overlaps"):
            from_spans(wrong, 4, "IOB2")
    with pytest.raises(SchemeError, match="may not follow 'O' in IOB2"):
        convert(["O", "I-X"], "IOB2", "IOBES")


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "IOBES"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_spans_of_any_tags_are_those_of_seqeval(scheme: str, data: st.DataObject) -> None:
    seqeval = pytest.importorskip("seqeval.metrics.sequence_labeling", reason="the package seqeval is not installed")
    tags = data.draw(st.lists(st.sampled_from(tags_of(scheme))))
    expected = [Span(kind, first, last + 1) for kind, first, last in seqeval.get_entities(tags)]
    assert spans(tags, scheme) == expected
