"""Which text a DataModule was told to read: a named corpus, a folder or files."""

from dataclasses import dataclass

from rnnzoo.data.corpora import corpus_splits
from rnnzoo.data.splits import (
    Splits,
    splits_from_files,
    splits_from_folder,
    splits_from_folder_fractions,
    splits_from_fractions,
)
from rnnzoo.errors import RnnzooError


@dataclass(frozen=True)
class TextSource:
    """The keys of a DataModule that say where its text comes from, checked for sense; nothing is read yet.

    Attributes:
        corpus: The name of a corpus.
        folder: A folder with a file per split.
        train_files: Files to learn from.
        validation_files: Files to choose by.
        test_files: Files to report on.
        fractions: How to cut `train_files` where the other files are not given, or all files of the folder.
        root: Where the corpora lie.

    Raises:
        RnnzooError: If not exactly one source is given, or keys that do not go together.
    """

    corpus: str | None
    folder: str | None
    train_files: list[str] | None
    validation_files: list[str] | None
    test_files: list[str] | None
    fractions: list[float] | None
    root: str | None

    def __post_init__(self) -> None:
        for key in ("train_files", "validation_files", "test_files", "fractions"):
            value = getattr(self, key)
            if isinstance(value, str):
                raise RnnzooError(f"data.{key} is a list, not the text {value!r}: write [{value}]")
        sources = {"corpus": self.corpus, "folder": self.folder, "train_files": self.train_files}
        given = [f"data.{key}" for key, value in sources.items() if value]
        if len(given) != 1:
            raise RnnzooError(
                f"{' and '.join(given) or 'no text'} given: give exactly one of data.corpus, data.folder and "
                "data.train_files" + (" (--data.corpus null unsets a recipe's corpus)" if self.corpus else "")
            )
        others = {"validation_files": self.validation_files, "test_files": self.test_files}
        astray = [f"data.{key}" for key, value in others.items() if value]
        if self.corpus and self.fractions:
            astray.append("data.fractions")
        if astray and not self.train_files:
            raise RnnzooError(f"{' and '.join(astray)} need data.train_files, but {given[0]} is given: unset one")
        if self.root and not self.corpus:
            raise RnnzooError(f"data.root is where named corpora lie, but {given[0]} is given: unset data.root")
        if self.train_files and bool(self.fractions) == bool(self.validation_files):
            raise RnnzooError(
                "data.train_files needs either data.validation_files (and data.test_files) or data.fractions, "
                "such as [0.9, 0.05, 0.05]: give one of them"
            )
        if self.fractions and self.test_files:
            raise RnnzooError("data.fractions cuts the test text from data.train_files: unset it or data.test_files")

    def read(self) -> Splits:
        """The texts of the source.

        Raises:
            RnnzooError: If a file is missing or cannot be used.
        """
        if self.corpus:
            return corpus_splits(self.corpus, self.root)
        if self.folder and self.fractions:
            return splits_from_folder_fractions(self.folder, self.fractions)
        if self.folder:
            return splits_from_folder(self.folder)
        files = self.train_files or []
        if self.fractions:
            return splits_from_fractions(files, self.fractions)
        return splits_from_files(files, self.validation_files or [], self.test_files or [])
