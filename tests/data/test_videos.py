"""Films with captions: what moves where, and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnzoo.data import MovingGlyphDataModule, VideoFilesDataModule
from rnnzoo.data.moving_glyphs import DIRECTIONS, SPEEDS
from rnnzoo.errors import RnnzooError


def _shift(before: Any, after: Any) -> tuple[int, int]:
    """By how much a picture on a torus has moved: where the correlation of both, by Fourier, is largest."""
    spectrum = np.fft.fft2(after.astype(float)) * np.conj(np.fft.fft2(before.astype(float)))
    down, right = np.unravel_index(np.fft.ifft2(spectrum).real.argmax(), before.shape)
    size = before.shape[0]
    return (int(down) + size // 2) % size - size // 2, (int(right) + size // 2) % size - size // 2


def test_the_caption_says_what_moves_and_how() -> None:
    pytest.importorskip("matplotlib", reason="the fonts come with it")
    data = MovingGlyphDataModule(draws=1)
    captions = {split: {one.target for one in data.examples(split)} for split in ("train", "validation", "test")}
    assert sum(map(len, captions.values())) == len(set().union(*captions.values())) == 36 * 8 * 2
    words = [{word for text in captions[split] for word in text.split()} for split in ("train", "test")]
    assert words[1] <= words[0]
    pictures: dict[str, bytes] = {}
    for example in data.examples("test"):
        name, _, how = example.target.partition(" moves ")
        direction, _, speed = how.rpartition(" ")
        expected = tuple(SPEEDS[speed] * step for step in DIRECTIONS[direction])
        film = example.inputs
        assert 6 <= len(film) <= 10
        assert {_shift(film[at], film[at + 1]) for at in range(len(film) - 1)} == {expected}
        pixels = np.sort(film[0], axis=None).tobytes()
        assert pictures.setdefault(name, pixels) == pixels  # the same character wherever it is
    assert len(set(pictures.values())) > 25
    again = MovingGlyphDataModule(draws=1).examples("test")
    assert all(np.array_equal(a.inputs, b.inputs) for a, b in zip(data.examples("test"), again, strict=True))
    batch = data.make_batch("test", torch.tensor([0, 1, -1]))
    assert batch.source.lengths.tolist() == [len(data.examples("test")[at].inputs) for at in (0, 1)] + [0]
    with pytest.raises(RnnzooError, match=r"data\.size 20"):
        MovingGlyphDataModule(size=20)


def _films(folder: Path) -> list[str]:
    pillow = pytest.importorskip("PIL.Image", reason="frames are decoded by Pillow")
    (folder / "one").mkdir()
    for number in range(3):
        pillow.fromarray(np.full((4, 4), 50 * number, dtype=np.uint8)).save(folder / "one" / f"{number}.png")
    np.save(folder / "two.npy", np.full((2, 4, 4), 255, dtype=np.uint8))
    for split in ("train", "validation"):
        (folder / f"{split}.tsv").write_text("video\tcaption\none\tit brightens\ntwo.npy\tIt stays.\n")
    return [str(folder / "train.tsv"), str(folder / "validation.tsv")]


def test_films_of_files(tmp_path: Path) -> None:
    train, validation = _films(tmp_path)
    data = VideoFilesDataModule([train], [validation], height=4, width=4, channels=1)
    batch = data.make_batch("train", torch.tensor([1, 0]))
    assert batch.source.lengths.tolist() == [2, 3]
    frames = np.array([0, 50, 100, 255, 255]) / 255
    expected = (frames - frames.mean()) / frames.std()
    torch.testing.assert_close(
        batch.source.values[1, :, 0, 0, 0], torch.from_numpy(expected[:3]).float(), rtol=1e-4, atol=1e-4
    )
    words = data.target_encoding["vocabulary"]
    assert [words[at] for at in batch.targets[0]] == ["it", "stays", ".", "<eos>"]
    assert data.encoding["kind"] == "video"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("three\tit is gone", r"train\.tsv:2: the video .*three does not exist"),
        ("one\t ", r"train\.tsv:2: the caption is"),
    ],
    ids=["no-video", "no-caption"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, row: str, message: str) -> None:
    train, validation = _films(tmp_path)
    Path(train).write_text(f"video\tcaption\n{row}\n")
    with pytest.raises(RnnzooError, match=message):
        VideoFilesDataModule([train], [validation]).examples("train")


def test_a_frame_that_does_not_decode_is_named(tmp_path: Path) -> None:
    train, validation = _films(tmp_path)
    (tmp_path / "one" / "1.png").write_text("no image")
    with pytest.raises(RnnzooError, match=r"train\.tsv:2: frame 1: .*1\.png does not decode"):
        VideoFilesDataModule([train], [validation], height=4, width=4, channels=1).input_encoding  # noqa: B018
