"""Scheduled sampling: how often a decoder in training reads the true token, and how often its own."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError, unknown

SCHEDULES = ("linear", "exponential", "inverse_sigmoid")


@dataclass(frozen=True)
class ScheduledSampling:
    """The probability ``e_i`` to read the true token at optimizer step i (Bengio et al. 2015, section 2.4).

    - ``linear``: ``e_i = max(floor, start - rate * i)``, theirs with k = start and c = rate;
    - ``exponential``: ``e_i = max(floor, rate^i)``, theirs with k = rate;
    - ``inverse_sigmoid``: ``e_i = max(floor, rate / (rate + exp(i / rate)))``, theirs with k = rate.

    Attributes:
        schedule: its name.
        rate: ``linear``: what is lost at each step, at least 0; ``exponential``: between 0 and 1;
            ``inverse_sigmoid``: at least 1; the probability is a half at step ``rate * log(rate)``.
        start: of the linear schedule.
        floor: the least probability. Theirs have one for the linear schedule alone.

    Raises:
        RnnzooError: an unknown schedule or a number outside its range.

    Example:
        >>> [round(ScheduledSampling("inverse_sigmoid", rate=100).gold_probability(i), 3) for i in (0, 460, 1000)]
        [0.99, 0.501, 0.005]
    """

    schedule: str
    rate: float
    start: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no schedule."""
        if self.schedule not in SCHEDULES:
            raise RnnzooError(unknown("schedule", str(self.schedule), SCHEDULES))
        for name in ("start", "floor"):
            if not 0 <= getattr(self, name) <= 1:
                raise RnnzooError(f"{name} of scheduled sampling must be a probability, not {getattr(self, name)}")
        low, high = {"linear": (0.0, math.inf), "exponential": (0.0, 1.0), "inverse_sigmoid": (1.0, math.inf)}[
            self.schedule
        ]
        if not low <= self.rate <= high:
            raise RnnzooError(f"rate of the {self.schedule} schedule must be from {low:g} to {high:g}, not {self.rate}")
        if self.start != 1.0 and self.schedule != "linear":
            raise RnnzooError(f"start belongs to the linear schedule; the {self.schedule} one has none")

    def gold_probability(self, step: int) -> float:
        """``e_i`` at optimizer step i = `step`, counted from 0."""
        if self.schedule == "linear":
            value = self.start - self.rate * step
        elif self.schedule == "exponential":
            value = self.rate**step
        else:
            value = 1 / (1 + math.exp(min(step / self.rate, 700.0)) / self.rate)
        return max(self.floor, value)


def mix_tokens(gold: Tensor, log_probs: Tensor, gold_probability: float) -> Tensor:
    """Each row on its own: the true token with this probability, else one drawn from the model's distribution.

    Drawn from the global generator. The draws carry no gradient (Bengio et al. 2015, section 2.2).

    Args:
        gold: (M,) int64.
        log_probs: (M, V), of the token that `gold` is.
        gold_probability: e.

    Returns:
        (M,) int64.
    """
    with torch.no_grad():
        # argmax(log p - log E), E ~ Exp(1), is a draw from p that never waits for the device.
        noise = torch.empty_like(log_probs).exponential_().clamp_min_(torch.finfo(log_probs.dtype).tiny).log_()
        drawn = (log_probs - noise).argmax(-1)
        keep = torch.rand(gold.shape, device=gold.device) < gold_probability
        return torch.where(keep, gold, drawn)
