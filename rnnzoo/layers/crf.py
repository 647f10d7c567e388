"""The conditional random field over the tags of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.crf_chain import Chain, build_chain, log_partition, marginals
from rnnzoo.layers.crf_decoding import k_best, viterbi
from rnnzoo.layers.crf_exported import viterbi_exported

Constraints: TypeAlias = tuple[
    Tensor | Sequence[bool],
    Tensor | Sequence[Sequence[bool]],
    Tensor | Sequence[bool],
]


class CRFHead(nn.Module):
    """A linear-chain conditional random field (Lafferty, McCallum & Pereira 2001; on a BiLSTM: Lample et al. 2016).

    ``p(y | x) = exp(s(x, y)) / sum over all y' of exp(s(x, y'))`` with
    ``s(x, y) = start[y_1] + sum_t (W x_t + b)[y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T]``.

    A softmax over whole tag sequences: a tag is chosen in view of its neighbours. Forbidden starts, transitions and
    ends have the probability 0 exactly, are never decoded, and get no gradient.

    Rows are padded on the right; `mask` (N,T) bool is true at real steps, None says that all are. A row without a step
    has one path, the empty one: its loss is 0. What stands past a row's end changes nothing. Sums over paths are
    computed in float64 (float32 on mps, which has no other), also under autocast, with a closed-form gradient; scores
    so far apart that these would lose a path (about 300 nats) are summed by a slower exact recursion. To know this
    costs one synchronisation with the device a call.

    Args:
        input_size: H, the width of the features.
        num_tags: K.
        constraints: which tags may come first (K), which may follow which (K,K), row before column, and which may come
            last (K), bool; `rnnzoo.text.schemes.constraints` gives those of a tag scheme. None: all may.

    Attributes:
        start: (K), learned. Deviation from Lample et al., who add two tags: the same model with fewer entries.
        transitions: (K,K), learned, from row to column.
        end: (K), learned.
        constrained: whether there are constraints.

    Raises:
        RnnzooError: constraints of another shape.

    Example:
        >>> never_down = [True, False], [[True, True], [False, True]], [True, True]
        >>> head = CRFHead(input_size=3, num_tags=2, constraints=never_down)
        >>> for parameter in head.parameters():
        ...     _ = nn.init.zeros_(parameter)
        >>> features = torch.zeros(1, 4, 3)  # 0000, 0001, 0011 and 0111 are left of the 16 sequences, equally probable
        >>> round(head.nll(features, torch.tensor([[0, 0, 1, 1]])).exp().item(), 4)
        4.0
        >>> head.marginals(features)[0, :, 1].tolist()
        [0.0, 0.25, 0.5, 0.75]
    """

    start: nn.Parameter
    transitions: nn.Parameter
    end: nn.Parameter
    forbidden_first: Tensor  # (K+1), and
    forbidden_next: Tensor  # (K+1, K+1): of the states of a `Chain`, the last of which is END

    def __init__(self, input_size: int, num_tags: int, constraints: Constraints | None = None) -> None:
        super().__init__()
        self.input_size = input_size
        self.num_tags = num_tags
        self.constrained = constraints is not None
        self.projection = nn.Linear(input_size, num_tags)
        self.start = nn.Parameter(torch.empty(num_tags).uniform_(-0.1, 0.1))
        self.transitions = nn.Parameter(torch.empty(num_tags, num_tags).uniform_(-0.1, 0.1))
        self.end = nn.Parameter(torch.empty(num_tags).uniform_(-0.1, 0.1))
        self.register_buffer("forbidden_first", torch.zeros(num_tags + 1, dtype=torch.bool))
        self.register_buffer("forbidden_next", torch.zeros(num_tags + 1, num_tags + 1, dtype=torch.bool))
        self.forbidden_next[num_tags, :num_tags] = True  # no tag follows END
        if constraints is not None:
            self._constrain(constraints)

    def _constrain(self, constraints: Constraints) -> None:
        count = self.num_tags
        forbidden = {
            "start": self.forbidden_first[:count],
            "transitions": self.forbidden_next[:count, :count],
            "end": self.forbidden_next[:count, count],
        }
        for (name, kept), given in zip(forbidden.items(), constraints, strict=True):
            allowed = torch.as_tensor(given)
            if allowed.dtype != torch.bool or allowed.shape != kept.shape:
                raise RnnzooError(
                    f"the constraints of {name} are {allowed.dtype} of shape {tuple(allowed.shape)}: "
                    f"{count} tags need torch.bool of shape {tuple(kept.shape)}"
                )
            kept.copy_(~allowed)

    def emissions(self, features: Tensor) -> Tensor:
        """``W x + b``, the score of each tag at each step: (N,T,H) to (N,T,K)."""
        scores: Tensor = self.projection(features)
        return scores

    def nll(self, features: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
        """-log p(targets | features) of each row, in nats.

        Args:
            features: (N,T,H).
            targets: (N,T) int64; any valid tag past a row's end.
            mask: (N,T) bool.

        Returns:
            (N); infinite where the targets break the constraints (`check_targets` says where they do).

        Raises:
            RnnzooError: the mask has a real step after padding, or the constraints admit no path of a row's length.
        """
        emissions, mask = self.emissions(features), self._mask(features, mask)
        exact = self._exact(emissions)
        initial, matrix = self._states(exact)
        # one path of every row in the chain with END: where a row has ended, its state is END
        path = F.pad(targets.masked_fill(~mask, self.num_tags), (0, 1), value=self.num_tags)
        edges = path[:, :-1] * (self.num_tags + 1) + path[:, 1:]
        score = initial.index_select(0, path[:, 0])
        score = score + matrix.flatten().index_select(0, edges.flatten()).view_as(edges).sum(1)
        at_targets = exact.gather(-1, targets.masked_fill(~mask, 0).unsqueeze(-1)).squeeze(-1)
        score = score + at_targets.masked_fill(~mask, 0).sum(1)
        losses = log_partition(exact, mask, initial, matrix) - score
        return losses.to(torch.promote_types(emissions.dtype, torch.float))

    def loss(self, features: Tensor, targets: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The summed `nll` of the rows, and how many real tokens they have; the caller divides.

        The count is that of tokens, not of sequences, so that the loss compares with a softmax head's, and batches
        of short and of long rows weigh a token the same.
        """
        count = targets.new_full((), targets.numel()) if mask is None else mask.sum()
        return self.nll(features, targets, mask).sum(), count

    def decode(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """The most probable tags of each row: (N,T,H) to (N,T), 0 past a row's end."""
        if torch.compiler.is_exporting():
            emissions = self.emissions(features)
            return viterbi_exported(emissions, self._mask(features, mask), *self._states(emissions))
        return viterbi(self._chain(features, mask))

    def k_best(self, features: Tensor, mask: Tensor | None = None, k: int = 5) -> tuple[Tensor, Tensor]:
        """The k most probable tag sequences of each row, the best first.

        Returns:
            The tags (N,k,T), 0 past a row's end, and log p(tags | features) (N,k) in nats. Where a row has fewer than
            k possible sequences, the others are -inf, with tags 0.
        """
        chain = self._chain(features, mask)
        tags, scores = k_best(chain, k)
        with torch.no_grad():
            exact = self._exact(self.emissions(features))
            log_z = log_partition(exact, self._mask(features, mask), *self._states(exact))
        return tags, (scores - log_z.unsqueeze(-1)).to(torch.float)

    def marginals(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """p(y_t = k | features) of each step: (N,T,H) to (N,T,K), zero past a row's end; without gradient."""
        with torch.no_grad():
            emissions = self.emissions(features)
            exact = self._exact(emissions)
            found = marginals(exact, self._mask(features, mask), *self._states(exact))
            return found.to(torch.promote_types(emissions.dtype, torch.float))

    def check_targets(self, targets: Tensor, mask: Tensor | None = None) -> None:
        """Refuses targets that the constraints forbid. It waits for the device: meant for data, not for each step.

        Args:
            targets: (N,T) int64.
            mask: (N,T) bool.

        Raises:
            RnnzooError: naming the first such row and step, both counted from 0.
        """
        mask = self._mask(targets, mask)
        path = F.pad(targets.masked_fill(~mask, self.num_tags), (0, 1), value=self.num_tags)
        wrong = self.forbidden_next[path[:, :-1], path[:, 1:]]  # in the column of a step: what follows it
        wrong_first = self.forbidden_first[path[:, :1]]
        if not bool(wrong.any() | wrong_first.any()):
            return
        row, step = (int(each) for each in torch.cat([wrong_first, wrong], 1).nonzero()[0])
        before, tag = path[row, max(step - 1, 0)], path[row, step]
        if step == 0:
            why = f"tag {tag} may not come first"
        elif tag == self.num_tags:
            step, why = step - 1, f"tag {before} may not come last"
        else:
            why = f"tag {tag} may not follow tag {before}"
        raise RnnzooError(f"the constraints forbid the targets of row {row} at step {step}: {why}")

    def _mask(self, like: Tensor, mask: Tensor | None) -> Tensor:
        return torch.ones(like.shape[:2], dtype=torch.bool, device=like.device) if mask is None else mask

    def _exact(self, emissions: Tensor) -> Tensor:
        return emissions.to(torch.float if emissions.device.type == "mps" else torch.double)

    def _states(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of a `Chain`: initial (K+1) and matrix (K+1, K+1), the last state END, -inf where forbidden."""
        first = F.pad(self.start, (0, 1)).masked_fill(self.forbidden_first, -torch.inf)
        leaving = F.pad(torch.cat([self.transitions, self.end.unsqueeze(1)], 1), (0, 0, 0, 1))
        return first.to(like.dtype), leaving.masked_fill(self.forbidden_next, -torch.inf).to(like.dtype)

    def _chain(self, features: Tensor, mask: Tensor | None) -> Chain:
        with torch.no_grad():
            emissions = self.emissions(features)
            emissions = emissions.to(torch.promote_types(emissions.dtype, torch.float))
            return build_chain(emissions, self._mask(features, mask), *self._states(emissions))

    def extra_repr(self) -> str:
        """Sizes, as `torch.nn.Linear` shows them."""
        return f"{self.input_size}, {self.num_tags}"
