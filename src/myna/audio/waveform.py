"""The shape of a recording in a few numbers, for a picture."""

from __future__ import annotations

import numpy as np

from myna.engines.base import Samples

_FLOOR = 1e-5
"""−100 dBFS; quieter is drawn as this."""
_PLACES = (0.25, 0.5, 0.75)
"""Where a window is sampled, as shares of its length."""


def waveform(samples: Samples, points: int = 50) -> tuple[float, ...]:
    """`points` numbers from 0 (the quietest window) to 1 (the loudest).

    As Stablecog makes its `audio_array`: cut the sound into equal windows, average three samples of each (at 1/4, 2/4
    and 3/4), take their level in dB, and stretch the levels to [0, 1]. A sound whose windows are all alike, or that is
    empty, gives zeros.
    """
    if not len(samples):
        return (0.0,) * points
    windows = np.arange(points)[:, None]
    positions = ((windows + np.array(_PLACES)) * len(samples) / points).astype(np.int64)
    picked = np.nan_to_num(samples[positions].astype(np.float64), posinf=1.0, neginf=-1.0)
    averages = picked.mean(axis=1)
    levels = 20 * np.log10(np.maximum(_FLOOR, np.abs(averages)))
    lowest, span = levels.min(), np.ptp(levels)
    if not span > 0:
        return (0.0,) * points
    return tuple(((levels - lowest) / span).tolist())
