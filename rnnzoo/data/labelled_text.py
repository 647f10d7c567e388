"""Texts with an answer each, from TSV, CSV and JSON-lines files."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import torch

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import SplitFiles
from rnnzoo.data.table_files import read_table
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError, unknown

_LARGEST = torch.finfo(torch.float32).max
ANSWER_KINDS = ("class", "labels", "value")


class LabelledTextDataModule(AcceptorDataModule):
    """Texts and their answers, a row of a `.tsv`, `.txt`, `.csv` or `.jsonl` file each (also `.gz`).

    Args:
        train_files: files to learn from.
        validation_files: files to choose by.
        test_files: files to report on.
        fractions: shares of training, validation and test examples, drawn from `train_files` where the other files are
            not given; with `test_files` two shares, of training and validation.
        split_seed: of that draw.
        text_column: the column of the text: its name, or its position from 0; or several, such as of title and body,
            which are joined by a space, empty ones left out.
        target_column: the column of the answer.
        header: whether the first line of a table of tabs or commas names the columns.
        answer_kind: `class`: a label, in JSON a string, a whole number (also 4.0), true or false; `labels`: all labels
            that hold, a list in JSON, else separated by `label_separator`; `value`: a number, or a list of numbers in
            JSON.
        label_separator: between the labels of a row of tabs or commas.
        tokenizer: `word`, `whitespace`, `character` or `subword`, or a dictionary of the name and its arguments.
        min_frequency: tokens that occur less often in the training texts are `<unk>`.
        max_vocabulary: of the others at most so many, the frequent first; `<unk>` counts.
        lowercase: whether words are looked up in lower case; characters keep their case.
        characters: whether the characters of each word are there too, for an input layer that reads them.
        vocabulary_from: a checkpoint whose vocabulary comes first, for `input.kind pretrained`.
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
        text_column: str | int | list[str | int] = "text",
        target_column: str | int = "label",
        header: bool = True,
        answer_kind: Literal["class", "labels", "value"] = "class",
        label_separator: str = "|",
        tokenizer: str | dict[str, Any] = "word",
        min_frequency: int = 1,
        max_vocabulary: int | None = None,
        lowercase: bool = False,
        characters: bool = False,
        vocabulary_from: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        self.files = SplitFiles(train_files, validation_files or [], test_files or [], fractions, split_seed)
        if answer_kind not in ANSWER_KINDS:
            raise RnnzooError(unknown("data.answer_kind", str(answer_kind), ANSWER_KINDS))
        self.answer_kind = answer_kind
        self._columns = [*(text_column if isinstance(text_column, list) else [text_column]), target_column]
        self._header, self._separator = header, label_separator
        self._vocabulary = TextVocabulary(
            tokenizer, min_frequency, max_vocabulary, lowercase, characters, vocabulary_from
        )

    @property
    def description(self) -> str:
        """The files' names."""
        return self.files.description

    def read(self, split: str) -> Sequence[Example]:
        """The rows of the files of a split."""
        return self.files.read(split, self.read_file)

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training texts."""
        return self._vocabulary.fit(examples)

    def read_file(self, path: str) -> list[Example]:
        """The rows of a file."""
        found, first = [], None
        for (*texts, target), place in read_table(path, self._columns, self._header):
            found.append(self._example(_joined(texts), target, place))
            first = target if first is None else first
            if self.answer_kind == "class" and type(target) is not type(first):
                raise RnnzooError(
                    f"{place}: the label {_shown(target)} stands beside {_shown(first)}, a label of another kind: "
                    "write all labels alike"
                )
        return found

    def _example(self, text: Any, target: Any, place: str) -> Example:
        if not isinstance(text, str) or not text.strip():
            raise RnnzooError(f"{place}: the text is {text!r}: give a text that is not empty, or remove the row")
        if self.answer_kind == "class":
            if target in ("", None):
                raise RnnzooError(f"{place}: the label is empty: give one, or remove the row")
            return Example(text, _label(target, place), place)
        if self.answer_kind == "labels":
            names = target
            if isinstance(target, str):
                names = [name for name in target.split(self._separator) if name]
            if not isinstance(names, list):
                raise RnnzooError(f"{place}: {_shown(target)} are no labels: give a list of them, [] for none")
            return Example(text, [_label(name, place) for name in names], place)
        return Example(text, numbers(target, place), place)


def _joined(texts: list[Any]) -> Any:
    """One text of several; what is none of them, where there is such."""
    if len(texts) == 1:
        return texts[0]
    odd = [text for text in texts if not isinstance(text, str)]
    return odd[0] if odd else " ".join(text for text in texts if text.strip())


def _label(name: Any, place: str) -> str:
    """A label as text; numbers, true and false as JSON writes them."""
    if isinstance(name, (bool, int)) or (isinstance(name, float) and name.is_integer()):
        return json.dumps(name)
    if not isinstance(name, str):
        raise RnnzooError(
            f"{place}: {_shown(name)} is no label: give a string, a whole number, true or false"
            f"{'; or data.answer_kind value, if a number is to be said' * isinstance(name, float)}"
        )
    if not name:
        raise RnnzooError(f"{place}: a label is empty: give one, or remove it")
    if name != name.strip():
        raise RnnzooError(f"{place}: the label {_shown(name)} begins or ends with white space: remove it")
    return name


def numbers(target: Any, place: str) -> list[float]:
    """A number, or several, as floats that are finite in 32 bits.

    Raises:
        RnnzooError: it is not; the place is named.
    """
    values = target if isinstance(target, list) else [target]
    if not values:
        raise RnnzooError(f"{place}: {target!r} is no number")
    return [_number(value, place) for value in values]


def _number(value: Any, place: str) -> float:
    try:
        # Python reads true as 1 and 1_0 as 10
        if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
            raise ValueError
        found = float(value)
    except (TypeError, ValueError):
        raise RnnzooError(f"{place}: {_shown(value)} is no number") from None
    except OverflowError:
        found = float("inf")
    if not abs(found) <= _LARGEST:
        raise RnnzooError(f"{place}: {_shown(value)} is no finite number of 32 bits")
    return found


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
