"""Words with their tags, from files of columns."""

from collections.abc import Sequence

from rnnzoo.data.conll import read_columns
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import SplitFiles
from rnnzoo.data.tagger import TaggerDataModule
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.text.schemes import SchemeError, validate


class TaggedTextDataModule(TaggerDataModule):
    r"""Sentences of files with a word a line and its tags beside it: CoNLL columns, or word and tag with a tab.

    Args:
        train_files: files to learn from; also `.gz`.
        validation_files: files to choose by.
        test_files: files to report on.
        fractions: shares of training, validation and test sentences, drawn from `train_files` where the other files
            are not given; with `test_files` two shares, of training and validation.
        split_seed: of that draw.
        tag_columns: the position of each column of tags, from 0, by its name; from the end where it is below 0. The
            first is the one that counts.
        word_column: the position of the word.
        tabs: whether columns are separated by single tabs, else by any number of spaces and tabs.
        comment: how lines begin that are passed over, such as `# ` in Universal NER; "": there are none.
        scheme: of the first column, a name of `rnnzoo.text.schemes.SCHEMES`, or one for each of several columns: tags
            that break it are an error.
        min_frequency: words that occur less often in the training sentences are `<unk>`.
        max_vocabulary: of the others at most so many, the frequent first; `<unk>` counts.
        lowercase: whether words are looked up in lower case; characters keep their case.
        characters: whether the characters of each word are there too, for an input layer that reads them.
        vocabulary_from: a checkpoint whose vocabulary comes first, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        train_files: list[str],
        validation_files: list[str] | None = None,
        test_files: list[str] | None = None,
        fractions: list[float] | None = None,
        split_seed: int = 0,
        tag_columns: dict[str, int] = {"tag": -1},  # noqa: B006  # never changed
        word_column: int = 0,
        tabs: bool = False,
        comment: str = "",
        scheme: dict[str, str] | str | None = None,
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
        if not tag_columns:
            raise RnnzooError("data.tag_columns is empty: name at least one, such as {tag: -1}")
        self.files = SplitFiles(train_files, validation_files or [], test_files or [], fractions, split_seed)
        self.columns, self._places = list(tag_columns), list(tag_columns.values())
        self._word_column, self._separator, self._comment = word_column, "\t" if tabs else None, comment
        self._schemes = {self.columns[0]: scheme} if isinstance(scheme, str) else dict(scheme or {})
        self._vocabulary = TextVocabulary(
            "whitespace", min_frequency, max_vocabulary, lowercase, characters, vocabulary_from
        )
        for column, name in self._schemes.items():
            if column not in tag_columns:
                raise RnnzooError(unknown("column in data.scheme", column, tag_columns))
            validate([], name)

    @property
    def description(self) -> str:
        """The files' names."""
        return self.files.description

    def read(self, split: str) -> Sequence[Example]:
        """The sentences of a split."""
        return self.files.read(split, self.read_file)

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training sentences."""
        return self._vocabulary.fit(examples)

    def read_file(self, path: str) -> list[Example]:
        """The sentences of a file."""
        found = []
        for sentence in read_columns(path, self._word_column, self._places, self._separator, self._comment):
            for column, scheme in self._schemes.items():
                try:
                    validate(sentence.columns[self.columns.index(column)], scheme)
                except SchemeError as error:
                    raise RnnzooError(f"{path}:{sentence.lines[error.position]}: column {column}: {error}") from None
            found.append(Example(sentence.words, sentence.columns, f"{path}:{sentence.lines[0]}", sentence.lines))
        return found
