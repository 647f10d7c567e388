"""Two language models as one: a linear mixture of their probabilities."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError

TOLERANCE = 1e-9  # nats a token
MAX_STEPS = 2000


def mix(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """log(weight exp(a) + (1 - weight) exp(b)), elementwise, without leaving log space: (L,) and (L,) to (L,) float64.

    Raises:
        RnnzooError: a weight outside [0, 1], or differing shapes.

    >>> mix(torch.tensor([0.5]).log(), torch.tensor([0.1]).log(), 0.25).exp()
    tensor([0.2000], dtype=torch.float64)
    """
    if not 0 <= weight <= 1:
        raise RnnzooError(f"the weight of a mixture is between 0 and 1, not {weight}")
    a, b = _aligned(a, b)
    log_weights = torch.tensor([weight, 1 - weight], dtype=torch.float64).log()
    return torch.logaddexp(a + log_weights[0], b + log_weights[1])


def fit_weight(model_log_probs: Tensor, baseline_log_probs: Tensor) -> float:
    """The weight of the model that makes a mixture with the baseline most likely, by EM.

    The log-likelihood ``L(weight) = mean log(weight p + (1 - weight) q)`` is concave, so EM from 1/2 finds its maximum:
    ``weight <- weight * mean(p / mixture)``. Concavity also bounds what is missing,
    ``L* - L <= max(mean(p / mixture), mean(q / mixture)) - 1``, and the loop ends when that is below 1e-9 nats a token
    (after 2000 steps at the latest, for two models that hardly differ). Where both models agree on every token all
    weights are as good and it is 1/2.

    Args:
        model_log_probs: log p of each token of a text that trained neither model, (L,), natural logarithms.
        baseline_log_probs: log q of the same tokens, (L,).

    Raises:
        RnnzooError: differing or empty shapes, NaN, or a token that neither model thinks possible.

    >>> round(fit_weight(torch.tensor([0.9, 0.1]).log(), torch.tensor([0.2, 0.8]).log()), 4)
    0.4286
    """
    a, b = _aligned(model_log_probs, baseline_log_probs)
    if a.numel() == 0:
        raise RnnzooError("no tokens to fit the weight of a mixture on")
    ratio = (b - a).exp()  # q / p
    if ratio.isnan().any():
        place = int(ratio.isnan().flatten().nonzero()[0])
        raise RnnzooError(
            f"token {place} has log-probabilities {a.flatten()[place]:g} and {b.flatten()[place]:g}: a weight cannot "
            "be fitted with NaN, nor with a token that both models hold impossible"
        )
    weight = 0.5
    for _ in range(MAX_STEPS):
        mixture = weight + (1 - weight) * ratio  # over p
        gain_model = float((1 / mixture).mean())
        gain_baseline = float((1 / (weight / ratio + (1 - weight))).mean())
        if max(gain_model, gain_baseline) - 1 < TOLERANCE:
            break
        weight *= gain_model
    return min(weight, 1.0)


def _aligned(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if a.shape != b.shape:
        raise RnnzooError(
            f"log-probabilities of {tuple(a.shape)} and {tuple(b.shape)} tokens: both models must score the same ones"
        )
    return a.detach().to("cpu", torch.float64), b.detach().to("cpu", torch.float64)
