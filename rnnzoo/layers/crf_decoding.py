"""The best paths of a linear chain: Viterbi's algorithm and its k-best form."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.crf_chain import IMPOSSIBLE, Chain


def viterbi(chain: Chain) -> Tensor:
    """The path of the highest score of each row: (N,T), 0 past the row's end (Viterbi 1967; Rabiner 1989, III.B).

    Only scores go forward; which state led to the best one is asked again on the way back, along the best path alone.

    Raises:
        RnnzooError: a row has no possible path.
    """
    steps, states, rows = chain.emissions.shape
    end = states - 1
    with torch.inference_mode():  # a seventh faster than no_grad; what is returned is made outside, an ordinary tensor
        best = chain.emissions.clone()  # (T+1, K+1, N): then the best scores so far
        best[0] += chain.initial.unsqueeze(-1)
        moves = chain.matrix.unsqueeze(-1)
        candidates, highest = best.new_empty(states, states, rows), torch.empty_like(best[0])  # from, to, row
        for before, now in zip(best.unsqueeze(2).unbind(), best.unbind()[1:], strict=False):
            torch.add(before, moves, out=candidates)
            torch.amax(candidates, 0, out=highest)  # along the first axis: several times as fast as along another
            now.add_(highest)
        _check(best[-1, end])

        path = torch.full((steps, rows), end, device=best.device)
        arriving, choices = chain.matrix.T.contiguous(), best.new_empty(rows, states)
        scores, tags = best.transpose(1, 2).contiguous().unbind(), path.unbind()
        for score, tag, after in zip(scores[-2::-1], tags[-2::-1], tags[::-1], strict=False):
            torch.index_select(arriving, 0, after, out=choices)
            torch.argmax(choices.add_(score), 1, out=tag)
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
    _, states, rows = chain.emissions.shape
    best = torch.full((rows, states, k), -torch.inf, dtype=chain.emissions.dtype, device=chain.emissions.device)
    best[:, :, 0] = chain.initial + chain.emissions[0].T
    origins: list[Tensor] = []  # of each step: (N, K+1, k), state * k + rank it came from
    for emission in chain.emissions[1:]:
        candidates = best.unsqueeze(-1) + chain.matrix.unsqueeze(1)  # row, from, rank, to
        top, origin = candidates.flatten(1, 2).topk(k, 1)
        best = top.transpose(1, 2) + emission.T.unsqueeze(-1)
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
