"""What the DataModules of captioners share: images and what is written of them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from rnnzoo.data.augmentation import Augmentation
from rnnzoo.data.examples import Example
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.writing import WritingDataModule
from rnnzoo.encodings.image import ImageEncoding
from rnnzoo.errors import RnnzooError

FITTED = 200  # training images from which mean and scale are computed


class CaptionDataModule(WritingDataModule):
    """Images with one or several captions each; a subclass reads them (see `WritingDataModule`).

    An example's input is what names its image, such as a path; `load(name)` gives what `ImageEncoding` reads. Images
    are decoded when a batch is made, by the workers if there are any. In training they are changed at random
    (`Augmentation`), by draws that depend on seed, epoch and image alone, so that a resumed run sees the same.

    Args:
        height: to which images are scaled.
        width: as the height.
        channels: 1: grey, 3: colours.
        augmentation: how much training images are changed.
        target: how captions become tokens.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        seed: see there.
        workers: see there.
    """

    remedy: ClassVar[str] = ""  # what can be done about an image that does not decode, for the message

    def __init__(
        self,
        height: int,
        width: int,
        channels: int,
        augmentation: Augmentation,
        target: TextVocabulary,
        batch_size: int = 32,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(target, batch_size, None, seed, workers)
        self._size, self.augmentation = (height, width, channels), augmentation
        ImageEncoding(*self._size)

    def load(self, name: Any) -> Any:
        """What `ImageEncoding` reads of the image of this name: the name itself, if it is a path."""
        return name

    @property
    def encoding(self) -> dict[str, Any]:
        """How images become numbers, as plain data."""
        return self.image_encoding.config()

    @cached_property
    def image_encoding(self) -> ImageEncoding:
        """How images become numbers; mean and scale are those of the first 200 training images."""
        first: dict[Any, Example] = {}
        for example in self.examples("train"):
            first.setdefault(example.inputs, example)
        plain = ImageEncoding(*self._size)
        images = [self._encoded(plain, example).numpy() for example in list(first.values())[:FITTED]]
        return ImageEncoding.fit(images, *self._size)

    def source_batch(self, split: str, rows: Tensor) -> Tensor:
        """The images (N, height, width, channels); zeros for a filling row."""
        examples = self.examples(split)
        epoch = self.trainer.current_epoch if self.trainer is not None and split == "train" else 0
        found = []
        for row in rows.tolist():
            image = self._encoded(self.image_encoding, examples[row]) if row >= 0 else torch.zeros(self._size)
            if split == "train" and row >= 0:
                image = self.augmentation(image, (self.seed, epoch, row))
            found.append(image)
        return torch.stack(found)

    def sources(self, split: str) -> Sequence[Any]:
        """The images of a split, each once, as `Captioner.predict` takes them."""
        return [self.load(name) for name in dict.fromkeys(example.inputs for example in self.examples(split))]

    def references(self, split: str) -> list[tuple[Any, list[Any]]]:
        """Each image of a split once, as `Captioner.predict` takes it, with its captions."""
        captions: dict[Any, list[Any]] = {}
        for example in self.examples(split):
            captions.setdefault(example.inputs, []).append(example.target)
        return [(self.load(name), own) for name, own in captions.items()]

    def _encoded(self, encoding: ImageEncoding, example: Example) -> Tensor:
        try:
            return encoding.encode(self.load(example.inputs))
        except RnnzooError as error:
            raise RnnzooError(f"{example.place}: {error}{self.remedy}") from None

    def _lengths(self, split: str) -> Tensor:
        # Images whose captions are of like length show like things: batch norm would learn what is true of such batches
        # only (glyphs: a training loss of 0.26 nats a word so, and 0.48 with the running statistics).
        lengths = self.written(split).lengths
        return torch.ones_like(lengths) if split == "train" else lengths
