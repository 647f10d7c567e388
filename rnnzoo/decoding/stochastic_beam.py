"""Sampling of sequences without replacement."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnzoo.decoding.contract import Decodable, Decoded, begin, refuse_nan, time_to_look
from rnnzoo.decoding.filters import check_sampling, filter_log_probs
from rnnzoo.decoding.limits import Limits
from rnnzoo.decoding.sampling import seeded
from rnnzoo.errors import RnnzooError, require_count


@torch.no_grad()
def stochastic_beam_search(
    network: Decodable,
    condition: Any,
    start: Tensor | int,
    *,
    num_return: int,
    max_length: int,
    end_id: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_length: int = 0,
    prefix: Tensor | None = None,
    prefix_lengths: Tensor | None = None,
    seed: int | None = None,
) -> Decoded:
    """K different sequences for each input, drawn without replacement, in the order of drawing them one by one.

    Kool et al. 2019, "Stochastic beams and where to find them", algorithm 1: every sequence Y has a perturbed
    log-probability ``G(Y) = log q(Y) + Gumbel(0)``, q being the distribution that is drawn from; the K largest are a
    sample without replacement, and a beam of K finds them, because the largest G among all continuations of a prefix
    can be drawn before any of them is looked at. `scores` are the G, by which the sequences are ordered; `log_probs`
    are by the network. Deviation from algorithm 1, which conditions on the largest G being 0: it is drawn from
    Gumbel(0), so that each G has the distribution that the estimators of section 4.1 suppose. Those need the (K+1)-th
    largest G as threshold: ask for one sequence more than are used.

    Args:
        network: see `Decodable`; in evaluation mode, or its dropout acts.
        condition: what `network.init_state` takes, or `Started`; None: the number of rows of `start`.
        start: (N,) or (N, P) int64 or one id for all rows: read before the first decision.
        num_return: K; where there are fewer sequences, the last ones have score -inf and length 0.
        max_length: tokens of a sequence at most, its end token included.
        end_id: ends a sequence; None: only `max_length` does.
        temperature: see `filter_log_probs`; above 0.
        top_k: see there.
        top_p: see there.
        min_length: so many tokens come before the end token.
        prefix: (N, P) int64, how each sequence must begin; its probability by q is 1.
        prefix_lengths: (N,), how many of a row's prefix count; None: all.
        seed: of the generator of its own that draws; None: another one each time. The global one is left alone.

    Raises:
        RnnzooError: an argument out of its range, or tokens outside the vocabulary.
    """
    require_count("num_return", num_return)
    if temperature == 0:
        raise RnnzooError("temperature must be above 0 to draw different sequences; greedy_search gives the one of 0")
    check_sampling(temperature, top_k, top_p, None)
    limits = Limits(max_length, end_id, min_length, prefix, prefix_lengths)
    log_probs, state, memory = begin(network, condition, start)
    rows, vocabulary_size = log_probs.shape
    device = log_probs.device
    limits.check(rows, vocabulary_size)
    generator = seeded(seed, device)
    dtype = torch.promote_types(log_probs.dtype, torch.float32)
    totals = torch.zeros(rows, 1, dtype=dtype, device=device)  # log p by the network, (N, W); W grows from 1 to K
    drawn = totals  # log q
    perturbed = _gumbel(totals, generator)  # G
    ended = torch.zeros(rows, 1, dtype=torch.bool, device=device)
    sequences = torch.zeros(rows, 1, 0, dtype=torch.int64, device=device)
    lengths = torch.zeros(rows, 1, dtype=torch.int64, device=device)
    past = 0 if end_id is None else end_id
    for length in range(max_length):
        width = totals.shape[1]
        log_probs = log_probs.view(rows, width, vocabulary_size)
        allowed = limits.restrict(log_probs, sequences)
        steps = filter_log_probs(allowed.to(dtype), temperature, top_k, top_p)
        must = limits.forced(length)
        if must is not None:  # a forced token that the network calls impossible is still written
            only = torch.full_like(steps, -torch.inf).scatter_(
                -1, must[0].where(must[1], 0)[:, None, None].expand(rows, width, 1), 0.0
            )
            steps = torch.where(must[1][:, None, None], only, steps)
        values, tokens, child_drawn = _children(perturbed, drawn, steps, num_return, generator)
        child_totals = totals[..., None] + log_probs.gather(-1, tokens).to(dtype)
        still = ended[..., None]  # an ended sequence has one child, itself
        itself = torch.where(torch.arange(tokens.shape[-1], device=device) == 0, perturbed[..., None], -torch.inf)
        values = torch.where(still, itself, values)
        tokens = tokens.masked_fill(still, past)
        child_drawn = torch.where(still, drawn[..., None], child_drawn)
        child_totals = torch.where(still, totals[..., None], child_totals)

        perturbed, at = values.flatten(1).topk(min(num_return, values[0].numel()))
        parents = at // tokens.shape[-1]
        tokens, drawn, totals = (part.flatten(1).gather(1, at) for part in (tokens, child_drawn, child_totals))
        before = ended.gather(1, parents)
        lengths = lengths.gather(1, parents) + ~before
        ended = before | (perturbed == -torch.inf)
        if end_id is not None:
            ended = ended | (tokens == end_id)
        old = sequences.gather(1, parents[..., None].expand(-1, -1, length))
        sequences = torch.cat((old, tokens[..., None]), -1)
        if length + 1 == max_length or (time_to_look(length + 1, device) and bool(ended.all())):
            break
        first = torch.arange(rows, device=device)[:, None] * width
        log_probs, state = network.step(tokens.flatten(), network.reorder(state, (first + parents).flatten()), memory)
    return _result(sequences, lengths, perturbed, totals, num_return, past)


def _children(
    perturbed: Tensor, drawn: Tensor, steps: Tensor, size: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The continuations of each hypothesis with the largest G, (N, W, min(size, V)): G, token, log q.

    G of the children is Gumbel(log q) on condition that the largest of them is the parent's G (section 3.2), computed
    as appendix B.3 has it. That keeps their order, so that only the largest need it.
    """
    each = drawn[..., None] + steps
    noisy = each + _gumbel(each, generator)
    values, tokens = noisy.topk(min(size, steps.shape[-1]))
    largest = values[..., :1]
    below = perturbed[..., None] - values + _log1mexp(values - largest)
    values = perturbed[..., None] - below.clamp(min=0) - torch.log1p(torch.exp(-below.abs()))
    impossible = (largest == -torch.inf) | (noisy.gather(-1, tokens) == -torch.inf)
    return values.masked_fill(impossible, -torch.inf), tokens, each.gather(-1, tokens)


def _log1mexp(values: Tensor) -> Tensor:
    """log(1 - exp(x)) of x <= 0, exact near 0 and far from it (Maechler 2012, equation 7)."""
    return torch.where(values > -0.693, (-torch.expm1(values)).log(), torch.log1p(-values.exp()))


def _gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    exponential = torch.empty_like(like).exponential_(generator=generator)
    return -exponential.clamp_min_(torch.finfo(like.dtype).tiny).log()  # an exact 0 would give infinity


def _result(
    sequences: Tensor, lengths: Tensor, perturbed: Tensor, totals: Tensor, num_return: int, past: int
) -> Decoded:
    absent = perturbed == -torch.inf
    refuse_nan(perturbed)
    refuse_nan(totals.masked_fill(absent, 0.0))
    lengths, totals = lengths.masked_fill(absent, 0), totals.masked_fill(absent, -torch.inf)
    missing = num_return - perturbed.shape[1]
    perturbed, totals = (torch.nn.functional.pad(part, (0, missing), value=-torch.inf) for part in (perturbed, totals))
    lengths, sequences = (
        torch.nn.functional.pad(lengths, (0, missing)),
        torch.nn.functional.pad(sequences, (0, 0, 0, missing), value=past),
    )
    longest = max(1, int(lengths.max()))
    beyond = torch.arange(longest, device=lengths.device) >= lengths[..., None]
    return Decoded(sequences[..., :longest].masked_fill(beyond, past), lengths, perturbed, totals)
