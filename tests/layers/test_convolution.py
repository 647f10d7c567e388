"""Convolution and max over time against a loop over windows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.convolution import ConvolutionEncoder

LENGTHS = torch.tensor([6, 3, 4, 1, 0, 2])


@pytest.fixture
def encoder() -> ConvolutionEncoder:
    torch.manual_seed(0)
    return ConvolutionEncoder(3, 5, (2, 4, 1)).double()


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(6, 6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_loop(encoder: ConvolutionEncoder, row: Tensor) -> Tensor:
    """One row (L, 3) without padding, filter by filter, window by window."""
    found = []
    for width, convolution in zip((2, 4, 1), encoder.convolutions, strict=True):
        weight, bias = convolution.weight.detach(), convolution.bias.detach()  # (F, D, w), (F,)
        longer = torch.cat([row, row.new_zeros(max(0, width - len(row)), 3)])
        for f in range(5):
            responses = [
                sum(float(weight[f, d, j] * longer[t + j, d]) for j in range(width) for d in range(3)) + float(bias[f])
                for t in range(len(longer) - width + 1)
            ]
            found.append(max(0.0, *responses))
    return torch.tensor(found, dtype=torch.float64)


def test_each_filter_gives_its_strongest_response(encoder: ConvolutionEncoder, inputs: Tensor) -> None:
    found = encoder(inputs, LENGTHS)
    wanted = torch.stack([by_loop(encoder, row[:length]) for row, length in zip(inputs, LENGTHS, strict=True)])
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)
    assert encoder.output_size == found.shape[1] == 15
    assert (found > 0).double().mean() > 0.3
    torch.testing.assert_close(encoder(inputs[:1]), found[:1])  # no lengths: full rows


def test_padding_of_convolutions_changes_nothing(encoder: ConvolutionEncoder, inputs: Tensor) -> None:
    """Neither what stands there nor how much of it, forward and backward."""
    gradients = []
    for junk, more in ((0.0, 0), (torch.nan, 0), (1e9, 5)):
        padded = torch.cat([inputs, inputs.new_zeros(6, more, 3)], 1)
        past = torch.arange(6 + more) >= LENGTHS.unsqueeze(1)
        padded = padded.masked_fill(past.unsqueeze(2), junk).requires_grad_(True)
        encoder.zero_grad()
        found = encoder(padded, LENGTHS)
        found.square().sum().backward()
        assert padded.grad is not None
        assert not padded.grad[past].any()
        gradients.append([found, padded.grad[~past], *(p.grad for p in encoder.parameters())])
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], atol=1e-12, rtol=0)


def test_a_batch_shorter_than_every_filter(encoder: ConvolutionEncoder, inputs: Tensor) -> None:
    torch.testing.assert_close(encoder(inputs[:, :1]), torch.stack([by_loop(encoder, row[:1]) for row in inputs]))
    torch.testing.assert_close(encoder(inputs[:, :0]), torch.stack([by_loop(encoder, row[:0]) for row in inputs]))


@pytest.mark.parametrize("sizes", [(3, 5, ()), (3, 5, (2, 0)), (3, 0, (2,)), (0, 5, (2,))])
def test_sizes_of_convolutions_are_checked(sizes: tuple[int, int, tuple[int, ...]]) -> None:
    with pytest.raises(RnnzooError, match="sizes of 1 at least"):
        ConvolutionEncoder(*sizes)
