"""Sound as pocketsphinx hears it best."""

from __future__ import annotations

import numpy as np

from myna.audio.resample import resample
from myna.engines.base import Samples

RATE = 16_000
FRAMES_PER_SECOND = 100
PADDING = 0.25
"""Seconds of near silence on both sides, so that the first sound is heard."""
_LEVEL, _DITHER = -23.0, -65.0
"""dBFS of the sound and of the noise that is added: after digital silence the recogniser is deaf."""


def to_be_heard(samples: Samples, rate: int) -> bytes:
    """16 bit at `RATE` and a steady level, padded, with a little noise."""
    sound = resample(samples, rate, RATE)
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    gain = 10 ** (_LEVEL / 20) / level if level else 0.0
    padded = np.pad(sound.astype(np.float64) * gain, round(PADDING * RATE))
    noise = np.random.default_rng(0).standard_normal(len(padded)) * 10 ** (_DITHER / 20)
    return (np.clip(padded + noise, -1, 1) * 32_767).astype("<i2").tobytes()
