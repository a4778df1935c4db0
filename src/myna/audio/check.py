"""Tell usable sound from what must never reach a listener."""

from __future__ import annotations

import numpy as np

from myna.engines.base import Samples
from myna.errors import BadAudio

AUDIBLE_PEAK = 1e-4
"""−80 dBFS: what stays below it all along is silence."""


def check_audio(samples: Samples, rate: int, expected_rate: int) -> None:
    """Raises `BadAudio` when the sound is empty, at a wrong rate, not all numbers, or silent throughout."""
    if rate != expected_rate:
        raise BadAudio(f"The sound has {rate} samples per second instead of {expected_rate}.")
    if samples.ndim != 1:
        raise BadAudio(f"The sound is not mono: its shape is {samples.shape}.")
    if not len(samples):
        raise BadAudio("The sound is empty.")
    peak = max(float(samples.max()), -float(samples.min()))
    if not np.isfinite(peak):
        raise BadAudio("The sound holds values that are not numbers.")
    if peak < AUDIBLE_PEAK:
        raise BadAudio("The sound is silent from start to end.")
