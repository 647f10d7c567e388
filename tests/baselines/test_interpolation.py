"""The mixture of two models and its most likely weight."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.baselines import fit_weight, mix
from rnnzoo.errors import RnnzooError

LOG_PROBS = st.floats(-12, 0)


def likelihood(a: list[float], b: list[float], weight: float) -> float:
    """Mean log-likelihood of the mixture, in the plain scale."""
    return sum(math.log(weight * math.exp(x) + (1 - weight) * math.exp(y)) for x, y in zip(a, b, strict=True)) / len(a)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(LOG_PROBS, LOG_PROBS), min_size=1, max_size=30))
def test_no_weight_of_a_grid_is_better(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    weight = fit_weight(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64))
    assert 0 <= weight <= 1
    best = max(likelihood(a, b, step / 500) for step in range(501))
    assert likelihood(a, b, weight) > best - 1e-5


def test_the_weight_is_that_of_a_grid() -> None:
    generator = torch.Generator().manual_seed(0)
    a = -3 * torch.rand(400, generator=generator, dtype=torch.float64) ** 2
    b = -3 * torch.rand(400, generator=generator, dtype=torch.float64)
    grid = torch.arange(1, 10_000, dtype=torch.float64) / 10_000
    values = torch.stack([(w * a.exp() + (1 - w) * b.exp()).log().sum() for w in grid])
    assert fit_weight(a, b) == pytest.approx(float(grid[values.argmax()]), abs=1e-4)


def test_the_better_model_of_two_takes_all() -> None:
    a, b = torch.full((9,), -1.0), torch.full((9,), -3.0)
    assert fit_weight(a, b) == pytest.approx(1, abs=1e-6)
    assert fit_weight(b, a) == pytest.approx(0, abs=1e-6)
    assert fit_weight(a, a) == 0.5


def test_a_token_impossible_to_one_model() -> None:
    """p = (1/2, 0), q = (1/4, 1/4): log(1/4 + w/4) + log((1 - w)/4) falls from w = 0 on."""
    a, b = torch.tensor([0.5, 0.0]).log(), torch.tensor([0.25, 0.25]).log()
    assert fit_weight(a, b) == pytest.approx(0, abs=1e-3)
    # p = (0.8, 0), q = (0.1, 0.1): 0.7 / (0.1 + 0.7 w) = 1 / (1 - w) at w = 3/7
    assert fit_weight(torch.tensor([0.8, 0.0]).log(), torch.tensor([0.1, 0.1]).log()) == pytest.approx(3 / 7, abs=1e-6)


def test_mix_keeps_what_exp_would_lose() -> None:
    a, b = torch.tensor([-2000.0, -1.0]), torch.tensor([-2001.0, -math.inf])
    wanted = torch.tensor([-2000 + math.log(0.75 + 0.25 * math.exp(-1)), -1 + math.log(0.75)], dtype=torch.float64)
    torch.testing.assert_close(mix(a, b, 0.75), wanted)
    assert mix(a, b, 1.0).tolist() == a.tolist()
    assert mix(a, b, 0.0).tolist() == b.tolist()


def test_refusals() -> None:
    with pytest.raises(RnnzooError, match=r"between 0 and 1, not 1\.5"):
        mix(torch.zeros(1), torch.zeros(1), 1.5)
    with pytest.raises(RnnzooError, match=r"\(2,\) and \(3,\) tokens"):
        fit_weight(torch.zeros(2), torch.zeros(3))
    with pytest.raises(RnnzooError, match="no tokens"):
        fit_weight(torch.zeros(0), torch.zeros(0))
    with pytest.raises(RnnzooError, match="token 1 has log-probabilities nan and -1"):
        fit_weight(torch.tensor([-1.0, math.nan]), torch.tensor([-1.0, -1.0]))
    with pytest.raises(RnnzooError, match="both models hold impossible"):
        fit_weight(torch.tensor([-math.inf]), torch.tensor([-math.inf]))
