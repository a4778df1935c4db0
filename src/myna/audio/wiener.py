"""A noise filter without any library, for where RNNoise cannot be loaded. Good against steady noise.

Wiener gain with decision-directed estimation of the signal-to-noise ratio (Y. Ephraim and D. Malah, "Speech enhancement
using a minimum mean-square error short-time spectral amplitude estimator", 1984).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import Samples

_WINDOW_SECONDS = 0.032
_NOISE_PERCENTILE = 20
"""Of the power of each frequency over time: what is there also when nobody speaks."""
_PERCENTILE_TO_MEAN = 1 / -np.log(1 - _NOISE_PERCENTILE / 100)
"""The power of noise is distributed exponentially: its mean from its percentile."""
_SMOOTHING = 0.98
_LEAST_GAIN = 0.1
"""−20 dB: what is left of the noise, so that it does not tinkle."""


def denoise(samples: Samples, rate: int) -> Samples:
    """Mono sound with less steady noise; same length, no delay."""
    half = max(1, round(_WINDOW_SECONDS * rate / 2))
    window = np.sqrt(np.hanning(2 * half + 1)[:-1])
    count = -(-len(samples) // half) + 1
    padded = np.pad(samples, (half, (count + 1) * half - len(samples) - half))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)[::half] * window
    spectra = np.fft.rfft(frames, axis=1)
    clean = np.fft.irfft(spectra * _gains(np.square(np.abs(spectra))), 2 * half, axis=1) * window
    sound = np.zeros(len(padded))
    for parity in (0, 1):
        part = clean[parity::2].reshape(-1)
        sound[parity * half : parity * half + len(part)] += part
    return sound[half : half + len(samples)].astype(np.float32)


def _gains(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frame by frame, for each frequency."""
    noise = np.maximum(np.percentile(power, _NOISE_PERCENTILE, axis=0) * _PERCENTILE_TO_MEAN, 1e-12)
    gains = np.empty_like(power)
    before = np.zeros(power.shape[1])
    for index, frame in enumerate(power / noise):
        ratio = _SMOOTHING * before + (1 - _SMOOTHING) * np.maximum(frame - 1, 0)
        gains[index] = np.maximum(ratio / (1 + ratio), _LEAST_GAIN)
        before = np.square(gains[index]) * frame
    return gains
