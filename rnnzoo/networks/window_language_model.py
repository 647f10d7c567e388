"""The fixed-window neural language model: an n-gram model that generalises."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.layers import LinearHead, TokenEmbedding
from rnnzoo.recurrent import RecurrentOutput
from rnnzoo.recurrent.state import select


class WindowState(NamedTuple):
    """The last n-1 tokens of each row, the newest last: (N, n-1) int64; V stands for "before the first"."""

    tokens: Tensor


class WindowLanguageModelNetwork(nn.Module):
    """The model of Bengio et al. 2003, section 2, equation (1): ``softmax(b + W x + U tanh(d + H x))``.

    ``x = [C(w_{t-1}); ...; C(w_{t-n+1})]`` are the embeddings of the last n-1 tokens. With `direct` off, W = 0. W and U
    stand side by side in the head's matrix, whose features are ``[tanh(d + H x); x]``. Deviations: the oldest word
    comes first in x, which renames its entries; before the first word stands an embedding of its own, where the paper
    pads with a symbol of the text.

    It has the decoding contract of the recurrent network, its state being the last n-1 tokens.

    Args:
        vocabulary_size: V.
        order: n: the n-1 last tokens are seen.
        embedding_size: of C.
        hidden_size: of the tanh layer.
        direct: whether W exists.
        dropout: of the features, before the head (not in the paper).

    Raises:
        RnnzooError: `order` is below 2, a size is below 1, or `dropout` is not a probability.
    """

    def __init__(
        self,
        vocabulary_size: int,
        order: int = 5,
        embedding_size: int = 60,
        hidden_size: int = 100,
        direct: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if order < 2:
            raise RnnzooError(f"order must be at least 2 (one token of context), not {order}")
        for name, size in (("embedding_size", embedding_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise RnnzooError(f"{name} must be at least 1, not {size}")
        if not 0 <= dropout < 1:
            raise RnnzooError(f"dropout must be a probability of at least 0 and below 1, not {dropout}")
        self.vocabulary_size = vocabulary_size
        self.order = order
        self.direct = direct
        width = (order - 1) * embedding_size
        self.embedding = TokenEmbedding(vocabulary_size + 1, embedding_size)
        self.hidden = nn.Linear(width, hidden_size)
        self.output_dropout = nn.Dropout(dropout)
        self.head = LinearHead(hidden_size + width * direct, vocabulary_size)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: WindowState | None = None
    ) -> RecurrentOutput:
        """Features for the head after each token.

        Args:
            inputs: (N, T) int64.
            lengths: (N,); None: every row is full. Outputs past a row's end mean nothing.
            state: the tokens before; none by default.

        Returns:
            outputs (N, T, features) and the last n-1 tokens of each row.
        """
        state = self.init_state(inputs.shape[0])[0] if state is None else state
        windows = torch.cat((state.tokens, inputs), 1).unfold(1, self.order - 1, 1)  # (N, T+1, n-1), before and after
        if lengths is None:
            last = windows[:, -1]
        else:
            last = windows[torch.arange(len(lengths), device=inputs.device), lengths.to(inputs.device)]
        return RecurrentOutput(self.output_dropout(self._features(windows[:, 1:])), WindowState(last))

    def init_state(self, condition: int) -> tuple[WindowState, None]:
        """The state before the first token of `condition` rows: nothing was read."""
        shape = (condition, self.order - 1)
        device = self.embedding.weight.device
        return WindowState(torch.full(shape, self.vocabulary_size, device=device)), None

    def step(self, tokens: Tensor, state: WindowState, memory: None = None) -> tuple[Tensor, WindowState]:
        """Read one token a row, (N,) int64: log p(next token), (N, V), and the new state."""
        state = WindowState(torch.cat((state.tokens[:, 1:], tokens.unsqueeze(1)), 1))
        return self.head.log_probs(self._features(state.tokens)), state

    def reorder(self, state: WindowState, index: Tensor) -> WindowState:
        """The rows `index` (M,) of a state."""
        chosen: WindowState = select(state, index)
        return chosen

    def _features(self, windows: Tensor) -> Tensor:
        x = self.embedding(windows).flatten(-2)
        hidden = torch.tanh(self.hidden(x))
        return torch.cat((hidden, x), -1) if self.direct else hidden
