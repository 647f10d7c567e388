"""Tag schemes: how labelled spans are written as one tag a token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise, repeat
from typing import NamedTuple

from rnnzoo.errors import RnnzooError, unknown

OUTSIDE = "O"


class Scheme(NamedTuple):
    """The letters of a scheme beside O: what stands before the hyphen of a tag; None where it has no such letter."""

    begin: str
    inside: str
    end: str | None = None
    single: str | None = None
    #: whether B is kept for a span straight after one of its type, and others begin with I
    begin_where_needed: bool = False

    @property
    def letters(self) -> list[str]:
        """All of them, O first."""
        return [OUTSIDE, *(letter for letter in self[:4] if letter is not None)]


#: IOB1 is that of Ramshaw & Marcus 1995, IOB2 (also called BIO) that of Ratnaparkhi 1998; the others mark the last
#: token of a span too, and the only one, and differ in letters alone.
SCHEMES = {
    "IOB1": Scheme("B", "I", begin_where_needed=True),
    "IOB2": Scheme("B", "I"),
    "IOBES": Scheme("B", "I", "E", "S"),
    "BILOU": Scheme("B", "I", "L", "U"),
    "BMES": Scheme("B", "M", "E", "S"),
    "BMEWO": Scheme("B", "M", "E", "W"),
}


class Tag(NamedTuple):
    """A tag in its parts: ``B-PER`` is B and PER; ``O`` and tags without a hyphen have the type ""."""

    letter: str
    type: str

    def __str__(self) -> str:
        return f"{self.letter}-{self.type}" if self.type else self.letter


class Span(NamedTuple):
    """A labelled stretch of a sentence: the tokens from `start` to before `end`, counted from 0."""

    type: str
    start: int
    end: int


class Constraints(NamedTuple):
    """Which tags may stand where, each by its position in the list that was given; `rnnzoo.layers.CRFHead` takes it.

    Attributes:
        start: of each tag, whether a sentence may begin with it.
        transitions: of each tag, a row that says of each tag whether it may follow.
        end: of each tag, whether a sentence may end with it.
    """

    start: list[bool]
    transitions: list[list[bool]]
    end: list[bool]


class SchemeError(RnnzooError):
    """Tags that break their scheme.

    Attributes:
        position: of the tag at fault, counted from 0; a reader finds its line by it.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


NOTHING = Tag(OUTSIDE, "")  # what stands around a sentence


def parse(tags: Sequence[str], scheme: str) -> list[Tag]:
    """The tags in their parts, cut at the first hyphen.

    Raises:
        RnnzooError: no such scheme.
        SchemeError: a tag that is not written as the scheme writes tags.
    """
    letters = _scheme(scheme).letters
    parsed = []
    for position, tag in enumerate(tags):
        letter, hyphen, kind = tag.partition("-")
        if letter not in letters or bool(hyphen) != bool(kind) or (kind and letter == OUTSIDE):
            typed = ", ".join(letters[1:-1]) + f" or {letters[-1]}"
            written = f"its tags are O, or {typed} with a hyphen and a type, as {letters[1]}-PER"
            raise SchemeError(f"tag {position + 1}, {tag!r}, is none of {scheme}: {written}", position)
        parsed.append(Tag(letter, kind))
    return parsed


def constraints(tags: Sequence[str], scheme: str) -> Constraints:
    """What a scheme allows among these tags.

    Args:
        tags: the distinct tags in the order of their ids.
        scheme: a name of `SCHEMES`.

    Raises:
        RnnzooError: no such scheme.
        SchemeError: a tag that is not written as the scheme writes tags.

    >>> constraints(["O", "B-PER", "I-PER"], "IOB2").transitions
    [[True, True, False], [True, True, True], [True, True, True]]
    """
    found, letters = parse(tags, scheme), _scheme(scheme)
    return Constraints(
        start=[_may_follow(NOTHING, tag, letters) for tag in found],
        transitions=[[_may_follow(before, tag, letters) for tag in found] for before in found],
        end=[_may_follow(tag, NOTHING, letters) for tag in found],
    )


def validate(tags: Sequence[str], scheme: str) -> None:
    """Refuses a sentence whose tags break the scheme.

    Raises:
        RnnzooError: no such scheme.
        SchemeError: the first tag at fault, and what may stand there.

    >>> try:
    ...     validate(["B-PER", "I-LOC"], "IOB2")
    ... except SchemeError as error:
    ...     print(error)
    tag 2, 'I-LOC', may not follow 'B-PER' in IOB2: there may stand O, B-PER, I-PER, B-LOC
    """
    if all(map(_well_formed, (None, *tags), (*tags, None), repeat(scheme))):
        return
    found, letters = parse(tags, scheme), _scheme(scheme)
    for position, (before, tag) in enumerate(pairwise([NOTHING, *found, NOTHING])):
        if _may_follow(before, tag, letters):
            continue
        types = dict.fromkeys(each.type for each in found if each != NOTHING)
        every = [NOTHING, *(Tag(letter, kind) for kind in types for letter in letters.letters[1:])]
        may = ", ".join(str(each) for each in every if _may_follow(before, each, letters))
        if position == len(tags):
            message = f"tag {position}, {tags[-1]!r}, may not come last in {scheme}: after it may stand {may}"
            raise SchemeError(message, position - 1)
        where = f"follow {tags[position - 1]!r}" if position else "come first"
        message = f"tag {position + 1}, {tags[position]!r}, may not {where} in {scheme}: there may stand {may}"
        raise SchemeError(message, position)


def spans(tags: Sequence[str], scheme: str) -> list[Span]:
    """The spans that the tags of a sentence mark, by the rules of `conlleval`, also where they break the scheme.

    That is the scorer of the CoNLL shared tasks of 2000 to 2003 (Tjong Kim Sang & Buchholz 2000). A span goes on while
    the type stays the same; it begins anew at a begin or single letter, and after an end or single letter. Deviation:
    the scorer of 2004 knows no single letter, and joins a B to an E of its type just before it; here both are apart,
    as in the later versions of it and in the package seqeval.

    Raises:
        RnnzooError: no such scheme.
        SchemeError: a tag that is not written as the scheme writes tags.

    >>> spans(["B-PER", "I-PER", "O", "I-LOC", "I-PER"], "IOB2")
    [Span(type='PER', start=0, end=2), Span(type='LOC', start=3, end=4), Span(type='PER', start=4, end=5)]
    """
    found, letters = parse(tags, scheme), _scheme(scheme)
    result: list[Span] = []
    begun = 0
    for position, (before, tag) in enumerate(pairwise([NOTHING, *found, NOTHING])):
        starts = _starts(before, tag, letters)
        if before != NOTHING and (starts or tag == NOTHING):
            result.append(Span(before.type, begun, position))
        if starts:
            begun = position
    return result


def span_starts(tags: Sequence[str], scheme: str) -> list[list[bool]]:
    """The rule of `spans` as a table: of each tag, a row that says of each tag whether a span starts there after it.

    Behind the last tag there is one more row and column, for what stands around a sentence.

    Raises:
        RnnzooError: no such scheme.
        SchemeError: a tag that is not written as the scheme writes tags.
    """
    found, letters = [*parse(tags, scheme), NOTHING], _scheme(scheme)
    return [[_starts(before, tag, letters) for tag in found] for before in found]


def from_spans(marked: Iterable[Span], length: int, scheme: str) -> list[str]:
    """The tags of a sentence of `length` tokens in which these spans are marked: what `spans` undoes.

    Raises:
        RnnzooError: no such scheme; a span that is empty, that overlaps another, or that leaves the sentence.

    >>> from_spans([Span("PER", 0, 2), Span("LOC", 3, 4)], 5, "IOBES")
    ['B-PER', 'E-PER', 'O', 'S-LOC', 'O']
    """
    letters = _scheme(scheme)
    tags = [OUTSIDE] * length
    last = Span("", 0, 0)
    for span in sorted(marked, key=lambda each: each.start):
        if not last.end <= span.start < span.end <= length:
            raise RnnzooError(f"{span} is empty, overlaps {last} or leaves the sentence of {length} tokens")
        size = span.end - span.start
        written = [letters.begin] + [letters.inside] * (size - 1)
        if letters.begin_where_needed and not (last.end == span.start > 0 and last.type == span.type):
            written[0] = letters.inside
        if letters.end and size > 1:
            written[-1] = letters.end
        if letters.single and size == 1:
            written[0] = letters.single
        tags[span.start : span.end] = [str(Tag(letter, span.type)) for letter in written]
        last = span
    return tags


def convert(tags: Sequence[str], source: str, target: str) -> list[str]:
    """The same spans in another scheme.

    Raises:
        RnnzooError: no such scheme.
        SchemeError: the tags break the scheme `source`.

    >>> convert(["I-PER", "B-PER", "O"], "IOB1", "IOB2")
    ['B-PER', 'B-PER', 'O']
    """
    validate(tags, source)
    return from_spans(spans(tags, source), len(tags), target)


def _scheme(name: str) -> Scheme:
    if name not in SCHEMES:
        raise RnnzooError(unknown("tag scheme", name, SCHEMES))
    return SCHEMES[name]


@lru_cache(maxsize=1 << 16)
def _well_formed(before: str | None, tag: str | None, scheme: str) -> bool:
    """Whether these two tags, None around a sentence, are tags of the scheme, and may stand so."""
    try:
        first, second = (NOTHING if one is None else parse([one], scheme)[0] for one in (before, tag))
    except SchemeError:
        return False
    return _may_follow(first, second, _scheme(scheme))


def _may_follow(before: Tag, tag: Tag, scheme: Scheme) -> bool:
    """Whether a well-formed sentence may have `tag` next to `before`."""
    inside_same = before != NOTHING and before.type == tag.type
    if scheme.end is not None:
        if before.letter in (scheme.begin, scheme.inside):
            return inside_same and tag.letter in (scheme.inside, scheme.end)
        return tag.letter in (OUTSIDE, scheme.begin, scheme.single)
    joined = scheme.begin if scheme.begin_where_needed else scheme.inside  # the letter that needs its span before it
    return inside_same or tag.letter != joined


def _starts(before: Tag, tag: Tag, scheme: Scheme) -> bool:
    """Whether `conlleval` starts a span at `tag`; the one that `before` may be in ends there."""
    if tag == NOTHING:
        return False
    if before == NOTHING or before.type != tag.type:
        return True
    return tag.letter in (scheme.begin, scheme.single) or before.letter in (scheme.end, scheme.single)
