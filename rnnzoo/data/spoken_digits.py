"""Spoken digits, to be spelled."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from rnnzoo.data.examples import Example
from rnnzoo.data.labelled_wavs import LabelledWavsDataModule
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.writing import WritingDataModule
from rnnzoo.encodings import AudioEncoding

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class SpokenDigitWritingDataModule(WritingDataModule):
    """A spoken digit, in frames of log mel energies, to be spelled letter by letter.

    The free spoken digits (Jackson et al. 2018), with the splits of `LabelledWavsDataModule`.

    Args:
        window: of a frame, in seconds.
        hop: from one frame to the next, in seconds.
        bands: of each frame.
        root: where the folder `fsdd` lies; else the environment variable `RNNZOO_DATA`, else the user's cache.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        window: float = 0.025,
        hop: float = 0.010,
        bands: int = 40,
        root: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(TextVocabulary("character"), batch_size, max_steps_per_batch, seed, workers)
        self._wavs = LabelledWavsDataModule("fsdd", window=window, hop=hop, bands=bands, root=root)

    @property
    def description(self) -> str:
        """Which sounds."""
        return "free spoken digits"

    def read(self, split: str) -> Sequence[Example]:
        """The sounds of a split, each with its digit's word."""
        return [replace(one, target=WORDS[int(one.target)]) for one in self._wavs.read(split)]

    def fit_encoding(self, examples: Sequence[Example]) -> AudioEncoding:
        """Mean and scale of the training frames."""
        return self._wavs.fit_encoding(examples)

    def source_batch(self, split: str, rows: Tensor) -> Any:
        """The frames."""
        return self.stored(split).batch(rows)
