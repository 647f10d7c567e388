"""A beam search that gives each token as soon as no hypothesis can contradict it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo.decoding.beam import Beam, Hypotheses, search
from rnnzoo.decoding.contract import Decodable
from rnnzoo.decoding.limits import Limits
from rnnzoo.decoding.penalties import Score
from rnnzoo.errors import RnnzooError


class Certain(NamedTuple):
    """What has become certain in one step.

    Attributes:
        tokens: (N, m) int64, right-padded.
        counts: (N,) int64, how many of each row are real; 0 is common.
    """

    tokens: Tensor
    counts: Tensor


def stream_beam_search(
    network: Decodable,
    condition: Any,
    start: Tensor | int,
    *,
    beam_size: int,
    max_length: int,
    end_id: int | None = None,
    min_length: int = 0,
    length_penalty: str = "none",
    alpha: float = 0.6,
    coverage_penalty: float = 0.0,
    no_repeat_ngram_size: int = 0,
    prefix: Tensor | None = None,
    prefix_lengths: Tensor | None = None,
) -> Iterator[Certain]:
    """The best sequence of `beam_search`, its tokens as they become certain.

    A token is certain when all hypotheses that can still become the best have it at its place: the best finished one,
    and the live ones whose `Score.bound` is above its score. All pieces of a row together are the sequence that
    `beam_search` gives. Each step waits for the device.

    Args:
        network: as in `beam_search`, and so are the others.
        condition: see there.
        start: see there.
        beam_size: see there.
        max_length: see there.
        end_id: see there.
        min_length: see there.
        length_penalty: see there.
        alpha: see there.
        coverage_penalty: see there.
        no_repeat_ngram_size: see there.
        prefix: see there.
        prefix_lengths: see there.

    Yields:
        After each step in which something became certain, the new tokens of each row.

    Raises:
        RnnzooError: as in `beam_search`; or, at the end, a row has no sequence that keeps all rules, so that what was
            given of it is none.
    """
    limits = Limits(max_length, end_id, min_length, prefix, prefix_lengths, no_repeat_ngram_size)
    score = Score(length_penalty, alpha, coverage_penalty)
    given: Tensor | None = None
    for hypotheses in search(network, condition, start, limits, score, Beam(beam_size)):
        tokens, counts = _certain(hypotheses, score, max_length)
        if hypotheses.inputs is not None:  # of the others all was certain before
            rows = len(hypotheses.whole.scores)
            tokens = tokens.new_zeros(rows, tokens.shape[1]).index_copy_(0, hypotheses.inputs, tokens)
            counts = counts.new_zeros(rows).index_copy_(0, hypotheses.inputs, counts)
        given = torch.zeros_like(counts) if given is None else given
        new = (counts - given).clamp(min=0)
        most = int(new.max())
        if most:
            at = given[:, None] + torch.arange(most, device=given.device)
            yield Certain(tokens.gather(1, at.clamp(max=tokens.shape[1] - 1)), new)
            given = given + new
    nothing = hypotheses.whole.scores[:, 0, 0] == -torch.inf
    if bool(nothing.any()):
        raise RnnzooError(
            f"no sequence was found for row {int(nothing.nonzero()[0])} with beam_size {beam_size} and max_length "
            f"{max_length}: its prefix, min_length {min_length} and no_repeat_ngram_size {no_repeat_ngram_size} "
            "contradict each other, or need a larger beam or max_length; what was given of it is no result"
        )


def _certain(hypotheses: Hypotheses, score: Score, max_length: int) -> tuple[Tensor, Tensor]:
    """What all that may still win begin with: tokens (N, t) of one of them, and how many they share (N,)."""
    live, kept = hypotheses.sequences[:, 0], hypotheses.kept
    length = live.shape[-1]
    best = kept.scores[:, 0, :1]
    possible = (score.bound(hypotheses.log_probs[:, 0], max_length) > best) & (hypotheses.log_probs[:, 0] > -torch.inf)
    every = torch.cat((kept.tokens[:, 0, :1, :length], live), 1)  # (N, 1 + W, t)
    lengths = torch.cat((kept.lengths[:, 0, :1], torch.full_like(possible, length, dtype=torch.int64)), 1)
    possible = torch.cat((best > -torch.inf, possible), 1)
    one = possible.int().argmax(1, keepdim=True)
    shown = every.gather(1, one[..., None].expand(-1, -1, length))
    inside = torch.arange(length, device=live.device) < lengths[..., None]
    agree = (((every == shown) & inside) | ~possible[..., None]).all(1)
    counts = agree.cumprod(1).sum(1) * possible.any(1)
    return shown.squeeze(1), counts
