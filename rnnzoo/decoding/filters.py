"""The distribution a token is drawn from: temperature, the most probable tokens, the nucleus."""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError

BLOCK = 128


def check_sampling(temperature: float, top_k: int | None, top_p: float | None, vocabulary_size: int | None) -> None:
    """Refuse what `filter_log_probs` cannot mean.

    Raises:
        RnnzooError: a temperature below 0 or infinite, `top_k` outside 1..V, `top_p` outside (0, 1], or no number.
    """
    given: tuple[tuple[str, object], ...] = (("temperature", temperature), ("top_k", top_k), ("top_p", top_p))
    for name, value in given:
        kind, words = (Integral, "whole number") if name == "top_k" else (Real, "number")
        if (value is not None or name == "temperature") and (isinstance(value, bool) or not isinstance(value, kind)):
            raise RnnzooError(f"{name} must be a {words}, not {value!r}")
    if not 0 <= temperature < math.inf:
        raise RnnzooError(f"temperature must be at least 0 (0 is greedy) and finite, not {temperature}")
    if top_k is not None and (top_k < 1 or (vocabulary_size is not None and top_k > vocabulary_size)):
        most = "size" if vocabulary_size is None else f"{vocabulary_size} tokens"
        raise RnnzooError(f"top_k must be from 1 to the vocabulary's {most}, not {top_k}")
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
    # Less the largest, and by no less than the smallest float: else a temperature of almost nothing would give NaN.
    divisor = max(temperature, torch.finfo(log_probs.dtype).tiny)
    scaled = ((log_probs - log_probs.amax(-1, keepdim=True)) / divisor).log_softmax(-1)
    if top_k is None and top_p is None:
        return scaled
    values = scaled.sort(-1, descending=True).values if top_k is None else scaled.topk(top_k).values
    count = torch.full_like(values[..., :1], values.shape[-1], dtype=torch.int64)
    if top_p is not None:
        probabilities = values.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities  # a token stays while those before it do not reach top_p
        count = (before < top_p).sum(-1, keepdim=True).clamp(min=1)
    edge = values.gather(-1, count - 1)
    above, equal = scaled > edge, scaled == edge
    kept = above | (equal & (equal.cumsum(-1) <= count - above.sum(-1, keepdim=True)))
    return scaled.masked_fill(~kept, -torch.inf).log_softmax(-1)


def draw(log_probs: Tensor, generator: torch.Generator) -> Tensor:
    """One token from each distribution (..., V): the first whose cumulative probability exceeds u ~ U[0, 1).

    In float64: u has 53 bits, so that u times the sum stays below the sum, and a token of probability 0 is never drawn.
    First a block of `BLOCK` tokens is found by the blocks' sums, then the token in it: only its probabilities need
    running sums. It costs a fraction of drawing V exponentials a row, and never waits for the device.
    """
    vocabulary_size = log_probs.shape[-1]
    padded = torch.nn.functional.pad(log_probs.exp(), (0, -vocabulary_size % BLOCK))
    padded = padded.view(*padded.shape[:-1], -1, BLOCK)
    blocks = padded.sum(-1, dtype=torch.float64).cumsum(-1)
    shape = (*log_probs.shape[:-1], 1)
    uniform = torch.rand(shape, dtype=torch.float64, device=log_probs.device, generator=generator)
    goal = uniform * blocks[..., -1:]
    block = torch.searchsorted(blocks, goal, right=True).clamp(max=blocks.shape[-1] - 1)  # only of NaN is it past all
    rest = goal - torch.nn.functional.pad(blocks, (1, 0)).gather(-1, block)
    inside = padded.gather(-2, block[..., None].expand(*shape, BLOCK)).squeeze(-2).cumsum(-1, dtype=torch.float64)
    # The sums were made in another order: the rest must stay below what the block's running sum ends with.
    below = torch.nextafter(inside[..., -1:], inside.new_zeros(()))
    drawn = block * BLOCK + torch.searchsorted(inside, torch.minimum(rest, below), right=True)
    return drawn.squeeze(-1).clamp(max=vocabulary_size - 1)  # only of NaN is it V
