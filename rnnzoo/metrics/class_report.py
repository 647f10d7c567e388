"""What a test says of each class: precision, recall, F1, and which class is taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from rnnzoo.metrics.classification import ClassScores

WIDEST = 10  # classes whose whole matrix is shown; of more, the most frequent confusions are
MOST = 10  # how many of these


class Confused(NamedTuple):
    """How often a class was taken for another."""

    true: str
    predicted: str
    times: int


@dataclass(frozen=True)
class ClassReport:
    """The scores of each class, and their confusion matrix where one class of several is right.

    Attributes:
        labels: the C classes.
        scores: of each.
        counts: (C, C) int64, row = true, column = predicted; None where several labels may hold.

    >>> import torch
    >>> from rnnzoo.metrics.classification import ConfusionMatrix
    >>> metric = ConfusionMatrix(2)
    >>> metric.update(torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 1, 1, 1, 1]))
    >>> print(ClassReport(["no", "yes"], metric.scores(), metric.compute()).plain())
    class  precision  recall      f1  support
    no        0.5000  1.0000  0.6667        1
    yes       1.0000  0.7500  0.8571        4
    true \\ predicted  no  yes
    no                 1    0
    yes                1    3
    """

    labels: list[str]
    scores: ClassScores
    counts: Tensor | None = None

    def class_rows(self) -> list[dict[str, Any]]:
        """Plain data, a dictionary a class: class, precision, recall, f1, support."""
        return self.scores.rows(self.labels)

    def confusion_rows(self) -> list[list[Any]]:
        """The matrix with its headings, a list a row; empty where there is none."""
        if self.counts is None:
            return []
        rows = zip(self.labels, self.counts.tolist(), strict=True)
        return [["true \\ predicted", *self.labels], *([label, *row] for label, row in rows)]

    def most_confused(self, limit: int = MOST) -> list[Confused]:
        """The pairs of different classes that were confused most often, most frequent first."""
        if self.counts is None:
            return []
        found = [
            Confused(true, predicted, count)
            for true, row in zip(self.labels, self.counts.tolist(), strict=True)
            for predicted, count in zip(self.labels, row, strict=True)
            if count and true != predicted
        ]
        return sorted(found, key=lambda pair: -pair.times)[:limit]

    def plain(self) -> str:
        """Aligned tables: the scores, and the matrix or, of many classes, the most frequent confusions."""
        rows = self.class_rows()
        tables = [[list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]]
        if self.counts is not None and len(self.labels) <= WIDEST:
            tables.append([[_cell(value) for value in row] for row in self.confusion_rows()])
        elif confused := self.most_confused():
            tables.append([["true", "predicted", "count"], *([pair[0], pair[1], str(pair[2])] for pair in confused)])
        return "\n".join(_aligned(table) for table in tables)


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _aligned(rows: list[list[str]]) -> str:
    """Words to the left, numbers to the right."""
    columns = [
        [cell.rjust(width) if _is_number(column[1]) else cell.ljust(width) for cell in column]
        for column in zip(*rows, strict=True)
        for width in [max(map(len, column))]
    ]
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdecimal()
