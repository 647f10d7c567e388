"""The n-grams of a stream of ids, of every order up to n, counted without a loop over tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ABSENT = -1  # the node of an n-gram that was not counted; as an index it reads the last entry of a table


class Level(NamedTuple):
    """All k-grams of one k; a k-gram's position in these arrays is its *node*.

    Attributes:
        keys: (G,) int64, sorted: node of the first k-1 symbols (a level below) times the base, plus the last symbol.
        contexts: (G,) node of the first k-1 symbols, a level below.
        suffixes: (G,) node of the last k-1 symbols, a level below.
        counts: (G,) how often the last symbol was to be predicted here; 0 for the begin symbol alone.
        opening: (G,) bool, the k-gram starts with the begin symbol, so that nothing can precede it.
    """

    keys: Tensor
    contexts: Tensor
    suffixes: Tensor
    counts: Tensor
    opening: Tensor

    def find(self, contexts: Tensor, symbols: Tensor, base: int) -> Tensor:
        """Nodes of the k-grams (context node, symbol); `ABSENT` where the k-gram or its context was not counted."""
        if len(self.keys) == 0:
            return torch.full_like(contexts, ABSENT)
        wanted = contexts * base + symbols
        place = torch.searchsorted(self.keys, wanted).clamp(max=len(self.keys) - 1)
        return torch.where((contexts >= 0) & (self.keys[place] == wanted), place, ABSENT)


class Lookup(NamedTuple):
    """What one level knows about M predictions.

    Attributes:
        contexts: (M,) node of the k-1 symbols before the predicted one, or `ABSENT`.
        grams: (M,) node of these and the predicted one, or `ABSENT`.
        reached: (M,) bool: the history has k-1 symbols at all (counted or not).
    """

    contexts: Tensor
    grams: Tensor
    reached: Tensor


class NGramCounts:
    """Counts of the k-grams, k = 1..n, of a stream of ids in [0, V).

    The grams form a trie kept in sorted arrays: a k-gram is the pair (node of its first k-1 symbols, last symbol), one
    int64 key, so any n and V fit and counting is n sorts of the stream. Python never sees a token.

    With `sentence_end` an (unpredicted) begin symbol, id V, stands before the stream and after each end symbol except a
    final one, and no gram reaches back past it. Without it the grams run through the whole stream.
    """

    def __init__(self, ids: Tensor, order: int, vocabulary_size: int, sentence_end: int | None) -> None:
        self.begin = vocabulary_size
        self.base = vocabulary_size + 1
        self.sentence_end = sentence_end
        self.levels: list[Level] = []
        symbols, depth, _ = self._frame(ids)
        nodes = torch.zeros_like(symbols)
        for k in range(1, order + 1):
            places = (depth >= k - 1).nonzero().squeeze(1)
            before = nodes[places - 1] if k > 1 else nodes  # the gram of k-1 symbols that ends one place earlier
            keys, grams, counts = torch.unique(
                before * self.base + symbols[places], return_inverse=True, return_counts=True
            )
            if k == 1:
                counts = torch.where(keys == self.begin, 0, counts)
            suffixes = torch.empty_like(keys)
            suffixes[grams] = nodes[places]  # all places of one gram write the same node
            opening = torch.zeros(len(keys), dtype=torch.bool)
            opening[grams[(depth[places] == k - 1) & (symbols[places - k + 1] == self.begin)]] = True
            self.levels.append(Level(keys, keys // self.base, suffixes, counts, opening))
            nodes = torch.full_like(nodes, ABSENT)
            nodes[places] = grams

    @property
    def order(self) -> int:
        """n: the length of the longest grams."""
        return len(self.levels)

    def num_contexts(self, k: int) -> int:
        """How many contexts a k-gram can have: the number of (k-1)-grams, 1 for k = 1."""
        return len(self.levels[k - 2].keys) if k > 1 else 1

    def find(self, ids: Tensor) -> list[Lookup]:
        """One lookup a level, k = 1..n, for the prediction of every id of a stream from those before it."""
        symbols, depth, tokens = self._frame(ids)
        nodes = torch.zeros_like(symbols)
        lookups = []
        for k, level in enumerate(self.levels, start=1):
            reached = depth >= k - 1
            contexts = torch.where(reached, nodes.roll(1) if k > 1 else nodes, ABSENT)
            nodes = level.find(contexts, symbols, self.base)
            lookups.append(Lookup(contexts[tokens], nodes[tokens], reached[tokens]))
        return lookups

    def find_after(self, context: Sequence[int]) -> list[Lookup]:
        """One lookup a level, k = 1..n, for each of the V possible ids after `context`."""
        history = self._history(context)
        symbols = torch.arange(self.begin)
        lookups = []
        for k, level in enumerate(self.levels, start=1):
            reached = len(history) >= k - 1
            contexts = torch.full_like(symbols, self._node(history[len(history) - k + 1 :]) if reached else ABSENT)
            lookups.append(
                Lookup(
                    contexts,
                    level.find(contexts, symbols, self.base),
                    torch.full_like(symbols, reached, dtype=torch.bool),
                )
            )
        return lookups

    def _history(self, context: Sequence[int]) -> list[int]:
        """The symbols that a prediction after `context` may look at, at most n-1."""
        history = list(context)
        if self.sentence_end is not None:
            ends = [place for place, symbol in enumerate(history) if symbol == self.sentence_end]
            history = [self.begin, *history[ends[-1] + 1 if ends else 0 :]]
        return history[max(0, len(history) - self.order + 1) :]

    def _node(self, gram: Sequence[int]) -> int:
        """The node of one gram, on the level of its length."""
        node = torch.zeros(1, dtype=torch.int64)
        for level, symbol in zip(self.levels, gram, strict=False):
            node = level.find(node, torch.tensor([symbol]), self.base)
        return int(node)

    def _frame(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The stream with begin symbols put in: symbols, how many each can look back on, and the places of the ids."""
        places = torch.arange(len(ids))
        if self.sentence_end is None:
            return ids, places, places
        starts = torch.ones(len(ids), dtype=torch.bool)
        starts[1:] = ids[:-1] == self.sentence_end
        tokens = places + starts.cumsum(0)
        begins = tokens[starts] - 1
        symbols = torch.full((len(ids) + len(begins),), self.begin)
        symbols[tokens] = ids
        opened = torch.zeros_like(symbols)
        opened[begins] = begins
        return symbols, torch.arange(len(symbols)) - opened.cummax(0).values, tokens
