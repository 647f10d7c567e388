"""Images and videos as numbers: by hand, from files, and what cannot be read."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnzoo.encodings import VideoEncoding, build_encoding
from rnnzoo.encodings.image import ImageEncoding
from rnnzoo.errors import RnnzooError

Image = pytest.importorskip("PIL.Image", reason="images are decoded by Pillow")

COLOURS = np.array([[[255, 0, 51], [0, 102, 204]]], dtype=np.uint8)  # 1 x 2


def _png(array: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="PNG")
    return file.getvalue()


def test_pixels_are_standardised_channel_by_channel(tmp_path: Path) -> None:
    encoding = ImageEncoding(1, 2, 3, mean=[0.5, 0.0, 0.2], scale=[0.5, 2.0, 0.1])
    expected = torch.tensor([[[1.0, 0.0, 0.0], [-1.0, 0.2, 6.0]]])
    (tmp_path / "x.png").write_bytes(_png(COLOURS))
    for raw in (COLOURS, COLOURS.astype(np.float32) / 255, _png(COLOURS), tmp_path / "x.png", str(tmp_path / "x.png")):
        torch.testing.assert_close(encoding.encode(raw), expected)
    torch.testing.assert_close(encoding.batch([COLOURS, COLOURS])[1], expected)
    torch.testing.assert_close(ImageEncoding(**encoding.config()).encode(COLOURS), expected)
    assert torch.equal(encoding.picture(expected), torch.from_numpy(COLOURS))


def test_grey_is_luma_and_grey_becomes_three_equal_channels() -> None:
    red, green, blue = (COLOURS[0, 1] / 255).tolist()
    grey = ImageEncoding(1, 2, 1).encode(COLOURS)
    assert grey[0, 1, 0].item() == pytest.approx(0.299 * red + 0.587 * green + 0.114 * blue, abs=1e-6)
    assert ImageEncoding(1, 2, 1).encode(_png(COLOURS))[0, 1, 0].item() == pytest.approx(grey[0, 1, 0].item(), abs=3e-3)
    flat = np.array([[0, 51]], dtype=np.uint8)
    assert ImageEncoding(1, 2, 3).encode(flat)[0].tolist() == [[0.0] * 3, [pytest.approx(0.2)] * 3]


def test_another_size_is_covered_from_the_middle() -> None:
    wide = np.zeros((4, 10), dtype=np.uint8)
    wide[:, 3:7] = 255  # 4 x 4 of 4 x 10 stand in the middle
    assert ImageEncoding(4, 4, 1).encode(wide).min() == 1.0
    halved = ImageEncoding(2, 5, 1).encode(wide)[0, :, 0]
    reference = Image.fromarray(wide).resize((5, 2), Image.Resampling.BILINEAR)
    torch.testing.assert_close(halved, torch.from_numpy(np.asarray(reference)[0] / 255).float(), atol=0.01, rtol=0)


def test_fit_is_mean_and_deviation_of_the_pixels() -> None:
    images = [np.full((2, 2), value, dtype=np.uint8) for value in (0, 255, 255, 255)]
    encoding = ImageEncoding.fit(images, 2, 2, 1)
    assert encoding.mean == [pytest.approx(0.75)]
    assert encoding.scale == [pytest.approx((0.75 * 0.25) ** 0.5)]
    assert ImageEncoding.fit(images[:1], 2, 2, 1).scale == [1.0]


def test_a_photograph_that_was_taken_sideways_stands_upright() -> None:
    array = np.zeros((8, 16), dtype=np.uint8)
    array[:, :8] = 255
    image, file = Image.fromarray(array), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise: what is left comes to the top
    image.save(file, format="PNG", exif=exif)
    upright = ImageEncoding(16, 8, 1).encode(file.getvalue())[..., 0]
    assert upright[:8].min() == 1.0
    assert upright[8:].max() == 0.0


def test_images_that_cannot_be_read(tmp_path: Path) -> None:
    encoding = ImageEncoding(2, 2, 3)
    whole = _png(np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8))
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no image")
    for raw, message in (
        (tmp_path / "cut.png", r"cut\.png does not decode"),
        (str(tmp_path / "text.jpg"), r"text\.jpg does not decode"),
        (tmp_path / "no.png", r"no\.png: no such file"),
        (b"no image", "^the image does not decode: it is of no format that Pillow knows$"),
        (b"", "^the image does not decode: it is of no format that Pillow knows$"),
        (np.zeros((2, 2, 4)), r"1 or 3 channels last is expected, not \(2, 2, 4\)"),
        (np.full((2, 2), 1.5), "whole numbers 0..255 or real ones 0..1"),
        (np.array([["a"]]), "is expected"),
    ):
        with pytest.raises(RnnzooError, match=message):
            encoding.encode(raw)
    with pytest.raises(RnnzooError, match=r"image 1: .*no\.png: no such file"):
        encoding.batch([COLOURS, tmp_path / "no.png"])
    with pytest.raises(RnnzooError, match="give a list of images"):
        encoding.batch("x.png")
    for one in (COLOURS, COLOURS[..., 0], torch.zeros(4, 5, 1), tmp_path / "x.png", b""):
        with pytest.raises(RnnzooError, match=r"^give a list of images, not one: \[image\]$"):
            encoding.batch(one)  # type: ignore[arg-type]  # the mistake
    assert encoding.batch(np.stack([COLOURS] * 4)).shape == (4, 2, 2, 3)
    assert encoding.batch(np.zeros((4, 5, 6))).shape == (4, 2, 2, 3)  # grey images
    with pytest.raises(RnnzooError, match="as many means"):
        ImageEncoding(2, 2, 3, mean=[0.0])


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_of_16_bits_are_a_share_of_65535(channels: int, tmp_path: Path) -> None:
    grey = np.array([[0, 257, 25700, 65535]], dtype=np.uint16)
    encoding, expected = ImageEncoding(1, 4, channels), torch.tensor([0.0, 1 / 255, 100 / 255, 1.0])
    for ending in ("png", "tiff"):
        Image.fromarray(grey).save(tmp_path / f"grey.{ending}")
        found = encoding.encode(tmp_path / f"grey.{ending}")
        torch.testing.assert_close(found, expected[None, :, None].expand(1, 4, channels))
    Image.fromarray(np.array([[0.0, 300.0]], dtype=np.float32)).save(tmp_path / "real.tiff")
    Image.fromarray(np.array([[0, 2**30]], dtype=np.int32)).save(tmp_path / "wide.tiff")
    for name in ("real.tiff", "wide.tiff"):
        with pytest.raises(
            RnnzooError, match=f"^{re.escape(str(tmp_path / name))}: of 32-bit pixels no one knows which is white: "
        ):
            encoding.encode(tmp_path / name)


def test_whatever_a_decoder_says_of_a_damaged_image_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of AVIF raises RuntimeError."""

    def refuse(opened: object) -> object:
        raise RuntimeError("Failed to decode frame 0")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(RnnzooError, match=r"broken\.avif does not decode: Failed to decode frame 0"):
        ImageEncoding(1, 4, 1).encode("broken.avif")


def test_a_video_is_its_frames(tmp_path: Path) -> None:
    frames = np.array([[[0, 255]], [[51, 0]], [[255, 255]]], dtype=np.uint8)
    encoding = VideoEncoding(1, 2, 1, mean=0.2, scale=0.4)
    expected = (torch.from_numpy(frames / 255).float()[..., None] - 0.2) / 0.4
    np.save(tmp_path / "film.npy", frames)
    folder = tmp_path / "film"
    folder.mkdir()
    for number, frame in enumerate(frames):
        (folder / f"{number:03}.png").write_bytes(_png(frame))
    for raw in (frames, tmp_path / "film.npy", folder, str(folder)):
        torch.testing.assert_close(encoding.encode(raw)["values"], expected)
    assert build_encoding(encoding.config()).config() == encoding.config()
    batch = encoding.batch([folder, frames[:1]])
    assert batch.lengths.tolist() == [3, 1]
    for one in (folder, str(folder), frames, np.zeros((3, 1, 2, 3), dtype=np.uint8)):
        with pytest.raises(RnnzooError, match=r"^give a list of inputs \(folders of frames, .*\), not one: \[input\]$"):
            encoding.batch(one)  # type: ignore[arg-type]  # the mistake
    assert encoding.batch(np.stack([frames] * 5)).lengths.tolist() == [3] * 5
    (folder / "001.png").write_text("no image")
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0 ftypisom")
    for raw, message in (
        (folder, r"frame 1: .*001\.png does not decode"),
        (tmp_path / "empty", "has no frames"),
        (tmp_path / "none", "there is no such folder of frames or .npy file"),
        (tmp_path / "objects.npy", r"is no .npy file without pickles, or damaged: save an array of numbers$"),
        (
            tmp_path / "film.mp4",
            r"film\.mp4: is no .npy file: give one, or a folder of frames \(.*`ffmpeg -i film\.mp4 ",
        ),
    ):
        with pytest.raises(RnnzooError, match=message):
            encoding.encode(raw)


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(1, 13):
        Image.fromarray(np.full((1, 1), number, dtype=np.uint8)).save(tmp_path / f"take2_frame{number}.png")
    found = VideoEncoding(1, 1).encode(tmp_path)["values"].flatten() * 255
    assert found.round().tolist() == list(range(1, 13))
