"""Play sound faster or slower at the same pitch, and bring a spoken take to its place's exact length."""

from __future__ import annotations

from typing import cast

import numpy as np

from myna.audio.resample import resample
from myna.engines.base import Samples

_LEAST, _MOST = 0.25, 4.0
"""Factors beyond which nothing is left that could be understood."""
_AUDIBLE = 10 ** (-40 / 20)
"""Of the loudest frame: a take's breath and room are quieter, a soft consonant is not."""
_FRAME_SECONDS = 0.005
_BEFORE, _AFTER = 0.01, 0.04
"""Seconds that stay around what is audible: consonants begin softly and rooms fade out."""
_FADE_SECONDS = 0.06
_ROUNDING = 0.01
"""Seconds; a take that is longer by less than this is cut without a fade."""


def stretch(samples: Samples, rate: int, factor: float) -> Samples:
    """Mono sound played `factor` times as fast: exactly `round(len(samples) / factor)` samples, pitch unchanged.

    A moment at t seconds comes at t / factor, with an error of a few milliseconds. Signalsmith Stretch, by phase
    prediction between spectral peaks (G. Luff, "The Design of Signalsmith Stretch", 2023).
    Raises `ValueError` for factors outside 0.25 to 4.
    """
    if not _LEAST <= factor <= _MOST:
        raise ValueError(f"A stretch of {factor} is not between {_LEAST} and {_MOST}.")
    length = round(len(samples) / factor)
    if factor == 1.0 or length == 0:
        return samples[:length]
    from python_stretch import Signalsmith

    machine = Signalsmith.Stretch()
    machine.preset(1, rate)
    machine.setTimeFactor(factor)
    stretched = cast(Samples, machine.process(np.ascontiguousarray(samples[None], dtype=np.float32)))
    return of_length(stretched[0], length)


def trimmed(samples: Samples, rate: int) -> Samples:
    """A take without the silence before and after what is said, so that it is heard from its first moment on.

    10 ms before the first frame that is less than 40 dB below the loudest, and 40 ms after the last one, are kept.
    Silence comes back empty.
    """
    size = max(1, round(_FRAME_SECONDS * rate))
    frames = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    levels = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1))
    audible = np.flatnonzero(levels > _AUDIBLE * levels.max(initial=0.0))
    if not len(audible):
        return samples[:0]
    first = audible[0] * size - round(_BEFORE * rate)
    last = (audible[-1] + 1) * size + round(_AFTER * rate)
    return samples[max(0, first) : last]


def fit_take(samples: Samples, rate: int, target_rate: int, *, factor: float, seconds: float) -> Samples:
    """A trimmed take as it lies in the dub: at `target_rate`, played `factor` times as fast, `seconds` long.

    What is too long is cut at the end, under a fade of 60 ms; what is too short is followed by silence.
    """
    length = round(seconds * target_rate)
    spoken = resample(stretch(samples, rate, factor), rate, target_rate)
    if len(spoken) <= length + round(_ROUNDING * target_rate):
        return of_length(spoken, length)
    cut = spoken[:length].copy()
    fade = min(length, round(_FADE_SECONDS * target_rate))
    cut[length - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    return cut


def of_length(samples: Samples, length: int) -> Samples:
    """Cut, or followed by silence."""
    return samples[:length] if len(samples) >= length else np.pad(samples, (0, length - len(samples)))
