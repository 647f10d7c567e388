"""n-gram models by dictionaries and recursion, written from the papers: the oracle of rnnzoo.baselines.

A corpus is a list of sequences of symbols; a sequence may start with "<s>", which is counted as history only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

BEGIN = "<s>"
Gram = tuple[object, ...]


def sequences(ids: Sequence[int], end: int | None) -> list[Gram]:
    """The stream as one sequence, or cut after each `end`, each piece with "<s>" before it."""
    if end is None:
        return [tuple(ids)]
    pieces: list[list[object]] = [[BEGIN]]
    for place, symbol in enumerate(ids):
        pieces[-1].append(symbol)
        if symbol == end and place + 1 < len(ids):
            pieces.append([BEGIN])
    return [tuple(piece) for piece in pieces]


def histories(ids: Sequence[int], end: int | None, order: int) -> list[tuple[Gram, int]]:
    """(history of at most order - 1 symbols, predicted id) of each token."""
    pairs = []
    for sequence in sequences(ids, end):
        for place in range(1 if end is not None else 0, len(sequence)):
            pairs.append((sequence[max(0, place - order + 1) : place], sequence[place]))
    return pairs  # type: ignore[return-value]


class Corpus:
    def __init__(self, ids: Sequence[int], order: int, vocabulary_size: int, end: int | None) -> None:
        self.order, self.vocabulary_size = order, vocabulary_size
        self.count: Counter[Gram] = Counter()
        before: dict[Gram, set[object]] = defaultdict(set)
        for sequence in sequences(ids, end):
            for k in range(1, order + 1):
                for start in range(len(sequence) - k + 1):
                    gram = sequence[start : start + k]
                    if gram != (BEGIN,):
                        self.count[gram] += 1
                        if k > 1:
                            before[gram[1:]].add(gram[0])
        self.before = before
        self.types = sorted({gram[0] for gram in self.count if len(gram) == 1})  # type: ignore[type-var]

    def followers(self, history: Gram) -> list[Gram]:
        return [(*history, w) for w in self.types if self.count[(*history, w)]]

    # --- Kneser-Ney: Chen & Goodman (1998), equations 18 to 26

    def kneser_ney_count(self, gram: Gram) -> int:
        if len(gram) == self.order or gram[0] == BEGIN:
            return self.count[gram]
        return len(self.before[gram])

    @cache  # noqa: B019 (lives as long as its test)
    def discounts(self, k: int, modified: bool) -> tuple[Fraction, Fraction, Fraction]:
        found = [self.kneser_ney_count(gram) for gram in self.count if len(gram) == k]
        n1, n2, n3, n4 = (found.count(r) for r in (1, 2, 3, 4))
        half = Fraction(1, 2)
        if not modified:
            d = Fraction(n1, n1 + 2 * n2) if n1 > 0 and n2 > 0 else half
            return d, d, d
        if min(n1, n2, n3, n4) > 0:
            y = Fraction(n1, n1 + 2 * n2)
            three = (1 - 2 * y * Fraction(n2, n1), 2 - 3 * y * Fraction(n3, n2), 3 - 4 * y * Fraction(n4, n3))
            if min(three) > 0:
                return three
        return half, Fraction(1), Fraction(3, 2)

    def kneser_ney(self, history: Gram, word: int, modified: bool) -> Fraction:
        lower = self.kneser_ney(history[1:], word, modified) if history else Fraction(1, self.vocabulary_size)
        counts = {gram: self.kneser_ney_count(gram) for gram in self.followers(history)}
        total = sum(counts.values())
        if total == 0:
            return lower
        d1, d2, d3 = self.discounts(len(history) + 1, modified)
        n1, n2 = (sum(c == r for c in counts.values()) for r in (1, 2))
        n3 = sum(c >= 3 for c in counts.values())
        c = counts.get((*history, word), 0)
        discounted = max(c - (0, d1, d2, d3)[min(c, 3)], Fraction(0))
        return discounted / total + (d1 * n1 + d2 * n2 + d3 * n3) / total * lower

    # --- the simpler ones

    def add_delta(self, history: Gram, word: int, delta: Fraction) -> Fraction:
        total = sum(self.count[gram] for gram in self.followers(history))
        return (self.count[(*history, word)] + delta) / (total + delta * self.vocabulary_size)

    def stupid_score(self, history: Gram, word: int, alpha: Fraction) -> Fraction:
        if self.count[(*history, word)]:
            total = sum(self.count[gram] for gram in self.followers(history))
            return Fraction(self.count[(*history, word)], total)
        return alpha * (self.stupid_score(history[1:], word, alpha) if history else Fraction(1, self.vocabulary_size))
