"""Words with their tags from CoNLL-U treebanks."""

from collections.abc import Sequence

from rnnzoo.data.conllu import read_conllu
from rnnzoo.data.examples import Example
from rnnzoo.data.roots import dataset_folder
from rnnzoo.data.split_files import SplitFiles, check_own_files
from rnnzoo.data.tagger import TaggerDataModule
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError

_UNSPECIFIED = ("upos", "xpos", "head", "deprel")  # where _ says that nobody told; elsewhere that there is nothing
_EWT = "https://github.com/UniversalDependencies/UD_English-EWT (its three .conllu files)"


class ConlluDataModule(TaggerDataModule):
    """Sentences of a CoNLL-U treebank and the tags of their words.

    Args:
        treebank: `ewt`, the English Web Treebank (12,544 training, 2,001 validation and 2,077 test sentences), from the
            folder `ud_english_ewt`; None: the files given.
        root: where that folder lies; else the environment variable `RNNZOO_DATA`, else the user's cache.
        train_files: CoNLL-U files to learn from; also `.gz`.
        validation_files: files to choose by.
        test_files: files to report on.
        columns: the fields that are tags, the first is the one that counts: `upos`, `xpos`, `deprel` ... Where one of
            these is `_`, the step has no tag and is not counted.
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
        treebank: str | None = None,
        root: str | None = None,
        train_files: list[str] | None = None,
        validation_files: list[str] | None = None,
        test_files: list[str] | None = None,
        columns: list[str] = ["upos"],  # noqa: B006  # never changed
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
        if (treebank is None) == (not train_files):
            raise RnnzooError(
                "give exactly one of data.treebank and data.train_files (--data.treebank null unsets a recipe's)"
            )
        if treebank not in (None, "ewt"):
            raise RnnzooError(f"unknown data.treebank {treebank!r}: ewt is known; give others by data.train_files")
        check_own_files(root, train_files, validation_files, test_files)
        if not columns or len(set(columns)) < len(columns):
            raise RnnzooError(f"data.columns must name at least one field, each once, not {columns}")
        self.columns, self._root, self._treebank = columns, root, treebank
        self._given = (train_files or [], validation_files or [], test_files or [])
        self._vocabulary = TextVocabulary(
            "whitespace", min_frequency, max_vocabulary, lowercase, characters, vocabulary_from
        )

    @property
    def description(self) -> str:
        """Which treebank."""
        return "UD English EWT" if self._treebank else SplitFiles(*self._given).description

    def read(self, split: str) -> Sequence[Example]:
        """The sentences of a split."""
        return self._files().read(split, self.read_file)

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training sentences."""
        return self._vocabulary.fit(examples)

    def read_file(self, path: str) -> list[Example]:
        """The sentences of a file."""
        return [
            Example(
                sentence.words,
                [_told(column, tags) for column, tags in zip(self.columns, sentence.columns, strict=True)],
                f"{path}:{sentence.lines[0]}",
                sentence.lines,
            )
            for sentence in read_conllu(path, self.columns)
        ]

    def _files(self) -> SplitFiles:
        if self._treebank is None:
            return SplitFiles(*self._given)
        folder = dataset_folder("ud_english_ewt", _EWT, self._root)
        names = [folder / f"en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")]
        train, validation, test = (str(name if name.exists() else name.with_name(f"{name.name}.gz")) for name in names)
        return SplitFiles([train], [validation], [test])


def _told(column: str, tags: list[str]) -> list[str | None]:
    return [None if tag == "_" and column in _UNSPECIFIED else tag for tag in tags]
