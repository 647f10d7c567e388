"""Audio and images as input: values by hand, through a checkpoint's plain data, and in the layers that read them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import AudioEncoding, ImageSequenceEncoding, SeriesEncoding, build_encoding
from rnnzoo.encodings.wav import Waveform
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.inputs import build_input

RATE = 8000
FRAMES = {"sample_rate": RATE, "window": 0.025, "hop": 0.01, "bands": 6}


def _tone(frequency: float, count: int, rate: int = RATE) -> Waveform:
    return Waveform(0.5 * torch.sin(2 * torch.pi * frequency * torch.arange(count) / rate), rate)


def _wav(path: Path, samples: torch.Tensor, rate: int = RATE) -> str:
    data = (samples * 2**15).round().short().numpy().astype("<i2").tobytes()
    header = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return str(path)


def _log_mel(samples: np.ndarray) -> np.ndarray:
    """The formula of `LogMel` in NumPy's float64."""
    mel = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 4000 / 700), 8)
    corners = 700 * (10 ** (mel / 2595) - 1)
    frequencies = np.arange(129) * RATE / 256
    rows = []
    for start in range(0, max(len(samples) - 200, 0) + 80, 80):
        if rows and start - 80 + 200 >= len(samples):
            break
        frame = np.zeros(200)
        part = samples[start : start + 200]
        frame[: len(part)] = part
        power = np.abs(np.fft.rfft(frame * (1 - np.cos(2 * np.pi * np.arange(200) / 200)) / 2, 256)) ** 2
        bands = [
            np.clip(np.minimum((frequencies - a) / (b - a), (c - frequencies) / (c - b)), 0, None) @ power
            for a, b, c in zip(corners, corners[1:], corners[2:], strict=False)
        ]
        rows.append(np.log(np.maximum(bands, 1e-10)))
    return np.array(rows)


def test_audio_is_the_standardised_log_mel_frames_by_numpy() -> None:
    sounds = [_tone(440, 1000), _tone(1200, 523)]
    encoding = AudioEncoding.fit(sounds, FRAMES)
    raw = [_log_mel(sound.samples.double().numpy()) for sound in sounds]
    steps = np.concatenate(raw)
    for sound, expected in zip(sounds, raw, strict=True):
        expected = (expected - steps.mean(0)) / steps.std(0)
        # float32 against float64: the quiet bands of a pure tone are differences of large numbers
        np.testing.assert_allclose(encoding.encode(sound)["values"].numpy(), expected, atol=2e-2)


def test_a_file_is_its_waveform_and_plain_data_is_the_encoding(tmp_path: Path) -> None:
    sound = _tone(700, 900)
    rounded = Waveform((sound.samples * 2**15).round() / 2**15, RATE)
    encoding = AudioEncoding.fit([sound, _tone(300, 400)], FRAMES)
    again = build_encoding(encoding.config())
    found = again.batch([_wav(tmp_path / "a.wav", sound.samples), _tone(300, 400)])
    torch.testing.assert_close(found.values[0], encoding.encode(rounded)["values"])  # type: ignore[index]
    assert found.lengths.tolist() == [len(encoding.encode(sound)["values"]), 4]


def test_audio_of_another_rate_is_refused_or_converted(tmp_path: Path) -> None:
    path = _wav(tmp_path / "fast.wav", _tone(300, 8000, rate=16000).samples, rate=16000)
    encoding = AudioEncoding.fit([_tone(300, 4000), _tone(900, 4000)], FRAMES)
    with pytest.raises(RnnzooError, match=r"input 0: .*fast.wav: .*at 16000 Hz, expected is 1 at 8000 Hz"):
        encoding.batch([path])
    with pytest.raises(RnnzooError, match="a waveform of 16000 Hz, but the model reads 8000 Hz"):
        encoding.encode(Waveform(torch.zeros(300), 16000))
    with pytest.raises(RnnzooError, match="path of a wav file or a Waveform is expected, not list"):
        encoding.encode([0.0])  # type: ignore[arg-type]
    converting = build_encoding({**encoding.config(), "convert": True})
    found, expected = converting.encode(path)["values"], encoding.encode(_tone(300, 4000))["values"]
    assert found.shape == expected.shape
    # the band of the tone says the same at both rates; its energy is in the first band
    torch.testing.assert_close(found[2:-2, 0], expected[2:-2, 0], atol=0.02, rtol=0)


def test_mean_of_another_width() -> None:
    with pytest.raises(RnnzooError, match="mean has 5 bands, scale 6, the frames 6"):
        AudioEncoding(FRAMES, [0.0] * 5, [1.0] * 6)


def test_images_by_hand_and_in_a_ragged_batch() -> None:
    images = torch.randint(0, 256, (4, 3, 5, 2))
    encoding = ImageSequenceEncoding(3, 5, 2, mean=100.0, scale=50.0)
    again = build_encoding(encoding.config())
    found = again.batch([images.tolist(), images[:2].numpy()])
    assert found.values.shape == (2, 4, 3, 5, 2)  # type: ignore[union-attr]
    torch.testing.assert_close(found.values[0], (images.float() - 100) / 50)  # type: ignore[index]
    layer = build_input(again, {"filters": 2, "output_size": 7})
    alone = layer(SequenceInputs(torch.tensor([2]), values=found.values[1:, :2]))  # type: ignore[index]
    torch.testing.assert_close(layer(found)[1, :2], alone[0])
    assert layer.output_size == 7


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (torch.zeros(0, 3, 5), "at least one, are expected"),
        (torch.zeros(2, 5, 3), r"images \(T, 3, 5, 1\), at least one, are expected, not \(2, 5, 3, 1\)"),
        (torch.full((2, 3, 5), float("nan")), "image 0 has a value that is not finite"),
        ("video.mp4", "an array of numbers is expected"),
    ],
)
def test_images_that_are_none(raw: object, message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        ImageSequenceEncoding(3, 5).encode(raw)


def test_layers_refuse_what_they_cannot_read() -> None:
    with pytest.raises(RnnzooError, match=r"input.kind frames reads images, but the data is of the kind series"):
        build_input(SeriesEncoding([0.0], [1.0]), {"kind": "frames"})
    with pytest.raises(RnnzooError, match=r"input.kind values reads series, but the data is of the kind images"):
        build_input(ImageSequenceEncoding(3, 5), {"kind": "values"})
    assert build_input(AudioEncoding(FRAMES, [0.0] * 6, [1.0] * 6), {}).output_size == 6
