"""Dyck languages: well-nested brackets, which no finite automaton recognizes."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor

from rnnzoo.baselines.automata.recognizer import Recognizer
from rnnzoo.errors import RnnzooError

_BRACKETS = ("()", "[]", "{}", "<>")

Stack: TypeAlias = tuple[int, ...] | None
"""The open brackets' kinds, the innermost last; None: the string can no longer become well nested."""


class Dyck(Recognizer[Stack]):
    """The language of well-nested brackets of k kinds (Dyck-k), by a machine with a stack.

    An opening bracket is pushed, a closing one must match what it pops, and the string is accepted where the stack is
    empty. Dyck-1 is counted by Catalan numbers: length 2n has ``C_n = (2n)! / (n! (n + 1)!)`` strings; Dyck-k has
    ``k^n C_n``. With `max_depth` the language is regular, but its automaton has about k^max_depth states.

    Args:
        kinds: k, from 1 to 4: round, square, curly and angle brackets.
        max_depth: How many brackets may be open at once; None: any number.

    Raises:
        RnnzooError: If a number is out of its range.

    Example:
        >>> dyck = Dyck(kinds=2)
        >>> dyck.accepts(["", "([])()", "([)]", "(("]).tolist()
        [True, True, False, False]
        >>> [dyck.count(length) for length in range(7)], Dyck(kinds=2, max_depth=1).count(6)
        ([1, 0, 2, 0, 8, 0, 40], 8)
    """

    def __init__(self, kinds: int = 1, max_depth: int | None = None) -> None:
        if not 1 <= kinds <= len(_BRACKETS):
            raise RnnzooError(f"kinds of brackets must be from 1 to {len(_BRACKETS)}, not {kinds}")
        if max_depth is not None and max_depth < 1:
            raise RnnzooError(f"max_depth must be at least 1, not {max_depth}")
        chosen = _BRACKETS[:kinds]
        super().__init__([pair[0] for pair in chosen] + [pair[1] for pair in chosen])
        self.kinds, self.max_depth = kinds, max_depth
        self._ways: list[list[int]] = [[1]]  # _ways[n][h]: how n brackets can close h open ones

    @property
    def start(self) -> Stack:
        """Nothing is open."""
        return ()

    def step(self, state: Stack, symbol: int) -> Stack:
        """Push an opening bracket, or pop the one that a closing bracket matches."""
        if state is None:
            return None
        if symbol < self.kinds:
            return None if len(state) == self.max_depth else (*state, symbol)
        return state[:-1] if state and state[-1] == symbol - self.kinds else None

    def completions(self, state: Stack, remaining: int) -> int:
        """``c(h, n) = k c(h + 1, n - 1) + c(h - 1, n - 1)``, ``c(0, 0) = 1``, where h brackets are open."""
        if state is None:
            return 0
        while len(self._ways) <= remaining:
            last = [*self._ways[-1], 0, 0]
            most = len(self._ways) if self.max_depth is None else min(len(self._ways), self.max_depth)
            self._ways.append(
                [
                    (self.kinds * last[h + 1] if h != self.max_depth else 0) + (last[h - 1] if h else 0)
                    for h in range(most + 1)
                ]
            )
        ways = self._ways[remaining]
        return ways[len(state)] if len(state) < len(ways) else 0

    def trace(self, symbols: Tensor) -> Tensor:
        """Whether each prefix is well nested, (N, T + 1) bool; see `Recognizer.trace`."""
        rows, steps = symbols.shape
        stack = symbols.new_zeros(rows, steps + 1)
        height = symbols.new_zeros(rows)
        alive = torch.ones_like(height, dtype=torch.bool)
        accepted = torch.ones(rows, steps + 1, dtype=torch.bool, device=symbols.device)
        for at in range(steps):
            symbol = symbols[:, at]
            opening = symbol < self.kinds
            top = stack.gather(1, (height - 1).clamp(min=0)[:, None]).squeeze(1)
            legal = torch.where(opening, height != (self.max_depth or -1), (height > 0) & (top == symbol - self.kinds))
            alive = alive & legal
            # What is written above the top on a closing bracket is never read: a push writes it anew.
            stack.scatter_(1, height[:, None], symbol[:, None])
            height = (height + torch.where(opening, 1, -1)).clamp(min=0)
            accepted[:, at + 1] = alive & (height == 0)
        return accepted
