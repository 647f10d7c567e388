"""Pairs of texts with an answer each, from TSV, CSV and JSON-lines files."""

from collections.abc import Sequence
from typing import Any, Literal

from rnnzoo.data.examples import Example
from rnnzoo.data.pairs import PairDataModule, each_side
from rnnzoo.data.split_files import SplitFiles
from rnnzoo.data.table_files import read_table
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError, unknown

ANSWER_KINDS = ("class", "score", "match")


class PairedTextDataModule(PairDataModule):
    """Two texts and what they are to each other, a row of a `.tsv`, `.txt`, `.csv` or `.jsonl` file (also `.gz`).

    Args:
        train_files: files to learn from.
        validation_files: files to choose by.
        test_files: files to report on.
        fractions: shares of training, validation and test pairs, drawn from `train_files` where the other files are
            not given; with `test_files` two shares, of training and validation.
        split_seed: of that draw.
        first_column: the column of the first text: its name, or its position from 0.
        second_column: the column of the second text.
        target_column: the column of the answer. None is for `match` alone: equal second texts are the same answer.
        header: whether the first line of a table of tabs or commas names the columns.
        answer_kind: `class`: a label, as entailment's; `score`: a number from `low` to `high`; `match`: the second text
            answers the first, and `target_column` names it.
        low: the lowest score.
        high: the highest.
        skip_labels: rows with these labels are left out: `["-"]` for the Stanford NLI corpus, whose annotators did not
            agree there (Bowman et al. 2015, section 2.2).
        tokenizer: `word`, `whitespace`, `character` or `subword`, or a dictionary of the name and its arguments.
        min_frequency: tokens that occur less often in the training texts are `<unk>`.
        max_vocabulary: of the others at most so many, the frequent first; `<unk>` counts.
        lowercase: whether words are looked up in lower case; their characters keep their case.
        characters: whether the characters of each word are read too.
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
        first_column: str | int = "first",
        second_column: str | int = "second",
        target_column: str | int | None = None,
        header: bool = True,
        answer_kind: Literal["class", "score", "match"] = "match",
        low: float = 0.0,
        high: float = 1.0,
        skip_labels: list[str] = [],  # noqa: B006  # never changed
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
        if target_column is None and answer_kind != "match":
            raise RnnzooError(f"data.answer_kind {answer_kind} is read from a column: give data.target_column")
        if skip_labels and answer_kind != "class":
            raise RnnzooError(f"data.skip_labels is for labels, but data.answer_kind is {answer_kind}: unset it")
        if not low < high:
            raise RnnzooError(f"data.low must be below data.high, not {low} and {high}")
        self.answer_kind = answer_kind
        self.low, self.high = low, high
        self._columns = [first_column, second_column, *([] if target_column is None else [target_column])]
        self._header, self._skipped = header, frozenset(skip_labels)
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
        """The vocabulary of the training texts, of both sides."""
        return self._vocabulary.fit(each_side(examples))

    def read_file(self, path: str) -> list[Example]:
        """The rows of a file, without those of `skip_labels`."""
        rows = read_table(path, self._columns, self._header)
        return [self._example(row, place) for row, place in rows if not (self._skipped and row[-1] in self._skipped)]

    def _example(self, row: list[Any], place: str) -> Example:
        first, second, target = row if len(row) == 3 else (*row, row[1])
        for name, text in (("first", first), ("second", second)):
            if not isinstance(text, str) or not text.strip():
                raise RnnzooError(
                    f"{place}: the {name} text is {text!r}: give a text that is not empty, or remove the row"
                )
        if self.answer_kind == "score":
            return Example((first, second), _score(target, place), place)
        if target in ("", None):
            raise RnnzooError(f"{place}: the {_NAMES[self.answer_kind]} is empty: give one, or remove the row")
        return Example((first, second), str(target), place)


_NAMES = {"class": "label", "match": "name of the second text"}


def _score(target: Any, place: str) -> float:
    try:
        return float(target)
    except (TypeError, ValueError):
        raise RnnzooError(f"{place}: the score {target!r} is no number") from None
