"""A video as numbers: its frames, each decoded and scaled as an image is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnnzoo.encodings.base import Encoded
from rnnzoo.encodings.image import ImageEncoding, is_image
from rnnzoo.encodings.images import ImageSequenceEncoding
from rnnzoo.errors import RnnzooError


class VideoEncoding(ImageSequenceEncoding):
    """``(x - mean) / scale`` of the pixels, in 0..1, of each frame of a video, at one size.

    A raw video is the path of a folder, whose files are its frames in the order of their names, or of a `.npy` file, or
    an array (T, height, width), with channels last where there are 3; of whole numbers 0..255 or real ones 0..1.
    Numbers in names are read as such: `frame2.png` comes before `frame10.png`.

    Args:
        height: of the frames; those of another size are scaled and cut as `ImageEncoding` does.
        width: of the frames.
        channels: 1: grey, 3: red, green and blue.
        mean: of all training pixels.
        scale: of all training pixels, above 0.

    Example:
        >>> frames = np.array([[[0, 255]], [[255, 0]]], dtype=np.uint8)
        >>> VideoEncoding(1, 2, mean=0.5).encode(frames)["values"].flatten(1).tolist()
        [[-0.5, 0.5], [0.5, -0.5]]
    """

    kind = "video"
    raw = "folders of frames, .npy files, or arrays (T, height, width, channels)"

    def is_single(self, raw: Any) -> bool:
        """Whether this is a path, or an array whose rows are images."""
        return super().is_single(raw) or (len(getattr(raw, "shape", ())) > 2 and len(raw) > 0 and is_image(raw[0]))

    def encode(self, raw: Any) -> Encoded:
        """The standardised frames (T, height, width, channels) float32.

        Raises:
            RnnzooError: there are no frames, or one of them cannot be read; it is named.
        """
        frames = _frames(raw) if isinstance(raw, (str, Path)) else raw
        if not len(frames):
            raise RnnzooError("the video has no frames")
        image, found = ImageEncoding(self.height, self.width, self.channels), []
        for number, frame in enumerate(frames):
            try:
                found.append(image.encode(frame))
            except RnnzooError as error:
                raise RnnzooError(f"frame {number}: {error}") from None
        return super().encode(torch.stack(found))


def _frames(path: str | Path) -> Any:
    path = Path(path)
    if path.is_dir():
        files = (entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
        return sorted(files, key=lambda entry: (_numbers_read(entry.name), entry.name))
    if not path.is_file():
        raise RnnzooError(f"{path}: there is no such folder of frames or .npy file")
    with path.open("rb") as file:
        if not file.read(6) == b"\x93NUMPY":
            raise RnnzooError(
                f"{path}: is no .npy file: give one, or a folder of frames (take a film apart by "
                f"`ffmpeg -i {path.name} frames/%06d.png`)"
            )
    try:
        return np.load(path, allow_pickle=False)
    except Exception:  # numpy says nowhere what it raises for damaged bytes
        raise RnnzooError(f"{path}: is no .npy file without pickles, or damaged: save an array of numbers") from None


def _numbers_read(name: str) -> list[str | int]:
    """A name in pieces, its numbers as numbers; text and numbers take turns, so that any two can be compared."""
    return [int(piece) if at % 2 else piece for at, piece in enumerate(re.split("([0-9]+)", name))]
