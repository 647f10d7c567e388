"""What the DataModules of formal languages share: the machine, and the strings of each split."""

from collections.abc import Sequence
from functools import cached_property
from random import Random
from typing import Any

from rnnzoo.baselines.automata import AnyRecognizer, build_recognizer
from rnnzoo.data.examples import ExampleDataModule
from rnnzoo.data.formal_strings import StringSampler
from rnnzoo.encodings import InputEncoding, TextEncoding
from rnnzoo.errors import RnnzooError


class FormalDataModule(ExampleDataModule):
    """Strings of a formal language and others, for an acceptor or a tagger; the subclasses say what is answered.

    Half of the strings of each split are accepted and half rejected; how they are drawn is said at `StringSampler`.
    They are drawn from the seed alone, so that two runs read the same. A validation string never stands in training,
    nor a test string in either, but where the language has no others of its length and kind; `repeated` counts them.

    The id of a symbol is its place in the machine's alphabet, so that `machine.trace(batch.inputs.tokens)` is what is
    right after each symbol.

    Args:
        language: A name or a description, as `rnnzoo.baselines.automata.build_recognizer` takes it.
        train_lengths: The shortest and the longest training string.
        validation_lengths: Of validation strings; None: as in training.
        test_lengths: Of test strings; longer than in training, they test generalisation.
        train_size: How many training strings.
        validation_size: How many validation strings.
        test_size: How many test strings.
        near_misses: The share of near misses among the rejected strings.
        batch_size: As in `ExampleDataModule`, and so is the rest.
        max_steps_per_batch: See there.
        seed: Of the strings and of their order.
        workers: See there.

    Raises:
        RnnzooError: If the language is unknown, or sizes or lengths make no sense.
    """

    def __init__(
        self,
        language: str | dict[str, Any] = "parity",
        train_lengths: list[int] = [1, 40],  # noqa: B006  # never changed
        validation_lengths: list[int] | None = None,
        test_lengths: list[int] = [41, 100],  # noqa: B006  # never changed
        train_size: int = 10_000,
        validation_size: int = 1_000,
        test_size: int = 2_000,
        near_misses: float = 0.5,
        batch_size: int = 64,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        self.language, self.near_misses = language, near_misses
        self.machine: AnyRecognizer = build_recognizer(language)
        self.lengths = {
            "train": _pair("train_lengths", train_lengths),
            "validation": _pair("validation_lengths", validation_lengths or train_lengths),
            "test": _pair("test_lengths", test_lengths),
        }
        self.sizes = {"train": train_size, "validation": validation_size, "test": test_size}
        for split, size in self.sizes.items():
            if size < 2:
                raise RnnzooError(f"data.{split}_size: {size} must be at least 2, an accepted and a rejected string")

    @property
    def description(self) -> str:
        """The language and the lengths, for the title of a table."""
        named = self.language if isinstance(self.language, str) else " ".join(map(str, self.language.values()))
        (short, long), (test_short, test_long) = self.lengths["train"], self.lengths["test"]
        return f"{named}, trained on lengths {short}-{long}, tested on {test_short}-{test_long}"

    def strings(self, split: str) -> list[str]:
        """The strings of a split: those at even places are accepted, the others rejected.

        Raises:
            RnnzooError: If the lengths or the share of near misses are out of range, or the language accepts all
                strings of these lengths or none.
        """
        if split not in self._drawn:
            known = {string for earlier in self._before(split) for string in self.strings(earlier)}
            try:
                sampler = StringSampler(self.machine, self.lengths[split], self.near_misses, known)
            except RnnzooError as error:
                raise RnnzooError(f"the {split} strings of data.language {self.language}: {error}") from None
            random = Random(f"{self.seed} {split}")
            self._drawn[split] = [sampler.draw(random, accepted=at % 2 == 0) for at in range(self.sizes[split])]
        return self._drawn[split]

    def fit_encoding(self, examples: Sequence[Any]) -> InputEncoding:
        """Each symbol is a token, its id the machine's."""
        return TextEncoding("character", list(self.machine.alphabet))

    def repeated(self, split: str) -> int:
        """How many strings of a split stand in a split before it, of `train`, `validation`, `test`."""
        known = {string for earlier in self._before(split) for string in self.strings(earlier)}
        return sum(string in known for string in self.strings(split))

    def _before(self, split: str) -> list[str]:
        order = list(self.sizes)
        return order[: order.index(split)]

    @cached_property
    def _drawn(self) -> dict[str, list[str]]:
        return {}


def _pair(key: str, lengths: Sequence[int]) -> tuple[int, int]:
    if len(lengths) != 2:
        raise RnnzooError(f"data.{key}: {list(lengths)} must be the shortest and the longest length, such as [1, 40]")
    return lengths[0], lengths[1]
