"""A bag of n-grams with logistic regression: what a classifier of sequences must beat by reading their order."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.baselines.gram_features import Bags, GramFeatures
from rnnzoo.baselines.majority import class_counts
from rnnzoo.errors import RnnzooError

Rows = Sequence[Sequence[Hashable]]


class BagOfNGrams:
    """Logistic regression on which n-grams of tokens occur in a row, their places left out.

    ``p(c | row) = softmax(W x + b)_c``, x_g = 1 / sqrt(G) for each of the row's G different grams that training had.
    W and b minimise ``-sum log p + l2/2 |W|^2``, which is convex, by L-BFGS. A symbol for the edge stands before and
    after each row, so that grams show what it begins and ends with. Presence instead of counts: Pang et al. 2002,
    section 6.1; bigrams: Wang & Manning 2012.

    It is plain torch: a baseline of the core must not need a package that the core does not.

    Args:
        num_classes: C.
        orders: the shortest and the longest n-grams: (1, 2) suits words, (1, 4) characters.

    Raises:
        RnnzooError: orders that are not 1 <= shortest <= longest.

    >>> rows = [["so", "good"], ["not", "good"], ["so", "bad"], ["not", "bad"]]
    >>> model = BagOfNGrams(num_classes=2).fit(rows, [1, 0, 0, 1], l2=0.1)
    >>> model.log_probs([["it", "is", "not", "good"], ["not", "bad"]]).argmax(-1)
    tensor([0, 1])
    """

    def __init__(self, num_classes: int, orders: tuple[int, int] = (1, 2)) -> None:
        if not 1 <= orders[0] <= orders[1]:
            raise RnnzooError(f"the orders of n-grams must be 1 <= shortest <= longest, not {tuple(orders)}")
        self.num_classes = num_classes
        self.orders = orders
        self.l2: float | None = None
        self._features: GramFeatures | None = None
        self._weight = torch.empty(0)
        self._bias = torch.empty(0)

    @property
    def name(self) -> str:
        """What a table of results calls this model."""
        return f"bag of {self.orders[0]}-{self.orders[1]}-grams"

    def fit(self, rows: Rows, labels: Sequence[int], l2: float = 1.0) -> BagOfNGrams:
        """Learns from training rows; the model itself.

        Args:
            rows: lists of tokens, or texts for their characters.
            labels: a class id below C for each row.
            l2: the weight of the penalty, above 0.

        Raises:
            RnnzooError: no row, not a label for each row, a class outside 0..C-1, or a penalty not above 0.
        """
        features, targets = self._begin(rows, labels)
        self._solve(features.bags, targets, l2)
        return self

    def fit_tuned(
        self,
        rows: Rows,
        labels: Sequence[int],
        dev_rows: Rows,
        dev_labels: Sequence[int],
        penalties: Sequence[float] = (1.0, 0.3, 0.1, 0.03, 0.01),
    ) -> BagOfNGrams:
        """Learns from training rows with the penalty that is most accurate on others; the model itself.

        Of equally accurate ones the first is taken; `l2` says which it was. Each solution is a tenth as exact as
        that of `fit`.

        Args:
            rows: lists of tokens, or texts for their characters.
            labels: a class id below C for each row.
            dev_rows: rows to choose by.
            dev_labels: their class ids.
            penalties: the candidates, best from strong to weak: each starts from the solution of the one before.

        Raises:
            RnnzooError: as `fit`; no row to choose by.
        """
        features, targets = self._begin(rows, labels)
        wanted = _checked(dev_rows, dev_labels, self.num_classes)
        bags = features.find(dev_rows)
        best = (-1, 0.0, self._weight, self._bias)
        for l2 in penalties:
            self._solve(features.bags, targets, l2, tolerance=1e-5)
            right = int((self._scores(bags).argmax(-1) == wanted).sum())
            if right > best[0]:
                best = (right, l2, self._weight.clone(), self._bias.clone())
        _, self.l2, self._weight, self._bias = best
        return self

    def log_probs(self, rows: Rows) -> Tensor:
        """Log p of each class: (N, C) float64, natural logarithms.

        Raises:
            RnnzooError: before `fit`.
        """
        if self._features is None:
            raise RnnzooError("fit the bag of n-grams before asking it")
        return self._scores(self._features.find(rows)).log_softmax(-1)

    def _begin(self, rows: Rows, labels: Sequence[int]) -> tuple[GramFeatures, Tensor]:
        targets = _checked(rows, labels, self.num_classes)
        self._features = GramFeatures(rows, self.orders)
        self._weight = torch.zeros(self._features.num_grams, self.num_classes, dtype=torch.float64)
        self._bias = torch.zeros(self.num_classes, dtype=torch.float64)
        return self._features, targets

    def _scores(self, bags: Bags) -> Tensor:
        return bags.times(self._weight) + self._bias

    @torch.no_grad()
    def _solve(self, bags: Bags, targets: Tensor, l2: float, tolerance: float = 1e-6) -> None:
        if not 0 < l2 < float("inf"):
            raise RnnzooError(f"the penalty l2 must be above 0 and finite, not {l2}: without it W can grow for ever")
        self.l2 = l2
        rows = len(targets)
        wanted = F.one_hot(targets, self.num_classes).double()
        by_gram = bags.transposed(len(self._weight))
        optimizer = torch.optim.LBFGS(
            [self._weight, self._bias],
            max_iter=500,
            tolerance_grad=tolerance,
            tolerance_change=1e-9,
            history_size=10,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            """The objective over the rows' number, its gradient in closed form: autograd's takes four times as long."""
            log_probs = self._scores(bags).log_softmax(-1)
            delta = (log_probs.exp() - wanted) / rows
            self._weight.grad = by_gram.times(delta) + l2 / rows * self._weight
            self._bias.grad = delta.sum(0)
            return l2 / (2 * rows) * self._weight.square().sum() - (wanted * log_probs).sum() / rows

        optimizer.step(closure)  # type: ignore[no-untyped-call]  # untyped in torch


def _checked(rows: Rows, labels: Sequence[int], num_classes: int) -> Tensor:
    if len(rows) != len(labels):
        raise RnnzooError(f"{len(rows)} rows and {len(labels)} labels: give a label for each row")
    class_counts(labels, num_classes)
    return torch.as_tensor(labels, dtype=torch.int64)
