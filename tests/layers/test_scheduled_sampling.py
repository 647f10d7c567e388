"""The schedules against their formulas, and what is drawn against what should be."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.scheduled_sampling import ScheduledSampling, mix_tokens


def test_linear_falls_to_its_floor() -> None:
    schedule = ScheduledSampling("linear", rate=0.001, start=0.9, floor=0.25)
    for step in (0, 1, 100, 649, 651, 10_000):
        assert schedule.gold_probability(step) == pytest.approx(max(0.25, 0.9 - 0.001 * step))


def test_exponential_is_a_power() -> None:
    schedule = ScheduledSampling("exponential", rate=0.99)
    for step in (0, 1, 7, 300):
        assert schedule.gold_probability(step) == pytest.approx(math.exp(step * math.log(0.99)))


def test_inverse_sigmoid_and_its_middle() -> None:
    schedule = ScheduledSampling("inverse_sigmoid", rate=50)
    for step in (0, 10, 500):
        assert schedule.gold_probability(step) == pytest.approx(50 / (50 + math.exp(step / 50)))
    wide = ScheduledSampling("inverse_sigmoid", rate=1000)
    assert wide.gold_probability(round(1000 * math.log(1000))) == pytest.approx(0.5, abs=1e-3)
    assert schedule.gold_probability(10**9) == pytest.approx(0, abs=1e-300)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "linaer", "rate": 0.1}, "unknown schedule 'linaer': did you mean 'linear'"),
        ({"schedule": "exponential", "rate": 1.1}, "rate of the exponential schedule must be from 0 to 1"),
        ({"schedule": "inverse_sigmoid", "rate": 0.5}, "must be from 1 to inf"),
        ({"schedule": "linear", "rate": 0.1, "floor": 2.0}, "floor of scheduled sampling must be a probability"),
        ({"schedule": "exponential", "rate": 0.9, "start": 0.5}, "start belongs to the linear schedule"),
    ],
)
def test_schedules_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        ScheduledSampling(**options)


def test_each_row_is_drawn_by_itself_from_gold_and_model() -> None:
    torch.manual_seed(0)
    rows, probability = 40_000, 0.3
    model = torch.tensor([0.1, 0.2, 0.7])
    drawn = mix_tokens(torch.zeros(rows, dtype=torch.long), model.log().expand(rows, 3), probability)
    found = drawn.bincount(minlength=3) / rows
    expected = (1 - probability) * model + torch.tensor([probability, 0, 0])
    deviation = (expected * (1 - expected) / rows).sqrt()
    assert ((found - expected).abs() < 4 * deviation).all()


def test_the_ends_draw_nothing_and_everything() -> None:
    gold, log_probs = torch.tensor([4, 2]), torch.tensor([[0.0, -math.inf, -math.inf, -math.inf, -math.inf]] * 2)
    assert mix_tokens(gold, log_probs, 1.0).tolist() == [4, 2]
    assert mix_tokens(gold, log_probs, 0.0).tolist() == [0, 0]


def test_draws_carry_no_gradient() -> None:
    log_probs = torch.randn(3, 4, requires_grad=True)
    assert not mix_tokens(torch.zeros(3, dtype=torch.long), log_probs, 0.5).requires_grad
