"""The largest entries against a sort, and draws against the inverse of the cumulative distribution."""

from __future__ import annotations

import pytest
import torch

from rnnzoo.decoding.filters import BLOCK, draw
from rnnzoo.decoding.largest import largest


@pytest.mark.parametrize("width", [40, 1999, 2000, 2017, 8000])
@pytest.mark.parametrize("size", [1, 5])
def test_the_largest_are_those_of_a_sort(width: int, size: int) -> None:
    generator = torch.Generator().manual_seed(width)
    rows = torch.randn(3, 2, width, generator=generator, dtype=torch.float64)
    rows[0, 0] = rows[0, 0].round()  # many are equal
    rows[0, 1, 3:] = -torch.inf
    rows[1, 0, -1] = 100.0  # behind the last whole strip
    rows[1, 1, : width // 20 * 20 : max(width // 20, 1)] = 50.0  # all in one column
    values, places = largest(rows, size)
    assert torch.equal(values, rows.sort(-1, descending=True).values[..., :size])
    assert torch.equal(rows.gather(-1, places), values)
    assert all(len(set(own)) == size for own in places.flatten(0, 1).tolist())


@pytest.mark.parametrize("width", [3, BLOCK - 1, BLOCK, 3 * BLOCK + 7])
def test_a_draw_inverts_the_cumulative_distribution(width: int) -> None:
    generator = torch.Generator().manual_seed(1)
    probabilities = torch.rand(2000, 1, width, generator=generator, dtype=torch.float64)
    probabilities = probabilities.masked_fill(torch.rand(2000, 1, width, generator=generator) < 0.5, 0.0)
    probabilities[..., width // 2] += 1e-3  # one at least is possible
    drawn = draw((probabilities / probabilities.sum(-1, keepdim=True)).log(), torch.Generator().manual_seed(2))
    uniform = torch.rand(2000, 1, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    cumulative = probabilities.cumsum(-1) / probabilities.sum(-1, keepdim=True)
    assert (probabilities.gather(-1, drawn[..., None]) > 0).all()
    assert torch.equal(drawn, (cumulative <= uniform).sum(-1))


def test_what_is_impossible_is_not_drawn_at_the_ends() -> None:
    log_probs = torch.full((4000, 2 * BLOCK + 5), -torch.inf)
    log_probs[:, BLOCK - 2], log_probs[:, BLOCK + 1] = -0.7, -30.0
    drawn = draw(log_probs, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) <= {BLOCK - 2, BLOCK + 1}
