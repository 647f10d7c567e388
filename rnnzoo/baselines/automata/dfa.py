"""Deterministic finite automata."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rnnzoo.baselines.automata.partition import coarsest_parts
from rnnzoo.baselines.automata.recognizer import Recognizer
from rnnzoo.errors import RnnzooError


class DFA(Recognizer[int]):
    """A deterministic finite automaton, the 5-tuple (Q, Sigma, delta, q_0, F).

    It has the shape of an acceptor, ``s_i = R(s_{i-1}, x_i)`` with a table for R and finitely many states, so it is
    what a recurrent network that learned a regular language must agree with. Inside, states are numbers, the places of
    their names in `states`.

    Args:
        states: Q, names of any kind.
        alphabet: Sigma.
        transitions: delta: for each state, the next state for each symbol.
        start: q_0.
        accepting: F.

    Raises:
        RnnzooError: If a transition is missing or leads to an unknown state, or a name is unknown or given twice.

    Example:
        >>> parity = DFA(["even", "odd"], "01", {"even": {"0": "even", "1": "odd"}, "odd": {"0": "odd", "1": "even"}},
        ...              start="even", accepting=["odd"])
        >>> parity.accepts(["", "1", "0110", "10110"]).tolist()
        [False, True, False, True]
        >>> parity.trace(parity.encode(["1011"])[0]).tolist()
        [[False, True, True, False, True]]
        >>> parity.count(40), "".join(parity.string(3, rank=2))
        (549755813888, '100')
    """

    def __init__(
        self,
        states: Sequence[Hashable],
        alphabet: Sequence[str],
        transitions: Mapping[Any, Mapping[str, Any]],
        start: Hashable,
        accepting: Collection[Hashable],
    ) -> None:
        super().__init__(alphabet)
        self.states = tuple(states)
        numbers = {name: number for number, name in enumerate(self.states)}
        if len(numbers) < len(self.states):
            raise RnnzooError(f"a state is given twice among {list(map(str, self.states))}")
        strangers = [name for name in [start, *accepting, *transitions] if name not in numbers]
        if strangers:
            raise RnnzooError(f"{strangers[0]!r} is not among the states {list(map(str, self.states))}")
        self._next: list[list[int]] = []
        for name in self.states:
            arrows = transitions.get(name, {})
            for symbol in [*self.alphabet, *arrows]:
                if symbol not in arrows or symbol not in self._ids or arrows[symbol] not in numbers:
                    raise RnnzooError(
                        f"the transition of state {name!r} for {symbol!r} is "
                        + ("missing" if symbol not in arrows else f"to {arrows[symbol]!r}: one of the two is unknown")
                        + "; each state has one for each symbol of the alphabet"
                    )
            self._next.append([numbers[arrows[symbol]] for symbol in self.alphabet])
        self._start = numbers[start]
        self._accepting = [name in set(accepting) for name in self.states]
        self._ways: list[list[int]] = [[int(accepting) for accepting in self._accepting]]
        self._sums: dict[tuple[int, int, bool], list[int]] = {}

    @classmethod
    def from_table(
        cls, alphabet: Sequence[str], table: Sequence[Sequence[int]], accepting: Sequence[bool], start: int = 0
    ) -> DFA:
        """An automaton whose states are the numbers of the rows of a table (states, symbols) of next states."""
        transitions = {state: dict(zip(alphabet, row, strict=True)) for state, row in enumerate(table)}
        return cls(
            range(len(table)), alphabet, transitions, start, [state for state, is_in in enumerate(accepting) if is_in]
        )

    @property
    def start(self) -> int:
        """The number of q_0."""
        return self._start

    def step(self, state: int, symbol: int) -> int:
        """delta: one look into the table."""
        return self._next[state][symbol]

    def completions(self, state: int, remaining: int) -> int:
        """``c(s, 0) = [s in F]``, ``c(s, n) = sum over symbols a of c(delta(s, a), n - 1)``, in whole numbers."""
        while len(self._ways) <= remaining:
            last = self._ways[-1]
            self._ways.append([sum(last[after] for after in row) for row in self._next])
        return self._ways[remaining][state]

    def state_trace(self, symbols: Tensor) -> Tensor:
        """Symbols (N, T) int64 to the states before the first and after each symbol, (N, T + 1) int64."""
        table = torch.tensor(self._next, dtype=torch.int64, device=symbols.device)
        states = symbols.new_full((symbols.shape[0], symbols.shape[1] + 1), self._start)
        for at in range(symbols.shape[1]):
            states[:, at + 1] = table[states[:, at], symbols[:, at]]
        return states

    def trace(self, symbols: Tensor) -> Tensor:
        """Whether each prefix is accepted, (N, T + 1) bool; see `Recognizer.trace`."""
        return torch.tensor(self._accepting, device=symbols.device)[self.state_trace(symbols)]

    def complement(self) -> DFA:
        """The automaton that accepts what this one rejects."""
        return DFA.from_table(self.alphabet, self._next, [not accepting for accepting in self._accepting], self._start)

    def intersection(self, other: DFA) -> DFA:
        """The automaton of the strings that both accept (the product automaton, its reachable part)."""
        return self._product(other, lambda own, others: own and others)

    def union(self, other: DFA) -> DFA:
        """The automaton of the strings that at least one accepts."""
        return self._product(other, lambda own, others: own or others)

    def difference(self, other: DFA) -> tuple[str, ...] | None:
        """The first of the shortest strings that only one of the two accepts; None: they are equivalent.

        >>> one = DFA.from_table("ab", [[1, 0], [0, 1]], [True, False])
        >>> two = DFA.from_table("ab", [[1, 0], [2, 1], [2, 2]], [True, False, True])
        >>> one.difference(two)
        ('a', 'a', 'a')
        >>> one.difference(one.complement().complement()) is None
        True
        """
        pairs, arrivals = self._pairs(other)
        for number, (own, others) in enumerate(pairs):
            if self._accepting[own] != other._accepting[others]:
                path: list[str] = []
                while number:
                    number, symbol = arrivals[number]
                    path.append(self.alphabet[symbol])
                return tuple(reversed(path))
        return None

    def minimized(self) -> DFA:
        """The smallest automaton of the same language: states numbered in the order in which strings reach them.

        States that cannot be reached are left out, and those that no string tells apart are one (`coarsest_parts`). Two
        automata are equivalent exactly when their minimized tables and accepting states are equal.
        """
        reached = [own for own, _ in self._pairs(self)[0]]
        numbers = {state: number for number, state in enumerate(reached)}
        table = [[numbers[after] for after in self._next[state]] for state in reached]
        accepting = [self._accepting[state] for state in reached]
        parts = coarsest_parts(table, accepting)
        first = {part: at for at, part in reversed(list(enumerate(parts)))}
        order = {part: number for number, part in enumerate(sorted(first, key=lambda part: first[part]))}
        rows = [[order[parts[after]] for after in table[first[part]]] for part in order]
        return DFA.from_table(self.alphabet, rows, [accepting[first[part]] for part in order])

    @property
    def table(self) -> list[list[int]]:
        """The next states, (states, symbols), by number."""
        return [list(row) for row in self._next]

    def _product(self, other: DFA, rule: Callable[[bool, bool], bool]) -> DFA:
        pairs, _ = self._pairs(other)
        numbers = {pair: number for number, pair in enumerate(pairs)}
        table = [
            [numbers[after] for after in zip(self._next[own], other._next[others], strict=True)]
            for own, others in pairs
        ]
        accepting = [rule(self._accepting[own], other._accepting[others]) for own, others in pairs]
        return DFA.from_table(self.alphabet, table, accepting)

    def _pairs(self, other: DFA) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The pairs of states that one string reaches, shortest strings first, and how each was reached first."""
        if self.alphabet != other.alphabet:
            raise RnnzooError(f"the alphabets differ: {' '.join(self.alphabet)} and {' '.join(other.alphabet)}")
        pairs, arrivals = [(self._start, other._start)], [(0, 0)]
        known = set(pairs)
        for number, (own, others) in enumerate(pairs):  # the list grows while it is read
            for symbol, after in enumerate(zip(self._next[own], other._next[others], strict=True)):
                if after not in known:
                    known.add(after)
                    pairs.append(after)
                    arrivals.append((number, symbol))
        return pairs, arrivals

    def _cumulative(self, state: int, remaining: int, accepted: bool) -> list[int]:
        key = (state, remaining, accepted)
        if key not in self._sums:
            self._sums[key] = super()._cumulative(state, remaining, accepted)
        return self._sums[key]
