"""tf-idf against scikit-learn's."""

from __future__ import annotations

import pytest
import torch

from rnnzoo.baselines.tfidf import TfIdf
from rnnzoo.errors import RnnzooError


def test_vectors_are_those_of_scikit_learn() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(9, (20, 7), generator=draw)
    lengths = torch.randint(1, 8, (20,), generator=draw)
    rows = [" ".join(f"w{i}" for i in row[:n]) for row, n in zip(tokens.tolist(), lengths.tolist(), strict=True)]
    oracle = text.TfidfVectorizer(vocabulary=[f"w{i}" for i in range(10)])
    oracle.fit(rows[:12])
    model = TfIdf(10).fit(tokens[:5], lengths[:5]).fit(tokens[5:12], lengths[5:12])
    expected = torch.tensor(oracle.transform(rows[12:]).toarray(), dtype=torch.float32)
    torch.testing.assert_close(model.vectors(tokens[12:], lengths[12:]), expected)


def test_it_is_fitted_first() -> None:
    with pytest.raises(RnnzooError, match="fit tf-idf"):
        TfIdf(2).vectors(torch.tensor([[0]]), torch.tensor([1]))
