"""Self-attention against loops over pairs of steps, in float64."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnzoo.layers.self_attention import SelfAttention

LENGTHS = torch.tensor([4, 1, 2, 0])


def _layer(dropout: float = 0.0) -> SelfAttention:
    torch.manual_seed(1)
    return SelfAttention(3, dropout).double()


def _outputs() -> Tensor:
    values = torch.randn(4, 4, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return values.masked_fill((torch.arange(4) >= LENGTHS[:, None])[:, :, None], 0.0)


def by_hand(weight: list[list[float]], steps: list[list[float]]) -> list[list[float]]:
    """Each step beside the weighted sum of the others."""
    found = []
    for t, step in enumerate(steps):
        others = [s for s in range(len(steps)) if s != t]
        scores = [sum(step[i] * weight[i][j] * steps[s][j] for i in range(3) for j in range(3)) for s in others]
        total = math.fsum(map(math.exp, scores))
        summary = [0.0] * 3
        for s, score in zip(others, scores, strict=True):
            summary = [a + math.exp(score) / total * b for a, b in zip(summary, steps[s], strict=True)]
        found.append([*step, *summary])
    return found


def test_it_is_what_a_loop_over_the_other_steps_gives() -> None:
    layer, outputs = _layer(), _outputs()
    found = layer(outputs, LENGTHS).detach()
    for row, length in enumerate(LENGTHS.tolist()):
        expected = by_hand(layer.weight.tolist(), outputs[row, :length].tolist())
        torch.testing.assert_close(
            found[row, :length], torch.tensor(expected, dtype=torch.float64).view(length, 6), atol=1e-12, rtol=0
        )
        assert not found[row, length:].any()


def test_a_step_alone_has_no_summary() -> None:
    found = _layer()(_outputs(), LENGTHS)
    assert torch.equal(found[1, 0, :3], _outputs()[1, 0])
    assert not found[1, 0, 3:].any()


def test_gradients_also_beside_rows_of_one_step_and_of_none() -> None:
    layer, outputs = _layer(), _outputs().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: layer(x, LENGTHS), (outputs,))
    layer(outputs, LENGTHS).square().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.isfinite().all()


def test_dropout_is_of_the_weights_in_training_only() -> None:
    layer, outputs = _layer(0.5), _outputs()
    plain = _layer()(outputs, LENGTHS)
    assert torch.equal(layer.eval()(outputs, LENGTHS), plain)
    drawn = layer.train()(outputs, LENGTHS)
    assert torch.equal(drawn[..., :3], plain[..., :3])
    assert not torch.equal(drawn[..., 3:], plain[..., 3:])
