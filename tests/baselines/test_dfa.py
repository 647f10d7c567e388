"""Automata against brute force over all short strings, and against machines written in another way."""

from collections import Counter
from itertools import groupby, pairwise, product
from math import comb
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.baselines.automata import DFA, Dyck, build_recognizer, language_names, parity, tomita
from rnnzoo.errors import RnnzooError

LONGEST = 8


def strings(alphabet, longest=LONGEST):
    return ["".join(string) for length in range(longest + 1) for string in product(alphabet, repeat=length)]


@st.composite
def automata(draw, symbols="ab", most=7):
    size = draw(st.integers(1, most))
    state = st.integers(0, size - 1)
    table = draw(st.lists(st.lists(state, min_size=len(symbols), max_size=len(symbols)), min_size=size, max_size=size))
    return DFA.from_table(symbols, table, draw(st.lists(st.booleans(), min_size=size, max_size=size)), draw(state))


def run(machine, string):
    """One string through the table, without the code under test."""
    state = machine.start
    for symbol in string:
        state = machine.table[state][machine.alphabet.index(symbol)]
    return state


def language(machine, longest=LONGEST):
    accepting = machine.trace(torch.zeros(1, 0, dtype=torch.int64))  # only q_0's; the others through `accepts`
    assert accepting.shape == (1, 1)
    return {
        s
        for s, yes in zip(strings("ab", longest), machine.accepts(strings("ab", longest)).tolist(), strict=True)
        if yes
    }


def runs(string, symbol):
    return [(at, len(list(group))) for at, (kind, group) in enumerate(groupby(string)) if kind == symbol]


TOMITA = {
    1: lambda s: "0" not in s,
    2: lambda s: s == "10" * (len(s) // 2),
    3: lambda s: not any(a % 2 and b % 2 and j > i for i, a in runs(s, "1") for j, b in runs(s, "0")),
    4: lambda s: "000" not in s,
    # Tomita's words: cut into pairs, an even number of them is 01 or 10
    5: lambda s: len(s) % 2 == 0 and sum(s[i] != s[i + 1] for i in range(0, len(s), 2)) % 2 == 0,
    6: lambda s: (s.count("0") - s.count("1")) % 3 == 0,
    7: lambda s: sum(a == "1" and b == "0" for a, b in pairwise(s)) <= 1,
}


@pytest.mark.parametrize("number", TOMITA)
def test_tomita_languages_are_what_their_words_say(number):
    every = strings("01", 11)
    assert tomita(number).accepts(every).tolist() == [TOMITA[number](s) for s in every]


def test_tomita_automata_have_the_known_sizes():
    # with the state from which nothing is accepted; Miller & Giles 1993 count without it
    assert [len(tomita(number).states) for number in range(1, 8)] == [2, 3, 5, 4, 4, 3, 5]


def test_parity():
    every = strings("01")
    assert parity().accepts(every).tolist() == [s.count("1") % 2 == 1 for s in every]
    assert parity().states == ("even", "odd")


@pytest.mark.parametrize(
    ("address", "accepted"),
    [
        ("a@b.co", True),
        ("ada.king@engine.co.uk", True),
        ("ada@engine.info", False),
        ("ada@engine.c", False),
        ("ada@engine", False),
        ("@engine.org", False),
        ("ada@@engine.org", False),
        ("ada.@engine.org", False),
        (".ada@engine.org", False),
        ("ada@engine..org", False),
        ("ada@.org", False),
        ("ada@engine.or.", False),
    ],
)
def test_email(address, accepted):
    assert build_recognizer("email").accepts([address]).tolist() == [accepted]


@given(automata())
@settings(max_examples=40, deadline=None)
def test_trace_is_the_acceptance_of_each_prefix(machine):
    some = ["", "a", "abba", "bbabaab"]
    symbols, lengths = machine.encode(some)
    traced = machine.trace(symbols)
    for row, string in enumerate(some):
        expected = [machine._accepting[run(machine, string[:at])] for at in range(len(string) + 1)]
        assert traced[row, : len(string) + 1].tolist() == expected
    assert lengths.tolist() == [0, 1, 4, 7]


@given(automata(most=5), automata(most=5))
@settings(max_examples=40, deadline=None)
def test_complement_intersection_union_and_difference(one, two):
    every, first, second = set(strings("ab")), language(one), language(two)
    assert language(one.complement()) == every - first
    assert language(one.intersection(two)) == first & second
    assert language(one.union(two)) == first | second
    # automata of 5 states and fewer that differ do so within 5 + 5 - 2 symbols
    differing = sorted(first ^ second, key=lambda string: (len(string), string))
    witness = one.difference(two)
    assert witness == (tuple(differing[0]) if differing else None)


def distinguishable(machine, states):
    """Pairs of states that some string tells apart: marked from the ends (the table-filling algorithm)."""
    marked = {(p, q) for p in states for q in states if machine._accepting[p] != machine._accepting[q]}
    while True:
        more = {
            (p, q)
            for p in states
            for q in states
            if (p, q) not in marked
            and any(pair in marked for pair in zip(machine.table[p], machine.table[q], strict=True))
        }
        if not more:
            return marked
        marked |= more


@given(automata(most=9))
@settings(max_examples=100, deadline=None)
def test_minimized_has_a_state_for_each_class_of_states_and_is_equivalent(machine):
    reached = {machine.start}
    while more := {after for state in reached for after in machine.table[state]} - reached:
        reached |= more
    apart = distinguishable(machine, reached)
    classes = {frozenset(q for q in reached if (p, q) not in apart) for p in reached}
    small = machine.minimized()
    assert len(small.states) == len(classes)
    assert small.difference(machine) is None
    assert language(small) == language(machine)
    again = machine.complement().minimized().complement()
    assert again.table == small.table
    assert again._accepting == small._accepting


def test_a_long_chain_is_minimized_in_time():
    length = 1500
    chain = DFA.from_table(
        "ab", [[min(s + 1, length)] * 2 for s in range(length + 1)], [s == length for s in range(length + 1)]
    )
    assert len(chain.minimized().states) == length + 1


@given(automata(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_counts_and_ranks_are_those_of_the_list(machine, accepted):
    inside = language(machine)
    for length in range(LONGEST + 1):
        listed = ["".join(s) for s in product("ab", repeat=length) if ("".join(s) in inside) == accepted]
        assert machine.count(length, accepted) == len(listed)
        assert ["".join(machine.string(length, rank, accepted)) for rank in range(len(listed))] == listed


def test_counts_are_exact_far_beyond_floating_point():
    assert parity().count(500) == 2**499
    assert tomita(5).count(300) == 2**299  # of an even length: even zeros make even ones
    trilling = [1, 2, 4]  # strings without 000 are a Fibonacci sequence of order 3
    while len(trilling) < 201:
        trilling.append(sum(trilling[-3:]))
    assert tomita(4).count(200) == trilling[200]


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("machine", [tomita(4), Dyck(2)], ids=["tomita-4", "dyck-2"])
def test_draws_are_uniform(machine, accepted):
    draws, length, random = 6000, 4, Random(7)
    drawn = Counter("".join(machine.draw(length, random, accepted)) for _ in range(draws))
    listed = [
        s for s in map("".join, product(machine.alphabet, repeat=length)) if bool(machine.accepts([s])) == accepted
    ]
    assert set(drawn) <= set(listed)
    expected = draws / len(listed)
    chi_square = sum((drawn[s] - expected) ** 2 / expected for s in listed)
    degrees = len(listed) - 1
    assert abs(chi_square - degrees) < 4 * (2 * degrees) ** 0.5  # four standard deviations of the chi-square law


def nested(string, kinds, max_depth=None):
    """The recognizer with a pushdown store, in the plainest Python."""
    open_brackets = "([{<"[:kinds]
    store = []
    for bracket in string:
        if bracket in open_brackets:
            store.append(bracket)
            if max_depth is not None and len(store) > max_depth:
                return False
        elif not store or {"(": ")", "[": "]", "{": "}", "<": ">"}[store.pop()] != bracket:
            return False
    return not store


@pytest.mark.parametrize(
    ("kinds", "max_depth", "longest"), [(1, None, 12), (1, 2, 12), (2, None, 7), (2, 1, 7), (3, 2, 5)]
)
def test_dyck_is_the_language_of_a_pushdown_recognizer(kinds, max_depth, longest):
    machine = Dyck(kinds, max_depth)
    every = strings(machine.alphabet, longest)
    expected = [nested(s, kinds, max_depth) for s in every]
    assert machine.accepts(every).tolist() == expected
    prefixes = machine.trace(machine.encode(every[-50:])[0])
    assert prefixes.tolist() == [[nested(s[:at], kinds, max_depth) for at in range(longest + 1)] for s in every[-50:]]
    for length in range(longest + 1):
        listed = [s for s, yes in zip(every, expected, strict=True) if yes and len(s) == length]
        others = [s for s, yes in zip(every, expected, strict=True) if not yes and len(s) == length]
        assert ["".join(machine.string(length, rank)) for rank in range(machine.count(length))] == listed
        some = range(0, len(others), max(len(others) // 50, 1))
        assert machine.count(length, accepted=False) == len(others)
        assert ["".join(machine.string(length, rank, False)) for rank in some] == [others[rank] for rank in some]


def test_long_dyck_strings():
    machine, random = Dyck(2), Random(0)
    good = ["".join(machine.draw(200, random)) for _ in range(20)]
    bad = ["".join(machine.near_miss(200, random)) for _ in range(20)]
    assert machine.accepts(good + bad).tolist() == [True] * 20 + [False] * 20
    assert all(nested(s, 2) for s in good)
    assert not any(nested(s, 2) for s in bad)
    assert machine.count(100) == 2**50 * comb(100, 50) // 51


def within_one_edit(string, machine):
    """All strings that are one replacement, deletion or insertion away."""
    for at in range(len(string) + 1):
        for symbol in machine.alphabet:
            yield string[:at] + symbol + string[at:]
            yield string[:at] + symbol + string[at + 1 :]
        yield string[:at] + string[at + 1 :]


@pytest.mark.parametrize("name", language_names())
def test_near_misses_are_rejected_and_one_edit_away(name):
    machine, random = build_recognizer(name), Random(3)
    found = [machine.near_miss(length, random) for length in range(6, 13) for _ in range(5)]
    for string in found:
        assert string is not None
        assert machine.accepts([string]).tolist() == [False]
        assert machine.accepts(list(within_one_edit("".join(string), machine))).any()
    assert {len(string) for string in found} == set(range(6, 13))


def test_no_near_miss_where_nothing_is_rejected_or_nothing_accepted():
    everything = DFA.from_table("a", [[0]], [True])
    assert everything.near_miss(3, Random(0)) is None
    assert everything.complement().near_miss(3, Random(0)) is None
    assert everything.complement().near_miss(0, Random(0)) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alphabet": ""}, "at least one symbol"),
        ({"alphabet": "aa"}, "the symbol 'a' twice"),
        ({"states": ["p", "p"]}, "given twice"),
        ({"start": "r"}, "'r' is not among the states"),
        ({"accepting": ["r"]}, "'r' is not among the states"),
        ({"transitions": {"p": {"a": "q"}, "q": {}}}, "state 'q' for 'a' is missing"),
        ({"transitions": {"p": {"a": "q"}, "q": {"a": "r"}}}, "for 'a' is to 'r'"),
        ({"transitions": {"p": {"a": "q"}, "q": {"a": "p", "b": "q"}}}, "state 'q' for 'b'"),
    ],
)
def test_a_wrong_automaton_is_refused(arguments, message):
    right = {
        "states": ["p", "q"],
        "alphabet": "a",
        "transitions": {"p": {"a": "q"}, "q": {"a": "p"}},
        "start": "p",
        "accepting": [],
    }
    assert DFA(**right).count(3) == 0
    with pytest.raises(RnnzooError, match=message):
        DFA(**{**right, **arguments})


def test_other_mistakes_are_named():
    with pytest.raises(RnnzooError, match=r"string 1, position 2: 'x' is not in the alphabet 0 1"):
        parity().accepts(["01", "01x"])
    with pytest.raises(RnnzooError, match="there are 4 accepted strings of length 3: none has the rank 4"):
        parity().string(3, 4)
    with pytest.raises(RnnzooError, match="there are 0 rejected strings of length 0"):
        Dyck().draw(0, Random(0), accepted=False)
    with pytest.raises(RnnzooError, match="the alphabets differ"):
        parity().union(build_recognizer("email"))
    with pytest.raises(RnnzooError, match="did you mean 'tomita-7'"):
        build_recognizer("tomita7")
    with pytest.raises(RnnzooError, match="the numbers 1 to 7, not 8"):
        tomita(8)
    with pytest.raises(RnnzooError, match="unknown key of a formal language 'alphabeth'"):
        build_recognizer({"regular_expression": "a", "alphabeth": "a"})
    with pytest.raises(RnnzooError, match="needs its alphabet"):
        build_recognizer({"regular_expression": "a"})
    with pytest.raises(RnnzooError, match="has the key regular_expression or dyck"):
        build_recognizer({"regex": "a"})
    with pytest.raises(RnnzooError, match="from 1 to 4, not 5"):
        build_recognizer({"dyck": 5})
    with pytest.raises(RnnzooError, match="max_depth must be at least 1"):
        build_recognizer({"dyck": 1, "max_depth": 0})
