"""What the DataModules of models that write share: a text to be written for each example."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs, WritingBatch
from rnnzoo.data.copy_store import CopyStore
from rnnzoo.data.examples import Example, ExampleDataModule
from rnnzoo.data.store import SequenceStore
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.encodings.copying import extend, extended_ids
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.seq2seq import CopyInputs
from rnnzoo.text.vocabulary import END, UNKNOWN


class WritingDataModule(ExampleDataModule):
    """Sources with a text to be written for each; a subclass reads them and says what a batch's sources are.

    An example's target is a text, or a list of tokens. Several examples of one source are several ways to write it: in
    training each is one example, in a test the best of them counts (`references`).

    A written text starts from the token `<eos>` and ends with it.

    Args:
        target: how the written texts become tokens.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        target: TextVocabulary,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        self._target = target
        self._written: dict[str, SequenceStore] = {}

    @abstractmethod
    def source_batch(self, split: str, rows: Tensor) -> Any:
        """What the examples `rows` of a split are written from."""

    @property
    def target_encoding(self) -> dict[str, Any]:
        """How written texts become tokens, as plain data."""
        return self.written_encoding.config()

    @cached_property
    def written_encoding(self) -> TextEncoding:
        """How written texts become tokens; learned from the training targets."""
        targets = [Example(one.target, None, one.place) for one in self.examples("train")]
        return self._target.fit(targets, specials=(UNKNOWN, END))

    def written(self, split: str) -> SequenceStore:
        """The encoded targets of a split, each with the end token.

        Raises:
            RnnzooError: a target that cannot be encoded; its place is named.
        """
        if split not in self._written:
            self._written[split] = SequenceStore(self._encode_targets(self.examples(split)))
        return self._written[split]

    def make_batch(self, split: str, rows: Tensor) -> WritingBatch:
        """The batch of the examples `rows` of a split."""
        written = self.written(split).batch(rows)
        targets = written.tokens
        assert targets is not None  # a text encoding makes tokens
        start = targets.new_full((len(targets), 1), self.written_encoding.vocabulary.start_id)
        inputs = torch.cat((start, targets[:, :-1]), 1)
        return WritingBatch(self.source_batch(split, rows), inputs, targets, written.lengths)

    def references(self, split: str) -> list[tuple[Any, list[Any]]]:
        """Each source of a split once, with all that may be written for it."""
        found: dict[Any, tuple[Any, list[Any]]] = {}
        for example in self.examples(split):
            key = tuple(example.inputs) if isinstance(example.inputs, list) else example.inputs
            found.setdefault(key, (example.inputs, []))[1].append(example.target)
        return list(found.values())

    def _encode_targets(self, examples: Sequence[Example]) -> Iterator[dict[str, Tensor]]:
        end = torch.tensor([self.written_encoding.vocabulary.id(END)])
        for example in examples:
            try:
                tokens = self._encode_target(example)
                if (tokens == end).any():
                    raise RnnzooError(
                        f"{END} stands in {example.target!r}: it ends what is written, and is added itself"
                    )
            except RnnzooError as error:
                raise RnnzooError(f"{example.place}: what is to be written: {error}") from None
            yield {"tokens": torch.cat((tokens, end))}

    def _encode_target(self, example: Example) -> Tensor:
        return self.written_encoding.encode(example.target)["tokens"]


class SequencePairDataModule(WritingDataModule):
    """Sequences to be written as other sequences; a subclass reads them (see `WritingDataModule`).

    Args:
        source: how the sources become tokens.
        target: how the written texts become tokens.
        copy: whether words of the source may be copied: for a decoder with `copy`. A target word that the vocabulary
            lacks and the source has is then that word, not `<unk>`.
        batch_size: as in `ExampleDataModule`, and so are the rest; lengths are those of source and target together.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        source: TextVocabulary,
        target: TextVocabulary,
        copy: bool = False,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(target, batch_size, max_steps_per_batch, seed, workers)
        self._source, self._copy = source, copy
        self._copied: dict[str, CopyStore] = {}

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training sources."""
        return self._source.fit(examples)

    def source_batch(self, split: str, rows: Tensor) -> SequenceInputs | CopyInputs:
        """The sources."""
        inputs = self.stored(split).batch(rows)
        return self._copies(split).batch(inputs, rows) if self._copy else inputs

    def _copies(self, split: str) -> CopyStore:
        if split not in self._copied:
            split_source, vocabulary = self._source_tokens, self.written_encoding.vocabulary
            self._copied[split] = CopyStore([split_source(one) for one in self.examples(split)], vocabulary)
        return self._copied[split]

    def _source_tokens(self, example: Example) -> list[str]:
        encoding = self.input_encoding
        assert isinstance(encoding, TextEncoding)  # see fit_encoding
        return encoding.split(example.inputs)

    def _encode_target(self, example: Example) -> Tensor:
        if not self._copy:
            return super()._encode_target(example)
        vocabulary = self.written_encoding.vocabulary
        _, words = extend(self._source_tokens(example), vocabulary)
        return torch.tensor(extended_ids(self.written_encoding.split(example.target), vocabulary, words))

    def _lengths(self, split: str) -> Tensor:
        return self.stored(split).lengths + self.written(split).lengths
