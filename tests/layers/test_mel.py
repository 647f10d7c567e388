"""Log mel frames against numpy by hand, and resampling against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.mel import LogMel
from rnnzoo.layers.resample import resample


def by_hand(samples: np.ndarray, config: LogMel) -> np.ndarray:
    """The definition, loop by loop, with a direct Fourier sum."""
    rate = config.sample_rate
    width, hop = round(config.window * rate), round(config.hop * rate)
    size = 1
    while size < width:
        size *= 2
    frames = 1 + math.ceil(max(len(samples) - width, 0) / hop)
    samples = np.concatenate([samples, np.zeros((frames - 1) * hop + width - len(samples))])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    frequencies = np.arange(size // 2 + 1) * rate / size
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(width)) / size)
    high = rate / 2 if config.high is None else config.high
    low_mel, high_mel = (2595 * math.log10(1 + f / 700) for f in (config.low, high))
    result = np.empty((frames, config.bands))
    for t in range(frames):
        power = np.abs(fourier @ (samples[t * hop : t * hop + width] * window)) ** 2
        for b in range(config.bands):
            left, middle, right = (
                700 * (10 ** ((low_mel + (high_mel - low_mel) * (b + i) / (config.bands + 1)) / 2595) - 1)
                for i in range(3)
            )
            energy = 0.0
            for frequency, value in zip(frequencies, power, strict=True):
                if left < frequency <= middle:
                    energy += value * (frequency - left) / (middle - left)
                elif middle < frequency < right:
                    energy += value * (right - frequency) / (right - middle)
            result[t, b] = math.log(max(energy, 1e-10))
    return result


@pytest.mark.parametrize(
    "config",
    [
        LogMel(8000, bands=20),
        LogMel(8000, window=0.032, hop=0.032, bands=10, low=0, high=3000),  # W = K = 256, no overlap
        LogMel(11025, window=0.03, hop=0.007, bands=12, low=100),  # odd W
    ],
    ids=["usual", "power-of-two", "odd"],
)
@pytest.mark.parametrize("samples", [1, 199, 1500])
def test_equal_to_the_definition_by_hand(config, samples):
    waveform = np.random.default_rng(0).standard_normal(samples)
    expected = by_hand(waveform, config)
    frames = config(torch.from_numpy(waveform))
    assert frames.dtype == torch.float64
    assert config.num_frames(samples) == len(expected)
    np.testing.assert_allclose(frames.numpy(), expected, rtol=0, atol=1e-9)
    single = config(torch.from_numpy(waveform).float())
    np.testing.assert_allclose(single.numpy(), expected, rtol=0, atol=1e-3)


def test_the_last_sample_is_heard():
    config = LogMel(8000, bands=10)
    for samples in range(195, 290, 7):
        frames = config(torch.eye(samples, dtype=torch.float64)[-2:] * 100)  # the very last may lie on the window's 0
        assert (frames.flatten(1).max(1).values > math.log(1e-10) + 1).any()


def test_silence_is_the_floor_and_rows_are_independent():
    config = LogMel(8000, bands=10)
    assert torch.equal(config(torch.zeros(1000)), torch.full((11, 10), math.log(1e-10)))
    rows = torch.randn(2, 3, 700, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = config(rows)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(together[i, j], config(rows[i, j]))


def test_a_tone_is_loudest_in_the_band_around_it():
    config = LogMel(16000)
    tone = torch.sin(2 * math.pi * 1000 * torch.arange(16000) / 16000)
    mel = [2595 * math.log10(1 + f / 700) for f in (20, 1000, 8000)]
    nearest = round((mel[1] - mel[0]) / (mel[2] - mel[0]) * 41) - 1
    assert (config(tone)[:-3].argmax(1) == nearest).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bands": 200}, r"31.2 Hz apart\) lies in mel band 2 \(33.6 to 47.4 Hz"),
        ({"low": 4000}, "from 4000 to 4000.0 Hz must lie within 0 and 4000.0 Hz"),
        ({"high": 4001}, "from 20.0 to 4001 Hz"),
        ({"hop": 0.03}, "hop not longer than the window"),
        ({"hop": 0.00001}, "at least 2 and 1 samples"),
        ({"bands": 0}, "bands 0 must be at least 1"),
        ({"low": float("nan")}, "must lie within"),
    ],
)
def test_what_gives_no_frames_is_named(arguments, message):
    with pytest.raises(RnnzooError, match=message):
        LogMel(8000, **arguments)


def test_what_is_no_waveform_is_named():
    with pytest.raises(RnnzooError, match=r"at least one, not \(0,\) of"):
        LogMel(8000)(torch.zeros(0))
    with pytest.raises(RnnzooError, match=r"of torch.int16"):
        LogMel(8000)(torch.zeros(9, dtype=torch.int16))


@pytest.mark.parametrize(
    ("rate", "new_rate"), [(16000, 8000), (8000, 16000), (44100, 8000), (8000, 11025), (3, 7), (7, 3)]
)
@pytest.mark.parametrize("samples", [1, 2, 50, 1001])
def test_resampling_is_that_of_scipy(rate, new_rate, samples):
    signal = pytest.importorskip("scipy.signal")
    waveform = np.random.default_rng(samples).standard_normal(samples)
    gcd = math.gcd(rate, new_rate)
    expected = signal.resample_poly(waveform, new_rate // gcd, rate // gcd)
    got = resample(torch.from_numpy(waveform), rate, new_rate)
    np.testing.assert_allclose(got.numpy(), expected, rtol=0, atol=1e-12)
    both = resample(torch.from_numpy(np.stack([waveform, -waveform])), rate, new_rate)
    torch.testing.assert_close(both, torch.stack([got, -got]), rtol=0, atol=1e-12)


def test_a_tone_keeps_its_frequency_and_one_above_the_limit_goes():
    time = torch.arange(44100, dtype=torch.float64) / 44100
    kept = resample(torch.sin(2 * math.pi * 1000 * time), 44100, 8000)
    truth = torch.sin(2 * math.pi * 1000 * torch.arange(8000, dtype=torch.float64) / 8000)
    assert (kept - truth)[100:-100].abs().max() < 2e-3
    assert resample(torch.sin(2 * math.pi * 6000 * time), 44100, 8000)[100:-100].abs().max() < 2e-3


def test_rates_without_a_simple_ratio_are_refused():
    with pytest.raises(RnnzooError, match="44100 Hz and 44099 Hz have the ratio 44100:44099"):
        resample(torch.zeros(5), 44100, 44099)
    with pytest.raises(RnnzooError, match="at least 1 Hz"):
        resample(torch.zeros(5), 0, 8000)
    same = torch.randn(5)
    assert resample(same, 8000, 8000) is same
