"""Which tokens may come next, by rules that hold for every search: lengths, a forced prefix, no repeated n-grams."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnnzoo.decoding.contract import check_ids
from rnnzoo.errors import RnnzooError


@dataclass(frozen=True)
class Limits:
    """Rules for the next token; a sequence's length counts its end token and its forced prefix.

    Args:
        max_length: a sequence has at most this many tokens.
        end_id: the token that ends one; None: only `max_length` does.
        min_length: so many tokens come before the end token.
        prefix: (N, P) int64, how each sequence must begin.
        prefix_lengths: (N,), how many of a row's prefix count; None: all.
        no_repeat_ngram_size: no n-gram of this size occurs twice in a sequence, forced prefix excepted; 0: no rule.

    Raises:
        RnnzooError: a length out of its range, or a prefix that contradicts the others.
    """

    max_length: int
    end_id: int | None = None
    min_length: int = 0
    prefix: Tensor | None = None
    prefix_lengths: Tensor | None = None
    no_repeat_ngram_size: int = 0

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise RnnzooError(f"max_length must be at least 1, not {self.max_length}")
        if not 0 <= self.min_length <= self.max_length:
            raise RnnzooError(f"min_length must be from 0 to max_length = {self.max_length}, not {self.min_length}")
        if self.no_repeat_ngram_size < 0:
            raise RnnzooError(
                f"no_repeat_ngram_size must be at least 1, or 0 for no rule, not {self.no_repeat_ngram_size}"
            )
        if self.prefix is None:
            if self.prefix_lengths is not None:
                raise RnnzooError("prefix_lengths without a prefix")
        elif self.prefix.dim() != 2 or self.prefix.shape[1] > self.max_length:
            raise RnnzooError(
                f"prefix must be (N, P), P at most max_length = {self.max_length}, and is {tuple(self.prefix.shape)}"
            )
        elif self.prefix_lengths is not None and self.prefix_lengths.shape != self.prefix.shape[:1]:
            raise RnnzooError(
                f"prefix_lengths must be ({self.prefix.shape[0]},) like the prefix, and is "
                f"{tuple(self.prefix_lengths.shape)}"
            )

    def check(self, rows: int, vocabulary_size: int) -> None:
        """Refuse what does not fit N rows of V tokens.

        Raises:
            RnnzooError: an end token or prefix outside the vocabulary, or a prefix of other rows or with an end.
        """
        if self.end_id is not None and not 0 <= self.end_id < vocabulary_size:
            raise RnnzooError(f"end_id {self.end_id} is outside the vocabulary of {vocabulary_size}")
        if self.prefix is None:
            return
        if self.prefix.shape[0] != rows:
            raise RnnzooError(f"prefix has {self.prefix.shape[0]} rows, and there are {rows} inputs")
        lengths = self._prefix_lengths()
        if bool(((lengths < 0) | (lengths > self.prefix.shape[1])).any()):
            raise RnnzooError(f"prefix_lengths must be from 0 to the prefix's {self.prefix.shape[1]} tokens")
        real = torch.arange(self.prefix.shape[1], device=lengths.device) < lengths[:, None]
        check_ids("prefix", self.prefix.where(real, 0), vocabulary_size)
        if self.end_id is not None and bool(((self.prefix == self.end_id) & real).any()):
            raise RnnzooError(f"prefix holds the end token {self.end_id}: nothing could follow it")

    def select(self, index: Tensor) -> Limits:
        """The rules of the rows `index`."""
        if self.prefix is None:
            return self
        return replace(self, prefix=self.prefix[index], prefix_lengths=self._prefix_lengths()[index])

    def forced(self, length: int) -> tuple[Tensor, Tensor] | None:
        """Of sequences of this length, the tokens (N,) that must follow, and in which rows (N,) they must."""
        if self.prefix is None or length >= self.prefix.shape[1]:
            return None
        return self.prefix[:, length], self._prefix_lengths() > length

    def may_end(self, length: int) -> bool:
        """Whether the end token may follow a sequence of this length."""
        return self.end_id is not None and length >= self.min_length

    def without_end(self, log_probs: Tensor) -> Tensor:
        """-inf for the end token, (..., V); nothing is sent to the device, which would wait for it."""
        assert self.end_id is not None
        tokens = torch.arange(log_probs.shape[-1], device=log_probs.device)
        return log_probs.masked_fill(tokens == self.end_id, -torch.inf)

    def restrict(self, log_probs: Tensor, sequences: Tensor) -> Tensor:
        """-inf for what may not follow.

        Args:
            log_probs: (N, R, V), left as they are.
            sequences: (N, R, t) int64, what stands before.
        """
        length, restricted = sequences.shape[-1], log_probs
        if self.end_id is not None and not self.may_end(length):
            restricted = self.without_end(restricted)
        if self.no_repeat_ngram_size:
            restricted = without_repeats(restricted, sequences, self.no_repeat_ngram_size)
        must = self.forced(length)
        if must is not None:
            tokens, rows = (part[:, None, None] for part in must)
            places = tokens.where(rows, 0).expand(*log_probs.shape[:2], 1)
            only = torch.full_like(log_probs, -torch.inf).scatter(-1, places, log_probs.gather(-1, places))
            restricted = torch.where(rows, only, restricted)
        return restricted

    def _prefix_lengths(self) -> Tensor:
        assert self.prefix is not None
        if self.prefix_lengths is not None:
            return self.prefix_lengths
        return torch.full(self.prefix.shape[:1], self.prefix.shape[1], device=self.prefix.device)


def without_repeats(log_probs: Tensor, sequences: Tensor, size: int) -> Tensor:
    """-inf for tokens that would end an n-gram of this size which the sequence already has (Paulus et al. 2018, 2.5).

    Args:
        log_probs: (N, R, V), left as they are.
        sequences: (N, R, t) int64.
        size: n, at least 1.
    """
    length = sequences.shape[-1]
    if length < size:
        return log_probs
    windows = sequences.unfold(-1, size, 1)  # (N, R, t - n + 1, n)
    same = (windows[..., :-1] == sequences[..., None, length - size + 1 :]).all(-1)
    ceiling = torch.zeros_like(same, dtype=log_probs.dtype).masked_fill(~same, torch.inf).masked_fill(same, -torch.inf)
    return log_probs.scatter_reduce(-1, windows[..., -1], ceiling, "amin")
