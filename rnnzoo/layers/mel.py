"""Audio as frames of log mel energies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError

_FLOOR = 1e-10  # energies below it count as it: -100 dB of a full-scale waveform's sample


@dataclass(frozen=True)
class LogMel:
    """Log energies of a waveform in mel bands, frame by frame.

    With W and P the samples of a window and a hop, frame t is ``x_t[i] = x[t P + i] w[i]``, ``0 <= i < W``, w the
    periodic Hann window ``(1 - cos(2 pi i / W)) / 2``. Its power spectrum ``S_t[k] = |sum_i x_t[i] exp(-2 pi j i k /
    K)|^2``, K the first power of two from W on, is weighed by a triangle for each band and the logarithm is taken:
    ``y_t[b] = ln max(1e-10, sum_k A[b, k] S_t[k])``. The corners of the bands are equally spaced from `low` to `high`
    in ``mel(f) = 2595 log10(1 + f / 700)`` (O'Shaughnessy 1987, as in HTK); a triangle rises in Hz from 0 at its left
    corner to 1 at the middle one and falls to 0 at the right.

    No sample is left out: the end is padded with zeros to a whole number of hops, so that S samples give
    ``T = 1 + ceil(max(S - W, 0) / P)`` frames. Nothing is normalised and there is no pre-emphasis.

    Args:
        sample_rate: samples per second.
        window: W in seconds.
        hop: P in seconds.
        bands: how many.
        low: Hz of the first corner.
        high: Hz of the last corner, by default half of `sample_rate`.

    Raises:
        RnnzooError: a value out of its range, or a band so narrow that no frequency of the spectrum lies in it.

    Example:
        >>> log_mel = LogMel(sample_rate=8000)
        >>> log_mel(torch.zeros(8000)).shape, log_mel.num_frames(8000)
        (torch.Size([99, 40]), 99)
    """

    sample_rate: int
    window: float = 0.025
    hop: float = 0.010
    bands: int = 40
    low: float = 20.0
    high: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no frames can be made of."""
        if self.sample_rate < 1 or self.bands < 1:
            raise RnnzooError(f"sample_rate {self.sample_rate} and bands {self.bands} must be at least 1")
        if not 0 < self.hop <= self.window or self.hop_samples < 1 or self.window_samples < 2:
            raise RnnzooError(
                f"window {self.window} s and hop {self.hop} s at {self.sample_rate} Hz must be at least 2 and 1 "
                "samples, the hop not longer than the window, else samples between the windows are lost"
            )
        if not 0 <= self.low < self.highest <= self.sample_rate / 2:
            raise RnnzooError(
                f"the bands from {self.low} to {self.highest} Hz must lie within 0 and {self.sample_rate / 2} Hz, half "
                "the sampling rate"
            )
        corners = mel_corners(self.bands, self.low, self.highest)
        empty = (self._filters().sum(1) == 0).nonzero()
        if len(empty):
            band = int(empty[0])
            raise RnnzooError(
                f"no frequency of the spectrum ({self.sample_rate / self.fft_samples:.1f} Hz apart) lies in mel band "
                f"{band} ({corners[band]:.1f} to {corners[band + 2]:.1f} Hz): fewer bands or a longer window"
            )

    @property
    def window_samples(self) -> int:
        """W."""
        return round(self.window * self.sample_rate)

    @property
    def hop_samples(self) -> int:
        """P."""
        return round(self.hop * self.sample_rate)

    @property
    def fft_samples(self) -> int:
        """K."""
        return 1 << (self.window_samples - 1).bit_length()

    @property
    def highest(self) -> float:
        """Hz of the last corner."""
        return self.sample_rate / 2 if self.high is None else self.high

    def num_frames(self, samples: int) -> int:
        """T, the frames of so many samples."""
        return 1 + -(-max(samples - self.window_samples, 0) // self.hop_samples)

    def __call__(self, waveform: Tensor) -> Tensor:
        """Waveforms (..., S) to frames (..., T, bands).

        Raises:
            RnnzooError: no sample, or not floating point.
        """
        if not waveform.is_floating_point() or waveform.dim() < 1 or waveform.shape[-1] < 1:
            raise RnnzooError(
                f"a waveform is real numbers (..., S), at least one, not {tuple(waveform.shape)} of {waveform.dtype}"
            )
        size, hop, padded = self.window_samples, self.hop_samples, self.fft_samples
        frames = self.num_frames(waveform.shape[-1])
        # torch.stft puts a window that is shorter than K in the middle of the K samples that it reads; a shift does
        # not change the power, so only the ends have to be where it reads them.
        left = (padded - size) // 2
        right = (frames - 1) * hop + padded - left - waveform.shape[-1]
        rows = F.pad(waveform.reshape(-1, waveform.shape[-1]), (left, right))
        window = torch.hann_window(size, dtype=waveform.dtype, device=waveform.device)
        spectrum = torch.stft(rows, padded, hop, size, window, center=False, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        energy = self._filters().to(waveform) @ power
        return energy.clamp(min=_FLOOR).log().transpose(1, 2).reshape(*waveform.shape[:-1], frames, self.bands)

    def _filters(self) -> Tensor:
        return mel_filters(self.sample_rate, self.fft_samples, self.bands, self.low, self.highest)


def mel_corners(bands: int, low: float, high: float) -> Tensor:
    """(bands + 2,) float64: the corners in Hz, band b from corner b over b + 1 to b + 2.

    >>> [round(corner) for corner in mel_corners(1, 0, 4000).tolist()]
    [0, 1114, 4000]
    """
    mel = 2595 * torch.log10(1 + torch.tensor([low, high], dtype=torch.float64) / 700)
    return 700 * (
        10 ** (torch.linspace(0, 1, bands + 2, dtype=torch.float64) * (mel[1] - mel[0]) / 2595 + mel[0] / 2595) - 1
    )


@lru_cache(maxsize=16)
def mel_filters(sample_rate: int, fft_samples: int, bands: int, low: float, high: float) -> Tensor:
    """A, (bands, K/2 + 1) float64: the weight of each frequency k / K * sample_rate in each band."""
    corners = mel_corners(bands, low, high)[:, None]
    frequencies = torch.arange(fft_samples // 2 + 1, dtype=torch.float64) * sample_rate / fft_samples
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)
