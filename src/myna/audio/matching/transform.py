"""What is done to the frames of one voice so that they sound like another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from myna.audio.matching.regression import Regression, predicted_change
from myna.audio.matching.spectrum import cepstra, from_bands, from_cepstra, held, stretched, to_bands
from myna.audio.matching.statistics import Melody
from myna.audio.matching.vocoder import Frames, Matrix

_LOWEST, _HIGHEST = 55.0, 620.0
"""Hz that a voice may reach."""
_LEAST_SPREAD, _MOST_SPREAD = 0.6, 1.6
"""How much flatter or livelier the melody may become."""
_FARTHEST = 0.7
"""Natural logarithm: the most that a frame's pitch may be away from the middle, about an octave."""
_SMOOTHED = 5
"""Frames over which the change of the spectrum glides, so that nothing clicks."""


@dataclass(frozen=True, slots=True)
class Transform:
    """All of it, at full strength. Differences of logarithms of power; `[96]` on the mel scale."""

    stretch: float
    """What is at 1,000 Hz goes to `stretch` × 1,000 Hz."""
    source_band: float
    """Hz up to which the source has sound."""
    band: float
    """Hz up to which both voices have, so that they could be compared."""
    voiced: Matrix
    """Added to voiced frames after the stretching."""
    unvoiced: Matrix
    noise: Matrix
    """Added to the logarithm of the share of noise in voiced frames."""
    center: Matrix
    """Mean cepstrum of the stretched source, around which its variance is changed, `[36]`."""
    variance: Matrix
    """Factor of the standard deviation of each cepstral coefficient, `[36]`."""
    rest: Matrix
    """Added to all frames at last, so that the mean power at each frequency is right."""
    gain: float = 0.0
    """Natural logarithm of power that makes the result as loud as the source."""
    regression: Regression | None = None
    """What the words of the reference taught, when they were known and it helps."""


def transformed(frames: Frames, transform: Transform, similarity: float = 1.0) -> Frames:
    """The frames in the other voice's colour: none of it at `similarity` 0, all of it at 1. The pitch stays."""
    if similarity <= 0:
        return frames
    factor = transform.stretch**similarity
    envelope = stretched(frames.envelope, factor, transform.source_band)
    change = _change(to_bands(envelope), frames.pitch > 0, transform)
    envelope = envelope + similarity * (from_bands(change) + transform.gain)
    noise = np.log(np.maximum(stretched(frames.aperiodicity, factor, transform.source_band), 1e-3))
    noise = noise + similarity * from_bands(transform.noise[None, :])
    return replace(frames, envelope=envelope, aperiodicity=np.clip(np.exp(noise), 1e-3, 1.0 - 1e-9))


def moved_pitch(pitch: Matrix, source: Melody, target: Melody, similarity: float = 1.0, width: float = 1.0) -> Matrix:
    """Hz, moved from the source's melody towards the target's. `width` widens (above 1) or narrows the contour."""
    ratio = float(np.clip(target.spread / source.spread, _LEAST_SPREAD, _MOST_SPREAD)) ** similarity * width
    voiced = pitch > 0
    away = np.clip((np.log(np.where(voiced, pitch, 1.0)) - source.middle) * ratio, -_FARTHEST, _FARTHEST)
    middle = source.middle + similarity * (target.middle - source.middle)
    return np.where(voiced, np.clip(np.exp(middle + away), _LOWEST, _HIGHEST), 0.0)


def _change(bands: Matrix, voiced: NDArray[np.bool_], transform: Transform) -> Matrix:
    """What is added to each frame, `[n, 96]`."""
    shapes = cepstra(held(bands, transform.band))
    of_voiced = transform.voiced + from_cepstra((shapes - transform.center) * (transform.variance - 1))
    share = voiced.astype(np.float64)[:, None]
    change = share * of_voiced + (1 - share) * transform.unvoiced
    if transform.regression is not None:
        change = change + predicted_change(transform.regression, shapes + cepstra(change))
    return _smoothed(change + transform.rest)


def _smoothed(rows: Matrix) -> Matrix:
    """The moving mean over time; the first and last rows count on at the ends."""
    padded = np.pad(rows, ((_SMOOTHED // 2 + 1, _SMOOTHED // 2), (0, 0)), mode="edge")
    sums = np.cumsum(padded, axis=0)
    return np.asarray((sums[_SMOOTHED:] - sums[:-_SMOOTHED]) / _SMOOTHED)
