"""The best path of a linear chain in a program of `torch.export`, whose number of steps is not fixed."""

from __future__ import annotations

import torch
from torch import Tensor


def viterbi_exported(emissions: Tensor, mask: Tensor, initial: Tensor, matrix: Tensor) -> Tensor:
    """The path of the highest score of each row, as `rnnzoo.layers.crf_decoding.viterbi` gives it.

    A program has no place for an error: where there is no possible path, what comes out means nothing.

    Args:
        emissions: (N, T, K), T at least 1.
        mask: (N, T) bool.
        initial: (K+1,), score of the first state; the last state is END.
        matrix: (K+1, K+1), score of going from a state to the next, -inf where there is no such step.

    Returns:
        (N, T), 0 past a row's end.
    """
    from torch._higher_order_ops import scan  # PyTorch documents it, as a prototype, under this name

    rows, steps, states = emissions.shape
    first, moves, end = initial[:states].clone(), matrix[:states, :states].clone(), matrix[:states, states]
    stay = torch.arange(states, device=emissions.device)
    begins = (torch.arange(steps, device=emissions.device) == 0).unsqueeze(1)
    real = mask.t().unsqueeze(-1)

    def advance(before: Tensor, now: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Scores of the best paths that end in each state (N, K), and which state they came from."""
        emission, is_first, is_real = now
        highest, origin = (before.unsqueeze(2) + moves).max(1)
        score = torch.where(is_first, first, highest) + emission
        return torch.where(is_real, score, before), torch.where(is_real, origin, stay)

    def trace(state: Tensor, origin: Tensor) -> tuple[Tensor, Tensor]:
        """The state before, and this one."""
        return origin.gather(1, state.unsqueeze(1)).squeeze(1), state.clone()

    start = emissions.new_zeros(rows, states)
    best, origins = scan(advance, start, (emissions.transpose(0, 1), begins, real))
    last: Tensor = (best + end).argmax(-1)
    path: Tensor = scan(trace, last, origins, reverse=True)[1]
    return path.t().masked_fill(~mask, 0)
