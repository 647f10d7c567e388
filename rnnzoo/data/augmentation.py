"""Small changes of training images."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError


@dataclass(frozen=True)
class Augmentation:
    """Shifts and mirrors images at random.

    Attributes:
        shift: at most so many pixels, up or down and left or right; what comes in is a copy of the edge.
        mirror: whether left and right are exchanged in half of the cases; not for letters.

    Raises:
        RnnzooError: a shift below 0.
    """

    shift: int = 0
    mirror: bool = False

    def __post_init__(self) -> None:
        """Refuse a shift below 0."""
        if self.shift < 0:
            raise RnnzooError(f"data.shift: {self.shift} must be at least 0")

    def __call__(self, image: Tensor, draw: tuple[int, ...]) -> Tensor:
        """An image (height, width, channels), changed by what these numbers draw, and by nothing else."""
        if not self.shift and not self.mirror:
            return image
        digest = hashlib.blake2b(repr(draw).encode(), digest_size=8).digest()
        random = torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
        if self.mirror and int(torch.randint(2, (), generator=random)):
            image = image.flip(1)
        if self.shift:
            down, right = torch.randint(-self.shift, self.shift + 1, (2,), generator=random).tolist()
            rows = (torch.arange(image.shape[0]) - down).clamp(0, image.shape[0] - 1)
            columns = (torch.arange(image.shape[1]) - right).clamp(0, image.shape[1] - 1)
            image = image[rows][:, columns]
        return image
