"""Texts that are to be written from a class, a vector, or nothing."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

from torch import Tensor

from rnnzoo.data.examples import Example
from rnnzoo.data.labelled_text import numbers
from rnnzoo.data.split_files import SplitFiles
from rnnzoo.data.table_files import read_table
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.writing import WritingDataModule
from rnnzoo.encodings.conditions import ClassCondition, Condition, NoCondition, VectorCondition
from rnnzoo.errors import RnnzooError, unknown

CONDITION_KINDS = ("class", "vector", "none")


class ConditionedDataModule(WritingDataModule):
    """Texts, each with what it is written from; a subclass reads them (see `WritingDataModule`).

    An example's inputs are, by `condition_kind`: `class`: a label, one of those that occur in the training data;
    `vector`: a tuple of numbers, which are standardised as in the training data; `none`: None.

    Args:
        target: how the written texts become tokens.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    condition_kind: Literal["class", "vector", "none"] = "class"

    @abstractmethod
    def read(self, split: str) -> Sequence[Example]:
        """The texts of a split."""

    @property
    def condition(self) -> dict[str, Any]:
        """What is written from, as plain data."""
        return self.fitted_condition.config()

    @cached_property
    def fitted_condition(self) -> Condition:
        """What is written from; learned from the training examples."""
        given = [example.inputs for example in self.examples("train")]
        if self.condition_kind == "vector":
            sizes = {len(one) for one in given}
            if len(sizes) > 1:
                raise RnnzooError(f"the vectors of {self.description} have {sorted(sizes)} numbers: make them equal")
            return VectorCondition.fit(given)
        if self.condition_kind == "none":
            return NoCondition()
        if len(labels := sorted(set(given))) == 1:
            raise RnnzooError(
                f"all training texts of {self.description} are of the class {labels[0]!r}: a condition needs at least "
                "two; to write from nothing, give data.condition_kind: none"
            )
        return ClassCondition(labels)

    def source_batch(self, split: str, rows: Tensor) -> Tensor | None:
        """Classes (N,) or vectors (N, D); None where nothing is given."""
        encoded = self._conditions(split)
        return encoded[rows] if isinstance(encoded, Tensor) else None

    def _conditions(self, split: str) -> Tensor | int:
        if split not in self._encoded_conditions:
            examples, condition = self.examples(split), self.fitted_condition
            for example in examples:
                try:
                    condition.encode([example.inputs])
                except RnnzooError as error:
                    raise RnnzooError(f"{example.place}: {str(error).removeprefix('condition 0: ')}") from None
            self._encoded_conditions[split] = condition.encode([one.inputs for one in examples])
        return self._encoded_conditions[split]

    @cached_property
    def _encoded_conditions(self) -> dict[str, Tensor | int]:
        return {}

    def _lengths(self, split: str) -> Tensor:
        self._conditions(split)  # what is wrong with a condition is said before training, not in the middle
        return self.written(split).lengths


class ConditionedTextDataModule(ConditionedDataModule):
    """Texts and what they are written from, a row of a `.tsv`, `.txt`, `.csv` or `.jsonl` file each (also `.gz`).

    Args:
        train_files: files to learn from.
        validation_files: files to choose by.
        test_files: files to report on.
        fractions: shares of training, validation and test examples, drawn from `train_files` where the other files are
            not given; with `test_files` two shares, of training and validation.
        split_seed: of that draw.
        text_column: the column of the text: its name, or its position from 0.
        condition_columns: the columns of what it is written from: one of labels, or one or several of numbers.
        condition_kind: `class`, `vector`, or `none`, which needs no columns.
        header: whether the first line of a table of tabs or commas names the columns.
        tokenizer: of the text: `character`, `word`, `whitespace` or `subword`, or a dictionary of name and arguments.
        min_frequency: tokens that occur less often in the training texts are `<unk>`.
        max_vocabulary: of the others at most so many, the frequent first.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: keys that do not go together; what is wrong with a file is said when it is first needed, with file
            and line.
    """

    def __init__(
        self,
        train_files: list[str],
        validation_files: list[str] | None = None,
        test_files: list[str] | None = None,
        fractions: list[float] | None = None,
        split_seed: int = 0,
        text_column: str | int = "text",
        condition_columns: list[str | int] = ["label"],  # noqa: B006  # never changed
        condition_kind: Literal["class", "vector", "none"] = "class",
        header: bool = True,
        tokenizer: str | dict[str, Any] = "character",
        min_frequency: int = 1,
        max_vocabulary: int | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(
            TextVocabulary(tokenizer, min_frequency, max_vocabulary), batch_size, max_steps_per_batch, seed, workers
        )
        self.files = SplitFiles(train_files, validation_files or [], test_files or [], fractions, split_seed)
        if condition_kind not in CONDITION_KINDS:
            raise RnnzooError(unknown("data.condition_kind", str(condition_kind), CONDITION_KINDS))
        columns = [] if condition_kind == "none" else condition_columns
        if (condition_kind == "class" and len(columns) != 1) or (condition_kind == "vector" and not columns):
            raise RnnzooError(
                f"data.condition_columns {columns}: a class stands in one column, a vector in one or several"
            )
        self.condition_kind = condition_kind
        self._columns, self._header = (text_column, *columns), header

    @property
    def description(self) -> str:
        """The files' names."""
        return self.files.description

    def read(self, split: str) -> Sequence[Example]:
        """The rows of the files of a split."""
        return self.files.read(split, self.read_file)

    def read_file(self, path: str) -> list[Example]:
        """The rows of a file."""
        return [self._example(row, place) for row, place in read_table(path, self._columns, self._header)]

    def _example(self, row: list[Any], place: str) -> Example:
        text, *given = row
        if not isinstance(text, str) or not text.strip():
            raise RnnzooError(f"{place}: the text is {text!r}: give a text that is not empty, or remove the row")
        if self.condition_kind == "none":
            return Example(None, text, place)
        if self.condition_kind == "class":
            if given[0] in ("", None):
                raise RnnzooError(f"{place}: the label is empty: give one, or remove the row")
            return Example(str(given[0]), text, place)
        cells = given[0] if len(given) == 1 and isinstance(given[0], list) else given
        return Example(tuple(numbers(cells, place)), text, place)
