"""What is transparent in an image is the white of the page below it, not the colour that no one sees."""

from __future__ import annotations

import io

import numpy as np
import pytest

from rnnzoo.encodings.image import ImageEncoding

Image = pytest.importorskip("PIL.Image")


def _png(image: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")  # type: ignore[attr-defined]
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_black_drawing_on_nothing(mode: str, channels: int) -> None:
    pixels = np.zeros((1, 3, 4), dtype=np.uint8)  # black all over
    pixels[0, :, 3] = [255, 0, 51]  # seen, not seen, seen by a fifth
    image = Image.fromarray(pixels, "RGBA")
    if mode == "P":
        image = Image.new("P", (3, 1))
        image.putpalette([0, 0, 0, 0, 0, 0, 204, 204, 204])
        image.putdata([0, 1, 2])
        image.info["transparency"] = 1
    found = ImageEncoding(1, 3, channels).encode(_png(image if mode == "P" else image.convert(mode)))
    expected = np.broadcast_to(np.array([0.0, 1.0, 0.8])[None, :, None], (1, 3, channels))
    np.testing.assert_allclose(found.numpy(), expected, atol=1 / 255)


def test_an_image_without_transparency_is_as_it_was() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10
    found = ImageEncoding(2, 4, 3).encode(_png(Image.fromarray(pixels)))
    np.testing.assert_allclose(found.numpy(), pixels / 255, atol=1e-6)
