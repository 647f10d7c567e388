"""Another sampling rate."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError

_MOST_WEIGHTS = 4_000_000
_ZERO_CROSSINGS = 10
_BETA = 5.0


def resample(waveform: Tensor, rate: int, new_rate: int) -> Tensor:
    """A waveform at another sampling rate, by a low-pass filter and rational interpolation.

    ``y[m] = sum_n h[m q - n p] x[n]`` with ``new_rate / rate = p / q`` in lowest terms and h the ideal low-pass filter
    at half the lower rate, windowed by a Kaiser window (beta 5) to ten zero crossings on each side and scaled to pass a
    constant unchanged (Oppenheim & Schafer, *Discrete-Time Signal Processing*, section 4.6). These are the
    conventions, and the defaults, of `scipy.signal.resample_poly`. Before the beginning and after the end there is
    silence.

    Args:
        waveform: (..., S).
        rate: its samples per second.
        new_rate: those of the result, (..., ceil(S p / q)).

    Raises:
        RnnzooError: a rate below 1, or two whose ratio in lowest terms needs an unreasonably large filter.

    >>> round(resample(torch.ones(160), 16000, 8000)[40].item(), 6)
    1.0
    """
    if rate < 1 or new_rate < 1:
        raise RnnzooError(f"a sampling rate is at least 1 Hz: {rate} to {new_rate} was asked for")
    up, down = new_rate // math.gcd(rate, new_rate), rate // math.gcd(rate, new_rate)
    if up == down:
        return waveform
    half = _ZERO_CROSSINGS * max(up, down)
    before = -(-half // up)  # input samples that the filter reaches to, on either side
    width = 2 * before + down
    if up * width > _MOST_WEIGHTS:
        raise RnnzooError(
            f"{rate} Hz and {new_rate} Hz have the ratio {down}:{up}, which needs a filter of {up * width} weights: "
            "convert with another program"
        )
    # Outputs p b, ..., p b + p - 1 read the inputs from q b - `before` on: one convolution of stride q with a filter
    # for each of the p phases.
    phases = torch.arange(up)[:, None] * down - (torch.arange(width) - before) * up
    kernel = _low_pass(phases, half, max(up, down)) * up
    steps = waveform.shape[-1]
    length = -(-steps * up // down)
    blocks = -(-length // up)
    padded = F.pad(waveform.reshape(-1, 1, steps), (before, max((blocks - 1) * down + width - before - steps, 0)))
    out = F.conv1d(padded, kernel.to(waveform)[:, None], stride=down)
    return out.transpose(1, 2).flatten(1)[:, :length].reshape(*waveform.shape[:-1], length)


def _low_pass(positions: Tensor, half: int, cutoff: int) -> Tensor:
    """The windowed filter ``sinc(k / cutoff) w[k]`` at k in positions, 0 outside -half..half; its sum over k is 1."""

    def unscaled(k: Tensor) -> Tensor:
        inside = (1 - (k / half).square()).clamp(min=0).sqrt()
        window = torch.special.i0(_BETA * inside) / torch.special.i0(torch.tensor(_BETA, dtype=torch.float64))
        return torch.where(k.abs() <= half, torch.sinc(k / cutoff) * window, 0.0)

    total = unscaled(torch.arange(-half, half + 1, dtype=torch.float64)).sum()
    return unscaled(positions.double()) / total
