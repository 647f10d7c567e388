"""Questions and answers of the package chatterbot-corpus."""

import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal

from rnnzoo.data.dialogue_files import corpus_files, read_dialogues
from rnnzoo.data.examples import Example
from rnnzoo.data.pairs import PairDataModule, each_side
from rnnzoo.data.split_files import check_fractions
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError


class ChatterbotDataModule(PairDataModule):
    """English dialogues of chatterbot-corpus (`pip install "rnnzoo[recipes]"`): what belongs to a question.

    A pair is a question (or another utterance) and, by `second`:

    - `answer`: what is answered to it, to be found among all answers; equal answers are one;
    - `question`: another question of its subject (a file of the package, such as `sports`), so that an encoder of
      questions is learned; all questions of a subject are one and do not compete.

    Equal questions are in the same split, which depends on `split_seed` alone, so an encoder of questions that is
    reused for answers has not seen the questions of the test.

    Args:
        second: what the question is paired with.
        fractions: shares of training, validation and test questions.
        split_seed: of the draw that shares them out, and of the other questions.
        lowercase: whether words are looked up in lower case.
        vocabulary_from: a checkpoint whose vocabulary comes first, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares; the package is not installed (when the dialogues are first needed).
    """

    description = "chatterbot-corpus, English"

    def __init__(
        self,
        second: Literal["answer", "question"] = "answer",
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        lowercase: bool = True,
        vocabulary_from: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        check_fractions(fractions)
        if second not in ("answer", "question"):
            raise RnnzooError(f"data.second must be answer or question, not {second!r}")
        self.second, self.fractions, self.split_seed = second, fractions, split_seed
        self._vocabulary = TextVocabulary("word", lowercase=lowercase, vocabulary_from=vocabulary_from)

    def read(self, split: str) -> Sequence[Example]:
        """The pairs of a split."""
        turns = self._turns[split]
        if self.second == "answer":
            return [Example((question, answer), answer.lower(), place) for _, question, answer, place in turns]
        draw = random.Random(self.split_seed)
        subjects: dict[str, list[str]] = {}
        for subject, question, _, _ in turns:
            subjects.setdefault(subject, []).append(question)
        return [
            Example((question, draw.choice(subjects[subject])), subject, place) for subject, question, _, place in turns
        ]

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of training questions and answers, whichever are paired."""
        both = [Example((question, answer), "", place) for _, question, answer, place in self._turns["train"]]
        return self._vocabulary.fit(each_side(both))

    @cached_property
    def _turns(self) -> dict[str, list[tuple[str, str, str, str]]]:
        turns = list(dialogue_turns())
        questions = sorted({question.lower() for _, question, _, _ in turns})
        random.Random(self.split_seed).shuffle(questions)
        first, second = (round(len(questions) * sum(self.fractions[:end])) for end in (1, 2))
        split_of = {
            question: "train" if at < first else "validation" if at < second else "test"
            for at, question in enumerate(questions)
        }
        found: dict[str, list[tuple[str, str, str, str]]] = {"train": [], "validation": [], "test": []}
        for turn in turns:
            found[split_of[turn[1].lower()]].append(turn)
        return found


def dialogue_turns() -> Iterator[tuple[str, str, str, str]]:
    """Subject, utterance, the next utterance, and where they stand, of each turn of each English dialogue.

    Of turns that are equal but for their case the first is kept.

    Raises:
        RnnzooError: chatterbot-corpus is not installed.
    """
    seen: set[tuple[str, str]] = set()
    for path in corpus_files("english"):
        for turn in read_dialogues(path):
            key = (turn.inputs.lower(), turn.target.lower())
            if key not in seen:
                seen.add(key)
                yield path.stem, turn.inputs, turn.target, turn.place
