"""Names that people gave to colours, which come with the package matplotlib."""

from collections.abc import Sequence
from functools import cached_property

from rnnzoo.data.conditioned_text import ConditionedDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.errors import RnnzooError


class ColourNamesDataModule(ConditionedDataModule):
    """The name of a colour, character by character, to be written from its red, green and blue, 0 to 1.

    949 colours of the survey of xkcd (https://xkcd.com/color/rgb/), as matplotlib has them
    (`pip install "rnnzoo[recipes]"`).

    Args:
        fractions: shares of training, validation and test colours.
        split_seed: of the draw that shares them out.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares; matplotlib is not installed (when the names are first needed).
    """

    condition_kind = "vector"

    def __init__(
        self,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(TextVocabulary("character"), batch_size, max_steps_per_batch, seed, workers)
        check_fractions(fractions)
        self.fractions, self.split_seed = fractions, split_seed

    @property
    def description(self) -> str:
        """Which names."""
        return "names of xkcd's colours"

    def read(self, split: str) -> Sequence[Example]:
        """The colours of a split."""
        return self._splits[split]

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        return share_out(colour_names(), self.fractions, self.split_seed)


def colour_names() -> list[Example]:
    """Red, green and blue, and the name.

    Raises:
        RnnzooError: matplotlib is not installed.
    """
    try:
        from matplotlib.colors import XKCD_COLORS, to_rgb
    except ImportError:
        raise RnnzooError('the names come with the package matplotlib: pip install "rnnzoo[recipes]"') from None
    return [
        Example(to_rgb(code), name.removeprefix("xkcd:"), f"matplotlib {name}") for name, code in XKCD_COLORS.items()
    ]
