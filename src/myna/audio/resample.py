"""Change the sample rate (soxr, high quality: flat to 91 % of the lower Nyquist frequency, 100 dB rejection)."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import Samples


def resample(samples: Samples, source_rate: int, target_rate: int) -> Samples:
    """The same sound at `target_rate` Hz: `round(n · target_rate / source_rate)` samples, in step with the input."""
    if source_rate == target_rate:
        return samples
    import soxr

    length = round(len(samples) * target_rate / source_rate)
    return _of_length(soxr.resample(np.ascontiguousarray(samples, dtype=np.float32), source_rate, target_rate), length)


class StreamResampler:
    """Changes the sample rate of a sound that comes in pieces; all pieces together are as long as the whole."""

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._source_rate = source_rate
        self._target_rate = target_rate
        self._taken = 0
        self._given = 0
        self._stream = None
        if source_rate != target_rate:
            import soxr

            self._stream = soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32")

    def process(self, samples: Samples, last: bool = False) -> Samples:
        """What is ready after this piece; a few milliseconds stay behind until `last`, which may come without samples.

        Call it once with `last`, and not again.
        """
        if self._stream is None:
            return samples
        ready = cast(Samples, self._stream.resample_chunk(np.ascontiguousarray(samples, dtype=np.float32), last=last))
        self._taken += len(samples)
        if last:
            length = round(self._taken * self._target_rate / self._source_rate)
            ready = _of_length(ready, length - self._given)
        self._given += len(ready)
        return ready


class StereoResampler:
    """The same for two channels: `[n, 2]`."""

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._sides = (StreamResampler(source_rate, target_rate), StreamResampler(source_rate, target_rate))

    def process(self, sound: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
        """As `StreamResampler.process`."""
        return np.stack([side.process(sound[:, number], last) for number, side in enumerate(self._sides)], axis=1)


def _of_length(samples: Samples, length: int) -> Samples:
    """Make up for the one sample by which the last block may be too short or too long."""
    if len(samples) >= length:
        return samples[: max(0, length)]
    return np.pad(samples, (0, length - len(samples)))
