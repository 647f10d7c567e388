"""How high the right item stands among all: recall@k and mean reciprocal rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.base import Float64Metric

QUERIES = 1024  # so many rows of the matrix of similarities exist at a time


def retrieval_ranks(queries: Tensor, items: Tensor, targets: Tensor, keys: Tensor | None = None) -> Tensor:
    """The rank, from 1, of each query's own item among all items by dot product.

    An item that ties with the right one stands before it, so that vectors which are all the same retrieve nothing.
    For cosine similarity give vectors of length 1.

    Args:
        queries: (Q, H).
        items: (M, H).
        targets: (Q,) int64, the place of each query's own item.
        keys: (M,) int64; items of equal keys are the same one and do not compete. None: all differ.

    Returns:
        (Q,) int64.

    >>> vectors = torch.eye(3)
    >>> retrieval_ranks(vectors, vectors, torch.tensor([0, 2, 2])).tolist()
    [1, 3, 1]
    """
    ranks = []
    for rows, own in zip(torch.split(queries, QUERIES), torch.split(targets, QUERIES), strict=True):
        scores = rows @ items.t()
        ahead = scores >= scores.gather(1, own.unsqueeze(1))
        if keys is None:
            ahead.scatter_(1, own.unsqueeze(1), False)
        else:
            ahead &= keys[own].unsqueeze(1) != keys
        ranks.append(ahead.sum(1) + 1)
    return torch.cat(ranks) if ranks else targets


class InBatchRetrieval(Float64Metric):
    """Recall@k and mean reciprocal rank of each row's second text among those of its batch.

    They depend on the size of the batch, so they compare only runs of equal batches; `CorpusRetrieval` ranks among all.

    Args:
        ks: the k of recall@k: the share of queries whose item is among the first k.
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        RnnzooError: a k below 1, or none.

    >>> metric = InBatchRetrieval(ks=(1, 2))
    >>> metric.update(torch.eye(2), torch.tensor([[1.0, 0.0], [2.0, 1.0]]))
    >>> {name: float(score) for name, score in metric.compute().items()}
    {'recall@1': 0.5, 'recall@2': 1.0, 'mrr': 0.75}
    """

    higher_is_better = True

    hits: Tensor
    reciprocals: Tensor
    count: Tensor

    def __init__(self, ks: Sequence[int] = (1, 5, 10), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ks = _checked(ks)
        self._sums("hits", shape=(len(self.ks),))
        self._sums("reciprocals", "count")

    def update(self, queries: Tensor, items: Tensor, keys: Tensor | None = None) -> None:
        """Adds a batch.

        Args:
            queries: (N, H).
            items: (N, H), the i-th belonging to the i-th query.
            keys: (N,) int64; rows whose items are the same one have the same key. None: all differ.
        """
        targets = torch.arange(len(queries), device=queries.device)
        ranks = retrieval_ranks(queries.detach(), items.detach(), targets, keys)
        self.hits += (ranks.unsqueeze(1) <= torch.tensor(self.ks, device=ranks.device)).sum(0)
        self.reciprocals += (1 / self._float64(ranks)).sum()
        self.count += len(ranks)

    def compute(self) -> dict[str, Tensor]:
        """`recall@k` for each k, and `mrr`, of all that was added; NaN of nothing."""
        return _named(self.ks, self.hits / self.count, self.reciprocals / self.count)


class CorpusRetrieval(Float64Metric):
    """Recall@k and mean reciprocal rank of each row's second text among those of the whole set.

    Keeps all vectors, and processes gather them: for a set that is evaluated, not for one that is trained on.

    Args:
        ks: the k of recall@k.
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        RnnzooError: a k below 1, or none.

    >>> metric = CorpusRetrieval(ks=(1, 2))
    >>> metric.update(torch.eye(2)[:1], torch.tensor([[1.0, 0.0]]), torch.tensor([7]))
    >>> metric.update(torch.eye(2)[1:], torch.tensor([[2.0, 1.0]]), torch.tensor([3]))
    >>> {name: float(score) for name, score in metric.compute().items()}
    {'recall@1': 0.5, 'recall@2': 1.0, 'mrr': 0.75}
    """

    higher_is_better = True

    queries: list[Tensor]
    items: list[Tensor]
    keys: list[Tensor]
    rows: Tensor

    def __init__(self, ks: Sequence[int] = (1, 5, 10), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ks = _checked(ks)
        self._lists("queries", "items")
        self._lists("keys", dtype=torch.int64)
        self._sums("rows", dtype=torch.int64)

    def update(self, queries: Tensor, items: Tensor, keys: Tensor) -> None:
        """Adds rows.

        Args:
            queries: (N, H).
            items: (N, H), the i-th belonging to the i-th query.
            keys: (N,) int64; rows whose items are the same one have the same key, whichever batch they are in.
        """
        self.queries.append(self._float64(queries).flatten())  # one axis, as a gathered state needs it
        self.items.append(self._float64(items).flatten())
        self.keys.append(keys.detach())
        self.rows += len(queries)

    def compute(self) -> dict[str, Tensor]:
        """`recall@k` for each k, and `mrr`, of all that was added; NaN of nothing."""
        rows = int(self.rows)
        queries, items = (self._listed(name).view(rows, -1 if rows else 0) for name in ("queries", "items"))
        ranks = retrieval_ranks(queries, items, torch.arange(rows, device=queries.device), self._listed("keys"))
        hits = (ranks.unsqueeze(1) <= torch.tensor(self.ks, device=ranks.device)).double()
        return _named(self.ks, hits.mean(0), (1 / ranks.double()).mean())


def _checked(ks: Sequence[int]) -> tuple[int, ...]:
    if not ks or min(ks) < 1:
        raise RnnzooError(f"recall@k needs ks of 1 at least, not {tuple(ks)}")
    return tuple(ks)


def _named(ks: Sequence[int], recalls: Tensor, reciprocal: Tensor) -> dict[str, Tensor]:
    return {**{f"recall@{k}": recall for k, recall in zip(ks, recalls, strict=True)}, "mrr": reciprocal}
