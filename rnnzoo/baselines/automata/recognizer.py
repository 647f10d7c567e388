"""What every recognizer of a formal language can do: decide, trace, count, list and draw strings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError

State = TypeVar("State")

_EDITS = 100  # tries to leave the language by one edit: where it nearly always works, the first few suffice


class Recognizer(ABC, Generic[State]):
    """A machine that reads symbols of an alphabet, and accepts or rejects what it has read.

    Strings are sequences of symbols; where each symbol is one character, a `str` is one. A subclass says how the state
    changes, `trace` for many strings at once, and in how many ways a state can still be brought to acceptance
    (`completions`): from these numbers, exact at any length, strings are counted, listed in order and drawn uniformly,
    the accepted as well as the rejected.

    Args:
        alphabet: The symbols, whose order is that of the strings.

    Raises:
        RnnzooError: If the alphabet is empty, or has a symbol twice or an empty one.
    """

    def __init__(self, alphabet: Sequence[str]) -> None:
        self.alphabet = tuple(alphabet)
        if not self.alphabet or "" in self.alphabet:
            raise RnnzooError(f"an alphabet has at least one symbol and no empty one: {list(alphabet)}")
        self._ids = {symbol: at for at, symbol in enumerate(self.alphabet)}
        if len(self._ids) < len(self.alphabet):
            twice = next(symbol for symbol in self.alphabet if self.alphabet.count(symbol) > 1)
            raise RnnzooError(f"the alphabet has the symbol {twice!r} twice")

    @property
    @abstractmethod
    def start(self) -> State:
        """The state before the first symbol."""

    @abstractmethod
    def step(self, state: State, symbol: int) -> State:
        """The state after reading one symbol, which is given by its place in the alphabet."""

    @abstractmethod
    def completions(self, state: State, remaining: int) -> int:
        """How many strings of `remaining` symbols are accepted if they are read from `state` on."""

    @abstractmethod
    def trace(self, symbols: Tensor) -> Tensor:
        """The machine as a transducer: symbols (N, T) int64 to (N, T + 1) bool.

        Column t says whether the first t symbols are accepted; column 0 is about the empty string.
        """

    def encode(self, strings: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
        """Strings as symbols (N, T) int64, padded with 0, and lengths (N,) int64.

        Raises:
            RnnzooError: If a symbol is not in the alphabet, naming the string and the place.
        """
        rows = [self._row(string, number) for number, string in enumerate(strings)]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        symbols = torch.zeros(len(rows), max(map(len, rows), default=0), dtype=torch.int64)
        for number, row in enumerate(rows):
            symbols[number, : len(row)] = torch.tensor(row, dtype=torch.int64)
        return symbols, lengths

    def accepts(self, strings: Sequence[Sequence[str]]) -> Tensor:
        """The machine as an acceptor: strings to (N,) bool."""
        symbols, lengths = self.encode(strings)
        return self.trace(symbols).gather(1, lengths[:, None]).squeeze(1)

    def count(self, length: int, accepted: bool = True) -> int:
        """How many strings of a length are accepted (or rejected)."""
        return self._completions(self.start, length, accepted)

    def string(self, length: int, rank: int, accepted: bool = True) -> tuple[str, ...]:
        """The accepted (or rejected) string of a length at a place of their list, in the order of the alphabet.

        Raises:
            RnnzooError: If there are no more than `rank` such strings.
        """
        total = self.count(length, accepted)
        if not 0 <= rank < total:
            kind = "accepted" if accepted else "rejected"
            raise RnnzooError(f"there are {total} {kind} strings of length {length}: none has the rank {rank}")
        state, read = self.start, []
        for remaining in reversed(range(length)):
            sums = self._cumulative(state, remaining, accepted)
            symbol = bisect_right(sums, rank)
            if symbol:
                rank -= sums[symbol - 1]
            read.append(self.alphabet[symbol])
            state = self.step(state, symbol)
        return tuple(read)

    def draw(self, length: int, random: Random, accepted: bool = True) -> tuple[str, ...]:
        """One of the accepted (or rejected) strings of a length, each with the same probability.

        Raises:
            RnnzooError: If there is none.
        """
        return self.string(length, random.randrange(max(self.count(length, accepted), 1)), accepted)

    def near_miss(self, length: int, random: Random) -> tuple[str, ...] | None:
        """A rejected string of a length that one edit makes of an accepted one; None where none was found.

        An accepted string is drawn and one symbol replaced, left out or put in, each kind with the same probability
        where an accepted string of the right length exists, until the result is rejected, at most 100 times.
        """
        edits = [edit for edit in (-1, 0, 1) if length - edit >= 0 and self.count(length - edit)]
        for _ in range(_EDITS if edits else 0):
            edit = random.choice(edits)
            symbols = list(self.draw(length - edit, random))
            if edit <= 0 and not symbols:
                continue
            at = random.randrange(len(symbols) + (edit > 0))
            symbols[at : at + (edit <= 0)] = [random.choice(self.alphabet)] * (edit >= 0)
            if not self._accepts_one(symbols):
                return tuple(symbols)
        return None

    def _row(self, string: Sequence[str], number: int) -> list[int]:
        try:
            return [self._ids[symbol] for symbol in string]
        except KeyError as error:
            at = next(at for at, symbol in enumerate(string) if symbol not in self._ids)
            raise RnnzooError(
                f"string {number}, position {at}: {error.args[0]!r} is not in the alphabet {' '.join(self.alphabet)}"
            ) from None

    def _accepts_one(self, string: Sequence[str]) -> bool:
        state = self.start
        for symbol in self._row(string, 0):
            state = self.step(state, symbol)
        return self.completions(state, 0) == 1

    def _completions(self, state: State, remaining: int, accepted: bool) -> int:
        ways = self.completions(state, remaining)
        return ways if accepted else len(self.alphabet) ** remaining - ways

    def _cumulative(self, state: State, remaining: int, accepted: bool) -> list[int]:
        """Sums over the next symbol, up to each, of the ways to go on after it."""
        following = (self.step(state, symbol) for symbol in range(len(self.alphabet)))
        return list(accumulate(self._completions(after, remaining, accepted) for after in following))
