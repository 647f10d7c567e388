"""Surnames to be written from the language that they are of."""

from collections.abc import Sequence
from functools import cached_property

from rnnzoo.data.conditioned_text import ConditionedDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.data.surnames import surnames
from rnnzoo.data.text_vocabulary import TextVocabulary


class SurnameWritingDataModule(ConditionedDataModule):
    """A surname, character by character, to be written from its language; the names of `SurnamesDataModule`.

    Args:
        min_names: a language with fewer names is left out.
        fractions: shares of training, validation and test names.
        split_seed: of the draw that shares them out.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares; Faker is not installed (when the names are first needed).
    """

    condition_kind = "class"

    def __init__(
        self,
        min_names: int = 100,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        batch_size: int = 64,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(TextVocabulary("character"), batch_size, max_steps_per_batch, seed, workers)
        check_fractions(fractions)
        self.min_names, self.fractions, self.split_seed = min_names, fractions, split_seed

    @property
    def description(self) -> str:
        """Which names."""
        import faker

        return f"surnames of Faker {faker.VERSION}"

    def read(self, split: str) -> Sequence[Example]:
        """The names of a split."""
        return self._splits[split]

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        names = [
            Example(language, name, f"faker {language}: {name}")
            for language, found in surnames().items()
            if len(found) >= self.min_names
            for name in found
        ]
        return share_out(names, self.fractions, self.split_seed)
