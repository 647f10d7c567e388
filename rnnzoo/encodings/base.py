"""What an encoding is: raw input to tensors, and itself to plain data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rnnzoo.batches import SequenceInputs
from rnnzoo.errors import InputError, RnnzooError, require_list

Encoded: TypeAlias = "dict[str, Tensor]"
"""One sequence: a tensor for each of `tokens`, `characters` and `values` that the kind has, the first axis T."""


class InputEncoding(ABC):
    """Turns one raw input into numbers.

    What a subclass is made of is what `config` returns, so that it travels in a checkpoint.

    Attributes:
        kind: its name in a configuration.
        raw: what its raw inputs are, for messages.
    """

    kind: ClassVar[str]
    raw: ClassVar[str]

    @abstractmethod
    def encode(self, raw: Any) -> Encoded:
        """One raw input as numbers.

        Raises:
            RnnzooError: it is not of this kind, or it is empty; the caller says where it stands.
        """

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The arguments of the constructor, as plain data."""

    def config(self) -> dict[str, Any]:
        """Plain data from which `build_encoding` makes this encoding again."""
        return {"kind": self.kind, **self.options()}

    def is_single(self, raw: Any) -> bool:
        """Whether this is one raw input for certain, so that as a list of them it would be misread."""
        return isinstance(raw, (str, bytes, Path))

    def batch(self, raw: Iterable[Any]) -> SequenceInputs:
        """Raw inputs as a batch.

        Raises:
            RnnzooError: as `encode_all`, or there is none.
        """
        encoded = self.encode_all(raw)
        if not encoded:
            raise RnnzooError(f"there is no input: give a list of at least one ({self.raw})")
        return collate(encoded)

    def listed(self, raw: Iterable[Any]) -> list[Any]:
        """Raw inputs as a list.

        Raises:
            RnnzooError: one input in place of a list, or what is none.
        """
        if self.is_single(raw):
            raise RnnzooError(f"give a list of inputs ({self.raw}), not one: [input]")
        return require_list(f"inputs ({self.raw})", raw)

    def encode_all(self, raw: Iterable[Any]) -> list[Encoded]:
        """Raw inputs as numbers.

        Raises:
            InputError: one of them cannot be encoded.
            RnnzooError: as `listed`.
        """
        encoded = []
        for position, one in enumerate(self.listed(raw)):
            try:
                encoded.append(self.encode(one))
            except RnnzooError as error:
                raise InputError("input", position, str(error)) from None
        return encoded


def collate(encoded: Sequence[Encoded]) -> SequenceInputs:
    """Encoded sequences as a batch, right-padded with zeros."""
    lengths = torch.tensor([len(next(iter(one.values()))) for one in encoded])
    parts: dict[str, Tensor] = {}
    for name in encoded[0]:
        rows = [one[name] for one in encoded]
        if name == "characters":
            longest = max(row.shape[1] for row in rows)
            rows = [torch.nn.functional.pad(row, (0, longest - row.shape[1])) for row in rows]
        parts[name] = pad_sequence(rows, batch_first=True)
    return SequenceInputs(lengths, parts.get("tokens"), parts.get("characters"), parts.get("values"))
