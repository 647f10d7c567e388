"""Surnames of many languages, which come with the package Faker."""

import pkgutil
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError


class SurnamesDataModule(AcceptorDataModule):
    """A surname, read character by character, and the language it is of.

    The names are those of Faker's locales (`pip install "rnnzoo[recipes]"`), the locales of one language together
    (`en_GB` and `en_US` are `en`). A name that stands in several languages is left out, since no reader could know.

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

    def __init__(
        self,
        min_names: int = 100,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        check_fractions(fractions)
        self.min_names, self.fractions, self.split_seed = min_names, fractions, split_seed

    @property
    def description(self) -> str:
        """Which names."""
        import faker

        return f"surnames of Faker {faker.VERSION}, {len(self.labels)} languages"

    def read(self, split: str) -> Sequence[Example]:
        """The names of a split."""
        return self._splits[split]

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The characters of the training names."""
        return TextVocabulary("character").fit(examples)

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        names = [
            Example(name, language, f"faker {language}: {name}")
            for language, found in surnames().items()
            if len(found) >= self.min_names
            for name in found
        ]
        return share_out(names, self.fractions, self.split_seed)


def surnames() -> dict[str, list[str]]:
    """The surnames of each language that stand in no other, sorted.

    Raises:
        RnnzooError: Faker is not installed.
    """
    try:
        import faker.providers.person as person
    except ImportError:
        raise RnnzooError('the surnames come with the package Faker: pip install "rnnzoo[recipes]"') from None
    languages: dict[str, set[str]] = defaultdict(set)
    for locale in pkgutil.iter_modules(person.__path__):
        provider: Any = import_module(f"{person.__name__}.{locale.name}").Provider
        languages[locale.name.partition("_")[0]].update(name.strip() for name in getattr(provider, "last_names", ()))
    count: dict[str, int] = defaultdict(int)
    for names in languages.values():
        for name in names:
            count[name] += 1
    return {
        language: sorted(name for name in languages[language] if name and count[name] == 1)
        for language in sorted(languages)
    }
