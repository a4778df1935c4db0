"""True peaks, and a limiter that keeps below them.

A true peak is the peak of the continuous sound between the samples, measured at four times the sample rate
(ITU-R BS.1770-4, annex 2). Everything works in blocks, so that an hour of sound needs little memory beyond itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from myna.audio.resample import resample
from myna.engines.base import Samples

_OVERSAMPLING = 4
_BLOCK = 480_000
"""Samples that are worked on at once."""
_MARGIN = 256
"""Samples around a block that its ends need; longer than the resampler's filter."""
_ALMOST = 10 ** (-0.03 / 20)
"""A stream cannot be checked again: the gain moves between two samples, and a hundredth of a dB may be left."""
GENTLE, QUICK = 0.01, 0.001
"""Seconds that the gain reaches around a peak: over several periods of a voice, or over the peak of one period."""


def peak_envelope(samples: Samples) -> Samples:
    """For each sample the true peak around it, up to half a sample to either side (linear, ≥ 0)."""
    return np.concatenate([_block_envelope(samples, start) for start in range(0, max(1, len(samples)), _BLOCK)])


def true_peak(samples: Samples) -> float:
    """The true peak in dBTP; −inf for digital silence."""
    peak = float(peak_envelope(samples).max(initial=0.0))
    return float(20 * np.log10(peak)) if peak > 0 else -np.inf


def limit(samples: Samples, envelope: Samples, rate: int, *, gain: float, ceiling: float, reach: float) -> Samples:
    """The sound times `gain`, turned down around each peak so that no true peak exceeds `ceiling` (both linear).

    `envelope` is `peak_envelope(samples)`; `reach` is in seconds. Same length, no delay.
    """
    limited = np.concatenate(list(limited_blocks(samples, envelope, rate, gain=gain, ceiling=ceiling, reach=reach)))
    rest = float(peak_envelope(limited).max(initial=0.0))
    if rest > ceiling:  # The gain moves between two samples: a hundredth of a dB may be left.
        limited *= np.float32(ceiling / rest)
    return limited


def limited_blocks(
    samples: Samples, envelope: Samples, rate: int, *, gain: float, ceiling: float, reach: float
) -> Iterator[Samples]:
    """What `limit` gives but for its last check, block by block.

    Each sample gets the least gain that any sample within twice the reach needs, smoothed by a triangle of the same
    width: so at a peak it is never more than needed, and it moves without steps.
    """
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    half = max(1, round(reach * rate))
    width = 2 * half + 1
    for start in range(0, len(samples), _BLOCK):
        end = min(len(samples), start + _BLOCK)
        first = max(0, start - 4 * half)
        around = np.maximum(envelope[first : end + 4 * half], np.float32(1e-9))
        needed = np.minimum(np.float32(1.0), np.float32(ceiling / gain) / around)
        held = minimum_filter1d(needed, 2 * width - 1, mode="nearest")
        smooth = uniform_filter1d(uniform_filter1d(held, width, mode="nearest"), width, mode="nearest")
        yield samples[start:end] * smooth[start - first : end - first] * np.float32(gain)


class StreamLimiter:
    """The limiter for a sound of several channels that comes in blocks: the gain is one for all channels.

    All that it gives is as long as all that it took, and in step; some 45 ms stay behind until `last`.
    """

    def __init__(self, rate: int, ceiling: float, *, reach: float = GENTLE) -> None:
        """`ceiling` is linear; `reach` in seconds."""
        self._rate, self._reach = rate, reach
        self._ceiling = ceiling * _ALMOST
        self._around = 4 * max(1, round(reach * rate)) + _MARGIN
        self._pending: Samples | None = None
        self._past = 0
        """How many of the first pending samples were given already."""

    def process(self, sound: Samples, last: bool = False) -> Samples:
        """Shape `[n, channels]`: what is ready after this block."""
        pending = sound if self._pending is None else np.concatenate([self._pending, sound])
        end = len(pending) - (0 if last else self._around)
        if end <= self._past:
            self._pending = pending
            return pending[:0]
        start = max(0, self._past - self._around)
        gains = self._gains(pending[start : end + self._around])
        ready = pending[self._past : end]
        if gains is not None:
            ready = ready * gains[self._past - start : end - start, None]
        first = max(0, end - self._around)
        self._pending, self._past = pending[first:].copy(), end - first
        return ready

    def _gains(self, sound: Samples) -> Samples | None:
        """None when nothing is near the ceiling: no true peak is twice as high as the samples around it."""
        if float(np.abs(sound).max(initial=0.0)) < self._ceiling / 2:
            return None
        envelope: Samples = np.maximum.reduce([peak_envelope(channel) for channel in sound.T])
        ones = np.ones(len(sound), np.float32)
        blocks = limited_blocks(ones, envelope, self._rate, gain=1.0, ceiling=self._ceiling, reach=self._reach)
        return np.concatenate(list(blocks))


def _block_envelope(samples: Samples, start: int) -> Samples:
    end = min(len(samples), start + _BLOCK)
    first = max(0, start - _MARGIN)
    missing = _MARGIN - (start - first), max(0, _MARGIN - (len(samples) - end))
    fine = np.abs(resample(np.pad(samples[first : end + _MARGIN], missing), 1, _OVERSAMPLING))
    # The fine samples from two steps before each sample to two steps after it.
    near: Samples = np.maximum.reduce([np.roll(fine, shift)[::_OVERSAMPLING] for shift in (2, 1, 0, -1, -2)])
    # The filter of the resampler leaves out the highest frequencies; the samples themselves must not be left out.
    return np.maximum(near[_MARGIN : _MARGIN + end - start], np.abs(samples[start:end]))
