"""Short films of a character that moves, drawn from matplotlib's fonts."""

import random
import string
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rnnzoo.data.examples import Example
from rnnzoo.data.glyphs import render_glyphs
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.videos import VideoCaptionDataModule
from rnnzoo.errors import RnnzooError

DIRECTIONS = {
    "up": (-1, 0),
    "down": (1, 0),
    "left": (0, -1),
    "right": (0, 1),
    "up and left": (-1, -1),
    "up and right": (-1, 1),
    "down and left": (1, -1),
    "down and right": (1, 1),
}
SPEEDS = {"slowly": 1, "quickly": 2}  # pixels a frame
CHARACTERS = string.ascii_lowercase + string.digits
GLYPH = 16  # pixels of a side of the square in which a glyph is drawn
JITTER = 2  # pixels by which the middle of a way is moved at most


class MovingGlyphDataModule(VideoCaptionDataModule):
    """`latin small letter a moves up and left quickly`: a letter or digit that crosses a field, and what it does.

    There are 36 characters, 8 directions and 2 speeds, in all 576 captions; each has `draws` films of 6 to 10 frames,
    whose ways cross about the middle of the field. The captions are shared out, so that those of the test are new, and
    their words are not. What leaves the field comes in on the other side.

    Args:
        font: a file in matplotlib's folder of fonts.
        size: pixels of a side of the field, at least 24.
        draws: films of each caption.
        fractions: shares of training, validation and test captions.
        split_seed: of the draw that shares them out, and of the films.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares, a smaller field, no film; there is no such font, or no matplotlib (when needed).
    """

    def __init__(
        self,
        font: str = "DejaVuSans.ttf",
        size: int = 32,
        draws: int = 4,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        batch_size: int = 64,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(size, size, 1, TextVocabulary("whitespace"), batch_size, None, seed, workers)
        check_fractions(fractions)
        if size < 24 or draws < 1:
            raise RnnzooError(f"data.size {size} must be at least 24 and data.draws {draws} at least 1")
        self.font, self.draws, self.fractions, self.split_seed = font, draws, fractions, split_seed

    @property
    def description(self) -> str:
        """How many films of what."""
        count = len(CHARACTERS) * len(DIRECTIONS) * len(SPEEDS) * self.draws
        return f"{count:,} films of moving characters, {self._size[0]} x {self._size[1]} pixels"

    def read(self, split: str) -> Sequence[Example]:
        """The films of a split."""
        glyphs, found = self._glyphs, []
        for kind in self._splits[split]:
            character, direction, speed = kind.inputs
            for number in range(self.draws):
                draw = random.Random(f"{self.split_seed}, {kind.target}, {number}")
                film = draw_film(glyphs[character], direction, speed, self._size[0], draw)
                found.append(Example(film, kind.target, f"{kind.target}, film {number}"))
        return found

    def references(self, split: str) -> list[tuple[Any, list[Any]]]:
        """Each film of a split with its caption."""
        return [(example.inputs, [example.target]) for example in self.examples(split)]

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        found = [
            Example(
                (character, direction, speed),
                f"{unicodedata.name(character).lower()} moves {direction} {speed}",
                "",
            )
            for character in CHARACTERS
            for direction in DIRECTIONS
            for speed in SPEEDS
        ]
        return share_out(found, self.fractions, self.split_seed)

    @cached_property
    def _glyphs(self) -> dict[str, Any]:
        return render_glyphs(self.font, GLYPH)


def draw_film(glyph: Any, direction: str, speed: str, size: int, draw: random.Random) -> Any:
    """The frames (T, size, size) of bytes of a glyph that crosses the field; T and the way's middle are drawn."""
    down, right = (SPEEDS[speed] * step for step in DIRECTIONS[direction])
    frames = draw.randint(6, 10)
    at = np.arange(frames) - frames // 2
    edge = (size - GLYPH) // 2
    tops, lefts = (edge + draw.randint(-JITTER, JITTER) + step * at for step in (down, right))
    field = np.zeros((frames, size, size), dtype=np.uint8)
    field[:, : glyph.shape[0], : glyph.shape[1]] = glyph
    return np.stack(
        [np.roll(one, way, axis=(0, 1)) for one, way in zip(field, zip(tops, lefts, strict=True), strict=True)]
    )
