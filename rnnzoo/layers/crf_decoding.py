"""The best paths of a linear chain: Viterbi's algorithm and its k-best form."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.crf_chain import IMPOSSIBLE, Chain


@torch.no_grad()
def viterbi(chain: Chain) -> Tensor:
    """The path of the highest score of each row: (N,T), 0 past the row's end (Viterbi 1967; Rabiner 1989, III.B).

    Only the scores go forward; which state led to the best one is asked again on the way back, along that path alone.

    Raises:
        RnnzooError: a row has no possible path.
    """
    steps, rows, states = chain.emissions.shape
    emissions = chain.emissions.transpose(1, 2).contiguous().unbind()
    leaving = chain.matrix.unsqueeze(-1)
    best = chain.emissions.new_empty(steps, states, rows)
    candidates = chain.emissions.new_empty(states, states, rows)  # from, to, row: the maximum runs along the first
    each = best.unbind()
    torch.add(chain.initial.unsqueeze(-1), emissions[0], out=each[0])
    for before, now, emission in zip(each, each[1:], emissions[1:], strict=False):
        torch.add(before.unsqueeze(1), leaving, out=candidates)
        torch.amax(candidates, 0, out=now)
        now.add_(emission)
    _check(each[-1][-1])
    end = states - 1
    path = torch.full((steps, rows), end, device=best.device)
    for step in range(steps - 2, -1, -1):
        torch.argmax(each[step] + chain.matrix.index_select(1, path[step + 1]), 0, out=path[step])
    return path[:-1].masked_fill(path[:-1] == end, 0).T.contiguous()


@torch.no_grad()
def k_best(chain: Chain, k: int) -> tuple[Tensor, Tensor]:
    """The k paths of the highest scores of each row, the best first (Huang & Chiang 2005, algorithm 0, on a chain).

    Returns:
        The paths (N,k,T), 0 past the row's end, and their scores (N,k). A row that has fewer than k possible paths
        has the score -inf, and tags 0, in the places of the others.

    Raises:
        RnnzooError: k is less than 1, or a row has no possible path.
    """
    if k < 1:
        raise RnnzooError(f"k must be at least 1, not {k}: it is how many paths are wanted")
    _, rows, states = chain.emissions.shape
    best = torch.full((rows, states, k), -torch.inf, dtype=chain.emissions.dtype, device=chain.emissions.device)
    best[:, :, 0] = chain.initial + chain.emissions[0]
    origins: list[Tensor] = []  # of each step: (N, K+1, k), state * k + rank it came from
    for emission in chain.emissions[1:]:
        candidates = best.unsqueeze(-1) + chain.matrix.unsqueeze(1)  # row, from, rank, to
        top, origin = candidates.flatten(1, 2).topk(k, 1)
        best = top.transpose(1, 2) + emission.unsqueeze(-1)
        origins.append(origin.transpose(1, 2))
    scores = best[:, -1]
    _check(scores[:, 0])
    end = states - 1
    place = torch.arange(end * k, states * k, device=best.device).expand(rows, k)
    path = []
    for origin in reversed(origins):
        place = origin.flatten(1).gather(1, place)
        path.append(place // k)
    found = scores > IMPOSSIBLE / 2
    tags = torch.stack(path[::-1], -1) if path else place.new_zeros(rows, k, 0)
    return tags.masked_fill((tags == end) | ~found.unsqueeze(-1), 0), scores.masked_fill(~found, -torch.inf)


def _check(scores: Tensor) -> None:
    impossible = scores < IMPOSSIBLE / 2
    if bool(impossible.any()):
        raise RnnzooError(f"the constraints admit no tags of the length of row {int(impossible.nonzero()[0])}")
