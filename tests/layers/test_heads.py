"""Heads against the plain softmax, written out, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.layers import AdaptiveHead, LinearHead, TokenEmbedding, chunked_cross_entropy, linear_head
from rnnzoo.layers.chunked_cross_entropy import chunked_cross_entropy as chunked


def log_softmax_by_hand(logits: Tensor) -> Tensor:
    exponentials = [[math.exp(v) for v in row] for row in logits.tolist()]
    return torch.tensor([[math.log(v / sum(row)) for v in row] for row in exponentials], dtype=torch.float64)


def make(seed: int = 0, rows: int = 300, features: int = 5, vocabulary: int = 11) -> tuple[Tensor, ...]:
    torch.manual_seed(seed)
    x = torch.randn(rows, features, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(vocabulary, features, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(vocabulary, dtype=torch.float64, requires_grad=True)
    return x, weight, bias, torch.randint(vocabulary, (rows,)), torch.rand(rows) < 0.7


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scale", [1.0, -0.37])
def test_chunked_cross_entropy_is_cross_entropy(masked: bool, scale: float) -> None:
    x, weight, bias, targets, mask = make()  # 300 rows: two full chunks and a part of one
    losses = nn.functional.cross_entropy(x @ weight.t() + bias, targets, reduction="none")
    expected = losses[mask].sum() if masked else losses.sum()
    expected_gradients = torch.autograd.grad(scale * expected, (x, weight, bias))
    total = chunked(x, weight, bias, targets, mask if masked else None)
    gradients = torch.autograd.grad(scale * total, (x, weight, bias))
    torch.testing.assert_close(total, expected, rtol=1e-12, atol=0)
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def test_chunked_cross_entropy_without_bias_and_with_frozen_weight() -> None:
    x, weight, _, targets, _ = make()
    frozen = weight.detach()
    total = chunked(x, frozen, None, targets, None)
    (found,) = torch.autograd.grad(total, x)
    (wanted,) = torch.autograd.grad(nn.functional.cross_entropy(x @ frozen.t(), targets, reduction="sum"), x)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def test_chunked_cross_entropy_backward_twice() -> None:
    x, weight, bias, targets, _ = make()
    total = chunked(x, weight, bias, targets, None)
    (first,) = torch.autograd.grad(total, weight, retain_graph=True)
    (second,) = torch.autograd.grad(2 * total, weight)
    torch.testing.assert_close(second, 2 * first)


def test_gradient_of_the_gradient() -> None:
    x, weight, bias, targets, mask = make(rows=4, features=3, vocabulary=4)
    assert torch.autograd.gradgradcheck(lambda *leaves: chunked(*leaves, targets, mask), (x, weight, bias))


def test_linear_head_takes_the_chunked_loss_above_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    head = LinearHead(5, 11).double()
    x, _, _, targets, mask = make()
    total, count = head.loss(x.view(30, 10, 5), targets.view(30, 10), mask.view(30, 10))
    plain = torch.autograd.grad(total, [x, *head.parameters()])
    monkeypatch.setattr(linear_head, "PAYS_FROM", 1)
    again, same_count = head.loss(x.view(30, 10, 5), targets.view(30, 10), mask.view(30, 10))
    assert "_ChunkedCrossEntropy" in type(again.grad_fn).__name__
    assert int(count) == int(same_count) == int(mask.sum())
    torch.testing.assert_close(again, total, rtol=1e-12, atol=0)
    for found, wanted in zip(torch.autograd.grad(again, [x, *head.parameters()]), plain, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def test_autocast_falls_back_to_the_plain_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_head, "PAYS_FROM", 1)
    torch.manual_seed(0)
    head, x, targets = LinearHead(8, 6), torch.randn(7, 8), torch.randint(6, (7,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = head.loss(x, targets)
    total.backward()
    exact = nn.functional.cross_entropy(x @ head.weight.t() + head.bias, targets, reduction="sum")
    assert total.item() == pytest.approx(exact.item(), rel=2e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("given", [torch.float32, None], ids=["float32", "low"])
def test_adaptive_head_under_autocast_has_the_precision_of_its_weights(
    dtype: torch.dtype, given: torch.dtype | None
) -> None:
    torch.manual_seed(0)
    head, targets = AdaptiveHead(8, 6, [2, 4], div_value=2.0), torch.randint(6, (9,))
    x = torch.randn(9, 8).to(given or dtype).requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        total, _ = head.loss(x, targets)
    (gradient,) = torch.autograd.grad(total, x)
    expected, _ = head.loss(x.float(), targets)
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, x)[0])


def test_linear_head_by_hand() -> None:
    torch.manual_seed(0)
    head, x = LinearHead(3, 4).double(), torch.randn(2, 3, dtype=torch.float64)
    nn.init.normal_(head.bias)
    expected = log_softmax_by_hand(x @ head.weight.t() + head.bias)
    targets = torch.tensor([3, 1])
    torch.testing.assert_close(head.log_probs(x), expected, rtol=1e-12, atol=1e-14)
    wanted = torch.stack([-expected[0, 3], -expected[1, 1]])
    torch.testing.assert_close(head.nll(x, targets), wanted, rtol=1e-12, atol=1e-14)
    with torch.no_grad():
        total, count = head.loss(x, targets, torch.tensor([True, False]))
    assert total.item() == pytest.approx(-expected[0, 3].item(), rel=1e-12)
    assert int(count) == 1


def test_evaluation_in_pieces_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    head = LinearHead(5, 11).double()
    x, _, _, targets, _ = make()
    expected = head.nll(x, targets)
    monkeypatch.setattr(linear_head, "PAYS_FROM", 77)  # seven rows at a time
    with torch.no_grad():
        torch.testing.assert_close(head.nll(x, targets), expected, rtol=1e-12, atol=0)


def test_tied_head_shares_the_matrix_and_its_gradient() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(6, 3).double()
    head = LinearHead(3, 6, tied_to=embedding.weight).double()
    tokens, targets = torch.tensor([1, 4]), torch.tensor([2, 4])
    assert head.weight is embedding.weight
    assert head.projection is None
    head.loss(embedding(tokens), targets)[0].backward()
    free_in = embedding.weight.detach().clone().requires_grad_()
    free_out = embedding.weight.detach().clone().requires_grad_()
    nn.functional.cross_entropy(free_in[tokens] @ free_out.t(), targets, reduction="sum").backward()
    torch.testing.assert_close(embedding.weight.grad, free_in.grad + free_out.grad)


def test_tied_head_projects_features_of_another_width() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(6, 3).double()
    head = LinearHead(5, 6, tied_to=embedding.weight).double()
    x = torch.randn(2, 5, dtype=torch.float64)
    assert head.projection is not None
    logits = x @ head.projection.weight.t() @ embedding.weight.t()
    torch.testing.assert_close(head.log_probs(x), log_softmax_by_hand(logits), rtol=1e-10, atol=1e-12)


def test_tied_head_of_another_vocabulary_is_refused() -> None:
    with pytest.raises(RnnzooError, match="6 rows, the vocabulary 7"):
        LinearHead(3, 7, tied_to=TokenEmbedding(6, 3).weight)


def test_adaptive_head_by_the_papers_formula() -> None:
    torch.manual_seed(0)
    head = AdaptiveHead(8, 10, cutoffs=[3, 6], div_value=2.0).double()
    x = torch.randn(4, 8, dtype=torch.float64)
    root = log_softmax_by_hand(x @ head.softmax.head.weight.t())  # 3 words, then one entry per cluster
    columns = [root[:, :3]]
    for cluster in range(2):
        down, out = head.softmax.tail[cluster]
        inside = log_softmax_by_hand(x @ down.weight.t() @ out.weight.t())
        columns.append(root[:, 3 + cluster : 4 + cluster] + inside)
    expected = torch.cat(columns, 1)
    torch.testing.assert_close(expected.exp().sum(1), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(head.log_probs(x.view(2, 2, 8)), expected.view(2, 2, 10), rtol=1e-10, atol=1e-12)
    targets = torch.tensor([[0, 4], [9, 5]])
    wanted = -expected.gather(1, targets.view(-1, 1)).view(2, 2)
    torch.testing.assert_close(head.nll(x.view(2, 2, 8), targets), wanted, rtol=1e-10, atol=1e-12)
    total, count = head.loss(x.view(2, 2, 8), targets, torch.tensor([[True, True], [False, True]]))
    assert total.item() == pytest.approx((wanted.sum() - wanted[1, 0]).item(), rel=1e-10)
    assert int(count) == 3


@pytest.mark.parametrize("cutoffs", [[], [0, 3], [3, 3], [3, 10], [11]])
def test_bad_cutoffs_name_the_limits(cutoffs: list[int]) -> None:
    with pytest.raises(RnnzooError, match="at most 9"):
        AdaptiveHead(8, 10, cutoffs)


def test_div_value_that_leaves_no_width() -> None:
    with pytest.raises(
        RnnzooError, match=r"div_value 4\.0 leaves the last of 2 clusters no width at 8 feat.*: give fewer cutoffs"
    ):
        AdaptiveHead(8, 10, [3, 6])


def test_chunk_is_smaller_than_the_rows_of_the_tests() -> None:
    assert chunked_cross_entropy.CHUNK * 2 < 300  # else the tests above would never cross a chunk
