"""What a DataModule hands to a task: frozen dataclasses of tensors, batch first."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor


@dataclass(frozen=True)
class LanguageModelBatch:
    """A window of N rows of a language model's stream, or N sentences.

    `targets[n, t]` is the token that follows `inputs[n, t]`.

    Attributes:
        inputs: (N, T) int64.
        targets: (N, T) int64.
        lengths: (N,) int64, how many of a row's positions are real; 0 is legal. None means every row is full.
        first: Whether the rows start here, so that the state before them is s_0; else it is the one that the rows'
            last window left.

    >>> import torch
    >>> ids = torch.tensor([[4, 2], [3, 0]])
    >>> batch = LanguageModelBatch(ids, ids, lengths=torch.tensor([2, 1]), first=True)
    >>> batch.num_tokens, batch.mask.tolist()
    (3, [[True, True], [True, False]])
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None
    first: bool
    _num_tokens: int | None = field(default=None, repr=False, compare=False)

    @property
    def num_tokens(self) -> int:
        """How many targets are real; after `to` it is known without a look at the device."""
        if self._num_tokens is not None:
            return self._num_tokens
        return self.targets.numel() if self.lengths is None else int(self.lengths.sum())

    @property
    def mask(self) -> Tensor:
        """(N, T) bool: True where a position is real."""
        if self.lengths is None:
            return torch.ones_like(self.targets, dtype=torch.bool)
        return torch.arange(self.targets.shape[1], device=self.lengths.device) < self.lengths[:, None]

    def to(self, device: torch.device | str, **kwargs: Any) -> LanguageModelBatch:
        """The batch on a device; further arguments are those of `Tensor.to`, such as `non_blocking`."""
        return replace(
            self,
            inputs=self.inputs.to(device, **kwargs),
            targets=self.targets.to(device, **kwargs),
            lengths=None if self.lengths is None else self.lengths.to(device, **kwargs),
            _num_tokens=self.num_tokens,
        )


@dataclass(frozen=True)
class SequenceInputs:
    """N sequences as an input layer reads them, right-padded to the longest, T.

    Which of `tokens`, `characters` and `values` are there is up to the encoding that made them (`rnnzoo.encodings`).
    What stands in padding has no meaning. A row of length 0 is no sequence: it fills a batch up, so that every process
    has as many batches, and no loss counts it.

    Attributes:
        lengths: (N,) int64, how many steps of a row are real.
        tokens: (N, T) int64, ids of a vocabulary.
        characters: (N, T, C) int64, the characters of each token: 0 is no character, 1 an unknown one.
        values: (N, T, D), or (N, T, height, width, channels) for images: real numbers at each step.

    >>> import torch
    >>> inputs = SequenceInputs(torch.tensor([2, 1]), tokens=torch.tensor([[4, 2], [3, 0]]))
    >>> inputs.num_tokens, inputs.mask.tolist()
    (3, [[True, True], [True, False]])
    """

    lengths: Tensor
    tokens: Tensor | None = None
    characters: Tensor | None = None
    values: Tensor | None = None
    _num_tokens: int | None = field(default=None, repr=False, compare=False)

    @property
    def num_tokens(self) -> int:
        """How many steps are real; after `to` it is known without a look at the device."""
        return int(self.lengths.sum()) if self._num_tokens is None else self._num_tokens

    @property
    def num_steps(self) -> int:
        """T."""
        present = next(part for part in (self.tokens, self.characters, self.values) if part is not None)
        return present.shape[1]

    @property
    def mask(self) -> Tensor:
        """(N, T) bool: True where a step is real."""
        return torch.arange(self.num_steps, device=self.lengths.device) < self.lengths[:, None]

    @property
    def real(self) -> Tensor:
        """(N,) bool: True where a row is a sequence, not a filling."""
        return self.lengths > 0

    def to(self, device: torch.device | str, **kwargs: Any) -> SequenceInputs:
        """The inputs on a device; further arguments are those of `Tensor.to`."""
        return replace(_moved(self, device, kwargs), _num_tokens=self.num_tokens)


@dataclass(frozen=True)
class LabelledBatch:
    """Sequences with an answer each, for an acceptor.

    Attributes:
        inputs: N sequences.
        targets: (N,) int64 classes, (N, K) float of 0 and 1 where several labels may hold, or (N, D) float values.
    """

    inputs: SequenceInputs
    targets: Tensor

    @property
    def num_tokens(self) -> int:
        """How many steps are real."""
        return self.inputs.num_tokens

    def to(self, device: torch.device | str, **kwargs: Any) -> LabelledBatch:
        """The batch on a device."""
        return _moved(self, device, kwargs)


@dataclass(frozen=True)
class TaggedBatch:
    """Sequences with an answer at each step, for a tagger.

    Attributes:
        inputs: N sequences of T steps.
        targets: (N, T, K) int64: a tag of each of K columns; -1 where a step has none and is not counted.
    """

    inputs: SequenceInputs
    targets: Tensor

    @property
    def num_tokens(self) -> int:
        """How many steps are real."""
        return self.inputs.num_tokens

    def to(self, device: torch.device | str, **kwargs: Any) -> TaggedBatch:
        """The batch on a device."""
        return _moved(self, device, kwargs)


@dataclass(frozen=True)
class ForecastBatch:
    """Windows of series and what follows each of their steps, for a forecaster.

    Attributes:
        inputs: N windows of T steps.
        targets: (N, T, D) float, standardised as the inputs are: the values one step later.
        first: (N,) int64, from which step of a window on the targets count; those before are history.
    """

    inputs: SequenceInputs
    targets: Tensor
    first: Tensor

    @property
    def mask(self) -> Tensor:
        """(N, T) bool: True where a target counts."""
        steps = torch.arange(self.inputs.num_steps, device=self.first.device)
        return self.inputs.mask & (steps >= self.first[:, None])

    @property
    def num_tokens(self) -> int:
        """How many steps are real."""
        return self.inputs.num_tokens

    def to(self, device: torch.device | str, **kwargs: Any) -> ForecastBatch:
        """The batch on a device."""
        return _moved(self, device, kwargs)


@dataclass(frozen=True)
class PairBatch:
    """Pairs of sequences with an answer each, for a sequence encoder.

    Attributes:
        first: N sequences.
        second: N sequences, row by row beside the first.
        targets: (N,) int64 classes or float scores; None where each first belongs to its second and to no other.
    """

    first: SequenceInputs
    second: SequenceInputs
    targets: Tensor | None

    @property
    def num_tokens(self) -> int:
        """How many steps of both are real."""
        return self.first.num_tokens + self.second.num_tokens

    def to(self, device: torch.device | str, **kwargs: Any) -> PairBatch:
        """The batch on a device."""
        return _moved(self, device, kwargs)


@dataclass(frozen=True)
class WritingBatch:
    """What is written, and from what: for a generator, a sequence-to-sequence model and a captioner.

    Attributes:
        source: What the writing starts from: N sequences (`SequenceInputs`, or with copying
            `rnnzoo.networks.seq2seq.CopyInputs`), or a tensor: (N,) int64 classes, (N, D) vectors,
            (N, height, width, channels) images; None where nothing is given.
        inputs: (N, U) int64, the written tokens one step late: each row begins with the start token.
        targets: (N, U) int64, the written tokens; each row ends with the end token.
        lengths: (N,) int64, how many targets of a row are real.
    """

    source: Any
    inputs: Tensor
    targets: Tensor
    lengths: Tensor
    _num_tokens: int | None = field(default=None, repr=False, compare=False)

    @property
    def num_tokens(self) -> int:
        """How many targets are real."""
        return int(self.lengths.sum()) if self._num_tokens is None else self._num_tokens

    @property
    def mask(self) -> Tensor:
        """(N, U) bool: True where a target is real."""
        return torch.arange(self.targets.shape[1], device=self.lengths.device) < self.lengths[:, None]

    def to(self, device: torch.device | str, **kwargs: Any) -> WritingBatch:
        """The batch on a device."""
        return replace(_moved(self, device, kwargs), _num_tokens=self.num_tokens)


AnyBatch = TypeVar("AnyBatch", SequenceInputs, LabelledBatch, TaggedBatch, ForecastBatch, PairBatch, WritingBatch)


def _moved(batch: AnyBatch, device: torch.device | str, kwargs: dict[str, Any]) -> AnyBatch:
    values = {item.name: getattr(batch, item.name) for item in fields(batch) if not item.name.startswith("_")}
    moved: dict[str, Any] = {name: value.to(device, **kwargs) for name, value in values.items() if hasattr(value, "to")}
    return replace(batch, **moved)
