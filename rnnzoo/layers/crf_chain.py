"""Sums over all paths of a linear chain: the partition function of a CRF, its gradient, and the marginals.

The chain of a batch has one state more than there are tags: END, with the index K. A row that has ended stays in END,
and all rows are there after the last step, so that rows of all lengths, 0 too, are one recursion without a mask. The
rows of the batch are the last axis here, (T+1, K+1, N): what is long and contiguous runs fast.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError

IMPOSSIBLE = -1e30  # a logarithm of 0 that subtracts from itself without NaN; exp of it is 0 in every precision


class Chain(NamedTuple):
    """Scores of the paths of a batch, in nats: what is summed over (here) and searched (`crf_decoding`).

    Attributes:
        emissions: (T+1, K+1, N); END alone is possible past a row's end, and impossible before it.
        initial: (K+1), score of the first state.
        matrix: (K+1, K+1), score of going from a state to the next; -inf or `IMPOSSIBLE` where there is no such step.
    """

    emissions: Tensor
    initial: Tensor
    matrix: Tensor

    def reversed(self) -> Chain:
        """The same paths from their ends: its forward messages are the backward ones, own emission included."""
        return Chain(self.emissions.flip(0), torch.zeros_like(self.initial), self.matrix.T)


def build_chain(scores: Tensor, mask: Tensor, initial: Tensor, matrix: Tensor) -> Chain:
    """Adds END to the scores (N,T,K) of a batch whose real steps `mask` (N,T) says, right-padded."""
    tags = F.pad(scores.permute(1, 2, 0), (0, 0, 0, 1, 0, 1), value=IMPOSSIBLE)
    ended = F.pad(scores.new_zeros(1, 1), (0, 0, scores.shape[2], 0), value=IMPOSSIBLE)
    return Chain(torch.where(F.pad(mask.T, (0, 0, 0, 1)).unsqueeze(1), tags, ended), initial, matrix)


def log_partition(scores: Tensor, mask: Tensor, initial: Tensor, matrix: Tensor) -> Tensor:
    """Log of the sum over all paths y of exp(score(y)): (N), differentiable, also twice.

    Args:
        scores: (N,T,K) of each tag at each step.
        mask: (N,T) bool, true at real steps, which come first in their row.
        initial: (K+1), see `Chain`.
        matrix: (K+1, K+1), see `Chain`.

    Raises:
        RnnzooError: the mask has a real step after padding, or no path is possible.
    """
    arguments = (scores, initial, matrix)
    wanted = torch.is_grad_enabled() and any(each.requires_grad for each in arguments)
    with torch.no_grad():
        sums = scaled_sums(build_chain(scores, mask, initial, matrix), both_ways=wanted)
    if not _trusted(sums, mask):
        return _exact_log_partition(scores, mask, initial, matrix, check=True)
    if not wanted:
        return sums.log_partition
    result: Tensor = _LogPartition.apply(scores, mask, initial, matrix, sums)  # type: ignore[no-untyped-call]
    return result


def marginals(scores: Tensor, mask: Tensor, initial: Tensor, matrix: Tensor) -> Tensor:
    """p(y_t = k): (N,T,K), zero past a row's end. Arguments and errors as of `log_partition`; no gradient."""
    with torch.no_grad():
        chain = build_chain(scores, mask, initial, matrix)
        sums = scaled_sums(chain, both_ways=True)
        if _trusted(sums, mask):
            states = sums.marginals
        else:
            log_z = _exact_log_partition(scores, mask, initial, matrix, check=True)
            ahead, behind = _messages(chain), _messages(chain.reversed()).flip(0)
            states = (ahead + behind - chain.emissions - log_z).exp()
        return states[:-1, :-1].permute(2, 0, 1)


class Sums(NamedTuple):
    """The result of `scaled_sums`; fields after `smallest` are empty when only one way was gone."""

    log_partition: Tensor  # (N)
    smallest: Tensor  # (): how near, in nats, the numbers came to the smallest that the type holds
    marginals: Tensor  # (T+1, K+1, N)
    ahead: Tensor  # (T, K+1, N): exp forward messages, each step's scaled by what makes the pairs' sum 1
    behind: Tensor  # (T, K+1, N): exp backward messages of the following step, its emission included
    weights: Tensor  # (K+1, K+1): exp of the matrix, up to a factor


def scaled_sums(chain: Chain, both_ways: bool) -> Sums:
    """Forward messages, and backward ones beside them, as probabilities: a matrix product and a rescaling per step.

    This is the recursion of hidden Markov models (Rabiner 1989, section V.A) with the scores shifted by their maxima
    before the exponential. It loses a message once that is too small for the type against the largest of its step,
    which `smallest` tells.
    """
    chains = [chain, chain.reversed()] if both_ways else [chain]
    shift = chain.emissions.amax(1, keepdim=True)
    top, first = chain.matrix.amax(), chain.initial.amax()
    shifted = chain.emissions - shift
    emitted = shifted.exp()
    weights = (chain.matrix - top).exp()
    factors = torch.stack([emitted, emitted.flip(0)] if both_ways else [emitted], 1).unbind()
    products = torch.stack([weights.T, weights] if both_ways else [weights.T])  # way, to, from
    starts = torch.stack([(chain.initial - first).exp(), torch.ones_like(chain.initial)][: len(chains)])

    steps, states, rows = chain.emissions.shape
    messages = emitted.new_empty(steps, len(chains), states, rows)
    totals = emitted.new_empty(steps, len(chains), 1, rows)
    each_message, each_total = messages.unbind(), totals.unbind()
    before = each_message[0]
    torch.mul(starts.unsqueeze(-1), factors[0], out=before)
    torch.sum(before, 1, keepdim=True, out=each_total[0])
    before.div_(each_total[0])
    for now, total, factor in zip(each_message[1:], each_total[1:], factors[1:], strict=True):
        torch.bmm(products, before, out=now)
        now.mul_(factor)
        torch.sum(now, 1, keepdim=True, out=total)
        now.div_(total)
        before = now

    log_partition = (totals[:, 0].log() + shift).sum((0, 1)) + (steps - 1) * top + first
    limit = math.log(torch.finfo(messages.dtype).tiny)
    least = messages.masked_fill(messages == 0, 1).amin().log()
    least = least + _lowest(shifted) + _lowest(chain.matrix - top) + _lowest(chain.initial - first)
    if not both_ways:
        none = messages.new_empty(0)
        return Sums(log_partition, least - limit, none, none, none, weights)
    ahead, behind = messages[:, 0], messages[:, 1].flip(0)
    beyond = torch.cat([weights @ behind[1:], torch.ones_like(behind[:1])])
    joint = ahead * beyond
    mass = joint.sum(1, keepdim=True)
    # products of messages that each are far from the limit may still reach it: half of the range is theirs
    smallest = torch.minimum(least - limit, mass.amin().log() - limit / 2)
    return Sums(log_partition, smallest, joint / mass, ahead[:-1] / mass[:-1], behind[1:], weights)


def _lowest(shifted: Tensor) -> Tensor:
    """The lowest of scores that were shifted to a maximum of 0, the impossible ones aside."""
    return shifted.masked_fill(shifted < IMPOSSIBLE / 2, 0).amin()


def _trusted(sums: Sums, mask: Tensor) -> bool:
    """Whether no message was lost; the one synchronisation with the device of a call, after all of its steps."""
    return bool((sums.smallest > 0) & (mask[:, 1:] <= mask[:, :-1]).all())


class _LogPartition(torch.autograd.Function):
    """The sums as they were found, with the gradient in closed form: marginals of the states and of their pairs."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, mask: Tensor, initial: Tensor, matrix: Tensor, sums: Sums) -> Tensor:
        ctx.save_for_backward(scores, mask, initial, matrix, *sums[2:])
        return sums.log_partition

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scores, mask, initial, matrix, states, ahead, behind, weights = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative was asked for: the exact recursion has it
            wanted = [each for each in (scores, initial, matrix) if each.requires_grad]
            value = _exact_log_partition(scores, mask, initial, matrix, check=False)
            found = iter(torch.autograd.grad(value, wanted, grad, create_graph=True))
            by_scores, by_initial, by_matrix = (
                next(found) if each.requires_grad else None for each in (scores, initial, matrix)
            )
            return by_scores, None, by_initial, by_matrix, None
        pairs = torch.bmm(ahead * grad, behind.transpose(1, 2)).sum(0)
        by_states = states * grad
        return by_states[:-1, :-1].permute(2, 0, 1), None, by_states[0].sum(1), pairs * weights, None


def _exact_log_partition(scores: Tensor, mask: Tensor, initial: Tensor, matrix: Tensor, check: bool) -> Tensor:
    """The same by a log-sum-exp per step under autograd: slower, exact for scores of any range."""
    if check and not bool((mask[:, 1:] <= mask[:, :-1]).all()):
        row = int((mask[:, 1:] > mask[:, :-1]).any(1).nonzero()[0])
        raise RnnzooError(f"the mask of row {row} has a real step after padding: rows are padded on the right")
    result = _messages(build_chain(scores, mask, initial, matrix))[-1, -1]
    if check and bool((result < IMPOSSIBLE / 2).any()):
        row = int((result < IMPOSSIBLE / 2).nonzero()[0])
        raise RnnzooError(f"the constraints admit no tags of row {row}, which has {int(mask[row].sum())} steps")
    return result


def _messages(chain: Chain) -> Tensor:
    """Forward messages in nats, (T+1, K+1, N): ``a_t(k) = log sum_j exp(a_{t-1}(j) + matrix_jk) + emission_t(k)``."""
    moves = chain.matrix.clamp(min=IMPOSSIBLE).unsqueeze(-1)
    emissions = chain.emissions.unbind()
    result = [chain.initial.clamp(min=IMPOSSIBLE).unsqueeze(-1) + emissions[0]]
    for emission in emissions[1:]:
        result.append(torch.logsumexp(result[-1].unsqueeze(1) + moves, 0) + emission)
    return torch.stack(result)
