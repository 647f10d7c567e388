"""What the DataModules of image files with captions share: files and captions must fit each other."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from lightning.pytorch.utilities import rank_zero_warn

from rnnzoo.data.augmentation import Augmentation
from rnnzoo.data.captions import CaptionDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.images import ImageFiles
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings.image import ImageEncoding
from rnnzoo.errors import RnnzooError


class CaptionedFilesDataModule(CaptionDataModule):
    """Image files and their captions, listed in other files; a subclass reads the lists (`listed`, `captioned`).

    Every caption needs its image and every image a caption, unless `skip_missing`; every image must decode, unless
    `skip_broken`. What is left out is counted and said.

    Args:
        images: the folder or the tar archive of the images (`rnnzoo.data.images.ImageFiles`).
        height: to which images are scaled.
        width: as the height.
        shift: training images are moved by at most so many pixels.
        mirror: whether training images are mirrored in half of the cases.
        min_frequency: words that occur less often in the training captions are `<unk>`.
        max_vocabulary: of the others at most so many, the frequent first.
        skip_missing: whether captions without an image, and images without a caption, are left out.
        skip_broken: whether images that do not decode are left out; then all are decoded once at the beginning.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        seed: see there.
        workers: see there.
    """

    remedy: ClassVar[str] = ": replace it, or set data.skip_broken: true, which leaves such images out"

    def __init__(
        self,
        images: str,
        height: int = 64,
        width: int = 64,
        shift: int = 0,
        mirror: bool = False,
        min_frequency: int = 1,
        max_vocabulary: int | None = None,
        skip_missing: bool = False,
        skip_broken: bool = False,
        batch_size: int = 32,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        target = TextVocabulary("word", min_frequency, max_vocabulary, lowercase=True)
        super().__init__(height, width, 3, Augmentation(shift, mirror), target, batch_size, seed, workers)
        self._images, self.skip_missing, self.skip_broken = images, skip_missing, skip_broken
        self.left_out: dict[str, int] = {}

    @abstractmethod
    def listed(self, split: str) -> Sequence[Example]:
        """The captions of a split, each with the name of its image as its inputs; None: the image has no caption."""

    @abstractmethod
    def captioned(self) -> set[str]:
        """The names of all images that have captions, in whatever split."""

    @cached_property
    def files(self) -> ImageFiles:
        """The image files.

        Raises:
            RnnzooError: a file has no caption, and `skip_missing` is not set; or none has.
        """
        files, captioned = ImageFiles(self._images), self.captioned()
        known = {files.find(name) for name in captioned} - {None}
        if not known:
            raise RnnzooError(
                f"{files.path}: no image in it has a caption: captions are of {min(captioned, default='nothing')} and "
                f"the like, images are {files.names[0]} and the like: give the folder or archive as data.images in "
                "which the captions' names lead to images"
            )
        without = [name for name in files.names if name not in known]
        said = f"{files.path}: {len(without):,} of {len(files.names):,} images have no caption"
        if without and not self.skip_missing:
            raise RnnzooError(f"{said}, such as {', '.join(without[:3])}: remove them, or set data.skip_missing: true")
        if without:
            rank_zero_warn(f"{said} and are left out")
        return files

    def read(self, split: str) -> Sequence[Example]:
        """The captions of a split whose images are there and decode."""
        listed = self.listed(split)
        found = self._present(split, self._with_captions(split, listed))
        if self.skip_broken:
            found = self._whole(split, found)
        names, kept = ({one.inputs for one in examples} for examples in (listed, found))
        self.left_out[split] = len(names) - len(kept)
        return found

    def load(self, name: str) -> bytes:
        """The bytes of an image file."""
        return self.files.read(name)

    def _with_captions(self, split: str, listed: Sequence[Example]) -> list[Example]:
        without = [example for example in listed if example.target is None]
        if without and not self.skip_missing:
            raise RnnzooError(
                f"{without[0].place}: the image {without[0].inputs} has no caption: give it one, remove it, or set "
                "data.skip_missing: true"
            )
        if without:
            rank_zero_warn(f"{split}: {len(without):,} listed images without a caption are left out")
        return [example for example in listed if example.target is not None]

    def _present(self, split: str, listed: Sequence[Example]) -> list[Example]:
        found: list[Example] = []
        missing: dict[str, str] = {}
        for example in listed:
            name = self.files.find(example.inputs)
            if name is None:
                missing.setdefault(example.inputs, example.place)
            else:
                found.append(replace(example, inputs=name, place=f"{example.place}: {name}"))
        if missing and not self.skip_missing:
            name, place = next(iter(missing.items()))
            raise RnnzooError(
                f"{place}: the image {name} is not in {self.files.path}; {len(missing):,} images that have {split} "
                "captions are missing: get them, or set data.skip_missing: true"
            )
        if missing:
            rank_zero_warn(f"{split}: captions of {len(missing):,} images that are missing are left out")
        return found

    def _whole(self, split: str, examples: Sequence[Example]) -> list[Example]:
        plain, broken = ImageEncoding(*self._size), set()
        for name in dict.fromkeys(example.inputs for example in examples):
            try:
                plain.encode(self.load(name))
            except RnnzooError:
                broken.add(name)
        if broken:
            named = ", ".join(sorted(broken))
            rank_zero_warn(f"{split}: {len(broken):,} images that do not decode are left out: {named}")
        return [example for example in examples if example.inputs not in broken]

    def _said(self, title: str) -> str:
        """A description, with how many images of the test are left out."""
        count = self.left_out.get("test", 0)
        return f"{title} ({count:,} listed test images left out)" if count else title


def caption(text: Any, place: str) -> str:
    """A caption that is a text and not empty.

    Raises:
        RnnzooError: it is not.
    """
    if not isinstance(text, str) or not text.strip():
        raise RnnzooError(f"{place}: the caption is {text!r}: give a text, or remove it")
    return text.strip()
