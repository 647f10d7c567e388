"""Regular expressions against Python's own `re.fullmatch`, which shares nothing with them."""

import re
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.baselines.automata import from_regular_expression
from rnnzoo.errors import RnnzooError

ALPHABET = "ab1_.-"
EVERY = ["".join(string) for length in range(4) for string in product(ALPHABET, repeat=length)]
ATOMS = [
    "a",
    "b",
    "1",
    r"\.",
    r"\-",
    "-",
    "_",
    ".",
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    "[ab]",
    "[^a]",
    "[a-z]",
    "[^a-z_]",
    "[-a]",
    "[a-]",
]
ATOMS += [r"[\d_]", r"[^\w]", "[]a]", "[.]", r"[\-b]", "(?:ab)", "()", "(a|)"]
QUANTIFIERS = ["*", "+", "?", "{0}", "{2}", "{1,}", "{,2}", "{1,3}", "{0,1}"]
PATTERNS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.builds("".join, st.lists(inner, min_size=2, max_size=3)),
        st.builds("({}|{})".format, inner, inner),
        st.builds("({}){}".format, inner, st.sampled_from(QUANTIFIERS)),
    ),
    max_leaves=6,
)


@given(PATTERNS)
@settings(max_examples=150, deadline=None)
def test_the_language_is_that_of_fullmatch(pattern):
    machine = from_regular_expression(pattern, ALPHABET)
    python = re.compile(pattern)
    expected = [python.fullmatch(string) is not None for string in EVERY]
    random = Random(0)
    for length in (5, 8):  # longer strings are seldom accepted by chance: draw them from the automaton
        if machine.count(length):
            assert python.fullmatch("".join(machine.draw(length, random)))
        if machine.count(length, accepted=False):
            assert not python.fullmatch("".join(machine.draw(length, random, accepted=False)))
    assert machine.accepts(EVERY).tolist() == expected


@pytest.mark.parametrize(
    ("pattern", "states"),
    [("", 2), ("a*", 2), ("(a|b)*", 1), ("a{3}", 5), ("(a|b)*a(a|b){5}", 64), ("a{2,4}", 6), ("|a|b", 3)],
)
def test_the_automaton_is_minimal(pattern, states):
    # one state for each set of continuations, the empty set too: counted by hand
    assert len(from_regular_expression(pattern, "ab").states) == states


@pytest.mark.parametrize(
    ("pattern", "position", "message"),
    [
        ("ab(", 2, "this group is not closed"),
        ("a)b", 1, "this [)] closes no group"),
        ("*a", 0, "[*] repeats nothing"),
        ("a|+", 2, "[+] repeats nothing"),
        ("a**", 2, "two repetitions in a row"),
        ("a*?", 2, "two repetitions in a row"),
        ("a{2}{3}", 4, "two repetitions in a row"),
        ("a{2", 1, "a repetition reads {m}"),
        ("a{}", 1, "a repetition reads {m}"),
        ("a{,}", 1, "a repetition reads {m}"),
        ("a{x}", 1, "a repetition reads {m}"),
        ("a{3,2}", 1, "at least 3 and at most 2 times is never"),
        ("a[bc", 1, "this class is not closed"),
        ("[b-a]", 1, "a range goes from one symbol to a later one"),
        (r"[\d-b]", 1, "a range goes from one symbol to a later one"),
        ("ab]", 2, "this ] closes nothing"),
        ("^a", 0, "no anchors"),
        ("a$", 1, "no anchors"),
        (r"a\1", 1, "unknown escape"),
        (r"a\b", 1, "unknown escape"),
        ("a\\", 1, "unknown escape"),
        ("(?=a)", 0, r"only \(\?: \)"),
        ("abc", 2, "c matches no symbol of the alphabet a b"),
        ("a[^ab]", 1, "matches no symbol"),
        (r"b\d", 1, "matches no symbol"),
        ("(" * 60 + ")" * 60, 50, "more than 50 groups"),
    ],
)
def test_mistakes_are_named_with_their_position(pattern, position, message):
    with pytest.raises(RnnzooError, match=rf"position {position}: .*{message}"):
        from_regular_expression(pattern, "ab")


def test_what_would_fill_the_memory_is_refused():
    with pytest.raises(RnnzooError, match="more than 2000 symbols"):
        from_regular_expression("(a{1000}){1000}", "ab")
    with pytest.raises(RnnzooError, match="more than 20000 states"):
        from_regular_expression("(a|b)*a(a|b){20}", "ab")
    with pytest.raises(RnnzooError, match="single characters"):
        from_regular_expression("a", ["a", "bc"])


@given(st.text("ab()[]{}|*+?^$.\\-,12d:", max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_text_is_the_language_of_re_or_a_mistake(pattern):
    try:
        machine = from_regular_expression(pattern, "ab1")
    except RnnzooError:
        return
    python = re.compile(pattern)  # what we read, re reads as well, and in the same way
    some = ["".join(string) for length in range(4) for string in product("ab1", repeat=length)]
    assert machine.accepts(some).tolist() == [python.fullmatch(string) is not None for string in some]
