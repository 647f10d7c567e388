"""Sentences with a sentiment each, from labelled trees."""

from collections.abc import Sequence
from typing import Literal

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.roots import dataset_folder
from rnnzoo.data.split_files import SplitFiles, check_own_files
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.trees import read_trees
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError

_SST = "https://nlp.stanford.edu/sentiment (trainDevTestTrees_PTB.zip: its train.txt, dev.txt and test.txt)"
_LABELS = {"0": "very negative", "1": "negative", "2": "neutral", "3": "positive", "4": "very positive"}
_SIDES = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}


class TreebankDataModule(AcceptorDataModule):
    """The Stanford Sentiment Treebank (Socher et al. 2013): a sentence, or a phrase of one, and its sentiment.

    With two classes, what is neutral (label 2) is left out, as published: 6,920 training, 872 validation and 1,821 test
    sentences. Validation and test are whole sentences always.

    Args:
        classes: 5, from very negative to very positive, or 2.
        phrases: whether every phrase of a training sentence is an example too, each (phrase, label) once.
        root: where the folder `sst` lies; else the environment variable `RNNZOO_DATA`, else the user's cache.
        train_files: files of trees of your own, in place of the treebank's; also `.gz`.
        validation_files: as those.
        test_files: as those.
        min_frequency: words that occur less often in the training examples are `<unk>`.
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
        classes: Literal[2, 5] = 5,
        phrases: bool = False,
        root: str | None = None,
        train_files: list[str] | None = None,
        validation_files: list[str] | None = None,
        test_files: list[str] | None = None,
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
        if classes not in (2, 5):
            raise RnnzooError(f"data.classes must be 2 or 5, not {classes}")
        check_own_files(root, train_files, validation_files, test_files)
        self.names = _LABELS if classes == 5 else _SIDES
        self.phrases, self._root = phrases, root
        self._given = (train_files or [], validation_files or [], test_files or [])
        self._vocabulary = TextVocabulary(
            "whitespace", min_frequency, max_vocabulary, lowercase, characters, vocabulary_from
        )

    @property
    def description(self) -> str:
        """Which treebank, and how it is read."""
        source = "Stanford Sentiment Treebank" if not self._given[0] else SplitFiles(*self._given).description
        return f"{source}, {'5' if len(self.names) == 5 else '2'} classes"

    def read(self, split: str) -> Sequence[Example]:
        """The sentences of a split, and in training their phrases."""
        examples = self._files().read(split, self.read_phrases if self.phrases and split == "train" else self.read_file)
        if not self.phrases or split != "train":
            return examples
        return list({(tuple(example.inputs), example.target): example for example in examples}.values())

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training examples."""
        return self._vocabulary.fit(examples)

    def read_file(self, path: str) -> list[Example]:
        """The sentences of a file."""
        return [
            Example(phrases[-1].words, self.names[label], place)
            for phrases, place in read_trees(path)
            if (label := _known(phrases[-1].label, place)) in self.names
        ]

    def read_phrases(self, path: str) -> list[Example]:
        """The phrases of a file, the sentences among them."""
        return [
            Example(phrase.words, self.names[label], place)
            for phrases, place in read_trees(path)
            for phrase in phrases
            if (label := _known(phrase.label, place)) in self.names
        ]

    def _files(self) -> SplitFiles:
        if self._given[0]:
            return SplitFiles(*self._given)
        folder = dataset_folder("sst", _SST, self._root)
        names = (folder / name for name in ("train.txt", "dev.txt", "test.txt"))
        train, validation, test = (str(name if name.exists() else name.with_name(f"{name.name}.gz")) for name in names)
        return SplitFiles([train], [validation], [test])


def _known(label: str, place: str) -> str:
    if label not in _LABELS:
        raise RnnzooError(f"{place}: the label {label!r} of a node is none of 0, 1, 2, 3 and 4: correct it")
    return label
