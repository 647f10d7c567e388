"""Dates as people write them, to be written as ISO 8601 has them."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property

from rnnzoo.data.examples import Example
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.writing import SequencePairDataModule
from rnnzoo.errors import RnnzooError

# Forms in which day, month and year cannot be taken for one another.
FORMS = (
    "d MMMM yyyy",
    "d MMM yyyy",
    "d. MMMM yyyy",
    "EEEE, d MMMM yyyy",
    "EEE d MMM yyyy",
    "MMMM d, yyyy",
    "MMM d, yyyy",
    "EEEE, MMMM d, yyyy",
    "d MMM, yyyy",
    "yyyy MMMM d",
    "dd-MMM-yyyy",
    "yyyy/MM/dd",
)


class DateDataModule(SequencePairDataModule):
    """A date in one of many written forms, character by character, to its form `yyyy-mm-dd`.

    The forms are made by Babel (`pip install "rnnzoo[recipes]"`) in the language of the locale. No form of a test date
    is in the training examples: the splits share no date.

    Args:
        size: how many dates are drawn, each in one form.
        first_year: of the dates.
        last_year: of the dates, included.
        locale: such as `en` or `de`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: of the dates and their forms, and of the order of the batches.
        workers: see there.

    Raises:
        RnnzooError: fewer than 100 dates, or more than the years have.
    """

    def __init__(
        self,
        size: int = 20000,
        first_year: int = 1900,
        last_year: int = 2099,
        locale: str = "en",
        batch_size: int = 128,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(
            TextVocabulary("character"),
            TextVocabulary("character"),
            batch_size=batch_size,
            max_steps_per_batch=max_steps_per_batch,
            seed=seed,
            workers=workers,
        )
        days = (date(last_year, 12, 31) - date(first_year, 1, 1)).days + 1 if first_year <= last_year else 0
        if not 100 <= size <= days:
            raise RnnzooError(
                f"data.size: {size} must be from 100 to the {days} days of data.first_year {first_year} to "
                f"data.last_year {last_year}"
            )
        self.num_dates, self.first_year, self.days, self.locale = size, first_year, days, locale

    @property
    def description(self) -> str:
        """The dates in a few words."""
        return f"{self.num_dates} dates in {len(FORMS)} forms, locale {self.locale}"

    def read(self, split: str) -> Sequence[Example]:
        """The dates of a split: 90 percent of them to train on, 5 each for validation and test."""
        first, second = round(0.9 * self.num_dates), round(0.95 * self.num_dates)
        return {"train": self._dates[:first], "validation": self._dates[first:second], "test": self._dates[second:]}[
            split
        ]

    @cached_property
    def _dates(self) -> list[Example]:
        try:
            from babel.core import Locale, UnknownLocaleError
            from babel.dates import format_date
        except ImportError:
            raise RnnzooError('the forms of dates come from the package Babel: pip install "rnnzoo[recipes]"') from None
        try:
            locale = Locale.parse(self.locale)
        except (UnknownLocaleError, ValueError):
            raise RnnzooError(f"data.locale: Babel knows no locale {self.locale!r}: such as en or de") from None
        draw = random.Random(self.seed)
        found = []
        for offset in draw.sample(range(self.days), self.num_dates):
            day, form = date(self.first_year, 1, 1) + timedelta(offset), draw.choice(FORMS)
            written = format_date(day, form, locale)
            written = draw.choice((written, written.lower(), written.upper()))
            found.append(Example(written, day.isoformat(), f"{day} as {form}"))
        return found
