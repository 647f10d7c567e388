"""Convolutions around each step against a loop over windows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.ngram_convolution import NgramConvolution

LENGTHS = torch.tensor([6, 3, 4, 1, 0, 2])
WIDTHS = (2, 5, 1, 3)


@pytest.fixture
def convolution() -> NgramConvolution:
    torch.manual_seed(0)
    return NgramConvolution(3, 4, WIDTHS).double()


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(6, 6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_loop(convolution: NgramConvolution, row: Tensor) -> Tensor:
    """One row (L, 3) without padding, filter by filter, window by window, to (L, 16)."""
    found = []
    for width, layer in zip(WIDTHS, convolution.convolutions, strict=True):
        weight, bias = layer.weight.detach(), layer.bias.detach()  # (F, D, w), (F,)
        for f in range(4):
            answers = []
            for t in range(len(row)):
                places = [t - width // 2 + j for j in range(width)]
                seen = [(j, i) for j, i in enumerate(places) if 0 <= i < len(row)]
                response = sum(float(weight[f, d, j] * row[i, d]) for j, i in seen for d in range(3)) + float(bias[f])
                answers.append(max(0.0, response))
            found.append(answers)
    return torch.tensor(found, dtype=torch.float64).T.reshape(len(row), 16)


def test_each_step_has_the_answers_of_all_filters_around_it(convolution: NgramConvolution, inputs: Tensor) -> None:
    found = convolution(inputs, LENGTHS)
    for values, row, length in zip(found, inputs, LENGTHS.tolist(), strict=True):
        torch.testing.assert_close(values[:length], by_loop(convolution, row[:length]), atol=1e-12, rtol=0)
        assert not values[length:].any()
    assert convolution.output_size == found.shape[2]
    torch.testing.assert_close(convolution(inputs[:1]), found[:1])  # no lengths: full rows


def test_padding_of_ngrams_changes_nothing(convolution: NgramConvolution, inputs: Tensor) -> None:
    """Neither what stands there nor how much of it, forward and backward."""
    results = []
    for junk, more in ((0.0, 0), (torch.nan, 0), (1e9, 5)):
        padded = torch.cat([inputs, inputs.new_zeros(6, more, 3)], 1)
        past = torch.arange(6 + more) >= LENGTHS.unsqueeze(1)
        padded = padded.masked_fill(past.unsqueeze(2), junk).requires_grad_(True)
        convolution.zero_grad()
        found = convolution(padded, LENGTHS)
        found.square().sum().backward()
        assert padded.grad is not None
        assert not padded.grad[past].any()
        results.append([found[~past], padded.grad[~past], *(p.grad for p in convolution.parameters())])
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], atol=1e-12, rtol=0)


def test_a_batch_of_no_step_has_no_ngrams(convolution: NgramConvolution, inputs: Tensor) -> None:
    assert convolution(inputs[:, :0]).shape == (6, 0, 16)


@pytest.mark.parametrize("sizes", [(3, 5, ()), (3, 5, (2, 0)), (3, 0, (2,)), (0, 5, (2,))])
def test_sizes_of_ngrams_are_checked(sizes: tuple[int, int, tuple[int, ...]]) -> None:
    with pytest.raises(RnnzooError, match="sizes of 1 at least"):
        NgramConvolution(*sizes)
