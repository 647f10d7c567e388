"""One image as numbers: decoded, scaled to one size, standardised."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.errors import InputError, RnnzooError, require_list


class ImageEncoding:
    """``(x - mean) / scale`` of the pixels of an image in 0..1, channel by channel, at one size.

    A raw image is the path of a file that Pillow decodes, its bytes, or an array (height, width), or with channels
    last, of whole numbers 0..255 or of real ones 0..1; a file may have 8 or 16 bits a pixel and channel. What is
    transparent in a file is white. An image of another size is scaled, its sides in proportion, so that it covers the
    size, and what is too much is cut off on both sides alike.

    Args:
        height: of the images.
        width: of the images.
        channels: 1: grey, 3: red, green and blue.
        mean: (channels,).
        scale: (channels,), above 0.

    Raises:
        RnnzooError: sizes below 1, or numbers that are not as many as channels.

    Example:
        >>> ImageEncoding(1, 2, channels=1, mean=[0.5], scale=[0.5]).encode(np.array([[0, 255]], dtype=np.uint8))
        tensor([[[-1.],
                 [ 1.]]])
    """

    def __init__(
        self,
        height: int,
        width: int,
        channels: int = 3,
        mean: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
    ) -> None:
        if min(height, width) < 1 or channels not in (1, 3):
            raise RnnzooError(f"images of {height} x {width} x {channels}: sides of at least 1 and 1 or 3 channels")
        self.height, self.width, self.channels = height, width, channels
        self.mean = list(mean) if mean is not None else [0.0] * channels
        self.scale = list(scale) if scale is not None else [1.0] * channels
        if len(self.mean) != channels or len(self.scale) != channels or min(self.scale) <= 0:
            raise RnnzooError(f"{channels} channels need as many means and scales above 0: {self.mean}, {self.scale}")

    @classmethod
    def fit(cls, images: Sequence[Any], height: int, width: int, channels: int) -> ImageEncoding:
        """Mean and standard deviation of each channel over the pixels of training images."""
        plain = cls(height, width, channels)
        pixels = torch.stack([plain.encode(image) for image in images]).flatten(0, 2).double()
        spread = pixels.std(0, unbiased=False)
        return cls(height, width, channels, pixels.mean(0).tolist(), spread.masked_fill(spread == 0, 1.0).tolist())

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, as plain data."""
        return {
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "mean": self.mean,
            "scale": self.scale,
        }

    def encode(self, raw: Any) -> Tensor:
        """The image as (height, width, channels) float32.

        Raises:
            RnnzooError: it does not decode, or it is no array of an image.
        """
        pixels = self._fitted(self._pixels(raw))
        return (pixels - torch.tensor(self.mean)) / torch.tensor(self.scale)

    def batch(self, raw: Sequence[Any]) -> Tensor:
        """Images as (N, height, width, channels).

        Raises:
            InputError: one of them cannot be read.
            RnnzooError: one image in place of a list, or what is none; there is none.
        """
        if isinstance(raw, (str, bytes, Path)) or is_image(raw):
            raise RnnzooError("give a list of images, not one: [image]")
        found = []
        for position, one in enumerate(require_list("images", raw)):
            try:
                found.append(self.encode(one))
            except RnnzooError as error:
                raise InputError("image", position, str(error)) from None
        if not found:
            raise RnnzooError("there is no image: give a list of at least one")
        return torch.stack(found)

    def picture(self, encoded: Tensor) -> Tensor:
        """An encoded image (height, width, channels) as bytes 0..255, as the model sees it."""
        pixels = encoded.cpu() * torch.tensor(self.scale) + torch.tensor(self.mean)
        return (pixels * 255).round().clamp(0, 255).to(torch.uint8)

    def _pixels(self, raw: Any) -> Tensor:
        """(h, w, channels) in 0..1."""
        if isinstance(raw, (str, Path, bytes)):
            return self._decoded(raw)
        array = np.asarray(raw)
        if array.ndim == 2:
            array = array[:, :, None]
        if not is_image(array) or not array.size or array.dtype.kind not in "uif":
            raise RnnzooError(f"an array (height, width) or with 1 or 3 channels last is expected, not {array.shape}")
        pixels = torch.from_numpy(np.ascontiguousarray(array)).float()
        if array.dtype.kind != "f":
            pixels = pixels / 255
        if not bool(((pixels >= 0) & (pixels <= 1)).all()):
            raise RnnzooError("pixels must be whole numbers 0..255 or real ones 0..1")
        if pixels.shape[2] == self.channels:
            return pixels
        if self.channels == 3:
            return pixels.expand(-1, -1, 3)
        return pixels @ torch.tensor([[0.299], [0.587], [0.114]])  # luma of ITU-R BT.601, as Pillow converts

    def _decoded(self, raw: str | Path | bytes) -> Tensor:
        try:
            from PIL import Image, ImageOps, UnidentifiedImageError
        except ImportError:
            raise RnnzooError('images are decoded by Pillow: pip install "rnnzoo[recipes]"') from None
        name = "the image" if isinstance(raw, bytes) else str(raw)
        try:
            with Image.open(io.BytesIO(raw) if isinstance(raw, bytes) else raw) as image:
                upright = ImageOps.exif_transpose(image)  # a camera may have been held sideways
                if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
                    return self._grey(np.asarray(upright, dtype=np.float32) / 65535)
                if image.mode in ("I", "F"):
                    raise RnnzooError(
                        f"{name}: of 32-bit pixels no one knows which is white: save it with 8 or 16 bits"
                    )
                if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                    upright = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
                array = np.asarray(upright.convert("L" if self.channels == 1 else "RGB"))
        except RnnzooError:
            raise
        except FileNotFoundError:
            raise RnnzooError(f"{name}: no such file") from None
        except UnidentifiedImageError:
            raise RnnzooError(f"{name} does not decode: it is of no format that Pillow knows") from None
        except (OSError, RuntimeError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise RnnzooError(f"{name} does not decode: {error}") from None
        pixels = torch.from_numpy(array.copy()).float() / 255
        return pixels[:, :, None] if pixels.dim() == 2 else pixels

    def _grey(self, pixels: np.ndarray[Any, Any]) -> Tensor:
        """(h, w) in 0..1, which Pillow would cut off at 255 (`convert`), as (h, w, channels)."""
        return torch.from_numpy(pixels)[:, :, None].expand(-1, -1, self.channels)

    def _fitted(self, pixels: Tensor) -> Tensor:
        height, width, _ = pixels.shape
        if (height, width) == (self.height, self.width):
            return pixels
        factor = max(self.height / height, self.width / width)
        size = (max(self.height, round(height * factor)), max(self.width, round(width * factor)))
        scaled = F.interpolate(
            pixels.permute(2, 0, 1)[None], size, mode="bilinear", antialias=True, align_corners=False
        )
        top, left = (size[0] - self.height) // 2, (size[1] - self.width) // 2
        return scaled[0, :, top : top + self.height, left : left + self.width].permute(1, 2, 0).clamp(0, 1)


def is_image(raw: Any) -> bool:
    """Whether an array is one image: (height, width), or with 1 or 3 channels last.

    >>> is_image(np.zeros((5, 7, 3))), is_image(np.zeros((2, 5, 7, 3))), is_image([np.zeros((5, 7))])
    (True, False, False)
    """
    shape: tuple[int, ...] = tuple(getattr(raw, "shape", ()))
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))
