"""Texts and their translations: two files line by line, or the columns of a table."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.data.roots import dataset_folder
from rnnzoo.data.split_files import three_shares, without
from rnnzoo.data.table_files import FORMATS, read_table
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.word_splits import split_words
from rnnzoo.data.writing import SequencePairDataModule
from rnnzoo.errors import RnnzooError

_SEGMENTS = r"sed -n 's:.*<seg[^>]*>\(.*\)</seg>.*:\1:p'"
_LINES = "grep -v '^<', of both files, leaves out the lines that are tags"
_MARKUP = {"<?xml": _SEGMENTS, "<srcset": _SEGMENTS, "<refset": _SEGMENTS, "<tstset": _SEGMENTS, "<mteval": _SEGMENTS}
_MARKUP |= {"<url>": _LINES, "<doc docid": _LINES}


class ParallelTextDataModule(SequencePairDataModule):
    """A text to be written as another: translations, summaries, corrections, dialogues.

    A split is two files, `[source, target]`, where line n of one belongs to line n of the other; or one table of tabs,
    CSV or JSON lines with a pair a row (`read_table`); each also `.gz`. A source that stands there several times has
    several references in a test. The vocabularies, and the pieces of a `subword` tokenizer, are learned from the
    training examples alone.

    Args:
        train_files: two files, or one table, to learn from.
        validation_files: the same to choose by.
        test_files: the same to report on.
        fractions: shares of training, validation and test sources, each with all its targets, drawn from `train_files`
            where the other files are not given; with `test_files` two shares, of training and validation.
        split_seed: of that draw.
        columns: the two columns of tables: names in the header, or positions from 0.
        header: whether the first line of a table of tabs or commas names the columns.
        tokenizer: of both sides: `word`, `whitespace`, `character` or `subword`, or a dictionary of name and arguments.
        target_tokenizer: of what is written, if it is another.
        lowercase: whether both sides are turned into lower case.
        min_frequency: tokens that occur less often in the training texts are `<unk>`, each side by itself.
        max_vocabulary: of the others at most so many, the frequent first.
        copy: whether words of the source may be copied; see `SequencePairDataModule`.
        vocabulary_from: a checkpoint whose vocabulary comes first in that of the sources, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: neither two files nor a table, or keys that do not go together; what is wrong in a file is said
            when it is first needed, with file and line.
    """

    def __init__(
        self,
        train_files: list[str],
        validation_files: list[str] | None = None,
        test_files: list[str] | None = None,
        fractions: list[float] | None = None,
        split_seed: int = 0,
        columns: list[str | int] = [0, 1],  # noqa: B006  # never changed
        header: bool = False,
        tokenizer: str | dict[str, Any] = "word",
        target_tokenizer: str | dict[str, Any] | None = None,
        lowercase: bool = False,
        min_frequency: int = 1,
        max_vocabulary: int | None = None,
        copy: bool = False,
        vocabulary_from: str | None = None,
        batch_size: int = 64,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        source = TextVocabulary(tokenizer, min_frequency, max_vocabulary, lowercase, vocabulary_from=vocabulary_from)
        target = TextVocabulary(target_tokenizer or tokenizer, min_frequency, max_vocabulary, lowercase)
        super().__init__(source, target, copy, batch_size, max_steps_per_batch, seed, workers)
        self.files = {"train": train_files, "validation": validation_files or [], "test": test_files or []}
        if bool(fractions) == bool(validation_files):
            raise RnnzooError(
                "data.train_files needs either data.validation_files (and data.test_files) or data.fractions, "
                "such as [0.9, 0.05, 0.05]: give one of them"
            )
        self._shares = three_shares(fractions, "data.test_files" if test_files else None) if fractions else None
        self._split_seed = split_seed
        if len(columns) != 2:
            raise RnnzooError(f"data.columns {columns}: two are needed, what is read and what is written")
        self._columns, self._header = columns, header
        seen: set[Path] = set()
        for split, files in self.files.items():
            _check_files(split, files)
            for path in files:
                if Path(path).resolve() in seen:
                    raise RnnzooError(f"{path}: is given twice: what was trained on says nothing as validation or test")
                seen.add(Path(path).resolve())

    @property
    def description(self) -> str:
        """The names of the files that are reported on, or learned from."""
        files = self.files["test"] or self.files["train"]
        return " and ".join(Path(path).name for path in files)

    def read(self, split: str) -> Sequence[Example]:
        """The pairs of a split."""
        files = self.files[split]
        if self._shares is not None and not (split == "test" and files):
            return self._drawn[split]
        if not files:
            raise RnnzooError(f"there are no {split} examples: give data.{split}_files{without(split)}")
        return self._read_files(files)

    @cached_property
    def _drawn(self) -> dict[str, list[Example]]:
        """The training pairs shared out."""
        assert self._shares is not None  # see read
        return split_words(self._read_files(self.files["train"]), self._shares, self._split_seed)

    def _read_files(self, files: Sequence[str]) -> list[Example]:
        return read_pairs(*files) if len(files) == 2 else self._read_table(files[0])

    def _read_table(self, path: str) -> list[Example]:
        rows = read_table(path, self._columns, self._header)
        return [_pair(source, target, place, place) for (source, target), place in rows]


class Multi30kDataModule(ParallelTextDataModule):
    """Descriptions of photographs in two languages (Elliott et al. 2016), lower-cased and tokenised as published.

    The files `tok/{train,val,test_2016_flickr}.lc.norm.tok.{en,de}` of https://github.com/multi30k/dataset, plain or
    `.gz`, in the folder `multi30k` below the root. Scores are of tokenised lower-case text, to be compared with such.

    Args:
        source_language: what is read: `en` or `de`.
        target_language: what is written.
        root: where the folder `multi30k` lies; else the environment variable `RNNZOO_DATA`, else the user's cache.
        min_frequency: tokens that occur less often in the training texts are `<unk>`.
        max_vocabulary: of the others at most so many, the frequent first.
        copy: see `ParallelTextDataModule`.
        vocabulary_from: a checkpoint whose vocabulary comes first in that of the sources, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        source_language: str = "en",
        target_language: str = "de",
        root: str | None = None,
        min_frequency: int = 2,
        max_vocabulary: int | None = None,
        copy: bool = False,
        vocabulary_from: str | None = None,
        batch_size: int = 64,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        folder = dataset_folder("multi30k", "https://github.com/multi30k/dataset", root) / "tok"
        languages = (source_language, target_language)
        train, validation, test = (
            [_plain_or_packed(folder / f"{name}.lc.norm.tok.{language}") for language in languages]
            for name in ("train", "val", "test_2016_flickr")
        )
        super().__init__(
            train,
            validation,
            test,
            tokenizer="whitespace",
            min_frequency=min_frequency,
            max_vocabulary=max_vocabulary,
            copy=copy,
            vocabulary_from=vocabulary_from,
            batch_size=batch_size,
            max_steps_per_batch=max_steps_per_batch,
            seed=seed,
            workers=workers,
        )
        self._languages = f"{source_language}-{target_language}"

    @property
    def description(self) -> str:
        """Languages and test set."""
        return f"Multi30k {self._languages}, test 2016"


def read_pairs(source: str | Path, target: str | Path) -> list[Example]:
    """The lines of one file, each with the line of the same number of another.

    Raises:
        RnnzooError: files of unequal numbers of lines, an empty line, or one that begins as the markup of published
            talks and test sets does; file and line are named.
    """
    sides = [read_text(path).text.removesuffix("\n").split("\n") for path in (source, target)]
    for path, (first, *_) in zip((source, target), sides, strict=True):
        _refuse_markup(path, first)
    if len(sides[0]) != len(sides[1]):
        raise RnnzooError(
            f"{source} has {len(sides[0]):,} lines and {target} {len(sides[1]):,}: line n of one must belong to line n "
            "of the other"
        )
    try:
        return [
            _pair(one, other, f"{source}:{number}", f"{target}:{number}")
            for number, (one, other) in enumerate(zip(*sides, strict=True), 1)
        ]
    except RnnzooError as error:
        empty = sum(not (one.strip() and other.strip()) for one, other in zip(*sides, strict=True))
        raise RnnzooError(
            f"{error}; {empty:,} of {len(sides[0]):,} pairs have an empty side, and a table of the others is made by "
            f"paste {source} {target} | awk -F'\\t' '$1 ~ /[^ ]/ && $2 ~ /[^ ]/' > pairs.tsv"
        ) from None


def _refuse_markup(path: str | Path, first: str) -> None:
    """Refuse the tagged talks of IWSLT and the test sets of WMT, whose lines are not all sentences."""
    for beginning, remedy in _MARKUP.items():
        if first.lower().startswith(beginning):
            raise RnnzooError(f"{path}:1: {first[:40]!r} is markup, not a sentence: take the sentences out ({remedy})")


def _pair(source: Any, target: Any, place: str, target_place: str) -> Example:
    for text, where, what in ((source, place, "read"), (target, target_place, "written")):
        if not isinstance(text, str) or not text.strip():
            raise RnnzooError(f"{where}: what is to be {what} is {text!r}: give a text, or remove the pair")
    return Example(source, target, place)


def _check_files(split: str, files: Sequence[str]) -> None:
    if len(files) == 2 or (not files and split != "train"):
        return
    if len(files) != 1 or not str(files[0]).removesuffix(".gz").endswith(FORMATS):
        raise RnnzooError(
            f"data.{split}_files {list(files)}: give two files, [source, target], or one table whose name ends in "
            f"{', '.join(FORMATS)} (and .gz)"
        )


def _plain_or_packed(path: Path) -> str:
    return str(path if path.exists() else path.with_name(f"{path.name}.gz"))
