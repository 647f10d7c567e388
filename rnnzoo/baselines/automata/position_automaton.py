"""From a regular expression to its automaton: positions (Glushkov 1961), then sets of positions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from rnnzoo.baselines.automata.dfa import DFA
from rnnzoo.baselines.automata.regular_expressions import Alternation, Concatenation, Node, Repetition, Symbols, parse
from rnnzoo.errors import RnnzooError

_MOST_POSITIONS = 2_000  # a{1000}b{1000} fits; (a{1000}){1000} would fill the memory
_MOST_STATES = 20_000  # (a|b)*a(a|b){20} has two million


def from_regular_expression(pattern: str, alphabet: Sequence[str]) -> DFA:
    """The minimal automaton of a regular expression; see `rnnzoo.baselines.automata.regular_expressions.parse`.

    Each symbol of the pattern is a position, and the sets of positions at which a string can stand are the states
    (McNaughton & Yamada 1960; Glushkov 1961), which are then minimized.

    Args:
        pattern: What the whole string must match.
        alphabet: Symbols of one character each.

    Raises:
        RnnzooError: If the pattern has a mistake, a symbol has several characters, or the automaton is too large.

    Example:
        >>> no_three_zeros = from_regular_expression("0?0?(1+0?0?)*", "01")
        >>> len(no_three_zeros.states), no_three_zeros.accepts(["0100", "10001"]).tolist()
        (4, [True, False])
    """
    if any(len(symbol) != 1 for symbol in alphabet):
        raise RnnzooError(f"a regular expression is about single characters: {list(alphabet)} has longer symbols")
    positions = _Positions(pattern)
    whole = positions.build(parse(pattern, alphabet))
    start: frozenset[int] = frozenset([_START])
    final = whole.last | start if whole.nullable else whole.last
    sets, rows = [start], []
    numbers = {start: 0}
    for states in sets:  # the list grows while it is read
        after: list[set[int]] = [set() for _ in alphabet]
        for position in states:
            for following in whole.first if position == _START else positions.follow[position]:
                for symbol in positions.symbols[following]:
                    after[symbol].add(following)
        row = []
        for reached in map(frozenset, after):
            if reached not in numbers:
                numbers[reached] = len(sets)
                sets.append(reached)
            row.append(numbers[reached])
        rows.append(row)
        if len(sets) > _MOST_STATES:
            raise RnnzooError(f"regular expression {pattern!r}: the automaton has more than {_MOST_STATES} states")
    return DFA.from_table(alphabet, rows, [bool(states & final) for states in sets]).minimized()


_START = -1


class _Part(NamedTuple):
    """A part of the expression: whether it can be empty, and at which positions it can begin and end."""

    nullable: bool
    first: frozenset[int]
    last: frozenset[int]


_EMPTY = _Part(True, frozenset(), frozenset())


class _Positions:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.symbols: list[frozenset[int]] = []
        self.follow: list[set[int]] = []

    def build(self, node: Node) -> _Part:
        if isinstance(node, Symbols):
            return self.position(node.allowed)
        if isinstance(node, Concatenation):
            return reduce(self.chain, map(self.build, node.parts), _EMPTY)
        if isinstance(node, Alternation):
            return reduce(_either, map(self.build, node.parts))
        return self.repeat(node)

    def position(self, allowed: frozenset[int]) -> _Part:
        self.symbols.append(allowed)
        self.follow.append(set())
        if len(self.symbols) > _MOST_POSITIONS:
            raise RnnzooError(
                f"regular expression {self.pattern!r}: written out, it has more than {_MOST_POSITIONS} symbols"
            )
        here = frozenset([len(self.symbols) - 1])
        return _Part(False, here, here)

    def chain(self, one: _Part, two: _Part) -> _Part:
        for position in one.last:
            self.follow[position] |= two.first
        first = one.first | two.first if one.nullable else one.first
        last = one.last | two.last if two.nullable else two.last
        return _Part(one.nullable and two.nullable, first, last)

    def repeat(self, node: Repetition) -> _Part:
        """``x{2,}`` is ``x x+``, ``x{2,4}`` is ``x x x? x?``."""
        whole = _EMPTY
        for _ in range(node.least if node.most is not None else node.least - 1):
            whole = self.chain(whole, self.build(node.part))
        if node.most is None:
            loop = self.build(node.part)
            self.chain(loop, loop)
            return self.chain(whole, loop._replace(nullable=loop.nullable or node.least == 0))
        for _ in range(node.most - node.least):
            whole = self.chain(whole, self.build(node.part)._replace(nullable=True))
        return whole


def _either(one: _Part, two: _Part) -> _Part:
    return _Part(one.nullable or two.nullable, one.first | two.first, one.last | two.last)
