"""Labelled wav files: splits by a field, frames, what is fitted on, rates, and a check on the published set."""

from __future__ import annotations

import io
import tarfile
import wave
from pathlib import Path

import pytest
import torch

from rnnzoo.data import LabelledWavsDataModule
from rnnzoo.data.roots import data_root
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.mel import LogMel


def _wav(samples: torch.Tensor, rate: int = 8000, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 2**15).round().short().numpy().astype("<i2").tobytes())
    return buffer.getvalue()


def _sound(seed: int, count: int) -> torch.Tensor:
    return 0.2 * torch.randn(count, generator=torch.Generator().manual_seed(seed)).clamp(-3, 3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Digits 0 and 1, speakers a and b, indexes 0 to 7, in an archive."""
    (tmp_path / "fsdd").mkdir()
    with tarfile.open(tmp_path / "fsdd" / "few.tar.gz", "w:gz") as archive:
        for at, name in enumerate(f"{d}_{s}_{i}.wav" for d in (0, 1) for s in "ab" for i in range(8)):
            data = _wav(_sound(at, 400 + 10 * at))
            member = tarfile.TarInfo(f"recordings/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return tmp_path


def test_the_published_split_and_training_frames_alone_are_fitted_on(root: Path) -> None:
    data = LabelledWavsDataModule("fsdd", root=str(root), bands=5)
    indexes = {"test": range(5), "validation": [5], "train": [6, 7]}
    for split, expected in indexes.items():
        places = [example.place.split("recordings/")[1] for example in data.examples(split)]
        assert places == [f"{d}_{s}_{i}.wav" for d in (0, 1) for s in "ab" for i in expected]
    steps = torch.cat([LogMel(8000, bands=5)(example.inputs.samples) for example in data.examples("train")]).double()
    assert data.encoding["mean"] == pytest.approx(steps.mean(0).tolist(), rel=1e-5)
    assert data.encoding["scale"] == pytest.approx(steps.std(0, unbiased=False).tolist(), rel=1e-5)
    for loader, split in ((data.train_dataloader(), "train"), (data.test_dataloader(), "test")):
        found = [frames for batch in loader for frames in batch.inputs.lengths.tolist()]
        assert sorted(found) == sorted(1 + -(-(len(e.inputs.samples) - 200) // 80) for e in data.examples(split))


def test_folders_and_drawn_shares(tmp_path: Path) -> None:
    for at in range(20):
        folder = tmp_path / "xy"[at % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{at}.wav").write_bytes(_wav(_sound(at, 300), rate=11025))
    data = LabelledWavsDataModule(folder=str(tmp_path), fractions=[0.5, 0.2, 0.3])
    assert [len(data.examples(split)) for split in ("train", "validation", "test")] == [10, 4, 6]
    assert data.encoding["frames"]["sample_rate"] == 11025
    for example in data.examples("test"):
        assert example.target == "xy"[int(Path(example.place).stem) % 2]


def test_another_rate_is_named_or_converted_and_told(tmp_path: Path) -> None:
    for at in range(10):
        rate, channels = (16000, 2) if at == 7 else (8000, 1)
        name = f"{'ab'[at % 2]}_{at}.wav"
        (tmp_path / name).write_bytes(_wav(_sound(at, 1000), rate, channels))
    options = {"folder": str(tmp_path), "pattern": "{label}_{number}.wav", "fractions": [0.4, 0.3, 0.3]}
    with pytest.raises(
        RnnzooError, match=r"b_7.wav: has 2 channels at 16000 Hz, expected is 1 at 8000 Hz: convert the .*data\.convert"
    ):
        LabelledWavsDataModule(**options).examples("train")  # type: ignore[arg-type]
    data = LabelledWavsDataModule(convert=True, **options)  # type: ignore[arg-type]
    found = [example for split in ("train", "validation", "test") for example in data.examples(split)]
    (other,) = [example.inputs for example in found if example.place.endswith("b_7.wav")]
    assert len(data.input_encoding.encode(other)["values"]) == 2  # of 250 samples at 8 kHz, 200 wide and 80 apart
    assert "(1 files: 2 channels averaged, 16000 Hz resampled to 8000 Hz (windowed sinc))" in data.description


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give exactly one of data.dataset and data.folder"),
        ({"dataset": "fsd"}, "unknown data.dataset 'fsd'"),
        ({"dataset": "fsdd", "sample_rate": 16000}, "data.dataset fsdd has its own pattern, split_by and sample_rate"),
        ({"folder": ".", "root": "x"}, "data.root is where published sets lie, but data.folder is given: unset one"),
        ({"dataset": "fsdd", "test": ["1"]}, "data.dataset fsdd has its own test and validation: unset them"),
        ({"folder": ".", "split_by": "speaker"}, "data.split_by needs data.test and data.validation"),
        ({"folder": ".", "split_by": "a", "test": ["1"], "validation": ["1"]}, "none in both"),
        ({"folder": "nowhere"}, "nowhere: no such folder of wav files"),
    ],
)
def test_mistakes(given: dict[str, object], message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        LabelledWavsDataModule(**given).examples("train")  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_an_unknown_field(root: Path) -> None:
    data = LabelledWavsDataModule(
        folder=str(root / "fsdd" / "few.tar.gz"), pattern="{label}_{speaker}_{index}.wav", split_by="speakers",
        test=["a"], validation=["b"],
    )  # fmt: skip
    with pytest.raises(RnnzooError, match=r"field of the pattern 'speakers'.* speaker"):
        data.examples("train")


def test_values_of_the_field_that_no_file_has(root: Path) -> None:
    options = {"folder": str(root / "fsdd" / "few.tar.gz"), "pattern": "{label}_{speaker}_{index}.wav"}
    data = LabelledWavsDataModule(split_by="index", test=["4", "77"], validation=["5"], **options)  # type: ignore[arg-type]
    with pytest.raises(RnnzooError, match=r"unknown data\.test: index '77'.*\(known: 0, 1, 2, 3, 4, 5, 6, 7\)"):
        data.examples("train")


@pytest.mark.skipif(not (data_root() / "fsdd").is_dir(), reason="the data set fsdd is not below RNNZOO_DATA")
def test_the_spoken_digits_themselves() -> None:
    data = LabelledWavsDataModule("fsdd")
    assert [len(data.examples(split)) for split in ("train", "validation", "test")] == [360, 60, 300]
    assert data.labels == [str(digit) for digit in range(10)]
