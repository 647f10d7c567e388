"""Which of all one-token continuations a beam keeps."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rnnzoo.decoding.largest import largest
from rnnzoo.decoding.lexical import Phrases


class Chosen(NamedTuple):
    """The continuations kept, (N, B) each: log p of the whole, the hypothesis that goes on, and with which token."""

    log_probs: Tensor
    parents: Tensor
    tokens: Tensor
    progress: Tensor  # (N, B, C), see `Phrases`


def best(totals: Tensor, log_probs: Tensor, size: int, taken: Tensor | None, progress: Tensor) -> Chosen:
    """The `size` most probable continuations; fewer where there are fewer.

    The best of all are among the best of each hypothesis, so that no (N, W * V) sums are made.

    Args:
        totals: (N, W), log p of each hypothesis.
        log_probs: (N, W, V), of each next token.
        size: B.
        taken: (N, V), subtracted from the log-probabilities for the choice, not in what is returned.
        progress: (N, W, 0): there are no phrases to watch.
    """
    values, tokens = _best_of_each(totals, log_probs, size, taken)
    per = tokens.shape[-1]
    _, at = values.flatten(1).topk(min(size, values[0].numel()))
    parents = at // per
    kept_progress = progress.gather(1, parents[..., None].expand(-1, -1, 0))
    return _continuations(totals, log_probs, parents, tokens.flatten(1).gather(1, at), kept_progress)


def best_of_each_bank(
    totals: Tensor, log_probs: Tensor, size: int, taken: Tensor | None, progress: Tensor, phrases: Phrases
) -> Chosen:
    """Dynamic beam allocation (Post & Vilar 2018, section 3): the beam is shared by banks.

    A bank holds the continuations that have met the same number of the required phrases' tokens. Candidates are the
    best continuations of each hypothesis and its next token of each phrase. Slots go round the banks, from the one with
    most met: first the best of each bank, then the second best of each, and so on. Deviations from the paper, which
    divides the slots evenly and then hands on those that a bank cannot fill: going round does both at once. A token
    counts as met while the phrase it belongs to can still be completed where it stands (Knuth, Morris & Pratt 1977).

    Args:
        totals: as in `best`, and so are the next three.
        log_probs: (N, W, V).
        size: B.
        taken: (N, V).
        progress: (N, W, C), how far each hypothesis is in each phrase.
        phrases: what must appear.
    """
    rows, width, _ = log_probs.shape
    values, tokens = _best_of_each(totals, log_probs, size, taken)
    wanted, open_ = phrases.next_tokens(progress)  # (N, W, C)
    wanted_values = log_probs.gather(-1, wanted)
    if taken is not None:
        wanted_values = wanted_values - taken.unsqueeze(1).expand_as(log_probs).gather(-1, wanted)
    twice = (wanted[..., None] == tokens[..., None, :]).any(-1)
    twice |= ((wanted[..., None] == wanted[..., None, :]) & open_[..., None, :]).tril(-1).any(-1)
    wanted_values = (wanted_values + totals[..., None]).masked_fill(twice | ~open_, -torch.inf)
    values, tokens = torch.cat((values, wanted_values), -1), torch.cat((tokens, wanted), -1)  # (N, W, Q)

    per = tokens.shape[-1]
    after = phrases.advance(progress.repeat_interleave(per, 1), tokens.flatten(1))  # (N, W * Q, C)
    values, order = values.flatten(1).sort(stable=True, dim=1, descending=True)
    bank = after.sum(-1).gather(1, order)
    bank = bank.masked_fill(values == -torch.inf, -1)
    by_bank = bank.sort(stable=True, dim=1, descending=True)
    position = torch.arange(width * per, device=bank.device).expand(rows, -1).contiguous()
    first = torch.searchsorted(-by_bank.values, -by_bank.values)  # where a continuation's bank begins
    rank = torch.empty_like(bank).scatter_(1, by_bank.indices, position - first)  # within its bank, best first
    highest = phrases.num_tokens + 1
    turn = torch.where(bank < 0, torch.iinfo(torch.int64).max, rank * highest + (highest - bank))
    kept = turn.sort(stable=True, dim=1).indices[:, :size]
    at = order.gather(1, kept)
    kept_progress = after.gather(1, at[..., None].expand(-1, -1, after.shape[-1]))
    return _continuations(totals, log_probs, at // per, tokens.flatten(1).gather(1, at), kept_progress)


def _best_of_each(totals: Tensor, log_probs: Tensor, size: int, taken: Tensor | None) -> tuple[Tensor, Tensor]:
    compared = log_probs if taken is None else log_probs - taken.unsqueeze(1)
    values, tokens = largest(compared, min(size, log_probs.shape[-1]))
    return values + totals[..., None], tokens


def _continuations(totals: Tensor, log_probs: Tensor, parents: Tensor, tokens: Tensor, progress: Tensor) -> Chosen:
    each = log_probs.flatten(1).gather(1, parents * log_probs.shape[-1] + tokens)
    return Chosen(totals.gather(1, parents) + each, parents, tokens, progress)
