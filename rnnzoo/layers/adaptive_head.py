"""The adaptive softmax."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.head import Head


class AdaptiveHead(Head):
    """An adaptive softmax (Grave et al. 2017, "Efficient softmax approximation for GPUs", section 4).

    Ids are in the order of frequency. The first ``cutoffs[0]`` share the head with one entry per tail cluster; a word
    w of cluster i has ``p(w | y) = p(i | y) p(w | i, y)``, and the projections of cluster i are ``div_value^i`` times
    narrower than y: rare words cost little time and few parameters. The probabilities are exact, so the loss is
    comparable with a full softmax's. This is `torch.nn.AdaptiveLogSoftmaxWithLoss` under the contract of a head. Tokens
    are sorted by cluster, so a GPU is waited for at each loss.

    Args:
        input_size: H.
        vocabulary_size: V.
        cutoffs: first id of each tail cluster, rising, between 1 and V - 1.
        div_value: how much narrower each cluster is than the one before.

    Raises:
        RnnzooError: the cutoffs do not rise from 1 to V - 1, or `div_value` leaves a cluster no width.
    """

    def __init__(self, input_size: int, vocabulary_size: int, cutoffs: Sequence[int], div_value: float = 4.0) -> None:
        super().__init__()
        rising = all(a < b for a, b in zip([0, *cutoffs], [*cutoffs, vocabulary_size], strict=True))
        if not cutoffs or not rising:
            raise RnnzooError(
                f"cutoffs {list(cutoffs)} must rise strictly, from at least 1 to at most {vocabulary_size - 1} "
                f"(the vocabulary has {vocabulary_size} symbols)"
            )
        if div_value <= 0 or input_size // (div_value ** len(cutoffs)) < 1:
            raise RnnzooError(
                f"div_value {div_value} leaves the last of {len(cutoffs)} clusters no width at {input_size} features: "
                "give fewer cutoffs or more features (model.stack.hidden_size), or in Python a smaller div_value"
            )
        self.input_size = input_size
        self.vocabulary_size = vocabulary_size
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(input_size, vocabulary_size, list(cutoffs), div_value)

    def log_probs(self, features: Tensor) -> Tensor:
        """Log p(. | features): (..., H) to (..., V)."""
        return self.softmax.log_prob(features.flatten(0, -2)).view(*features.shape[:-1], self.vocabulary_size)

    def nll(self, features: Tensor, targets: Tensor) -> Tensor:
        """-log p(target | features) in nats: (..., H) and (...) int64 to (...)."""
        features = features.flatten(0, -2).to(self.softmax.head.weight.dtype)
        with torch.autocast(features.device.type, enabled=False):  # it puts losses of two precisions into one tensor
            losses: Tensor = self.softmax(features, targets.flatten()).output
        return -losses.view_as(targets)
