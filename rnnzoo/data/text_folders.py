"""Texts whose label is the name of their folder, or of their file."""

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.data.split_files import share_out, three_shares, without
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError


class TextFoldersDataModule(AcceptorDataModule):
    """Texts in folders or files that are named after their label.

    In each folder that is given, either

    - a folder for each label, and in it one `.txt` file for each text (`train/pos/0_9.txt`, as the movie reviews of
      Maas et al. 2011 are published); or
    - a `.txt` file for each label, and in it one text a line (`names/Czech.txt`); empty lines hold none.

    Other files in them, such as read-me files, are an error unless their names begin with a dot or `ignore` has them.
    Also `.txt.gz`. Where the names of the texts end otherwise, or in nothing, `ending` says so.

    Args:
        train_folder: to learn from.
        validation_folder: to choose by.
        test_folder: to report on.
        fractions: shares of training, validation and test examples, drawn from `train_folder`. With a `test_folder`
            they are two shares, of training and validation.
        split_seed: of that draw.
        ignore: names of files and folders in them that hold no examples.
        ending: of the files' names, before `.gz`; "": any, as of the 20 newsgroups.
        encoding: of the files, a name that Python knows, such as `latin-1`.
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
        RnnzooError: keys that do not go together; what is wrong with a folder is said when it is first needed.
    """

    def __init__(
        self,
        train_folder: str,
        validation_folder: str | None = None,
        test_folder: str | None = None,
        fractions: list[float] | None = None,
        split_seed: int = 0,
        ignore: list[str] | None = None,
        ending: str = ".txt",
        encoding: str = "utf-8",
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
        self.folders = {"train": train_folder, "validation": validation_folder, "test": test_folder}
        if (fractions is None) == (validation_folder is None):
            raise RnnzooError(
                "data.train_folder needs either data.validation_folder or data.fractions, such as [0.8, 0.1, 0.1]: "
                "give one of them"
            )
        given = [str(Path(folder).resolve()) for folder in self.folders.values() if folder]
        if len(set(given)) < len(given):
            raise RnnzooError(f"{given[0]}: a folder is given twice: what was trained on says nothing as test")
        apart = "data.test_folder" if test_folder else None
        self.fractions = None if fractions is None else three_shares(fractions, apart)
        self.split_seed, self.ignore = split_seed, tuple(ignore or ())
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise RnnzooError(
                f"data.encoding: unknown encoding {encoding!r}: give one that Python knows, such as latin-1 or cp1252"
            ) from None
        self._ending, self._encoding = ending, encoding
        self._vocabulary = TextVocabulary(
            tokenizer, min_frequency, max_vocabulary, lowercase, characters, vocabulary_from
        )
        self._shared: dict[str, list[Example]] = {}

    @property
    def description(self) -> str:
        """The folders' names."""
        return ", ".join(f"folder {Path(folder).name}" for folder in self.folders.values() if folder)

    def read(self, split: str) -> Sequence[Example]:
        """The texts of a split, label by label, files in the order of their names."""
        folder = self.folders[split]
        if folder is not None and (self.fractions is None or split == "test"):
            return self._checked(split, self._read_folder(folder))
        if self.fractions is None:
            raise RnnzooError(f"there are no {split} examples: give data.{split}_folder{without(split)}")
        if not self._shared:
            examples = self._read_folder(str(self.folders["train"]))
            self._shared = share_out(examples, self.fractions, self.split_seed)
        return self._shared[split]

    def _read_folder(self, folder: str) -> list[Example]:
        return read_labelled_folder(folder, self.ignore, self._ending, self._encoding)

    def _checked(self, split: str, examples: list[Example]) -> list[Example]:
        """The examples of a folder of its own, whose labels must be those of the training folder."""
        if split != "train":
            known = {example.target for example in self.examples("train")}
            for example in examples:
                if example.target not in known:
                    raise RnnzooError(
                        f"{example.place}: the label {example.target!r} does not occur in the training data "
                        f"({', '.join(sorted(known)[:12])}): give training examples of it, or name it in data.ignore"
                    )
        return examples

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training texts."""
        return self._vocabulary.fit(examples)


def read_labelled_folder(
    folder: str | Path, ignore: Sequence[str] = (), ending: str = ".txt", encoding: str = "utf-8"
) -> list[Example]:
    """The texts of a folder, each with the label that its folder or file is named after.

    Args:
        folder: it has either folders or files.
        ignore: names that are passed over, beside those that begin with a dot.
        ending: of the files' names, before `.gz`.
        encoding: of the files.

    Raises:
        RnnzooError: no such folder, nothing in it, both kinds, another file, or a text that cannot be read or is empty.
    """
    folder = Path(folder)
    entries = _entries(folder, ignore)
    folders = [entry for entry in entries if entry.is_dir()]
    if folders and len(folders) < len(entries):
        others = [entry.name for entry in entries if not entry.is_dir()]
        raise RnnzooError(
            f"{folder / others[0]}: stands beside folders: either each label has a folder of texts or a file with a "
            f"text a line; move it, or give data.ignore: [{', '.join(others)}], and in it also the folders that are no "
            f"labels, of {', '.join(entry.name for entry in folders)}"
        )
    if not folders:
        return [example for path in entries for example in _lines(path, ending, encoding)]
    files = [(path, label.name) for label in folders for path in _entries(label, ignore)]
    return [Example(_text(path, ending, encoding), label, str(path)) for path, label in files]


def _lines(path: Path, ending: str, encoding: str) -> list[Example]:
    label, lines = _stem(path, ending), _text(path, ending, encoding).split("\n")
    return [Example(line.strip(), label, f"{path}:{at}") for at, line in enumerate(lines, 1) if line.strip()]


def _text(path: Path, ending: str, encoding: str) -> str:
    _stem(path, ending)
    return read_text(path, encoding, "data.encoding").text


def _stem(path: Path, ending: str) -> str:
    """The name of a file of texts without its ending."""
    name = path.name.removesuffix(".gz")
    if path.is_dir() or not name.endswith(ending):
        kind = "folder" if path.is_dir() else "file"
        raise RnnzooError(
            f"{path}: a {kind} is no text: only {ending} and {ending}.gz files are expected here; let its name end so, "
            f"move it, or give data.ignore: [{path.name}], or give data.ending, of the names of the texts ('': any)"
        )
    return name.removesuffix(ending)


def _entries(folder: Path, ignore: Sequence[str]) -> list[Path]:
    try:
        entries = sorted(path for path in folder.iterdir() if path.name[0] != "." and path.name not in ignore)
    except OSError as error:
        raise RnnzooError(f"{folder}: cannot be read as a folder: {error.strerror or error}") from None
    if not entries:
        raise RnnzooError(f"{folder}: has neither folders nor files of texts: give the folder that has them")
    return entries
