"""The window encoder against the concatenation written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.window import WindowEncoder

LENGTHS = torch.tensor([6, 3, 1, 0])


def build(context: int) -> WindowEncoder:
    torch.manual_seed(0)
    encoder = WindowEncoder(3, 5, context).double()
    torch.nn.init.normal_(encoder.boundary)
    return encoder


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_loop(encoder: WindowEncoder, row: Tensor, context: int) -> Tensor:
    """One row (L, 3) without padding, to (L, 5): the matrix (H, (2k+1) D) times the concatenated neighbours."""
    matrix = encoder.hidden.weight.permute(0, 2, 1).flatten(1)
    outputs = []
    for t in range(len(row)):
        places = range(t - context, t + context + 1)
        window = torch.cat([row[i] if 0 <= i < len(row) else encoder.boundary for i in places])
        outputs.append((matrix @ window + encoder.hidden.bias).clamp(-1, 1))
    return torch.stack(outputs) if outputs else row.new_zeros(0, 5)


@pytest.mark.parametrize("context", [0, 1, 2, 7])
def test_each_step_sees_its_neighbours(inputs: Tensor, context: int) -> None:
    encoder = build(context)
    found = encoder(inputs, LENGTHS)
    for row, (values, length) in enumerate(zip(inputs, LENGTHS.tolist(), strict=True)):
        wanted = by_loop(encoder, values[:length], context)
        torch.testing.assert_close(found[row, :length], wanted, atol=1e-12, rtol=0)
        assert not found[row, length:].any()
    torch.testing.assert_close(encoder(inputs[:1]), found[:1])  # no lengths: full rows
    assert (found.abs() == 1).any()
    assert encoder(inputs[:, :0]).shape == (4, 0, 5)


def test_padding_of_windows_changes_nothing(inputs: Tensor) -> None:
    """Neither what stands there nor how much of it, forward and backward."""
    encoder = build(2)
    results = []
    for junk, more in ((0.0, 0), (torch.nan, 0), (1e9, 5)):
        padded = torch.cat([inputs, inputs.new_zeros(4, more, 3)], 1)
        past = torch.arange(6 + more) >= LENGTHS.unsqueeze(1)
        padded = padded.masked_fill(past.unsqueeze(2), junk).requires_grad_(True)
        encoder.zero_grad()
        found = encoder(padded, LENGTHS)
        found.square().sum().backward()
        assert padded.grad is not None
        assert not padded.grad[past].any()
        results.append([found[~past], padded.grad[~past], *(p.grad for p in encoder.parameters())])
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], atol=1e-12, rtol=0)
    assert encoder.boundary.grad is not None
    assert encoder.boundary.grad.any()


@pytest.mark.parametrize("sizes", [(0, 5, 2), (3, 0, 2), (3, 5, -1)])
def test_sizes_of_windows_are_checked(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(RnnzooError, match="a window needs"):
        WindowEncoder(*sizes)
