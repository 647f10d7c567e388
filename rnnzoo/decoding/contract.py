"""What a search takes and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent.state import tensors

CHECK_EVERY = 16  # steps between two looks at which rows have ended, where a look makes the device wait


class Decodable(Protocol):
    """A network that can be unrolled; see `rnnzoo.decoding` for the rows of each argument."""

    def init_state(self, condition: Any) -> tuple[Any, Any]:
        """The state before the first token, N rows, and what all steps may look at."""

    def step(self, tokens: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any]:
        """Read tokens (M,): log p(next), (M, V), and the new state. M is N, or N * B: B hypotheses of each input."""

    def reorder(self, state: Any, index: Tensor) -> Any:
        """The rows `index` of a state, which may repeat."""


class Covering(Decodable, Protocol):
    """A network with attention whose coverage a search can score."""

    def coverage(self, state: Any, memory: Any) -> Tensor:
        """The attention that each source position was given so far, (M, S); 1 where a position is padding."""


class Narrowing(Decodable, Protocol):
    """A network with a memory whose rows can be left out, so that a search need not go on with what has ended."""

    def select_memory(self, memory: Any, index: Tensor) -> Any:
        """The rows `index` (n,) of a memory, in ascending order."""


class Started(NamedTuple):
    """Where a search begins, in place of a condition: a state of N rows that is already there, and its memory."""

    state: Any
    memory: Any


@dataclass(frozen=True)
class Decoded:
    """K sequences for each of N inputs.

    Attributes:
        tokens: (N, K, L) int64. The end token is part of a sequence; what follows it is filled with end tokens (zeros
            where there is no end token).
        lengths: (N, K) int64, tokens of each sequence, its end token included. 0: there is no k-th sequence.
        scores: (N, K), what the search orders by; -inf where there is no k-th sequence.
        log_probs: (N, K), log p of the whole sequence by the network, natural logarithm.
    """

    tokens: Tensor
    lengths: Tensor
    scores: Tensor
    log_probs: Tensor

    def lists(self, end_id: int | None = None) -> list[list[list[int]]]:
        """The sequences as lists of ids, without the end token and without those that are not there.

        >>> found = Decoded(torch.tensor([[[5, 6, 2], [7, 2, 2]]]), torch.tensor([[3, 2]]), *torch.zeros(2, 1, 2))
        >>> found.lists(end_id=2)
        [[[5, 6], [7]]]
        """
        rows = zip(self.tokens.tolist(), self.lengths.tolist(), strict=True)
        return [
            [
                sequence[: length - (sequence[length - 1] == end_id)]
                for sequence, length in zip(*row, strict=True)
                if length
            ]
            for row in rows
        ]


def begin(network: Decodable, condition: Any, start: Tensor | int) -> tuple[Tensor, Any, Any]:
    """Read what comes before the first decision.

    Args:
        network: N inputs' worth of it.
        condition: what `network.init_state` takes, or `Started`; None: N.
        start: (N,) or (N, P) int64, or one id for all rows.

    Returns:
        log p of the first token (N, V), the state and the memory.

    Raises:
        RnnzooError: `start` is empty, of another number of rows, or outside the vocabulary.
    """
    if isinstance(start, Tensor) and (start.dim() not in (1, 2) or 0 in start.shape):
        raise RnnzooError(
            f"the prompt (start) must be (N,) or (N, P) with at least one token a row, and is {tuple(start.shape)}"
        )
    if condition is None:
        if not isinstance(start, Tensor):
            raise RnnzooError("condition is missing: it says how many rows there are where start is one id for all")
        condition = start.shape[0]
    state, memory = condition if isinstance(condition, Started) else network.init_state(condition)
    first = next(tensors(state))
    prompt = torch.full((first.shape[0], 1), start, device=first.device) if isinstance(start, int) else start
    prompt = prompt.unsqueeze(1) if prompt.dim() == 1 else prompt
    if prompt.shape[0] != first.shape[0]:
        raise RnnzooError(f"start has {prompt.shape[0]} rows, and the condition makes {first.shape[0]}")
    vocabulary_size = getattr(network, "vocabulary_size", None)
    if isinstance(vocabulary_size, int):
        check_ids("start", prompt, vocabulary_size)
    for tokens in prompt.unbind(1):
        log_probs, state = network.step(tokens, state, memory)
    return log_probs, state, memory


def check_ids(name: str, ids: Tensor, vocabulary_size: int) -> None:
    """Refuse ids that are none, naming the first one.

    Raises:
        RnnzooError: an id is negative or not below V.
    """
    wrong = (ids < 0) | (ids >= vocabulary_size)
    if ids.numel() and bool(wrong.any()):
        row = int(wrong.flatten(1).any(1).nonzero()[0])
        token = int(ids[row][wrong[row]][0])
        raise RnnzooError(f"{name}: the id {token} in row {row} is outside the vocabulary of {vocabulary_size} tokens")


def time_to_look(length: int, device: torch.device) -> bool:
    """Whether to look after this many tokens which rows have ended: each time where looking costs nothing."""
    return device.type == "cpu" or length % CHECK_EVERY == 0


def who_goes_on(going: Tensor, network: Any, memory: Any) -> Tensor | None:
    """The rows to go on with, none if all (n,) have ended; None: all, since none has, or none can be left out.

    It waits for the device.
    """
    index = going.nonzero().squeeze(1)
    can = memory is None or hasattr(network, "select_memory")
    return None if len(index) == len(going) or (len(index) and not can) else index


def narrow(network: Any, memory: Any, index: Tensor) -> Any:
    """The rows `index` of a memory, where `who_goes_on` gave them."""
    return None if memory is None else network.select_memory(memory, index)


def refuse_nan(log_probs: Tensor, inputs: Tensor | None = None) -> None:
    """Say that what was decoded means nothing.

    Args:
        log_probs: (n, ...).
        inputs: (n,), the numbers of these rows; None: 0 to n - 1.

    Raises:
        RnnzooError: a log-probability is NaN.
    """
    wrong = log_probs.isnan().flatten(1).any(1)
    if bool(wrong.any()):
        row = int((wrong.nonzero().squeeze(1) if inputs is None else inputs[wrong])[0])
        raise RnnzooError(f"the network gives NaN as log-probability (row {row}): is it trained?")
