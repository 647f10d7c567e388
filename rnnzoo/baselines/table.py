"""A table of a model and its baselines on the same test data, whatever they are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A title and a row for each model; a number that a row lacks is left blank.

    Attributes:
        title: the data and its size.
        rows: by the model's name its numbers, by the name of the measure.
        notes: lines below the table.

    >>> table = Table("12 sentences", {"Acceptor": {"accuracy": 0.75, "F1": 0.7}, "majority": {"accuracy": 0.5}})
    >>> print(table.plain())
    12 sentences
    model     accuracy      F1
    Acceptor    0.7500  0.7000
    majority    0.5000
    """

    title: str
    rows: Mapping[str, Mapping[str, float]]
    notes: tuple[str, ...] = ()

    @property
    def measures(self) -> list[str]:
        """The names of the measures, in the order in which they come."""
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    def as_rows(self) -> list[dict[str, Any]]:
        """Plain data, a dictionary a model."""
        return [{"model": name, **row} for name, row in self.rows.items()]

    def columns(self) -> list[list[str]]:
        """The table as text, a list a column, heading first."""
        names = ["model", *self.rows]
        numbers = [
            [measure, *("" if measure not in row else f"{row[measure]:.4f}" for row in self.rows.values())]
            for measure in self.measures
        ]
        return [names, *numbers]

    def plain(self) -> str:
        """The title, an aligned table of text and the notes."""
        names, *numbers = self.columns()
        width = max(map(len, names))
        aligned = [[name.ljust(width) for name in names]]
        aligned += [[cell.rjust(max(map(len, column))) for cell in column] for column in numbers]
        lines = ["  ".join(line).rstrip() for line in zip(*aligned, strict=True)]
        return "\n".join([self.title, *lines, *self.notes])
