"""Glyphs of the DejaVu fonts, which come with matplotlib, and the Unicode names of their characters."""

import unicodedata
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rnnzoo.data.augmentation import Augmentation
from rnnzoo.data.captions import CaptionDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.errors import RnnzooError


class GlyphDataModule(CaptionDataModule):
    """The picture of a character, and its name: U+00E9 is `latin small letter e with acute`, word by word.

    The characters are those of a font that have a name and a picture; they are shared out at random, so that the names
    of the test are new, and their words are not.

    Args:
        font: a file in matplotlib's folder of fonts.
        size: pixels of a side.
        shift: training glyphs are moved by at most so many pixels.
        fractions: shares of training, validation and test characters.
        split_seed: of the draw that shares them out.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares, a size below 16; there is no such font, or no matplotlib (when needed).
    """

    def __init__(
        self,
        font: str = "DejaVuSans.ttf",
        size: int = 32,
        shift: int = 1,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        batch_size: int = 64,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(
            size, size, 1, Augmentation(shift), TextVocabulary("whitespace", lowercase=True), batch_size, seed, workers
        )
        check_fractions(fractions)
        if size < 16:
            raise RnnzooError(f"data.size: {size} pixels are too few for a glyph: give at least 16")
        self.font, self.fractions, self.split_seed = font, fractions, split_seed

    @property
    def description(self) -> str:
        """Which glyphs."""
        return f"{len(self._glyphs):,} glyphs of {self.font}, {self._size[0]} x {self._size[1]} pixels"

    def read(self, split: str) -> Sequence[Example]:
        """The characters of a split."""
        return self._splits[split]

    def load(self, name: str) -> Any:
        """The picture of a character."""
        return self._glyphs[name]

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        found = [
            Example(character, unicodedata.name(character).lower(), f"{self.font}, U+{ord(character):04X}")
            for character in self._glyphs
        ]
        return share_out(found, self.fractions, self.split_seed)

    @cached_property
    def _glyphs(self) -> dict[str, Any]:
        return render_glyphs(self.font, self._size[0])


def render_glyphs(font: str, size: int) -> dict[str, Any]:
    """The picture of each character of a font that has a name and ink, `size` x `size` bytes, by its character.

    All are drawn at the same scale, about a common baseline; a glyph that is larger is cut off.

    Raises:
        RnnzooError: there is no such font, or no matplotlib.
    """
    try:
        from matplotlib import get_data_path
        from matplotlib.ft2font import FT2Font
    except ImportError:
        raise RnnzooError('the fonts come with matplotlib: pip install "rnnzoo[recipes]"') from None
    from pathlib import Path

    folder = Path(get_data_path()) / "fonts" / "ttf"
    path = folder / font
    if not path.is_file() or path.parent != folder:
        names = ", ".join(sorted(entry.name for entry in folder.glob("DejaVu*.ttf")))
        raise RnnzooError(f"data.font: matplotlib has no font {font!r}: it has {names}")
    face = FT2Font(str(path))
    face.set_size(size * 0.62, 72)
    found = {}
    for code in sorted(face.get_charmap()):
        character = chr(code)
        if not unicodedata.name(character, ""):
            continue
        face.set_text(character, 0.0)
        face.draw_glyphs_to_bitmap()
        drawn = np.asarray(face.get_image())
        if drawn.any():
            found[character] = _placed(drawn, face.get_descent() / 64, size)
    return found


def _placed(drawn: Any, descent: float, size: int) -> Any:
    """A drawn glyph in the middle of a square, its baseline at three quarters of the height."""
    canvas = np.zeros((size, size), dtype=np.uint8)
    bottom = round(size * 0.75 + descent) + 1  # below what is drawn FreeType leaves an empty row
    top, left = bottom - drawn.shape[0], (size - drawn.shape[1]) // 2
    rows = slice(max(top, 0), max(min(bottom, size), 0))
    columns = slice(max(left, 0), min(left + drawn.shape[1], size))
    part = drawn[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    canvas[rows, columns] = part
    return canvas
