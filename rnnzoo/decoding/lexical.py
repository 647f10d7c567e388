"""Phrases that must appear: how far a hypothesis is in each."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError


class Phrases:
    """For each of N inputs the phrases, lists of token ids, that a result must contain, each without a gap.

    A hypothesis's progress in a phrase is the length of the longest beginning of the phrase that it ends with, and the
    phrase's whole length from when it was complete: a finite automaton (Knuth, Morris & Pratt 1977) whose moves are
    tabulated once, so that many hypotheses move at once. Phrases may overlap.

    Args:
        phrases: of each input its phrases, each a list of ids; None: there is none.
        rows: N.
        vocabulary_size: V.
        max_length: of a result.
        end_id: which no phrase can hold.
        device: of the tables.

    Raises:
        RnnzooError: not one list a row, an empty phrase, ids outside the vocabulary, more tokens than `max_length`.
    """

    def __init__(
        self,
        phrases: Sequence[Sequence[Sequence[int]]] | None,
        rows: int,
        vocabulary_size: int,
        max_length: int,
        end_id: int | None,
        device: torch.device,
    ) -> None:
        phrases = [[]] * rows if phrases is None else phrases
        if len(phrases) != rows:
            raise RnnzooError(f"constraints must be one list of phrases for each of {rows} inputs, not {len(phrases)}")
        for row, of_row in enumerate(phrases):
            for phrase in of_row:
                _check(phrase, f"constraints of row {row}: the phrase {list(phrase)}", vocabulary_size, end_id)
            needed = sum(map(len, of_row))
            if needed > max_length:
                raise RnnzooError(
                    f"constraints of row {row} have {needed} tokens, more than max_length = {max_length} allows"
                )
        count = max(map(len, phrases))
        longest = max((len(phrase) for of_row in phrases for phrase in of_row), default=1)
        tokens = torch.full((rows, count, longest), -1)
        lengths = torch.zeros(rows, count, dtype=torch.int64)
        moves = torch.zeros(rows, count, longest + 1, longest, dtype=torch.int64)
        for row, of_row in enumerate(phrases):
            for at, phrase in enumerate(of_row):
                size = len(phrase)
                tokens[row, at, :size], lengths[row, at] = torch.tensor(list(phrase)), size
                moves[row, at, :size, :size] = torch.tensor(_moves(list(phrase)))
        self.tokens, self.lengths, self._moves = tokens.to(device), lengths.to(device), moves.to(device)
        self.num_tokens = int(lengths.sum(1).max())

    def select(self, index: Tensor) -> Phrases:
        """The phrases of the inputs `index`."""
        chosen = copy.copy(self)
        chosen.tokens, chosen.lengths, chosen._moves = self.tokens[index], self.lengths[index], self._moves[index]
        return chosen

    def begin(self, width: int) -> Tensor:
        """(N, W, C): no progress yet."""
        return torch.zeros_like(self.lengths)[:, None].repeat(1, width, 1)

    def advance(self, progress: Tensor, tokens: Tensor) -> Tensor:
        """The progress (N, W, C) after one token more, (N, W)."""
        rows, width, count = progress.shape
        same = self.tokens[:, None] == tokens[..., None, None]  # (N, W, C, longest)
        longest = same.shape[-1]
        index = progress.permute(0, 2, 1)[..., None].expand(rows, count, width, longest)
        moves = self._moves.gather(2, index).permute(0, 2, 1, 3)
        return torch.where(self._met(progress), progress, (same * moves).amax(-1))

    def next_tokens(self, progress: Tensor) -> tuple[Tensor, Tensor]:
        """The token that continues each phrase (N, W, C), and whether there is one: no where the phrase is complete."""
        at = progress.clamp(max=self.tokens.shape[-1] - 1)
        tokens = self.tokens[:, None].expand(-1, progress.shape[1], -1, -1).gather(-1, at[..., None]).squeeze(-1)
        return tokens.clamp(min=0), ~self._met(progress)

    def all_met(self, progress: Tensor) -> Tensor:
        """(N, ..., W) of progress (N, ..., W, C): every phrase is complete."""
        return self._met(progress).all(-1)

    def _met(self, progress: Tensor) -> Tensor:
        return progress == self.lengths.view(len(self.lengths), *[1] * (progress.dim() - 2), self.lengths.shape[1])


def _check(phrase: Sequence[int], where: str, vocabulary_size: int, end_id: int | None) -> None:
    if len(phrase) == 0:
        raise RnnzooError(f"{where} is empty: leave it out")
    for token in phrase:
        if not 0 <= token < vocabulary_size:
            raise RnnzooError(f"{where} has the id {token}, which is outside the vocabulary of {vocabulary_size}")
        if token == end_id:
            raise RnnzooError(f"{where} holds the end token {end_id}, after which nothing can follow")


def _moves(phrase: list[int]) -> list[list[int]]:
    """[progress][j]: the progress after the phrase's j-th token; any other token leads to 0."""
    table = []
    for progress in range(len(phrase)):
        row = []
        for token in phrase:
            ending = [*phrase[:progress], token]
            sizes = range(progress + 1, 0, -1)
            row.append(next((size for size in sizes if phrase[:size] == ending[len(ending) - size :]), 0))
        table.append(row)
    return table
