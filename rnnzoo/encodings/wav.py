"""The wav format: samples of PCM or floating-point audio."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.resample import resample

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_DEPTHS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_FASTEST = 1_000_000  # Hz


@dataclass(frozen=True)
class Waveform:
    """One channel of sound.

    Attributes:
        samples: (S,) float32; full scale is -1 to 1.
        rate: Samples per second.
        conversion: What was done to what was read, in words; "" where nothing was.
    """

    samples: Tensor
    rate: int
    conversion: str = ""


def read_wav(path: str | Path, rate: int | None = None, convert: bool = False) -> Waveform:
    """The waveform of a wav file; see `waveform`.

    Raises:
        RnnzooError: It cannot be read, or `waveform` refuses it.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise RnnzooError(f"{path}: cannot be read: {error.strerror or error}") from None
    return waveform(data, str(path), rate, convert)


def waveform(data: bytes, place: str, rate: int | None = None, convert: bool = False) -> Waveform:
    """The waveform that a wav file's bytes hold.

    Args:
        data: The bytes.
        place: The file, for messages.
        rate: The sampling rate that is expected; None takes any.
        convert: Whether several channels are averaged and another rate is resampled (`rnnzoo.layers.resample`), which
            the result's `conversion` says; else both are errors.

    Raises:
        RnnzooError: `decode_wav` refuses it, or it would have to be converted and `convert` is false.
    """
    channels, found = decode_wav(data, place)
    needed = []
    if len(channels) > 1:
        needed.append(f"{len(channels)} channels averaged")
    if rate is not None and found != rate:
        needed.append(f"{found} Hz resampled to {rate} Hz (windowed sinc)")
    if needed and not convert:
        raise RnnzooError(
            f"{place}: has {len(channels)} channel{'s' * (len(channels) > 1)} at {found} Hz, expected is 1"
            f"{f' at {rate} Hz' if rate else ''}: convert the file, or let convert (data.convert) be true: "
            f"{' and '.join(needed)}"
        )
    samples = channels.mean(0) if len(channels) > 1 else channels[0]
    if rate is not None and found != rate:
        try:
            samples = resample(samples, found, rate)
        except RnnzooError as error:
            raise RnnzooError(f"{place}: {error}") from None
    return Waveform(samples.float(), rate or found, ", ".join(needed))


def decode_wav(data: bytes, place: str) -> tuple[Tensor, int]:
    """All channels of a wav file, (channels, S) float64, and the sampling rate.

    PCM of 8 (unsigned), 16, 24 and 32 bits is divided by its full scale, ``2^(bits - 1)``; floating point of 32 and 64
    bits is taken as it is. The standard library's `wave` is not used: it knows no floating point, and before Python
    3.12 not the extensible header, which many programs write for 24 bits.

    Raises:
        RnnzooError: It is no wav file, cut short, has no samples or what is not a finite number, or is of another
            coding.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise RnnzooError(f"{place}: is no wav file: it does not begin with RIFF and WAVE")
    chunks = _chunks(data, place)
    header, sound = chunks[b"fmt "], chunks[b"data"]
    if len(header) < 16:
        raise RnnzooError(f"{place}: its fmt chunk has {len(header)} bytes, not 16: the file is damaged")
    coding, count, rate, _, frame, bits = struct.unpack("<HHIIHH", header[:16])
    if coding == _EXTENSIBLE and len(header) >= 26:
        coding = struct.unpack("<H", header[24:26])[0]
    if coding not in _DEPTHS or bits not in _DEPTHS[coding]:
        raise RnnzooError(
            f"{place}: is wav of coding {coding} with {bits} bits: PCM of 8, 16, 24 or 32 bits and floating point of "
            "32 or 64 are read; convert it, such as with ffmpeg -i in.wav -c:a pcm_s16le out.wav"
        )
    if not count or frame != count * bits // 8 or not 0 < rate <= _FASTEST:
        raise RnnzooError(
            f"{place}: its header is damaged: {count} channels of {bits} bits in frames of {frame} bytes at {rate} Hz"
        )
    if not sound or len(sound) % frame:
        raise RnnzooError(
            f"{place}: has {len(sound)} bytes of sound, which is no whole number of frames of {frame} bytes, at least 1"
            ": remove the file, or record it anew"
        )
    samples = _numbers(sound, coding, bits).reshape(-1, count).T
    if coding == _FLOAT and not np.isfinite(samples).all():
        step = int(np.nonzero(~np.isfinite(samples).all(0))[0][0])
        raise RnnzooError(f"{place}: sample {step} is not a finite number")
    return torch.from_numpy(np.ascontiguousarray(samples)), rate


def _chunks(data: bytes, place: str) -> dict[bytes, bytes]:
    """The fmt and the data chunk; others, such as titles, are passed over."""
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data) and len(found) < 2:
        name, size = struct.unpack("<4sI", data[at : at + 8])
        if name in (b"fmt ", b"data") and name not in found:
            if at + 8 + size > len(data):
                raise RnnzooError(
                    f"{place}: is cut short: its {name.decode().strip()} chunk says {size} bytes, "
                    f"{len(data) - at - 8} are there"
                )
            found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    if missing := [name.decode().strip() for name in (b"fmt ", b"data") if name not in found]:
        raise RnnzooError(f"{place}: has no {' and no '.join(missing)} chunk: the file is damaged or cut short")
    return found


def _numbers(sound: bytes, coding: int, bits: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if coding == _FLOAT:
        return np.frombuffer(sound, f"<f{bits // 8}").astype(np.float64)
    if bits == 8:
        return (np.frombuffer(sound, np.uint8).astype(np.float64) - 128) / 128
    if bits == 24:  # as the upper three bytes of 32 bits
        wide = np.zeros((len(sound) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(sound, np.uint8).reshape(-1, 3)
        return wide.view("<i4").ravel() / 2.0**31
    return np.frombuffer(sound, f"<i{bits // 8}") / 2.0 ** (bits - 1)
