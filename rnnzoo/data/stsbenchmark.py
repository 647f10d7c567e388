"""The Semantic Textual Similarity benchmark."""

from collections.abc import Sequence
from typing import Any

from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.data.pairs import PairDataModule, each_side
from rnnzoo.data.roots import dataset_folder
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError

_PUBLISHED = "http://ixa2.si.ehu.eus/stswiki/images/4/48/Stsbenchmark.tar.gz (Cer et al. 2017)"
_FILES = {"train": "sts-train.csv", "validation": "sts-dev.csv", "test": "sts-test.csv"}
_SCORE, _FIRST, _SECOND = 4, 5, 6  # columns


class STSBenchmarkDataModule(PairDataModule):
    """Pairs of English sentences and how alike they mean, from 0 to 5 (Cer et al. 2017): 5,749, 1,500 and 1,379.

    Read are the published files `sts-train.csv`, `sts-dev.csv` and `sts-test.csv`, which are separated by tabs and
    quote nothing, of `<root>/stsbenchmark`.

    Args:
        root: where data sets lie; else the environment variable `RNNZOO_DATA`, else the user's cache.
        tokenizer: `word`, `whitespace`, `character` or `subword`, or a dictionary of the name and its arguments.
        min_frequency: tokens that occur less often in the training sentences are `<unk>`.
        lowercase: whether words are looked up in lower case; their characters keep their case.
        characters: whether the characters of each word are read too.
        vocabulary_from: a checkpoint whose vocabulary comes first, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: the files are absent or not as they were published, when they are first needed.
    """

    answer_kind = "score"
    low, high = 0.0, 5.0
    description = "STS benchmark"

    def __init__(
        self,
        root: str | None = None,
        tokenizer: str | dict[str, Any] = "word",
        min_frequency: int = 1,
        lowercase: bool = True,
        characters: bool = False,
        vocabulary_from: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        self._root = root
        self._vocabulary = TextVocabulary(tokenizer, min_frequency, None, lowercase, characters, vocabulary_from)

    def read(self, split: str) -> Sequence[Example]:
        """The pairs of a split.

        Raises:
            RnnzooError: a row of too few columns, no number as score, or an empty sentence.
        """
        path = dataset_folder("stsbenchmark", _PUBLISHED, self._root) / _FILES[split]
        rows = enumerate(read_text(path).text.split("\n"), 1)
        return [_pair(line.split("\t"), f"{path}:{number}") for number, line in rows if line]

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training sentences."""
        return self._vocabulary.fit(each_side(examples))


def _pair(row: list[str], place: str) -> Example:
    if len(row) <= _SECOND:
        raise RnnzooError(f"{place}: {len(row)} columns, where at least {_SECOND + 1} are expected")
    try:
        score = float(row[_SCORE])
    except ValueError:
        raise RnnzooError(f"{place}: the score {row[_SCORE]!r} is no number") from None
    first, second = row[_FIRST].strip(), row[_SECOND].strip()
    if not first or not second:
        raise RnnzooError(f"{place}: a sentence is empty: correct the row")
    return Example((first, second), score, place)
