"""The softmax layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.chunked_cross_entropy import PAYS_FROM, chunked_cross_entropy, summed_cross_entropy
from rnnzoo.layers.head import Head


class LinearHead(Head):
    """A softmax over all symbols: ``log p = log_softmax(W y + b)``.

    With `tied_to`, W is the matrix of the embedding itself (Press & Wolf 2017; Inan et al. 2017). Where the features
    are not as wide as the embedding, they are first projected, ``log_softmax(W P y + b)``, P (E, H) without a bias.

    The training loss over many logits forms its gradients in the forward pass (`chunked_cross_entropy`): exact, faster,
    and without the matrix of logits.

    Args:
        input_size: H, the width of the features.
        vocabulary_size: V.
        tied_to: the embedding's ``weight`` (V, E), shared.
        bias: whether b exists.

    Raises:
        RnnzooError: the shared matrix does not have V rows.

    Example:
        >>> head = LinearHead(input_size=3, vocabulary_size=4)
        >>> _ = torch.nn.init.zeros_(head.weight), torch.nn.init.zeros_(head.bias)
        >>> total, count = head.loss(torch.ones(2, 5, 3), torch.zeros(2, 5, dtype=torch.long))
        >>> round((total / count).item(), 4), round(math.log(4), 4)
        (1.3863, 1.3863)
    """

    def __init__(
        self, input_size: int, vocabulary_size: int, tied_to: nn.Parameter | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.vocabulary_size = vocabulary_size
        self.projection: nn.Linear | None = None
        if tied_to is None:
            self.weight = nn.Parameter(torch.empty(vocabulary_size, input_size))
            nn.init.uniform_(self.weight, -1 / math.sqrt(input_size), 1 / math.sqrt(input_size))
        else:
            if tied_to.shape[0] != vocabulary_size:
                raise RnnzooError(f"the tied embedding has {tied_to.shape[0]} rows, the vocabulary {vocabulary_size}")
            self.weight = tied_to
            if tied_to.shape[1] != input_size:
                self.projection = nn.Linear(input_size, tied_to.shape[1], bias=False)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size)) if bias else None

    def log_probs(self, features: Tensor) -> Tensor:
        """Log p(. | features): (..., H) to (..., V)."""
        return F.log_softmax(F.linear(self._project(features), self.weight, self.bias), -1)

    def nll(self, features: Tensor, targets: Tensor) -> Tensor:
        """-log p(target | features) in nats: (..., H) and (...) int64 to (...)."""
        rows, flat = self._project(features).flatten(0, -2), targets.flatten()
        # Without gradients nothing needs the logits later, so no more than PAYS_FROM of them exist at a time.
        step = flat.numel() if torch.is_grad_enabled() else PAYS_FROM // self.vocabulary_size
        pieces = zip(torch.split(rows, max(step, 1)), torch.split(flat, max(step, 1)), strict=True)
        losses = [F.cross_entropy(F.linear(x, self.weight, self.bias), t, reduction="none") for x, t in pieces]
        return torch.cat(losses).view_as(targets)

    def loss(self, features: Tensor, targets: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The summed loss of the real tokens, and how many they are. See `Head.loss`."""
        if not torch.is_grad_enabled():
            return super().loss(features, targets, mask)
        rows, flat = self._project(features).flatten(0, -2), targets.flatten()
        real = None if mask is None else mask.flatten()
        plain = flat.numel() * self.vocabulary_size < PAYS_FROM or torch.is_autocast_enabled(rows.device.type)
        summed = summed_cross_entropy if plain else chunked_cross_entropy
        count = targets.new_full((), targets.numel()) if mask is None else mask.sum()
        return summed(rows, self.weight, self.bias, flat, real), count

    def _project(self, features: Tensor) -> Tensor:
        return features if self.projection is None else self.projection(features)

    def extra_repr(self) -> str:
        """Sizes, as `torch.nn.Linear` shows them."""
        return f"{self.input_size}, {self.vocabulary_size}" + ("" if self.bias is not None else ", bias=False")
