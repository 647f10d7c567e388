"""What a generator writes from, as numbers: a class, a vector, or nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from rnnzoo.errors import InputError, RnnzooError, unknown


class Condition(ABC):
    """Turns raw conditions into what `rnnzoo.networks.GeneratorNetwork` takes; travels as plain data.

    Attributes:
        num_classes: of classes; None of other conditions.
        vector_size: D of vectors; None of other conditions.
    """

    num_classes: int | None = None
    vector_size: int | None = None

    @abstractmethod
    def encode(self, raw: Sequence[Any]) -> Tensor | int:
        """Raw conditions as numbers.

        Raises:
            InputError: one of them is none.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Plain data from which `build_condition` makes this again."""

    @abstractmethod
    def draw(self, generator: torch.Generator) -> Any:
        """A raw condition by chance, where none is given."""


class ClassCondition(Condition):
    """One of some classes, by its label.

    Args:
        labels: the classes in the order of their ids.

    Raises:
        RnnzooError: fewer than two labels, or one twice.

    Example:
        >>> ClassCondition(["de", "fr"]).encode(["fr", "de"])
        tensor([1, 0])
    """

    def __init__(self, labels: Sequence[str]) -> None:
        if len(labels) < 2 or len(set(labels)) < len(labels):
            raise RnnzooError(f"a condition needs at least two different classes, not {list(labels)}")
        self.labels = list(labels)
        self.num_classes = len(labels)
        self._ids = {label: at for at, label in enumerate(labels)}

    def encode(self, raw: Sequence[Any]) -> Tensor:
        """Ids (N,) int64."""
        for position, label in enumerate(raw):
            if not isinstance(label, Hashable) or label not in self._ids:
                raise InputError("condition", position, unknown("class", str(label), self.labels))
        return torch.tensor([self._ids[label] for label in raw], dtype=torch.int64)

    def config(self) -> dict[str, Any]:
        """Kind and labels."""
        return {"kind": "class", "labels": self.labels}

    def draw(self, generator: torch.Generator) -> str:
        """Any label, each as often."""
        return self.labels[int(torch.randint(len(self.labels), (1,), generator=generator))]


class VectorCondition(Condition):
    """A vector, ``(x - mean) / scale`` number by number.

    Args:
        mean: (D,).
        scale: (D,), above 0.

    Example:
        >>> VectorCondition([1.0, 0.0], [2.0, 1.0]).encode([[3.0, 5.0]])
        tensor([[1., 5.]])
    """

    def __init__(self, mean: Sequence[float], scale: Sequence[float]) -> None:
        if not mean or len(mean) != len(scale) or min(scale) <= 0:
            raise RnnzooError(f"mean {list(mean)} and scale {list(scale)} must have one number each, scale above 0")
        self.mean, self.scale = list(map(float, mean)), list(map(float, scale))
        self.vector_size = len(mean)

    @classmethod
    def fit(cls, vectors: Sequence[Sequence[float]]) -> VectorCondition:
        """Mean and standard deviation of each number; one that never changes keeps scale 1."""
        values = torch.tensor(vectors, dtype=torch.float64)
        spread = values.std(0, unbiased=False)
        return cls(values.mean(0).tolist(), spread.masked_fill(spread == 0, 1.0).tolist())

    def encode(self, raw: Sequence[Any]) -> Tensor:
        """Vectors (N, D) float32."""
        rows = []
        for position, one in enumerate(raw):
            try:
                row = torch.as_tensor(one, dtype=torch.float64)
            except (TypeError, ValueError, RuntimeError):
                row = torch.empty(0)
            if row.shape != (self.vector_size,) or not row.isfinite().all():
                raise InputError("condition", position, f"{self.vector_size} numbers are expected, not {one!r}")
            rows.append(row)
        values = torch.stack(rows) if rows else torch.empty(0, len(self.mean), dtype=torch.float64)
        return ((values - torch.tensor(self.mean)) / torch.tensor(self.scale)).float()

    def config(self) -> dict[str, Any]:
        """Kind, mean and scale."""
        return {"kind": "vector", "mean": self.mean, "scale": self.scale}

    def draw(self, generator: torch.Generator) -> list[float]:
        """From the normal distribution of this mean and scale."""
        drawn = torch.randn(len(self.mean), generator=generator).tolist()
        return [m + s * x for m, s, x in zip(self.mean, self.scale, drawn, strict=True)]


class NoCondition(Condition):
    """Nothing is given: each raw condition is None."""

    def encode(self, raw: Sequence[Any]) -> int:
        """N."""
        for position, one in enumerate(raw):
            if one is not None:
                raise InputError("condition", position, f"this model writes from nothing; give None, not {one!r}")
        return len(raw)

    def config(self) -> dict[str, Any]:
        """Kind."""
        return {"kind": "none"}

    def draw(self, generator: torch.Generator) -> None:
        """None."""
        return


CONDITIONS: dict[str, type[Condition]] = {"class": ClassCondition, "vector": VectorCondition, "none": NoCondition}


def build_condition(config: dict[str, Any]) -> Condition:
    """The condition that `Condition.config` describes.

    Raises:
        RnnzooError: an unknown kind or option.
    """
    options = dict(config)
    kind = options.pop("kind", None)
    if kind not in CONDITIONS:
        raise RnnzooError(unknown("kind of condition", str(kind), list(CONDITIONS)))
    try:
        return CONDITIONS[kind](**options)
    except TypeError as error:
        raise RnnzooError(f"the condition {kind}: {error}") from None
