"""Which entries dropout removes, and what becomes of the others."""

from __future__ import annotations

import pytest
import torch

from rnnzoo.errors import RnnzooError
from rnnzoo.layers import LockedDropout, TokenEmbedding


def test_embedding_looks_up_rows() -> None:
    embedding = TokenEmbedding(5, 3)
    tokens = torch.tensor([[4, 0], [1, 1]])
    for i in range(2):
        for j in range(2):
            assert torch.equal(embedding(tokens)[i, j], embedding.weight[int(tokens[i, j])])
    assert embedding.weight.abs().max() <= 0.1


def test_row_dropout_drops_types_and_scales_the_others() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(400, 3, row_dropout=0.25)
    tokens = torch.cat([torch.arange(400), torch.arange(400)]).view(2, 400)
    vectors = embedding(tokens)
    assert torch.equal(vectors[0], vectors[1])  # both tokens of a type share its fate
    dropped = (vectors[0] == 0).all(1)
    torch.testing.assert_close(vectors[0][~dropped], embedding.weight[~dropped] / 0.75)
    assert 0.25 - 0.09 < dropped.double().mean() < 0.25 + 0.09  # four standard deviations
    embedding.eval()
    assert torch.equal(embedding(tokens)[0], embedding.weight)


def test_row_dropout_has_the_gradient_of_the_masked_matrix() -> None:
    embedding = TokenEmbedding(4, 2, row_dropout=0.5).double()
    tokens = torch.tensor([0, 1, 2, 3, 1])
    torch.manual_seed(3)
    vectors = embedding(tokens)
    (vectors * torch.arange(1.0, 6.0).unsqueeze(1)).sum().backward()
    kept = (vectors[:4] != 0).all(1).double()
    assert 0 < kept.sum() < 4
    expected = 2 * kept * torch.tensor([1.0, 2 + 5, 3, 4], dtype=torch.float64)
    torch.testing.assert_close(embedding.weight.grad, expected.unsqueeze(1).expand(4, 2))


def test_locked_dropout_draws_one_mask_over_time() -> None:
    torch.manual_seed(0)
    dropout = LockedDropout(0.4)
    outputs = dropout(torch.ones(50, 7, 40))
    assert torch.equal(outputs, outputs[:, :1].expand_as(outputs))
    values = outputs.unique().tolist()
    assert values == pytest.approx([0, 1 / 0.6])
    assert 0.4 - 0.05 < (outputs[:, 0] == 0).double().mean() < 0.4 + 0.05
    assert not torch.equal(outputs[0], outputs[1])
    dropout.eval()
    assert torch.equal(dropout(torch.ones(2, 3, 4)), torch.ones(2, 3, 4))


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_probabilities_out_of_range(p: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        LockedDropout(p)
    with pytest.raises(RnnzooError, match=r"\[0, 1\)"):
        TokenEmbedding(3, 2, row_dropout=p)
