"""Wav files as the Speech Commands are published (Warden 2018): folders of words, lists, and noise."""

from __future__ import annotations

import io
import re
import tarfile
import wave
from pathlib import Path
from typing import Any

import pytest
import torch

from rnnzoo.data import LabelledWavsDataModule
from rnnzoo.encodings.audio import AudioEncoding
from rnnzoo.encodings.wav import Waveform
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.mel import LogMel


def _wav(count: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(range(256)) * (count // 128))
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = [f"{word}/{speaker:08x}_nohash_0.wav" for word in ("bed", "cat") for speaker in range(6)]
    for name in [*words, "_background_noise_/white_noise.wav"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(_wav(1024))
    for name, speaker in (("validation_list.txt", 4), ("testing_list.txt", 5)):
        lines = [one for one in words if f"{speaker:08x}" in one]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    (tmp_path / "README.md").write_text("Speech Commands")
    return tmp_path


def _options(folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "ignore": ["_background_noise_"],
        "validation_list": str(folder / "validation_list.txt"),
        "test_list": str(folder / "testing_list.txt"),
    }


def test_lists_say_which_split_a_file_is_in(folder: Path) -> None:
    data = LabelledWavsDataModule(**_options(folder))
    names = {split: [e.place[-22:] for e in data.examples(split)] for split in ("train", "validation", "test")}
    assert names["validation"] == ["bed/00000004_nohash_0.wav"[-22:], "cat/00000004_nohash_0.wav"[-22:]]
    assert names["test"] == ["bed/00000005_nohash_0.wav"[-22:], "cat/00000005_nohash_0.wav"[-22:]]
    assert len(names["train"]) == 8
    assert data.labels == ["bed", "cat"]
    with tarfile.open(folder / "x.tar.gz", "w:gz") as archive:
        for word in ("bed", "cat", "_background_noise_"):
            archive.add(folder / word, f"speech_commands/{word}")
    packed = LabelledWavsDataModule(**{**_options(folder), "folder": str(folder / "x.tar.gz")})
    assert {split: len(packed.examples(split)) for split in names} == {"train": 8, "validation": 2, "test": 2}


def test_noise_that_would_be_a_word_is_named(folder: Path) -> None:
    options = {**_options(folder), "ignore": []}
    with pytest.warns(UserWarning, match=r"1 file has the label _background_noise_.*data\.ignore"):
        assert LabelledWavsDataModule(**options).labels == ["_background_noise_", "bed", "cat"]


def test_mistakes_of_lists(folder: Path) -> None:
    options = _options(folder)
    for odd in ({"test_list": None}, {"split_by": "x", "test": ["a"], "validation": ["b"]}):
        with pytest.raises(RnnzooError, match=r"data\.validation_list and data\.test_list .* go together"):
            LabelledWavsDataModule(**{**options, **odd})
    with pytest.raises(RnnzooError, match=r"has its own .* unset"):
        LabelledWavsDataModule("fsdd", **{**options, "folder": None})
    (folder / "testing_list.txt").write_text("bed/00000005_nohash_0.wav\n\nbed/no.wav\n")
    said = re.escape(f"{folder / 'testing_list.txt'}:3: there is no wav file bed/no.wav in {folder}")
    with pytest.raises(RnnzooError, match=said):
        LabelledWavsDataModule(**options).examples("train")
    (folder / "testing_list.txt").write_text("bed/00000004_nohash_0.wav\n")
    with pytest.raises(RnnzooError, match=r"testing_list\.txt:1: .*_nohash_0\.wav stands in .*validation_list\.txt:1"):
        LabelledWavsDataModule(**options).examples("train")


def test_mean_and_scale_are_those_of_all_frames() -> None:
    draw = torch.Generator().manual_seed(1)
    sounds = [Waveform(0.1 * torch.randn(count, generator=draw), 8000) for count in (400, 800, 1600)]
    encoding = AudioEncoding.fit(iter(sounds), {"sample_rate": 8000, "bands": 5})
    frames = torch.cat([LogMel(8000, bands=5)(one.samples) for one in sounds]).double()
    torch.testing.assert_close(encoding.mean, frames.mean(0).float())
    torch.testing.assert_close(encoding.scale, frames.std(0, unbiased=False).float())
    silent = AudioEncoding.fit([Waveform(torch.zeros(800), 8000)], {"sample_rate": 8000, "bands": 3})
    assert silent.scale.tolist() == [1, 1, 1]
