"""Flickr8k: photographs with five captions each."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from rnnzoo.data.captioned_files import CaptionedFilesDataModule, caption
from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.data.roots import dataset_folder
from rnnzoo.errors import RnnzooError

LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "validation": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}


class Flickr8kDataModule(CaptionedFilesDataModule):
    """Photographs of people and dogs, five captions each, in the official splits (Hodosh et al. 2013).

    In the folder `flickr8k` below the root: `Flickr8k.token.txt` (also `.gz`) with lines `image.jpg#0<TAB>caption`, the
    three lists `Flickr_8k.{train,dev,test}Images.txt`, and the images. Captions of images in no list are not used.

    Args:
        images: a folder or a tar archive in that folder, or a path of its own.
        root: where the folder `flickr8k` lies; else the environment variable `RNNZOO_DATA`, else the user's cache.
        height: as in `CaptionedFilesDataModule`, and so are the rest.
        width: see there.
        shift: see there.
        mirror: see there.
        min_frequency: see there.
        max_vocabulary: see there.
        skip_missing: see there; needed with a part of the images.
        skip_broken: see there.
        batch_size: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        images: str = "images.tar",
        root: str | None = None,
        height: int = 96,
        width: int = 96,
        shift: int = 0,
        mirror: bool = True,
        min_frequency: int = 5,
        max_vocabulary: int | None = None,
        skip_missing: bool = False,
        skip_broken: bool = False,
        batch_size: int = 32,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        published = "https://hockenmaier.cs.illinois.edu/8k-pictures.html"
        self.folder = dataset_folder("flickr8k", published, root)
        super().__init__(
            str(self.folder / images),
            height,
            width,
            shift,
            mirror,
            min_frequency,
            max_vocabulary,
            skip_missing,
            skip_broken,
            batch_size,
            seed,
            workers,
        )

    @property
    def description(self) -> str:
        """The set."""
        return self._said("Flickr8k")

    def captioned(self) -> set[str]:
        """The images of the token file."""
        return set(self._captions)

    def listed(self, split: str) -> Sequence[Example]:
        """The captions of the images of a list."""
        found = []
        for name, place in self._lists[split].items():
            found += self._captions.get(name) or [Example(name, None, place)]
        return found

    @property
    def _token_file(self) -> Path:
        path = self.folder / "Flickr8k.token.txt"
        return path if path.exists() else path.with_name(f"{path.name}.gz")

    @cached_property
    def _lists(self) -> dict[str, dict[str, str]]:
        """The images of each list, and where each stands."""
        found: dict[str, dict[str, str]] = {}
        places: dict[str, str] = {}
        for split, file in LISTS.items():
            path, own = self.folder / file, found.setdefault(split, {})
            for line, text in enumerate(read_text(path).text.splitlines(), 1):
                name, place = text.strip(), f"{path}:{line}"
                if name in places:
                    raise RnnzooError(f"{place}: the image {name} stands in {places[name]} already: remove one of them")
                if name:
                    own[name] = places[name] = place
        return found

    @cached_property
    def _captions(self) -> dict[str, list[Example]]:
        found: dict[str, list[Example]] = {}
        for example in read_token_file(self._token_file):
            found.setdefault(example.inputs, []).append(example)
        return found


def read_token_file(path: str | Path) -> Iterator[Example]:
    """The captions of a file with lines `image.jpg#0<TAB>caption`.

    Raises:
        RnnzooError: a line of another form, an empty caption, or a number that comes twice; with file and line.
    """
    seen: dict[str, int] = {}
    for line, text in enumerate(read_text(path).text.removesuffix("\n").split("\n"), 1):
        place = f"{path}:{line}"
        key, tab, said = text.partition("\t")
        name, mark, number = key.rpartition("#")
        if not (tab and mark and name and number.isdecimal()):
            raise RnnzooError(f"{place}: {text[:60]!r} is not of the form image.jpg#0<TAB>caption")
        if key in seen:
            raise RnnzooError(f"{place}: {key} stands in line {seen[key]} already")
        seen[key] = line
        yield Example(name, caption(said, place), place)
