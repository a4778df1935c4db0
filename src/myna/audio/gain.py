"""The level of a stream, whose end is not known when its beginning is heard."""

from __future__ import annotations

import numpy as np

from myna.audio.loudness import integrated_loudness
from myna.engines.base import Samples

_CEILING = 10 ** (-1 / 20)
"""−1 dBFS: what no sample exceeds."""
_KNEE = 10 ** (-4 / 20)
"""−4 dBFS: below it samples are not bent."""
_MOST_GAIN = 20.0
"""dB; a first piece that is nearly silent must not make the next one roar."""
_LARGEST_STEP = 1.0
"""dB by which the gain moves from one piece to the next."""
_RAMP_SECONDS = 0.05
_MEMORY_SECONDS = 20.0
"""The loudness is measured over this much of the latest sound."""
_SHORT_SECONDS = 1.5
"""Of a shorter beginning, what comes before the first sound is not measured: it would be half of it."""
_LEAST_SECONDS = 0.4
"""Less has no loudness."""
_SOUND = 0.1
"""Of the peak: −20 dB."""


class StreamGain:
    """Brings a stream near a loudness, without delay: the gain is set by the first piece and then hardly moves.

    Peaks above −4 dBFS are bent smoothly so that no sample exceeds −1 dBFS. The latency is zero and the number of
    samples is kept.
    """

    def __init__(self, loudness: float | None, sample_rate: int) -> None:
        """`loudness` in LUFS; None leaves the sound as it is."""
        self._target = loudness
        self._rate = sample_rate
        self._gain: float | None = None
        """dB; None before anything was heard."""
        self._heard = np.zeros(0, np.float32)

    def process(self, samples: Samples) -> Samples:
        """The next piece (a sentence, or any part of one) at its level."""
        if self._target is None or not len(samples):
            return samples
        before = self._gain
        self._listen(samples)
        if self._gain is None:
            return samples
        return soft_limit(samples * self._ramp(self._gain if before is None else before, len(samples)))

    def _listen(self, samples: Samples) -> None:
        self._heard = np.concatenate([self._heard, samples])[-round(_MEMORY_SECONDS * self._rate) :]
        loudness = integrated_loudness(self._heard[self._first_sound() :], self._rate)
        if self._target is None or not np.isfinite(loudness):
            return
        wanted = float(np.clip(self._target - loudness, -_MOST_GAIN, _MOST_GAIN))
        before = wanted if self._gain is None else self._gain
        self._gain = before + float(np.clip(wanted - before, -_LARGEST_STEP, _LARGEST_STEP))

    def _first_sound(self) -> int:
        if self._gain is not None or len(self._heard) >= _SHORT_SECONDS * self._rate:
            return 0
        size = np.abs(self._heard)
        measurable = max(0, len(size) - round(_LEAST_SECONDS * self._rate))
        return min(int((size >= _SOUND * size.max(initial=0.0)).argmax()), measurable) if len(size) else 0

    def _ramp(self, before: float, count: int) -> Samples:
        """From the gain of the last piece to that of this one."""
        decibels = np.full(count, self._gain, dtype=np.float32)
        length = min(count, round(_RAMP_SECONDS * self._rate))
        decibels[:length] = np.linspace(before, self._gain or 0.0, length, dtype=np.float32)
        return np.power(np.float32(10), decibels / 20)


def soft_limit(samples: Samples) -> Samples:
    """Bend what is above the knee towards the ceiling (tanh); what is below stays exactly as it is."""
    size = np.abs(samples)
    room = _CEILING - _KNEE
    bent = np.sign(samples) * (_KNEE + room * np.tanh((size - _KNEE) / room))
    return np.where(size > _KNEE, bent, samples).astype(np.float32)
