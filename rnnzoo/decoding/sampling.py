"""Unrolling a network one token at a time: greedy and by sampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo.decoding.contract import (
    Decodable,
    Decoded,
    begin,
    narrow,
    refuse_nan,
    time_to_look,
    who_goes_on,
)
from rnnzoo.decoding.filters import check_sampling, draw, filter_log_probs
from rnnzoo.decoding.largest import largest
from rnnzoo.decoding.limits import Limits
from rnnzoo.errors import require_count, require_seed


class Filters(NamedTuple):
    """The arguments of `filter_log_probs`."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None


class Step(NamedTuple):
    """One token of each row; the log-probabilities are 0 past a row's end."""

    tokens: Tensor  # (N, R)
    log_probs: Tensor  # (N, R), by the network
    draw_log_probs: Tensor  # (N, R), by the distribution that it was drawn from
    ended: Tensor  # (N, R): this token is the row's end token, or comes after it


def stream(
    network: Decodable,
    prompt: Tensor | int,
    max_length: int,
    *,
    condition: Any = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    end_id: int | None = None,
    min_length: int = 0,
    prefix: Tensor | None = None,
    prefix_lengths: Tensor | None = None,
    seed: int | None = None,
) -> Iterator[Tensor]:
    """Tokens as they are decided.

    Args:
        network: see `Decodable`; in evaluation mode, or its dropout acts.
        prompt: (N, P) or (N,) int64, read first and not given back; or one id for all rows.
        max_length: how many tokens to give at most.
        condition: what `network.init_state` takes, or `Started`; None: N.
        temperature: see `filter_log_probs`; 0 is greedy and draws nothing.
        top_k: see `filter_log_probs`.
        top_p: see `filter_log_probs`.
        end_id: a row that gave it has ended and repeats it; when all rows have ended, so does the stream: at once on
            the CPU, elsewhere at most 15 tokens late.
        min_length: so many tokens come before the end token.
        prefix: (N, P) int64, the tokens that each row gives first.
        prefix_lengths: (N,), how many of a row's prefix count; None: all.
        seed: of the generator of its own that draws; None: another one each time. The global one is left alone.

    Yields:
        (N,) int64, step after step.

    Raises:
        RnnzooError: an argument outside its range, or an empty prompt; at the end, the network gave NaN.
    """
    limits = Limits(max_length, end_id, min_length, prefix, prefix_lengths)
    check_sampling(temperature, top_k, top_p, None)
    filters = Filters(temperature, top_k, top_p)
    return _told(_steps(network, condition, prompt, limits, filters, 1, seed))


def sample(
    network: Decodable, prompt: Tensor | int, max_length: int, *, end_id: int | None = None, **options: Any
) -> Tensor:
    """What `stream` gives, at once: (N, L), L at most `max_length`, cut where the last row has ended.

    Args:
        network: as in `stream`, and so are the others.
        prompt: (N, P).
        max_length: at most.
        end_id: fills a row past its end.
        options: those of `stream`.
    """
    tokens = torch.stack(list(stream(network, prompt, max_length, end_id=end_id, **options)), 1)
    if end_id is None:
        return tokens
    ended = (tokens == end_id).all(0).int()  # once ended, always ended: all ends are at the end
    return tokens[:, : max(1, tokens.shape[1] - max(0, int(ended.sum()) - 1))]


def greedy_search(
    network: Decodable,
    condition: Any,
    start: Tensor | int,
    *,
    max_length: int,
    end_id: int | None = None,
    min_length: int = 0,
    prefix: Tensor | None = None,
    prefix_lengths: Tensor | None = None,
) -> Decoded:
    """The most probable token at each step: one sequence for each input (K = 1), whose score is its log p.

    Args:
        network: see `Decodable`; in evaluation mode, or its dropout acts.
        condition: what `network.init_state` takes, or `Started`; None: the number of rows of `start`.
        start: (N,) or (N, P) int64 or one id for all rows: read before the first decision.
        max_length: tokens of a sequence at most, its end token included.
        end_id: ends a sequence; None: only `max_length` does.
        min_length: so many tokens come before the end token.
        prefix: (N, P) int64, how each sequence must begin.
        prefix_lengths: (N,), how many of a row's prefix count; None: all.

    Raises:
        RnnzooError: an argument out of its range, or tokens outside the vocabulary.
    """
    limits = Limits(max_length, end_id, min_length, prefix, prefix_lengths)
    found = _collect(_steps(network, condition, start, limits, Filters(temperature=0.0), 1, None), end_id)
    return Decoded(found.tokens, found.lengths, found.log_probs, found.log_probs)


def sample_sequences(
    network: Decodable,
    condition: Any,
    start: Tensor | int,
    *,
    max_length: int,
    end_id: int | None = None,
    num_return: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_length: int = 0,
    prefix: Tensor | None = None,
    prefix_lengths: Tensor | None = None,
    seed: int | None = None,
) -> Decoded:
    """K independent draws for each input, in the order drawn.

    `scores` are the log-probabilities by the distribution that was drawn from (temperature, filters, `min_length`; a
    forced token has probability 1), `log_probs` those by the network. What row n gets depends on the seed and on the
    batch that it is in.

    Args:
        network: as in `greedy_search`, and so are the others that are not named here.
        condition: see there.
        start: see there.
        max_length: see there.
        end_id: see there.
        num_return: K.
        temperature: see `filter_log_probs`.
        top_k: see there.
        top_p: see there.
        min_length: as in `greedy_search`.
        prefix: see there.
        prefix_lengths: see there.
        seed: of the generator of its own that draws; None: another one each time. The global one is left alone.

    Raises:
        RnnzooError: an argument out of its range, or tokens outside the vocabulary.
    """
    require_count("num_return", num_return)
    limits = Limits(max_length, end_id, min_length, prefix, prefix_lengths)
    check_sampling(temperature, top_k, top_p, None)
    filters = Filters(temperature, top_k, top_p)
    return _collect(_steps(network, condition, start, limits, filters, num_return, seed), end_id)


@torch.no_grad()
def _steps(
    network: Decodable,
    condition: Any,
    start: Tensor | int,
    limits: Limits,
    filters: Filters,
    copies: int,
    seed: int | None,
) -> Iterator[Step]:
    log_probs, state, memory = begin(network, condition, start)
    rows, vocabulary_size = log_probs.shape
    device = log_probs.device
    limits.check(rows, vocabulary_size)
    generator = seeded(seed, device)
    if copies > 1:
        index = torch.arange(rows, device=device).repeat_interleave(copies)
        log_probs, state = log_probs[index], network.reorder(state, index)
    ended = torch.zeros(rows, copies, dtype=torch.bool, device=device)
    inputs: Tensor | None = None  # which of the N go on; None: all
    for length in range(limits.max_length):
        log_probs = log_probs.view(-1, copies, vocabulary_size)
        allowed = log_probs
        if limits.end_id is not None and not limits.may_end(length):
            allowed = limits.without_end(log_probs)
        tokens, drawn = _pick(allowed, allowed is log_probs, filters, generator)
        must = limits.forced(length)
        if must is not None:
            tokens = torch.where(must[1][:, None], must[0][:, None], tokens)
        chosen = log_probs.gather(-1, tokens[..., None]).squeeze(-1)
        if must is not None:
            drawn = drawn.masked_fill(must[1][:, None], 0.0)
        if limits.end_id is None:
            yield Step(tokens, chosen, drawn, ended)
        else:
            tokens = tokens.masked_fill(ended, limits.end_id)
            chosen, drawn = chosen.masked_fill(ended, 0.0), drawn.masked_fill(ended, 0.0)
            ended = ended | (tokens == limits.end_id)
            step = Step(tokens, chosen, drawn, ended)
            yield step if inputs is None else _whole(step, inputs, rows, limits.end_id)
            goes_on = None
            if time_to_look(length + 1, device):
                goes_on = who_goes_on(~ended.all(-1), network, memory)
            if goes_on is not None:
                if len(goes_on) == 0:
                    return
                inputs = goes_on if inputs is None else inputs[goes_on]
                tokens, ended, limits = tokens[goes_on], ended[goes_on], limits.select(goes_on)
                index = goes_on[:, None] * copies + torch.arange(copies, device=device)
                state, memory = network.reorder(state, index.flatten()), narrow(network, memory, goes_on)
        if length + 1 < limits.max_length:
            log_probs, state = network.step(tokens.flatten(), state, memory)


def _whole(step: Step, inputs: Tensor, rows: int, end_id: int) -> Step:
    """The step of all N rows, where those that are not among `inputs` have ended."""
    tokens, log_probs, drawn, ended = (part.new_zeros(rows, part.shape[1]) for part in step)
    whole = Step(tokens.fill_(end_id), log_probs, drawn, ended.fill_(True))
    return Step(*(past.index_copy_(0, inputs, part) for past, part in zip(whole, step, strict=True)))


def _pick(log_probs: Tensor, normalised: bool, filters: Filters, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A token of each row, and its log-probability by the distribution that it was drawn from."""
    if filters.temperature == 0:
        tokens = largest(log_probs, 1)[1].squeeze(-1)
        return tokens, torch.zeros_like(tokens, dtype=log_probs.dtype)
    if not normalised or filters != Filters():
        log_probs = filter_log_probs(log_probs, *filters)
    tokens = draw(log_probs, generator)
    return tokens, log_probs.gather(-1, tokens[..., None]).squeeze(-1)


def _told(steps: Iterator[Step]) -> Iterator[Tensor]:
    """The tokens of single sequences, and at the end whether they mean anything."""
    chosen = []
    for step in steps:
        chosen.append(step.log_probs)
        yield step.tokens[:, 0]
    refuse_nan(torch.cat(chosen, 1))


def _collect(steps: Iterator[Step], end_id: int | None) -> Decoded:
    tokens, log_probs, drawn, ended = (torch.stack(part, -1) for part in zip(*steps, strict=True))
    lengths = (~ended).sum(-1) + ended.any(-1)
    refuse_nan(log_probs.sum(-1))
    longest = int(lengths.max())
    return Decoded(tokens[..., :longest], lengths, drawn.sum(-1), log_probs.sum(-1))


def seeded(seed: int | None, device: torch.device) -> torch.Generator:
    """A generator of its own, so that the global one is left alone.

    Raises:
        RnnzooError: no seed, see `rnnzoo.errors.require_seed`.
    """
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        require_seed("seed", seed)
        generator.manual_seed(seed)
    return generator
