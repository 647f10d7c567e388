"""What is read at one go, joined, shared or read again from a file is what a plain loop over it gives."""

from __future__ import annotations

import csv
import io
import pickle
import random
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo.data import ForecastDataModule, LabelledWavsDataModule
from rnnzoo.data.conll import read_columns
from rnnzoo.data.series_files import read_csv, read_ts, read_wide
from rnnzoo.data.store import SequenceStore
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.mel import LogMel

PLAIN = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers(-(10**20), 10**20).map(str)
WORDS = "1_0 inf -Infinity nan NA null ? +.5 5. . 1e999 -1e308 1e308 e5 --1 \u0663 \uff11 1e 0x10 1e5.5 1.0f + 1d3"
ODD = st.sampled_from([*WORDS.split(" "), "", " 7 ", "1 2", "\u00a03"])
ROWS = st.lists(st.lists(st.one_of(PLAIN, PLAIN, PLAIN, ODD), min_size=3, max_size=3), min_size=1, max_size=4)
GAPS = ("", "?", "na", "nan", "null")


def cell_value(cell: str) -> float | None:
    """NaN for a gap, None for what is no number; by `float`, of which the rest is left out that files do not have."""
    text = cell.strip()
    if text.lower() in GAPS:
        return float("nan")
    if not text.isascii() or "_" in text or "inf" in text.lower():
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return None if abs(value) == float("inf") else value


def check(read: object, path: Path, rows: list[tuple[int, list[str]]], expected_fault: str) -> None:
    """`read()` gives the values of all rows as one list, or the error names the first cell at fault."""
    faults = [(line, cell) for line, cells in rows for cell in cells if cell_value(cell) is None]
    values = [[cell_value(cell) for cell in cells] for _, cells in rows]
    gap = any(value != value for row in values for value in row)
    if not faults and not gap:
        assert read() == values  # type: ignore[operator]
        return
    with pytest.raises(RnnzooError) as caught:
        read()  # type: ignore[operator]
    if faults:
        line, cell = faults[0]
        assert str(caught.value).startswith(f"{path}:{line}: {cell.strip()[:40]!r} is ")
        assert expected_fault in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(rows=ROWS)
def test_numbers_of_csv_are_those_of_float_and_faults_have_line_and_column(
    tmp_path: Path, rows: list[list[str]]
) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["x", "y", "z"], *rows])
    with path.open(encoding="utf-8", newline="") as file:
        found = [(line, cells) for line, cells in enumerate(csv.reader(file), 1)][1:]
    first = next(("xyz"[at] for _, row in found for at, cell in enumerate(row) if cell_value(cell) is None), "x")
    check(lambda: read_csv(path)[0].values.tolist(), path, found, f"in the column {first!r}: choose the columns")
    wide = tmp_path / "a.tsv"
    wide.write_text("k\t" + "\t".join(rows[0]) + "\n", encoding="utf-8")
    at = next((at for at, cell in enumerate(rows[0], 1) if cell_value(cell) is None), 1)
    check(lambda: [one.values[:, 0].tolist() for one in read_wide(wide)], wide, [(1, rows[0])], f"in the cell {at}: ")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(rows=ROWS)
def test_numbers_of_ts_are_those_of_float(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "a.ts"
    cells = ["1", *rows[0], "1"]
    path.write_text("@univariate true\n@data\n" + ",".join(cells), encoding="utf-8")
    check(lambda: [one.values[:, 0].tolist() for one in read_ts(path)], path, [(3, cells)], "")


def test_windows_are_parts_of_one_series_in_memory(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(3.0, 5.0, (400, 3))
    (tmp_path / "a.csv").write_text("a,b,c\n" + "\n".join(",".join(map(repr, row)) for row in values.tolist()))
    data = ForecastDataModule(file=str(tmp_path / "a.csv"), window=50, stride=1)
    part = values[:280]
    scaled = ((values - part.mean(0)) / part.std(0)).astype(np.float32)
    batch = data.make_batch("train", torch.tensor([7, 200, -1]))
    assert batch.inputs.values is not None
    for row, begin in enumerate((7, 200)):
        assert np.allclose(batch.inputs.values[row], scaled[begin : begin + 50], atol=1e-6)
        assert np.allclose(batch.targets[row], scaled[begin + 1 : begin + 51], atol=1e-6)
    assert batch.inputs.lengths.tolist() == [50, 50, 0]
    assert not batch.inputs.values[2].any()
    batch = data.make_batch("test", torch.tensor([0, 1]))  # the part from 320 on, and a window of history before
    assert batch.inputs.values is not None
    assert batch.first.tolist() == [50, 50]
    assert batch.inputs.lengths.tolist() == [100, 80]
    assert np.allclose(batch.inputs.values[1, :80], scaled[319:399], atol=1e-6)
    buffer = io.BytesIO()
    torch.save(vars(data.stored("train")), buffer)
    assert buffer.tell() < 20_000  # 230 windows of 50 steps apart would be 138,000 bytes


def test_a_store_joins_more_sequences_than_one_group() -> None:
    draw = random.Random(0)
    letters = "ab\u00e9\U0001f600"
    encoding = TextEncoding("whitespace", ["<unk>", "a", "b"], characters=["a", "\U0001f600"])
    sentences = [
        ["".join(draw.choices(letters, k=draw.randint(1, 4))) for _ in range(draw.randint(1, 6))] for _ in range(700)
    ]
    store = SequenceStore(encoding.encode(words) for words in sentences)
    assert store.lengths.tolist() == list(map(len, sentences))
    rows = [0, 255, 256, 511, 512, 699]
    batch = store.batch(torch.tensor(rows))
    assert batch.tokens is not None
    assert batch.characters is not None
    assert batch.tokens.dtype == batch.characters.dtype == torch.int64
    for at, row in enumerate(rows):
        words = sentences[row]
        assert batch.tokens[at].tolist()[: len(words)] == [{"a": 1, "b": 2}.get(word, 0) for word in words]
        for word, found in zip(words, batch.characters[at].tolist(), strict=False):
            assert found[: len(word)] == [{"a": 2, "\U0001f600": 3}.get(letter, 1) for letter in word]
            assert not any(found[len(word) :])


def test_tagged_words_are_those_of_a_plain_split(tmp_path: Path) -> None:
    draw = random.Random(1)
    expected = [[(f"w{draw.randint(0, 9)}", draw.choice("XYZ")) for _ in range(draw.randint(1, 5))] for _ in range(50)]
    lines = [["  \t".join(pair) + " " for pair in sentence] for sentence in expected]
    (tmp_path / "a.txt").write_text("\n\n".join("\n".join(one) for one in lines))
    found = list(read_columns(tmp_path / "a.txt", 0, [1]))
    assert [list(zip(one.words, one.columns[0], strict=True)) for one in found] == expected


def test_sounds_of_a_folder_stay_in_their_files(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    folder, archive = tmp_path / "wavs", tmp_path / "wavs.tar"
    for at in range(20):
        path = folder / "xy"[at % 2] / f"{at:02d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(draw.integers(-(2**15), 2**15, 4000).astype("<i2").tobytes())
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, "wavs")
    data = LabelledWavsDataModule(folder=str(folder), bands=5)
    train = data.examples("train")
    assert len(pickle.dumps(train)) < 10_000  # the samples would be 256,000 bytes
    frames = []
    for example in train:
        with wave.open(example.place, "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 2**15
        frames.append(LogMel(8000, bands=5)(torch.from_numpy(samples.astype(np.float32))).double())
    steps = torch.cat(frames)
    values = data.make_batch("train", torch.arange(len(train))).inputs.values
    expected = torch.stack([(one - steps.mean(0)) / steps.std(0, unbiased=False) for one in frames])
    assert torch.allclose(values.double(), expected, atol=1e-4)
    kept = LabelledWavsDataModule(folder=str(archive), bands=5)
    assert [Path(one.place).name for one in kept.examples("train")] == [Path(one.place).name for one in train]
    assert torch.equal(kept.make_batch("train", torch.arange(len(train))).inputs.values, values)
