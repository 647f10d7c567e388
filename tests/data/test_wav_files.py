from __future__ import annotations

import io
import os
import struct
import tarfile
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo.data.wav_files import read_wavs
from rnnzoo.encodings.wav import decode_wav, read_wav, waveform
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.resample import resample


def pcm(samples: list[int], bits: int = 16, channels: int = 1, rate: int = 8000) -> bytes:
    """A file written by the standard library; 8 bits are unsigned."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(b"".join(s.to_bytes(bits // 8, "little", signed=bits > 8) for s in samples))
    return buffer.getvalue()


def riff(fmt: bytes, data: bytes) -> bytes:
    chunks = b"".join(
        struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2)
        for name, body in ((b"fmt ", fmt), (b"LIST", b"odd"), (b"data", data))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


FMT = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)


@pytest.mark.parametrize(
    ("bits", "samples", "expected"),
    [
        (8, [0, 128, 192, 255], [-1, 0, 0.5, 127 / 128]),
        (16, [-(2**15), 0, 2**14, 2**15 - 1], [-1, 0, 0.5, 1 - 2**-15]),
        (24, [-(2**23), -1, 2**22, 2**23 - 1], [-1, -(2**-23), 0.5, 1 - 2**-23]),
        (32, [-(2**31), -1, 2**30, 2**31 - 1], [-1, -(2**-31), 0.5, 1 - 2**-31]),
    ],
)
def test_pcm_by_hand(bits, samples, expected):
    channels, rate = decode_wav(pcm(samples, bits), "a.wav")
    assert rate == 8000
    assert channels.tolist() == [expected]
    channels, _ = decode_wav(pcm(samples, bits, channels=2), "a.wav")
    assert channels.tolist() == [expected[::2], expected[1::2]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_what_scipy_writes(tmp_path, dtype):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    draw = np.random.default_rng(0)
    if np.issubdtype(dtype, np.floating):
        samples = draw.standard_normal((9, 2)).astype(dtype)
        expected = samples.astype(np.float64)
    else:
        limits = np.iinfo(dtype)
        samples = draw.integers(limits.min, limits.max, (9, 2), dtype, endpoint=True)
        expected = (samples.astype(np.float64) - (128 if dtype is np.uint8 else 0)) / 2.0 ** (8 * samples.itemsize - 1)
    wavfile.write(tmp_path / "a.wav", 44100, samples)
    channels, rate = decode_wav((tmp_path / "a.wav").read_bytes(), "a.wav")
    assert rate == 44100
    assert np.array_equal(channels.numpy(), expected.T)


def test_the_extensible_header_and_other_chunks():
    extensible = struct.pack("<HHIIHHHHIH14s", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4, 1, bytes(14))
    for fmt in (FMT, extensible):
        assert decode_wav(riff(fmt, struct.pack("<2h", 2**14, -(2**14))), "a")[0].tolist() == [[0.5, -0.5]]


def test_conversions_are_errors_unless_allowed_and_then_said():
    stereo = pcm([2**14, 0, 2**13, 2**13], channels=2, rate=16000)
    with pytest.raises(RnnzooError, match=r"a.wav: has 2 channels at 16000 Hz, expected is 1 at 8000 Hz: .*averaged"):
        waveform(stereo, "a.wav", rate=8000)
    converted = waveform(stereo, "a.wav", rate=8000, convert=True)
    assert converted.conversion == "2 channels averaged, 16000 Hz resampled to 8000 Hz (windowed sinc)"
    assert torch.equal(converted.samples, resample(torch.tensor([0.25, 0.25]).double(), 16000, 8000).float())
    averaged = waveform(stereo, "a.wav", convert=True)
    assert (averaged.samples.tolist(), averaged.rate, averaged.conversion) == (
        [0.25, 0.25],
        16000,
        "2 channels averaged",
    )
    with pytest.raises(RnnzooError, match="has 1 channel at 8000 Hz, expected is 1 at 16000 Hz"):
        waveform(pcm([0]), "a.wav", rate=16000)
    with pytest.raises(RnnzooError, match=r"a.wav: .*needs a filter of"):
        waveform(pcm([0], rate=7919), "a.wav", rate=44101, convert=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no wav file"),
        (b"RIFX" + pcm([1])[4:], "is no wav file"),
        (pcm([1, 2, 3])[:-2], "is cut short: its data chunk says 6 bytes, 4 are there"),
        (pcm([1])[:36], "has no data chunk"),
        (pcm([1])[:12], "has no fmt and no data chunk"),
        (pcm([]), "has 0 bytes of sound"),
        (
            riff(FMT, b"abc"),
            "has 3 bytes of sound, which is no whole number of frames of 2 bytes, at least 1: remove the",
        ),
        (riff(FMT[:10], b"ab"), "its fmt chunk has 10 bytes"),
        (riff(b"\x02" + FMT[1:], b"ab"), "is wav of coding 2 with 16 bits"),
        (riff(FMT[:14] + b"\x0c\0", b"ab"), "is wav of coding 1 with 12 bits"),
        (riff(struct.pack("<HHIIHH", 1, 0, 8000, 0, 0, 16), b"ab"), "0 channels of 16 bits"),
        (riff(struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16), b"ab"), "at 0 Hz"),
        (riff(struct.pack("<HHIIHH", 3, 1, 8000, 0, 4, 32), struct.pack("<2f", 0, float("nan"))), "sample 1 is not"),
    ],
    ids=range(13),
)
def test_what_is_no_sound_is_named(data, message):
    with pytest.raises(RnnzooError, match=f"^a.wav: .*{message}"):
        decode_wav(data, "a.wav")


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=40).map(lambda tail: b"RIFF....WAVE" + tail),
        st.tuples(st.binary(max_size=40), st.binary(max_size=20)).map(lambda parts: riff(*parts)),
        st.tuples(st.integers(0, 43), st.integers(0, 255)).map(
            lambda edit: (data := bytearray(pcm([1, -5, 9]))).__setitem__(edit[0], edit[1]) or bytes(data)
        ),
    )
)
def test_any_bytes_are_sound_or_refused_by_name(data):
    try:
        channels, rate = decode_wav(data, "a.wav")
    except RnnzooError as error:
        assert str(error).startswith("a.wav: ")  # noqa: PT017  either outcome is right, no third
    else:
        assert channels.isfinite().all()
        assert channels.numel() > 0
        assert rate > 0


@given(samples=st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1), rate=st.sampled_from([8000, 44100]))
def test_round_trip(samples, rate):
    read = waveform(pcm(samples, rate=rate), "a.wav")
    assert (read.samples * 2**15).tolist() == samples
    assert (read.rate, read.conversion) == (rate, "")


def archive(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def test_labels_from_folders_and_from_names(tmp_path):
    for name, sample in {"yes/b.wav": 1, "no/c.WAV": 2, "yes/a.wav": 3}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(pcm([sample]))
    (tmp_path / "yes" / "._a.wav").write_bytes(b"a file of another kind")
    (tmp_path / "readme.txt").write_text("x")
    (tmp_path / "stray.wav").write_bytes(pcm([4]))
    with pytest.raises(RnnzooError, match=r"stray.wav: lies not as deep in folders as .*no.c.WAV, so that by .*: move"):
        list(read_wavs(tmp_path))
    (tmp_path / "stray.wav").unlink()
    found = list(read_wavs(tmp_path))
    assert [(one.label, one.fields["name"], one.place) for one in found] == [
        ("no", "c", str(tmp_path / "no/c.WAV")),
        ("yes", "a", str(tmp_path / "yes/a.wav")),
        ("yes", "b", str(tmp_path / "yes/b.wav")),
    ]
    assert [round(one.waveform.samples.item() * 2**15) for one in found] == [2, 3, 1]
    assert {one.label for one in read_wavs(tmp_path / "yes")} == {"yes"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_an_archive_is_read_where_it_is(tmp_path, mode):
    members = {
        "rec/7_ann_lee_12.wav": pcm([5]),
        "meta.txt": b"",
        "../../0_bo_3.wav": pcm([6]),
        "/etc/1_bo_4.wav": pcm([7]),
    }
    path = archive(tmp_path / "a.tar.gz", members, mode)
    found = list(read_wavs(path, "{label}_{speaker}_{index}.wav"))
    assert [one.fields for one in found] == [
        {"label": "7", "speaker": "ann", "index": "lee_12"},
        {"label": "0", "speaker": "bo", "index": "3"},
        {"label": "1", "speaker": "bo", "index": "4"},
    ]
    assert found[0].place == f"{path}:rec/7_ann_lee_12.wav"
    assert [round(one.waveform.samples.item() * 2**15) for one in found] == [5, 6, 7]
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_all_have_the_rate_of_the_first_or_the_given_one(tmp_path):
    path = archive(tmp_path / "a.tar", {"x/a.wav": pcm([1]), "x/b.wav": pcm([1], rate=16000)}, "w")
    with pytest.raises(RnnzooError, match=r"a.tar:x/b.wav: has 1 channel at 16000 Hz, expected is 1 at 8000 Hz"):
        list(read_wavs(path))
    with pytest.raises(RnnzooError, match=r"a.tar:x/a.wav: has 1 channel at 8000 Hz, expected is 1 at 16000 Hz"):
        list(read_wavs(path, rate=16000))
    converted = list(read_wavs(path, rate=16000, convert=True))
    assert [one.waveform.rate for one in converted] == [16000, 16000]
    assert [one.waveform.conversion for one in converted] == ["8000 Hz resampled to 16000 Hz (windowed sinc)", ""]


def test_what_cannot_be_used_is_named(tmp_path):
    with pytest.raises(RnnzooError, match="no such folder"):
        list(read_wavs(tmp_path / "absent"))
    with pytest.raises(RnnzooError, match=r"has no file whose name ends in \.wav"):
        list(read_wavs(tmp_path))
    (tmp_path / "one.wav").write_bytes(pcm([1]))
    with pytest.raises(RnnzooError, match=r"one.wav: its name does not fit '\{label\}_\{i\}.wav'"):
        list(read_wavs(tmp_path, "{label}_{i}.wav"))
    for pattern in ("{speaker}.wav", "{label}{label}.wav", "{label}_{}.wav", "x.wav"):
        with pytest.raises(RnnzooError, match=r"must have \{label\}"):
            list(read_wavs(tmp_path, pattern))
    (tmp_path / "a.tar").write_bytes(b"no archive")
    with pytest.raises(RnnzooError, match=r"a.tar: is no tar archive"):
        list(read_wavs(tmp_path / "a.tar"))
    path = archive(tmp_path / "b.tar.gz", {"x/a.wav": pcm(list(range(9999)))})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RnnzooError, match=r"b.tar.gz: .*cut short"):
        list(read_wavs(path))
    with pytest.raises(RnnzooError, match=r"absent.wav: cannot be read: No such file"):
        read_wav(tmp_path / "absent.wav")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    at=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.integers(0, 10**6), mode=st.sampled_from(["w", "w:gz"])
)
def test_a_damaged_archive_is_read_or_refused_by_name(tmp_path, at, byte, cut, mode):
    path = archive(tmp_path / "a.tar", {"x/a.wav": pcm([1, 2]), "y/b.wav": pcm([3])}, mode)
    data = bytearray(path.read_bytes())
    data[at % len(data)] = byte
    path.write_bytes(data[: max(cut % (len(data) * 3), 1)])
    try:
        found = list(read_wavs(path))
    except RnnzooError as error:
        assert str(error).startswith(str(path))  # noqa: PT017  either outcome is right, no third
    else:
        assert found


def test_the_spoken_digits():
    root = os.environ.get("RNNZOO_DATA")
    path = Path(root or "") / "fsdd" / "fsdd_720.tar.gz"
    if not root or not path.is_file():
        pytest.skip("the spoken digits are not in RNNZOO_DATA")
    found = list(read_wavs(path, "{label}_{speaker}_{index}.wav"))
    assert Counter(one.label for one in found) == {str(digit): 72 for digit in range(10)}
    assert len({one.fields["speaker"] for one in found}) == 6
    assert sum(int(one.fields["index"]) < 5 for one in found) == 300
    assert {one.waveform.rate for one in found} == {8000}
    lengths = [len(one.waveform.samples) for one in found]
    assert (min(lengths), max(lengths)) == (1148, 10504)  # as the `wave` module counts them
