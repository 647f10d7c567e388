"""Unrolling a network one token at a time: greedy and by sampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError

CHECK_EVERY = 16  # steps between two looks at whether all rows have ended: each makes a GPU wait


class Decodable(Protocol):
    """A network that can be unrolled. The state has one row per sequence; `memory` never changes."""

    def init_state(self, condition: Any) -> tuple[Any, Any]:
        """The state before the first token, and what all steps may look at."""

    def step(self, tokens: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any]:
        """Read tokens (N,): log p(next), (N, V), and the new state."""

    def reorder(self, state: Any, index: Tensor) -> Any:
        """The rows `index` of a state."""


def check_sampling(temperature: float, top_k: int | None, top_p: float | None, vocabulary_size: int | None) -> None:
    """Refuse what `filter_log_probs` cannot mean.

    Raises:
        RnnzooError: a negative temperature, `top_k` outside 1..V, `top_p` outside (0, 1].
    """
    if not temperature >= 0:
        raise RnnzooError(f"temperature must be at least 0 (0 is greedy), not {temperature}")
    if top_k is not None and (top_k < 1 or (vocabulary_size is not None and top_k > vocabulary_size)):
        raise RnnzooError(f"top_k must be from 1 to the vocabulary's {vocabulary_size} tokens, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise RnnzooError(f"top_p must be above 0 and at most 1, not {top_p}")


def filter_log_probs(
    log_probs: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The distribution to sample from, normalised.

    In this order: ``p_i^(1/temperature)``; of these the `top_k` most probable; of these the smallest set whose
    probability reaches `top_p` (nucleus sampling: Holtzman et al. 2020, section 3.1). Of equal ones at the edge, the
    first ids stay. Temperature 0 leaves the most probable token alone.

    Args:
        log_probs: (..., V), natural logarithms; need not be normalised.
        temperature: at least 0.
        top_k: from 1 to V; None: all.
        top_p: above 0, at most 1; None: all.

    Returns:
        (..., V), -inf for what was left out.

    Raises:
        RnnzooError: an argument outside its range.

    Example:
        >>> p = torch.tensor([0.5, 0.25, 0.15, 0.1])
        >>> filter_log_probs(p.log(), top_k=2).exp()
        tensor([0.6667, 0.3333, 0.0000, 0.0000])
        >>> filter_log_probs(p.log(), top_p=0.7).exp()
        tensor([0.6667, 0.3333, 0.0000, 0.0000])
    """
    check_sampling(temperature, top_k, top_p, log_probs.shape[-1])
    if temperature == 0:
        best = log_probs.argmax(-1, keepdim=True)
        return torch.full_like(log_probs, -torch.inf).scatter_(-1, best, 0.0)
    scaled = (log_probs / temperature).log_softmax(-1)
    if top_k is None and top_p is None:
        return scaled
    ordered, order = scaled.sort(stable=True, dim=-1, descending=True)
    if top_k is not None:
        ordered[..., top_k:] = -torch.inf
    if top_p is not None:
        probabilities = ordered.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities  # a token stays while those before it do not reach top_p
        rest = before >= top_p
        rest[..., 0] = False
        ordered = ordered.masked_fill(rest, -torch.inf)
    kept = torch.empty_like(ordered).scatter_(-1, order, ordered)
    return kept.log_softmax(-1)


def stream(
    network: Decodable,
    prompt: Tensor,
    max_length: int,
    *,
    condition: Any = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    end_id: int | None = None,
    seed: int | None = None,
) -> Iterator[Tensor]:
    """Tokens as they are decided.

    Args:
        network: see `Decodable`; in evaluation mode, or its dropout acts.
        prompt: (N, P) int64, read first, P at least 1.
        max_length: how many tokens to give at most.
        condition: what `network.init_state` takes; None: N.
        temperature: see `filter_log_probs`; 0 is greedy and draws nothing.
        top_k: see `filter_log_probs`.
        top_p: see `filter_log_probs`.
        end_id: a row that gave it has ended and repeats it; when all rows have ended, so does the stream, at most
            15 tokens late.
        seed: of the generator of its own that draws; None: another one each time. The global one is left alone.

    Yields:
        (N,) int64, step after step.

    Raises:
        RnnzooError: an argument outside its range, or an empty prompt.
    """
    check_sampling(temperature, top_k, top_p, None)
    if max_length < 1:
        raise RnnzooError(f"max_length must be at least 1, not {max_length}")
    if prompt.dim() != 2 or prompt.shape[1] < 1:
        raise RnnzooError(f"the prompt must be (N, P) with at least one token a row, and is {tuple(prompt.shape)}")
    return _decide(network, prompt, max_length, condition, (temperature, top_k, top_p), end_id, seed)


@torch.no_grad()
def _decide(
    network: Decodable,
    prompt: Tensor,
    max_length: int,
    condition: Any,
    filters: tuple[float, int | None, float | None],
    end_id: int | None,
    seed: int | None,
) -> Iterator[Tensor]:
    generator = torch.Generator(prompt.device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    state, memory = network.init_state(prompt.shape[0] if condition is None else condition)
    for tokens in prompt.unbind(1):
        log_probs, state = network.step(tokens, state, memory)
    ended = torch.zeros(prompt.shape[0], dtype=torch.bool, device=prompt.device)
    for count in range(1, max_length + 1):
        scores = filter_log_probs(log_probs, *filters)
        if filters[0] > 0:
            # argmax(log p - log E), E ~ Exp(1), is a draw from p (Gumbel's trick) that never waits for the device.
            exponential = torch.empty_like(scores).exponential_(generator=generator)
            scores = scores - exponential.clamp_min_(torch.finfo(scores.dtype).tiny).log()  # an exact 0 would give NaN
        tokens = scores.argmax(-1)
        if end_id is not None:
            tokens = tokens.masked_fill(ended, end_id)
            ended = ended | (tokens == end_id)
        yield tokens
        if count == max_length or (end_id is not None and count % CHECK_EVERY == 0 and bool(ended.all())):
            return
        log_probs, state = network.step(tokens, state, memory)


def sample(network: Decodable, prompt: Tensor, max_length: int, *, end_id: int | None = None, **options: Any) -> Tensor:
    """What `stream` gives, at once: (N, L), L at most `max_length`, cut where the last row has ended.

    Args:
        network: as in `stream`, and so are the others.
        prompt: (N, P).
        max_length: at most.
        end_id: fills a row past its end.
        options: `condition`, `temperature`, `top_k`, `top_p`, `seed`.
    """
    tokens = torch.stack(list(stream(network, prompt, max_length, end_id=end_id, **options)), 1)
    if end_id is None:
        return tokens
    ended = (tokens == end_id).all(0).int()  # once ended, always ended: all ends are at the end
    return tokens[:, : max(1, tokens.shape[1] - max(0, int(ended.sum()) - 1))]
