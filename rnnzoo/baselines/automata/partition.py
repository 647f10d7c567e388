"""Which states of an automaton are the same but for their names."""

from __future__ import annotations

from collections.abc import Sequence


def coarsest_parts(table: Sequence[Sequence[int]], accepting: Sequence[bool]) -> list[int]:
    """The number of each state's part: two states share one exactly when no string tells them apart.

    The states are divided into accepting and rejecting; then each part is divided by which of its states reach
    another part with a symbol, until none divides. Of two halves only the smaller is looked at again, so that the time
    grows as n log n with the number of states (Hopcroft 1971, "An n log n algorithm for minimizing states in a finite
    automaton").

    Args:
        table: the next states, (states, symbols).
        accepting: whether each state accepts.

    >>> coarsest_parts([[1, 2], [1, 2], [0, 3], [2, 3]], [False, False, True, True])
    [0, 0, 1, 2]
    """
    symbols = range(len(table[0]))
    before: list[list[list[int]]] = [[[] for _ in table] for _ in symbols]
    for state, row in enumerate(table):
        for symbol, after in enumerate(row):
            before[symbol][after].append(state)
    halves = [{state for state in range(len(table)) if accepting[state] == half} for half in (False, True)]
    parts = [half for half in halves if half]
    part_of = [number for state in range(len(table)) for number, part in enumerate(parts) if state in part]
    waiting = [(number, symbol) for number in range(len(parts)) for symbol in symbols]
    while waiting:
        target, symbol = waiting.pop()
        arriving: dict[int, set[int]] = {}
        for after in parts[target]:
            for state in before[symbol][after]:
                arriving.setdefault(part_of[state], set()).add(state)
        for number, inside in arriving.items():
            outside = parts[number] - inside
            if outside:
                smaller, parts[number] = sorted((inside, outside), key=len)
                for state in smaller:
                    part_of[state] = len(parts)
                waiting += [(len(parts), other) for other in symbols]
                parts.append(smaller)
    return part_of
