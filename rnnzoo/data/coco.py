"""Captions in the JSON files of COCO."""

from collections.abc import Sequence
from functools import cached_property

from rnnzoo.data.captioned_files import CaptionedFilesDataModule, caption
from rnnzoo.data.examples import Example
from rnnzoo.data.json_files import entries, read_json
from rnnzoo.data.split_files import without
from rnnzoo.errors import RnnzooError


class CocoCaptionsDataModule(CaptionedFilesDataModule):
    """The captions of `captions_train2017.json` and files like it, one a split (Chen et al. 2015).

    Such a file has `images`, each with `id` and `file_name`, and `annotations`, each with `image_id` and `caption`.

    Args:
        train: the JSON file to learn from, also `.gz`.
        validation: the one to choose by.
        test: the one to report on; None: there is none.
        images: the folder, at any depth, or the tar archive of the images of all splits.
        height: as in `CaptionedFilesDataModule`, and so are the rest.
        width: see there.
        shift: see there.
        mirror: see there.
        min_frequency: see there.
        max_vocabulary: see there.
        skip_missing: see there.
        skip_broken: see there.
        batch_size: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        train: str,
        validation: str,
        images: str,
        test: str | None = None,
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
        super().__init__(
            images,
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
        self.paths = {"train": train, "validation": validation, "test": test}

    @property
    def description(self) -> str:
        """The file, and what of its test is left out."""
        return self._said(str(self.paths["test"] or self.paths["train"]))

    def captioned(self) -> set[str]:
        """The images of all files."""
        return {one.inputs for own in self._splits.values() for one in own if one.target is not None}

    def listed(self, split: str) -> Sequence[Example]:
        """The captions of a split."""
        if split not in self._splits:
            raise RnnzooError(f"there are no {split} captions: give data.{split}{without(split)}")
        return self._splits[split]

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        found = {split: read_coco(path) for split, path in self.paths.items() if path}
        names: dict[str, str] = {}
        for split, examples in found.items():
            for name in {example.inputs for example in examples}:
                if name in names:
                    raise RnnzooError(f"{self.paths[split]}: the image {name} is in data.{names[name]} too")
                names[name] = split
        return found


def read_coco(path: str) -> list[Example]:
    """The captions of a file, image by image; an image without one has None in its place.

    Raises:
        RnnzooError: it is of another form, an image stands there twice, or a caption has no image.
    """
    content = read_json(path)
    images: dict[int | str, Example] = {}
    places: dict[str, str] = {}
    for place, image in entries(path, content, "images", {"id": (int, str), "file_name": (str,)}):
        number, name = image["id"], image["file_name"]
        if number in images:
            raise RnnzooError(f"{place}: the id {number} is that of {images[number].inputs} too")
        if name in places:
            raise RnnzooError(f"{place}: the image {name} stands in {places[name]} already")
        images[number], places[name] = Example(name, None, place), place
    found: dict[int | str, list[Example]] = {number: [] for number in images}
    for place, said in entries(path, content, "annotations", {"image_id": (int, str), "caption": (str,)}):
        if said["image_id"] not in images:
            raise RnnzooError(f"{place}: there is no image of the id {said['image_id']} for this caption")
        name = images[said["image_id"]].inputs
        found[said["image_id"]].append(Example(name, caption(said["caption"], place), place))
    return [example for number, own in found.items() for example in own or [images[number]]]
