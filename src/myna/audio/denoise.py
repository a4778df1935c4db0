"""Take noise out of a recording, and never the speech.

RNNoise (J.-M. Valin, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band Speech Enhancement", 2018) does the
work. It was trained on people, and takes babble, tones and some synthetic voices for noise; so a guard compares what
it gives with what it got, and brings back what should not have gone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myna.audio import rnnoise, wiener
from myna.audio.resample import resample
from myna.engines.base import Samples

_STEP_SECONDS = 0.01
_SHORT_WINDOW, _LONG_WINDOW = 0.03, 0.09
"""Seconds over which levels are compared: where speech stands out of the noise, so that no consonant is lost; and where
only its pitch tells, so that the noise between two periods is not taken for it."""
_REACH_SECONDS = 0.07
"""What is brought back is brought back this far around it too, and fades over as much."""
_DROP_KEPT = 6.0
"""dB: speech that is turned down by no more than this stays as the denoiser made it."""
_DROP_UNDONE = 9.0
"""dB: speech that is turned down by this or more is taken from the recording instead."""
_MIXED_AT_ONCE = 480_000

_VOICING_RATE = 4_000
"""Hz at which voicing is looked for: the lower harmonics stand out of the noise best."""
_VOICING_WINDOW = 256
_LOWEST_PITCH, _HIGHEST_PITCH = 60, 450
_PRE_EMPHASIS = 0.9
"""Of the first difference that evens out the spectrum: else the rumble in pink noise passes for a pitch."""
_PERIODIC = 0.5
"""Normalised autocorrelation above which a window is voiced: a harmonic sound at least as loud as the noise."""
_FLOOR_PERCENTILE = 3
_ABOVE_FLOOR = 15.0
"""dB above the noise floor from which any sound is taken for speech: whispers and consonants have no pitch."""
_AUDIBLE = -60.0
"""dBFS: nothing quieter is taken for speech."""


def denoise(samples: Samples, rate: int) -> Samples:
    """The recording with less noise; same length, same timing.

    Speech never falls by more than 10 dB: where the denoiser turns it down by more than 6 dB, the recording is mixed
    back in, wholly from 9 dB on. Where RNNoise cannot be loaded, a Wiener filter does the work. Safe in threads.
    """
    if not len(samples):
        return samples
    clean = rnnoise.denoise(samples, rate) if rnnoise.available() else wiener.denoise(samples, rate)
    return guarded(samples, clean, rate)


def guarded(samples: Samples, clean: Samples, rate: int) -> Samples:
    """What somebody made of the recording, with the recording mixed back in where speech would be lost."""
    share = _share_of_recording(samples, clean, rate)
    centres = (np.arange(len(share)) + 0.5) * _step(rate)
    mixed = np.empty(len(samples), np.float32)
    for start in range(0, len(samples), _MIXED_AT_ONCE):
        end = min(len(samples), start + _MIXED_AT_ONCE)
        weight = np.interp(np.arange(start, end), centres, share)
        mixed[start:end] = clean[start:end] + weight * (samples[start:end] - clean[start:end])
    return mixed


def _share_of_recording(samples: Samples, clean: Samples, rate: int) -> NDArray[np.float64]:
    """For each step, how much of the recording to mix back in, from 0 to 1."""
    before = _levels(samples, rate, _SHORT_WINDOW)
    audible = before > _AUDIBLE
    loud = audible & (before > np.percentile(before, _FLOOR_PERCENTILE) + _ABOVE_FLOOR)
    voiced = audible & _voiced(samples, rate, len(before))
    drop = np.maximum(
        np.where(loud, before - _levels(clean, rate, _SHORT_WINDOW), 0.0),
        np.where(voiced, _levels(samples, rate, _LONG_WINDOW) - _levels(clean, rate, _LONG_WINDOW), 0.0),
    )
    share = np.clip((drop - _DROP_KEPT) / (_DROP_UNDONE - _DROP_KEPT), 0.0, 1.0)
    return _widened(share, round(_REACH_SECONDS / _STEP_SECONDS))


def _step(rate: int) -> int:
    return max(1, round(_STEP_SECONDS * rate))


def _levels(samples: Samples, rate: int, window: float) -> NDArray[np.float64]:
    """The level in dBFS around each step, over about `window` seconds."""
    step = _step(rate)
    count = -(-len(samples) // step)
    energy = np.square(np.pad(samples, (0, count * step - len(samples)))).reshape(count, step).sum(axis=1)
    width = round(window / _STEP_SECONDS) | 1
    near = np.convolve(np.pad(energy.astype(np.float64), width // 2), np.ones(width), "valid") / (width * step)
    return 10 * np.log10(np.maximum(near, 1e-12))


def _voiced(samples: Samples, rate: int, count: int) -> NDArray[np.bool_]:
    """Whether each step has a pitch between 60 and 450 Hz, by autocorrelation (through the power spectrum)."""
    low = np.pad(resample(samples, rate, _VOICING_RATE).astype(np.float64), _VOICING_WINDOW)
    low[1:] -= _PRE_EMPHASIS * low[:-1]
    step = round(_STEP_SECONDS * _VOICING_RATE)
    starts = np.minimum(
        np.arange(count) * step + _VOICING_WINDOW - (_VOICING_WINDOW - step) // 2, len(low) - _VOICING_WINDOW
    )
    voiced = [_periodic(low, part) for part in np.array_split(starts, max(1, count // 4_000))]
    return np.concatenate(voiced)


def _periodic(low: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    windows = low[starts[:, None] + np.arange(_VOICING_WINDOW)] * np.hanning(_VOICING_WINDOW)
    lags = slice(_VOICING_RATE // _HIGHEST_PITCH, _VOICING_RATE // _LOWEST_PITCH + 1)
    likeness = _autocorrelation(windows)[:, lags] / _autocorrelation(np.hanning(_VOICING_WINDOW)[None])[:, lags]
    return np.asarray(likeness.max(axis=1) > _PERIODIC)


def _autocorrelation(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row, 1 at lag 0 (0 where the row is silent)."""
    power = np.square(np.abs(np.fft.rfft(windows, 2 * _VOICING_WINDOW, axis=1)))
    correlation = np.fft.irfft(power, axis=1)[:, :_VOICING_WINDOW]
    return correlation / np.maximum(correlation[:, :1], 1e-9)


def _widened(share: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The largest share within reach of each step, with smooth edges that lie outside."""
    near = np.lib.stride_tricks.sliding_window_view(np.pad(share, 2 * reach), 2 * reach + 1).max(axis=1)
    kernel = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(near, kernel / kernel.sum(), "valid")
