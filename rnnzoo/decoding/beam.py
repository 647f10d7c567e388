"""Beam search, batched over inputs and hypotheses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnnzoo.decoding.contract import (
    Covering,
    Decodable,
    Decoded,
    begin,
    narrow,
    refuse_nan,
    time_to_look,
    who_goes_on,
)
from rnnzoo.decoding.kept import Kept
from rnnzoo.decoding.lexical import Phrases
from rnnzoo.decoding.limits import Limits
from rnnzoo.decoding.penalties import Score, coverage_of
from rnnzoo.decoding.selection import Chosen, best, best_of_each_bank
from rnnzoo.errors import RnnzooError


def beam_search(
    network: Decodable,
    condition: Any,
    start: Tensor | int,
    *,
    beam_size: int,
    max_length: int,
    end_id: int | None = None,
    num_return: int = 1,
    min_length: int = 0,
    length_penalty: str = "none",
    alpha: float = 0.6,
    coverage_penalty: float = 0.0,
    no_repeat_ngram_size: int = 0,
    prefix: Tensor | None = None,
    prefix_lengths: Tensor | None = None,
    constraints: Sequence[Sequence[Sequence[int]]] | None = None,
    groups: int = 1,
    diversity: float = 0.5,
) -> Decoded:
    """The `num_return` best sequences that a beam finds for each input, best first.

    Each step extends every live hypothesis by every token and keeps the `beam_size` most probable. Of these, the ones
    with the end token are finished, and so are all at `max_length`; the others live on. The finished ones compete by
    `Score`; the `num_return` best are kept. A beam of 1 is `greedy_search`, and one of at least V^L is exhaustive.

    A row is done when no live hypothesis can still beat the worst of the `num_return` that are kept (`Score.bound`).
    What it does after that changes nothing, so that each row gives what it would give alone, and rows that are done are
    left out of the further steps where the network allows it (`Narrowing`). All rows are looked at for that after each
    token on the CPU, elsewhere after every 16: the only wait for the device.

    Args:
        network: see `Decodable`; in evaluation mode, or its dropout acts.
        condition: what `network.init_state` takes, or `Started`; None: the number of rows of `start`.
        start: (N,) or (N, P) int64 or one id for all rows: read before the first decision, no part of the sequences.
        beam_size: B, hypotheses of each input, at most V.
        max_length: tokens of a sequence at most, its end token included.
        end_id: ends a sequence; None: only `max_length` does.
        num_return: K, at most B.
        min_length: so many tokens come before the end token.
        length_penalty: `none`, `average` or `wu`; see `Score`.
        alpha: of `wu`.
        coverage_penalty: beta of `Score`; above 0, `network.coverage` must be there.
        no_repeat_ngram_size: no n-gram of this size occurs twice in a sequence, forced prefix excepted; 0: no rule.
        prefix: (N, P) int64, how each sequence must begin; its log-probability counts.
        prefix_lengths: (N,), how many of a row's prefix count; None: all.
        constraints: of each input the phrases (lists of ids) that each of its sequences must contain: dynamic beam
            allocation, see `best_of_each_bank`. A beam too small to find one that does leaves the row without a
            sequence (score -inf, length 0).
        groups: G: the beam is split in G of B / G hypotheses, each with finished ones of its own, which choose one
            after the other (Vijayakumar et al. 2018, section 3, with the Hamming diversity of section 5.1): a token
            loses `diversity` for each time that an earlier group of the input has chosen it in this step. The loss
            counts for the choice only, not in log p. Each group keeps the ``ceil(K / G)`` best, and the K best of all
            are returned; two groups may return the same sequence.
        diversity: lambda, at least 0; only with `groups` above 1.

    Returns:
        `scores` are those of `Score`.

    Raises:
        RnnzooError: an argument out of its range, tokens outside the vocabulary, a network without what is asked.
    """
    limits = Limits(max_length, end_id, min_length, prefix, prefix_lengths, no_repeat_ngram_size)
    score = Score(length_penalty, alpha, coverage_penalty)
    beam = Beam(beam_size, num_return, groups, diversity, constraints)
    for hypotheses in search(network, condition, start, limits, score, beam):
        whole = hypotheses.whole
    return whole.result(num_return, end_id)


@dataclass(frozen=True)
class Beam:
    """The width of a search and how it is used: the arguments of `beam_search` of the same names."""

    size: int
    num_return: int = 1
    groups: int = 1
    diversity: float = 0.5
    constraints: Sequence[Sequence[Sequence[int]]] | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise RnnzooError(f"beam_size must be at least 1, not {self.size}")
        if not isinstance(self.num_return, int) or not 1 <= self.num_return <= self.size:
            raise RnnzooError(f"num_return must be from 1 to beam_size = {self.size}, not {self.num_return}")
        if self.groups < 1 or self.size % self.groups:
            raise RnnzooError(f"groups must divide beam_size = {self.size} evenly, and {self.groups} does not")
        if not self.diversity >= 0:
            raise RnnzooError(f"diversity must be at least 0, not {self.diversity}")


@dataclass(frozen=True)
class Hypotheses:
    """A search after one of its steps: G groups of W hypotheses for each of the n inputs that it goes on with.

    Attributes:
        inputs: (n,) int64, which of the N inputs these are, ascending; None: all.
        log_probs: (n, G, W), of the live ones; -inf where a hypothesis is no longer live.
        sequences: (n, G, W, t), what they have written.
        kept: the best finished ones of these inputs.
        whole: the best finished ones of all N inputs.
    """

    inputs: Tensor | None
    log_probs: Tensor
    sequences: Tensor
    kept: Kept
    whole: Kept


@torch.no_grad()
def search(
    network: Decodable, condition: Any, start: Tensor | int, limits: Limits, score: Score, beam: Beam
) -> Iterator[Hypotheses]:
    """The steps of `beam_search`."""
    attentive = _with_coverage(network) if score.coverage_penalty else None
    log_probs, state, memory = begin(network, condition, start)
    rows, vocabulary_size = log_probs.shape
    device, groups = log_probs.device, beam.groups
    limits.check(rows, vocabulary_size)
    own = getattr(network, "vocabulary_size", vocabulary_size)  # without what is copied: whatever is in the batch
    if beam.size > own:
        raise RnnzooError(f"beam_size {beam.size} is larger than the vocabulary of {own}")
    phrases = Phrases(beam.constraints, rows, vocabulary_size, limits.max_length, limits.end_id, device)
    if groups > 1:
        index = torch.arange(rows, device=device).repeat_interleave(groups)
        log_probs, state = log_probs[index], network.reorder(state, index)
    inputs: Tensor | None = None
    whole = kept = Kept.empty((rows, groups, -(-beam.num_return // groups)), limits.max_length, log_probs)
    totals = torch.zeros(rows, groups, 1, dtype=kept.scores.dtype, device=device)  # W is 1 at first, then B / G
    sequences = torch.zeros(rows, groups, 1, 0, dtype=torch.int64, device=device)
    progress = phrases.begin(groups).unsqueeze(2)  # (N, G, W, C)
    for length in range(1, limits.max_length + 1):
        rows, _, width = totals.shape
        allowed = limits.restrict(log_probs.view(rows, groups * width, vocabulary_size), sequences.flatten(1, 2))
        allowed = allowed.view(rows, groups, width, vocabulary_size)
        if phrases.num_tokens and limits.end_id is not None:
            end = torch.arange(vocabulary_size, device=device) == limits.end_id
            allowed = allowed.masked_fill(end & ~phrases.all_met(progress)[..., None], -torch.inf)
        totals, parents, tokens, progress = _choose(totals, allowed, beam, phrases, progress)
        sequences = torch.cat((sequences.gather(2, _like(parents, sequences)), tokens[..., None]), -1)

        ended = torch.full_like(tokens, length == limits.max_length, dtype=torch.bool)
        if limits.end_id is not None:
            ended = ended | (tokens == limits.end_id)
        coverage = None
        if attentive is not None:
            coverage = coverage_of(attentive.coverage(state, memory)).view(rows, groups, width).gather(-1, parents)
        scores = score(totals, length, coverage)
        kept = kept.add(scores, totals, sequences, ended & phrases.all_met(progress))
        totals = totals.masked_fill(ended, -torch.inf)
        whole = kept if inputs is None else whole.put(inputs, kept)
        yield Hypotheses(inputs, totals, sequences, kept, whole)

        if length == limits.max_length:
            return
        first = torch.arange(rows * groups, device=device).view(rows, groups, 1) * width
        goes_on: Tensor | None = None
        if time_to_look(length, device):
            refuse_nan(totals, inputs)
            hopeful = score.bound(totals.amax(-1), limits.max_length) > kept.scores[..., -1]
            goes_on = who_goes_on(hopeful.any(-1), network, memory)
        if goes_on is not None:
            if len(goes_on) == 0:
                return
            inputs = goes_on if inputs is None else inputs[goes_on]
            totals, sequences, progress = totals[goes_on], sequences[goes_on], progress[goes_on]
            first, parents, tokens = first[goes_on], parents[goes_on], tokens[goes_on]
            kept, limits, phrases = kept.select(goes_on), limits.select(goes_on), phrases.select(goes_on)
            memory = narrow(network, memory, goes_on)
        if beam.size > groups or goes_on is not None:  # else each hypothesis is its own parent
            state = network.reorder(state, (first + parents).flatten())
        log_probs, state = network.step(tokens.flatten(), state, memory)


def _with_coverage(network: Any) -> Covering:
    if not hasattr(network, "coverage"):
        raise RnnzooError(f"coverage_penalty needs attention: {type(network).__name__} has no coverage(state, memory)")
    attentive: Covering = network
    return attentive


def _choose(totals: Tensor, log_probs: Tensor, beam: Beam, phrases: Phrases, progress: Tensor) -> Chosen:
    """What each group keeps, (N, G, B / G): one group after the other, each seeing what those before it took."""
    size, taken, found = beam.size // beam.groups, None, []
    for group in range(beam.groups):
        hypotheses = totals[:, group], log_probs[:, group], size, taken, progress[:, group]
        found.append(best_of_each_bank(*hypotheses, phrases) if phrases.num_tokens else best(*hypotheses))
        if group + 1 < beam.groups:
            tokens, real = found[-1].tokens, found[-1].log_probs > -torch.inf
            taken = torch.zeros_like(log_probs[:, 0, 0]) if taken is None else taken
            taken = taken.scatter_add(1, tokens, real.to(taken.dtype) * beam.diversity)
    return Chosen(*(torch.stack(part, 1) for part in zip(*found, strict=True)))


def _like(parents: Tensor, sequences: Tensor) -> Tensor:
    return parents[..., None].expand(*parents.shape, sequences.shape[-1])
