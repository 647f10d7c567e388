"""Copying from the source: a mixture of the vocabulary's distribution and of the attention's."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CopySource(NamedTuple):
    """What may be copied: the tokens of the source in the *extended* vocabulary.

    Ids below V are the decoder's own. A source word that is not among them has an id from V on, given out row by row in
    the order in which the row's unknown words first stand there (See et al. 2017, section 2.2).

    Attributes:
        ids: (N, S) int64; any id below V + extra where nothing is attended to.
        extra: how many ids past V there are, the most that a row needs.
    """

    ids: Tensor
    extra: int


class CopyGate(nn.Module):
    """``p_gen = sigmoid(w_h c_t + w_s y_t + w_x x_t + b)``, the share of the vocabulary (See et al. 2017, eq. 8).

    Deviation: s_t is the stack's output alone; theirs is the LSTM's h and c.

    Args:
        context_size: the width of c.
        output_size: the width of y.
        input_size: the width of x, the embedded token.
    """

    def __init__(self, context_size: int, output_size: int, input_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(context_size + output_size + input_size, 1)

    def forward(self, contexts: Tensor, outputs: Tensor, embedded: Tensor) -> Tensor:
        """Parts (..., width) to ``logit(p_gen)`` (...)."""
        gate: Tensor = self.linear(torch.cat((contexts, outputs, embedded), -1))
        return gate.squeeze(-1)


def mixture_log_probs(log_probs: Tensor, gate: Tensor, weights: Tensor, source: CopySource) -> Tensor:
    """``log P(w)``, ``P(w) = p_gen P_vocab(w) + (1 - p_gen) sum_{s: w_s = w} a_s`` (See et al. 2017, eq. 9).

    Args:
        log_probs: log P_vocab, (N, Q, V).
        gate: logit(p_gen), (N, Q).
        weights: a, (N, Q, S).
        source: w.

    Returns:
        (N, Q, V + extra); -inf where neither part gives a word.
    """
    rows, queries, _ = log_probs.shape
    generated = (log_probs + F.logsigmoid(gate).unsqueeze(-1)).exp()
    copied = weights * torch.sigmoid(-gate).unsqueeze(-1)
    probabilities = torch.cat((generated, generated.new_zeros(rows, queries, source.extra)), -1)
    ids = source.ids.unsqueeze(1).expand(rows, queries, source.ids.shape[1])
    return probabilities.scatter_add(-1, ids, copied.to(probabilities.dtype)).log()


def mixture_nll(nll: Tensor, gate: Tensor, weights: Tensor, source: CopySource, targets: Tensor, size: int) -> Tensor:
    """``-log P(target)`` of `mixture_log_probs` without the distribution.

    Args:
        nll: -log P_vocab(target), (N, T); any number where the target is not below V.
        gate: logit(p_gen), (N, T).
        weights: a, (N, T, S).
        source: the source's ids.
        targets: (N, T) int64 in the extended vocabulary.
        size: V.

    Returns:
        (N, T); inf where a target is past V and not in the source.
    """
    generated = (F.logsigmoid(gate) - nll).masked_fill(targets >= size, -torch.inf)
    mass = (weights * (source.ids.unsqueeze(1) == targets.unsqueeze(-1))).sum(-1)
    absent = mass == 0
    # log of 1 instead of 0 where the word is not in the source: the gradient of log 0 would be 0 * inf.
    copied = (F.logsigmoid(-gate) + mass.masked_fill(absent, 1.0).log()).masked_fill(absent, -torch.inf)
    impossible = absent & (targets >= size)
    total = torch.logaddexp(generated.masked_fill(impossible, 0.0), copied)
    return -total.masked_fill(impossible, -torch.inf)
