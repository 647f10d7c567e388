"""Captions in one JSON file with splits, as Karpathy & Fei-Fei shared out COCO, Flickr8k and Flickr30k."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from rnnzoo.data.captioned_files import CaptionedFilesDataModule, caption
from rnnzoo.data.examples import Example
from rnnzoo.data.json_files import entries, read_json
from rnnzoo.errors import RnnzooError, unknown

SPLITS = {"train": "train", "restval": "train", "val": "validation", "test": "test"}


class KarpathyDataModule(CaptionedFilesDataModule):
    """The captions of `dataset_coco.json`, `dataset_flickr8k.json` or `dataset_flickr30k.json`, and of files like them.

    Such a file has `images`, each with `filename`, perhaps `filepath` (its folder), `split` (`train`, `restval`, which
    counts as training, `val`, `test`) and `sentences`, each with `raw`, the caption.

    Args:
        captions: the JSON file, also `.gz`.
        images: the folder or the tar archive of the images.
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
        captions: str,
        images: str,
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
        self.path = captions

    @property
    def description(self) -> str:
        """The file, and what of its test is left out."""
        return self._said(self.path)

    def captioned(self) -> set[str]:
        """The images of the file."""
        return {one.inputs for own in self._splits.values() for one in own if one.target is not None}

    def listed(self, split: str) -> Sequence[Example]:
        """The captions of a split."""
        return self._splits[split]

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        found: dict[str, list[Example]] = {split: [] for split in SPLITS.values()}
        seen: set[str] = set()
        keys = {"filename": (str,), "split": (str,), "sentences": (list,)}
        for place, image in entries(self.path, read_json(self.path), "images", keys):
            if image["split"] not in SPLITS:
                raise RnnzooError(f"{place}: {unknown('split', image['split'], list(SPLITS))}")
            if not isinstance(folder := image.get("filepath") or "", str):
                raise RnnzooError(f"{place}: filepath is {folder!r}: a text is expected")
            name = "/".join(filter(None, (folder, image["filename"])))
            if name in seen:
                raise RnnzooError(f"{place}: the image {name} stands there twice")
            seen.add(name)
            found[SPLITS[image["split"]]] += _sentences(image["sentences"], name, place)
        return found


def _sentences(given: list[Any], name: str, place: str) -> list[Example]:
    if not given:
        return [Example(name, None, place)]
    texts = [one.get("raw") if isinstance(one, dict) else None for one in given]
    return [Example(name, caption(text, f"{place}.sentences[{at}]"), place) for at, text in enumerate(texts)]
