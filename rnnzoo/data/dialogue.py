"""Questions and answers of the package chatterbot-corpus."""

from collections.abc import Sequence
from functools import cached_property

from rnnzoo.data.dialogue_files import corpus_files, read_dialogues
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import check_fractions
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.word_splits import split_words
from rnnzoo.data.writing import SequencePairDataModule


class DialogueDataModule(SequencePairDataModule):
    """What is said, and what is answered: each turn of a dialogue and the next.

    The dialogues of the package chatterbot-corpus (`pip install "rnnzoo[recipes]"`). Turns are drawn into the splits
    with all their answers, so that what is said in the test was not said in training.

    Args:
        language: the name of one of the package's folders.
        fractions: shares of training, validation and test turns.
        split_seed: of the draw that shares them out.
        min_frequency: words that occur less often in the training turns are `<unk>`.
        lowercase: whether words are turned into lower case.
        copy: whether words of what was said may be copied; see `SequencePairDataModule`.
        vocabulary_from: a checkpoint whose vocabulary comes first in that of the sources, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares; the package or the language is absent (when the dialogues are first needed).
    """

    def __init__(
        self,
        language: str = "english",
        fractions: list[float] = [0.9, 0.05, 0.05],  # noqa: B006  # never changed
        split_seed: int = 0,
        min_frequency: int = 1,
        lowercase: bool = True,
        copy: bool = False,
        vocabulary_from: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        source = TextVocabulary("word", min_frequency, lowercase=lowercase, vocabulary_from=vocabulary_from)
        target = TextVocabulary("word", min_frequency, lowercase=lowercase)
        super().__init__(source, target, copy, batch_size, max_steps_per_batch, seed, workers)
        check_fractions(fractions)
        self.language, self.fractions, self.split_seed = language, fractions, split_seed

    @property
    def description(self) -> str:
        """Which dialogues."""
        return f"chatterbot-corpus, {self.language}"

    def read(self, split: str) -> Sequence[Example]:
        """The turns of a split, an example for each answer."""
        return self._splits[split]

    def baselines(self) -> dict[str, list[str]]:
        """The answer that is most frequent in training."""
        answers = [example.target for example in self.examples("train")]
        answer = max(dict.fromkeys(answers), key=answers.count)
        return {f"always {answer!r}": [answer] * len(self.references("test"))}

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        turns = [turn for path in corpus_files(self.language) for turn in read_dialogues(path)]
        return split_words(turns, self.fractions, self.split_seed)
