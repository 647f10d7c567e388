"""Images, one a step, standardised."""

from __future__ import annotations

from typing import Any

import torch

from rnnzoo.encodings.base import Encoded, InputEncoding
from rnnzoo.errors import RnnzooError


class ImageSequenceEncoding(InputEncoding):
    """``(x - mean) / scale`` of each image of a sequence, such as the frames of a video.

    A raw input is an array (T, height, width, channels), or without the last axis where there is one channel.

    Args:
        height: of the images.
        width: of the images.
        channels: of the images.
        mean: of all training pixels.
        scale: of all training pixels, above 0.

    Example:
        >>> ImageSequenceEncoding(2, 3, mean=1.0).encode(torch.ones(5, 2, 3))["values"].shape
        torch.Size([5, 2, 3, 1])
    """

    kind = "images"
    raw = "arrays (T, height, width, channels)"

    def __init__(self, height: int, width: int, channels: int = 1, mean: float = 0.0, scale: float = 1.0) -> None:
        if min(height, width, channels) < 1 or not scale > 0:
            raise RnnzooError(
                f"images of {height} x {width} x {channels} with scale {scale}: sizes must be at least 1, scale above 0"
            )
        self.height, self.width, self.channels, self.mean, self.scale = height, width, channels, mean, scale

    def encode(self, raw: Any) -> Encoded:
        """The standardised images (T, height, width, channels) float32."""
        try:
            images = torch.as_tensor(raw, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError) as error:
            raise RnnzooError(f"an array of numbers is expected: {error}") from None
        if images.dim() == 3 and self.channels == 1:
            images = images[..., None]
        size = (self.height, self.width, self.channels)
        if images.dim() != 4 or images.shape[1:] != size or not len(images):
            raise RnnzooError(
                f"images (T, {', '.join(map(str, size))}), at least one, are expected, not {tuple(images.shape)}"
            )
        if not images.isfinite().all():
            step = int((~images.isfinite()).flatten(1).any(1).nonzero()[0])
            raise RnnzooError(f"image {step} has a value that is not finite")
        return {"values": (images - self.mean) / self.scale}

    def options(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "mean": self.mean,
            "scale": self.scale,
        }
