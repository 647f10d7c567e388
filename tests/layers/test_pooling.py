"""Pooling against loops over the real steps of each row, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.pooling import POOLINGS, Pooling

LENGTHS = torch.tensor([5, 1, 3, 0])


def _outputs(width: int = 4) -> Tensor:
    values = torch.randn(4, 5, width, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return values.masked_fill((torch.arange(5) >= LENGTHS[:, None])[:, :, None], 0.0)


def _pooling(kinds: str | list[str], bidirectional: bool = False) -> Pooling:
    torch.manual_seed(0)
    return Pooling(4, kinds, bidirectional).double()


def by_hand(pooling: Pooling, kind: str, row: Tensor, bidirectional: bool) -> list[float]:
    """One row (L, 4) without padding, number by number."""
    steps = row.tolist()
    if not steps:
        return [0.0] * 4
    if kind == "final":
        return steps[-1][:2] + steps[0][2:] if bidirectional else steps[-1]
    if kind == "mean":
        return [math.fsum(column) / len(steps) for column in zip(*steps, strict=True)]
    if kind == "max":
        return [max(column) for column in zip(*steps, strict=True)]
    hidden, _, last = pooling.score
    scores = []
    for step in steps:
        inner = [
            math.tanh(math.fsum(w * x for w, x in zip(weights, step, strict=True)) + bias)
            for weights, bias in zip(hidden.weight.tolist(), hidden.bias.tolist(), strict=True)  # type: ignore[operator, union-attr]
        ]
        scores.append(math.fsum(u * a for u, a in zip(last.weight[0].tolist(), inner, strict=True)))  # type: ignore[index, union-attr]
    shares = [math.exp(score) / math.fsum(map(math.exp, scores)) for score in scores]
    return [math.fsum(a * x for a, x in zip(shares, column, strict=True)) for column in zip(*steps, strict=True)]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kinds", [*POOLINGS, ["final", "max", "mean", "attention"]])
def test_pooling_is_what_a_loop_over_real_steps_gives(kinds: str | list[str], bidirectional: bool) -> None:
    pooling, outputs = _pooling(kinds, bidirectional), _outputs()
    names = [kinds] if isinstance(kinds, str) else kinds
    expected = [
        [
            value
            for kind in names
            for value in by_hand(pooling, kind, outputs[row, : int(LENGTHS[row])].detach(), bidirectional)
        ]
        for row in range(4)
    ]
    found = pooling(outputs, LENGTHS)
    assert found.shape[1] == pooling.output_size
    torch.testing.assert_close(found.detach(), torch.tensor(expected, dtype=torch.float64), atol=1e-12, rtol=0)


def test_negative_outputs_are_not_lost_to_the_zeros_of_padding() -> None:
    outputs = torch.tensor([[[-3.0], [-2.0], [0.0]]])
    assert Pooling(1, "max")(outputs, torch.tensor([2])).tolist() == [[-2.0]]


@pytest.mark.parametrize("kind", POOLINGS)
def test_gradients(kind: str) -> None:
    """An empty row has no part in them, and does not spoil those of the others."""
    pooling = _pooling(kind)
    outputs = _outputs().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pooling(x, LENGTHS), (outputs,))
    pooling(outputs, LENGTHS).square().sum().backward()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
    assert not outputs.grad[3].any()


def test_attention_weights_sum_to_one_over_real_steps() -> None:
    weights = _pooling("attention").attention_weights(_outputs(), LENGTHS)
    assert weights.sum(1).tolist() == pytest.approx([1.0, 1.0, 1.0, 0.0])
    assert not weights[torch.arange(5) >= LENGTHS[:, None]].any()


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ("means", "unknown pooling 'means': did you mean 'mean'"),
        (["max", "max"], "pooling has one kind twice"),
        ([], "pooling is empty"),
    ],
)
def test_mistakes(kinds: str | list[str], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        Pooling(4, kinds)
