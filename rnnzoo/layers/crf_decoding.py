"""The best paths of a linear chain: Viterbi's algorithm and its k-best form."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.crf_chain import IMPOSSIBLE, Chain


@torch.no_grad()
def viterbi(chain: Chain) -> Tensor:
    """The path of the highest score of each row: (N,T), 0 past the row's end (Viterbi 1967; Rabiner 1989, III.B).

    Deviations, for speed: the first half is searched from the front and the second from the back, side by side, until
    they meet, and only scores are kept. Which state led to the best one is asked again along the best path alone.

    Raises:
        RnnzooError: a row has no possible path.
    """
    length = len(chain.emissions) - 1
    if length % 2 == 0:  # one step more in END makes two halves of the same length
        chain = chain._replace(emissions=torch.cat([chain.emissions, chain.emissions[-1:]]))
    steps, rows, states = chain.emissions.shape
    half, back = steps // 2, chain.reversed()
    ways = [chain.emissions[:half].transpose(1, 2), back.emissions[:half].transpose(1, 2)]
    best = torch.stack(ways, 2)  # (half, K+1, 2, N): emissions at first, then scores of the best paths so far
    best[0] += torch.stack([chain.initial, back.initial], 1).unsqueeze(-1)
    moves = torch.stack([chain.matrix, back.matrix], 2).unsqueeze(-1)
    candidates = best.new_empty(states, states, 2, rows)  # from, to, way, row: the maximum runs along the first
    highest = torch.empty_like(best[0])
    each = best.unbind()
    for before, now in zip(best.unsqueeze(2).unbind(), each[1:], strict=False):
        torch.add(before, moves, out=candidates)
        torch.amax(candidates, 0, out=highest)
        now.add_(highest)

    meeting = each[-1][:, 0].unsqueeze(1) + chain.matrix.unsqueeze(-1) + each[-1][:, 1]
    top, place = meeting.flatten(0, 1).max(0)
    _check(top)
    second_half = torch.arange(2, device=place.device).repeat_interleave(rows) * states
    tags = second_half.repeat(half, 1)  # (half, 2 N): the states of the second way count from K+1
    tags[-1] += torch.cat([place // states, place % states])
    arriving = torch.cat([back.matrix, chain.matrix])  # of each state, the scores of coming from the others
    scores = best.permute(0, 2, 3, 1).flatten(1, 2).unbind()
    choices, chosen = torch.empty_like(scores[0]), torch.empty_like(tags[0])
    each_tags = tags.unbind()
    for step in range(half - 2, -1, -1):
        torch.index_select(arriving, 0, each_tags[step + 1], out=choices)
        torch.argmax(choices.add_(scores[step]), 1, out=chosen)
        each_tags[step].add_(chosen)
    front, behind = (tags - second_half).unflatten(1, (2, rows)).unbind(1)
    path = torch.cat([front, behind.flip(0)])[:length]
    return path.masked_fill(path == states - 1, 0).T.contiguous()


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
