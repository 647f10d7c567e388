"""What a head is: scores of the features, and the loss that trains them."""

from __future__ import annotations

from torch import Tensor, nn


class Head(nn.Module):
    """Turns the features ``y`` (..., H) of a network into a distribution over V symbols.

    A subclass gives `log_probs` and `nll`; it overrides `loss` where the sum is cheaper than its parts.
    """

    vocabulary_size: int

    def log_probs(self, features: Tensor) -> Tensor:
        """Log p(. | features): features (..., H) to natural logarithms (..., V)."""
        raise NotImplementedError(f"{type(self).__name__} must define log_probs(features)")

    def nll(self, features: Tensor, targets: Tensor) -> Tensor:
        """-log p(target | features) in nats: features (..., H) and targets (...) int64 to (...)."""
        raise NotImplementedError(f"{type(self).__name__} must define nll(features, targets)")

    def loss(self, features: Tensor, targets: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The summed loss of the real tokens, and how many they are; the caller divides.

        Args:
            features: (..., H).
            targets: (...) int64; any valid id where the mask is false.
            mask: (...) bool, true at real tokens; None: all are.

        Returns:
            The sum in nats and the count, tensors without axes.
        """
        losses = self.nll(features, targets)
        if mask is None:
            return losses.sum(), targets.new_full((), losses.numel())
        return (losses * mask).sum(), mask.sum()
