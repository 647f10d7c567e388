"""The finished sequences that a search keeps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rnnzoo.decoding.contract import Decoded, refuse_nan


@dataclass(frozen=True)
class Kept:
    """The k best finished sequences of each of G groups of N inputs, best first; -inf and length 0 where there is none.

    Attributes:
        scores: (N, G, k).
        log_probs: (N, G, k).
        lengths: (N, G, k).
        tokens: (N, G, k, L).
    """

    scores: Tensor
    log_probs: Tensor
    lengths: Tensor
    tokens: Tensor

    @classmethod
    def empty(cls, shape: tuple[int, int, int], max_length: int, like: Tensor) -> Kept:
        """None yet; log-probabilities are summed in the type of `like`, at least in float32."""
        dtype = torch.promote_types(like.dtype, torch.float32)
        nothing = torch.full(shape, -torch.inf, dtype=dtype, device=like.device)
        lengths = torch.zeros(shape, dtype=torch.int64, device=like.device)
        return cls(nothing, nothing, lengths, lengths[..., None].repeat(1, 1, 1, max_length))

    def add(self, scores: Tensor, log_probs: Tensor, sequences: Tensor, complete: Tensor) -> Kept:
        """The best of those kept and those (N, G, W) of the new ones that are complete; the older of two equal ones.

        Args:
            scores: (N, G, W).
            log_probs: (N, G, W).
            sequences: (N, G, W, t).
            complete: (N, G, W) bool.
        """
        count, longest = self.tokens.shape[2:]
        length = sequences.shape[-1]
        new = scores.masked_fill(~complete, -torch.inf)
        every = torch.cat((self.scores, new), -1).sort(stable=True, dim=-1, descending=True)
        order = every.indices[..., :count]
        lengths = torch.where(new == -torch.inf, 0, length)
        padded = torch.nn.functional.pad(sequences, (0, longest - length))
        return Kept(
            every.values[..., :count],
            torch.cat((self.log_probs, log_probs), -1).gather(-1, order),
            torch.cat((self.lengths, lengths), -1).gather(-1, order),
            torch.cat((self.tokens, padded), 2).gather(2, order[..., None].expand(-1, -1, -1, longest)),
        )

    def select(self, index: Tensor) -> Kept:
        """The rows `index` of the inputs."""
        return Kept(self.scores[index], self.log_probs[index], self.lengths[index], self.tokens[index])

    def put(self, index: Tensor, other: Kept) -> Kept:
        """These, with the rows `index` in exchange for those of another."""
        return Kept(
            self.scores.index_copy(0, index, other.scores),
            self.log_probs.index_copy(0, index, other.log_probs),
            self.lengths.index_copy(0, index, other.lengths),
            self.tokens.index_copy(0, index, other.tokens),
        )

    def result(self, num_return: int, end_id: int | None) -> Decoded:
        """The `num_return` best of all groups, best first."""
        order = self.scores.flatten(1).sort(stable=True, dim=-1, descending=True).indices[:, :num_return]
        scores, log_probs, lengths = (
            part.flatten(1).gather(1, order) for part in (self.scores, self.log_probs, self.lengths)
        )
        refuse_nan(scores)
        tokens = self.tokens.flatten(1, 2).gather(1, order[..., None].expand(-1, -1, self.tokens.shape[-1]))
        longest = max(1, int(lengths.max()))
        past = torch.arange(longest, device=lengths.device) >= lengths[..., None]
        tokens = tokens[..., :longest].masked_fill(past, 0 if end_id is None else end_id)
        return Decoded(tokens, lengths, scores, log_probs.masked_fill(lengths == 0, -torch.inf))
