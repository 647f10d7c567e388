"""Strings of a formal language and strings outside it, drawn for training and for tests."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from rnnzoo.baselines.automata import AnyRecognizer
from rnnzoo.errors import RnnzooError

_TRIES = 20  # draws before a set of strings is taken to be nearly used up, and listed


class StringSampler:
    """Draws accepted and rejected strings whose lengths say nothing about which they are.

    The length is uniform over those at which the language accepts some strings and rejects others. An accepted string
    is uniform among those of its length, and so is a rejected one, but a share of them are near misses, one edit away
    from an accepted string (`Recognizer.near_miss`): what is uniformly drawn is often rejected at first sight, as are
    random bits that should be ``(10)*``.

    A string of `seen` is drawn only where it must be: where `seen` holds all the strings of a length that are accepted
    (or all that are rejected), as of ``1*``, which has one string of each length.

    Args:
        machine: The language.
        lengths: The shortest and the longest length.
        near_misses: The share of near misses among the rejected strings; where a length has none, its rejected strings
            are all drawn uniformly.
        seen: Strings that are not to be drawn.

    Raises:
        RnnzooError: If the lengths or the share are out of range, or at each of the lengths all strings are accepted
            or all are rejected.
    """

    def __init__(
        self, machine: AnyRecognizer, lengths: tuple[int, int], near_misses: float, seen: Collection[str] = ()
    ) -> None:
        self.machine, self.near_misses, self.seen = machine, near_misses, frozenset(seen)
        shortest, longest = lengths
        if not 1 <= shortest <= longest:
            raise RnnzooError(f"lengths must be [shortest, longest] with 1 <= shortest <= longest, not {list(lengths)}")
        if not 0 <= near_misses <= 1:
            raise RnnzooError(f"near_misses is a share of the rejected strings, from 0 to 1, not {near_misses}")
        self.lengths = [n for n in range(shortest, longest + 1) if machine.count(n) and machine.count(n, False)]
        if not self.lengths:
            raise RnnzooError(
                f"at each length from {shortest} to {longest} the language accepts all strings or none: there is "
                "nothing to learn; give other lengths"
            )
        self._unseen: dict[tuple[int, bool], list[str]] = {}

    def draw(self, random: Random, accepted: bool) -> str:
        """An accepted or a rejected string."""
        length = random.choice(self.lengths)
        if not accepted and random.random() < self.near_misses:
            for _ in range(_TRIES):
                near = self.machine.near_miss(length, random)
                if near is not None and "".join(near) not in self.seen:
                    return "".join(near)
        for _ in range(_TRIES):
            string = "".join(self.machine.draw(length, random, accepted))
            if string not in self.seen:
                return string
        return random.choice(self._left(length, accepted) or [string])

    def _left(self, length: int, accepted: bool) -> list[str]:
        """All strings of a kind that were not seen; they are few, since those seen are about as many."""
        if (length, accepted) not in self._unseen:
            ranks = range(self.machine.count(length, accepted))
            every = ("".join(self.machine.string(length, rank, accepted)) for rank in ranks)
            self._unseen[length, accepted] = [string for string in every if string not in self.seen]
        return self._unseen[length, accepted]
