"""Audio as frames of log mel energies, standardised."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnnzoo.encodings.base import Encoded, InputEncoding
from rnnzoo.encodings.wav import Waveform, read_wav
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.mel import LogMel


class AudioEncoding(InputEncoding):
    """``(log mel - mean) / scale``, band by band; see `rnnzoo.layers.mel.LogMel`.

    A raw input is the path of a wav file, or a `Waveform`.

    Args:
        frames: the arguments of `LogMel`.
        mean: (bands,), of training frames.
        scale: (bands,), above 0.
        convert: whether files with several channels or another sampling rate are converted rather than refused.

    Example:
        >>> encoding = AudioEncoding({"sample_rate": 8000, "bands": 2}, [0.0, 0.0], [1.0, 1.0])
        >>> encoding.encode(Waveform(torch.zeros(240), rate=8000))["values"].shape
        torch.Size([2, 2])
    """

    kind = "audio"
    raw = "paths of wav files"

    def __init__(self, frames: dict[str, Any], mean: list[float], scale: list[float], convert: bool = False) -> None:
        self.frames = LogMel(**frames)
        if not len(mean) == len(scale) == self.frames.bands:
            raise RnnzooError(f"mean has {len(mean)} bands, scale {len(scale)}, the frames {self.frames.bands}")
        self._options = dict(frames)
        self.mean, self.scale, self.convert = torch.tensor(mean), torch.tensor(scale), convert

    @classmethod
    def fit(
        cls, sounds: Iterable[str | Path | Waveform], frames: dict[str, Any], convert: bool = False
    ) -> AudioEncoding:
        """Mean and standard deviation of each band over all frames; a band that never changes keeps scale 1."""
        bands = LogMel(**frames).bands
        plain = cls(frames, [0.0] * bands, [1.0] * bands, convert)
        count, mean, squares = 0, torch.zeros(()), torch.zeros(())  # Chan et al. 1983: frames need not be kept
        for sound in sounds:
            steps = plain.frames(plain._samples(sound)).double()
            own, total = steps.mean(0), count + len(steps)
            squares = squares + ((steps - own) ** 2).sum(0) + (own - mean) ** 2 * (count * len(steps) / total)
            mean, count = mean + (own - mean) * (len(steps) / total), total
        spread = (squares / count).sqrt()
        return cls(frames, mean.tolist(), spread.masked_fill(spread == 0, 1.0).tolist(), convert)

    @property
    def size(self) -> int:
        """How many bands."""
        return self.frames.bands

    def encode(self, raw: str | Path | Waveform) -> Encoded:
        """The standardised frames (T, bands) float32."""
        return {"values": (self.frames(self._samples(raw)) - self.mean) / self.scale}

    def _samples(self, raw: str | Path | Waveform) -> Tensor:
        rate = self.frames.sample_rate
        if isinstance(raw, str | Path):
            return read_wav(raw, rate, self.convert).samples
        if not isinstance(raw, Waveform):
            raise RnnzooError(f"the path of a wav file or a Waveform is expected, not {type(raw).__name__}")
        if raw.rate != rate:
            raise RnnzooError(f"a waveform of {raw.rate} Hz, but the model reads {rate} Hz: resample it")
        return raw.samples

    def options(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "frames": dict(self._options),
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "convert": self.convert,
        }
