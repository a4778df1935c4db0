"""Sound as frames of the WORLD vocoder, and back.

M. Morise, F. Yokomori, K. Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system", 2016. DIO and StoneMask
find the pitch, CheapTrick the spectral envelope, D4C how much of each frequency is noise.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import Samples

RATE = 22_050
"""Hz of all sound here."""
FRAME_SECONDS = 0.005
COARSE = 0.010
"""Seconds between frames that are good enough to measure a voice."""
BINS = 513
"""From 0 Hz to half of the rate."""
_FFT_SIZE = 2 * (BINS - 1)
_LOWEST, _HIGHEST = 60.0, 650.0
"""Hz of a voice."""
_LEAST_POWER = 1e-16

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frames:
    """A sound, every 5 ms, or more coarsely where it is only measured."""

    pitch: Matrix
    """Hz, `[n]`; 0 where unvoiced."""
    envelope: Matrix
    """Natural logarithm of the power spectrum, `[n, 513]`."""
    aperiodicity: Matrix
    """Share of noise, 0 to 1, `[n, 513]`."""
    step: float = FRAME_SECONDS
    """Seconds from frame to frame."""

    def __len__(self) -> int:
        return len(self.pitch)


def analyse(
    samples: Samples, lowest: float | None = None, highest: float | None = None, step: float = FRAME_SECONDS
) -> Frames:
    """The frames of a sound at `RATE`. Knowing the range of the pitch (Hz) avoids errors by an octave."""
    world = _world()
    sound = np.ascontiguousarray(samples, np.float64)
    if lowest is None or highest is None:
        lowest, highest = pitch_range(sound)
    pitch, times = _pitch(sound, lowest, highest, step)
    envelope = world.cheaptrick(sound, pitch, times, RATE, fft_size=_FFT_SIZE)
    aperiodicity = world.d4c(sound, pitch, times, RATE, fft_size=_FFT_SIZE)
    return Frames(pitch, np.log(np.maximum(envelope, _LEAST_POWER)), aperiodicity, step)


def synthesise(frames: Frames) -> Samples:
    """The sound of frames, `len(frames)` × `step` long. Level is kept, so what was made louder may exceed ±1."""
    sound = _world().synthesize(
        np.ascontiguousarray(frames.pitch),
        np.ascontiguousarray(np.exp(frames.envelope)),
        np.ascontiguousarray(frames.aperiodicity),
        RATE,
        frames.step * 1000,
    )
    return np.asarray(sound, np.float32)


def pitch_range(sound: Matrix) -> tuple[float, float]:
    """Hz between which a voice moves: about an octave around its median, which a first, wide search finds."""
    pitch, _ = _world().dio(sound, RATE, f0_floor=_LOWEST, f0_ceil=_HIGHEST, frame_period=10.0, speed=4)
    voiced = pitch[pitch > 0]
    if len(voiced) < 10:
        return _LOWEST, _HIGHEST
    middle = float(np.median(voiced))
    return max(_LOWEST, 0.55 * middle), min(_HIGHEST, 2.1 * middle)


def pitch_of(samples: Samples) -> Matrix:
    """Hz every 10 ms, 0 where unvoiced; much cheaper than all of `analyse`."""
    sound = np.ascontiguousarray(samples, np.float64)
    return _pitch(sound, *pitch_range(sound), COARSE)[0]


def _pitch(sound: Matrix, lowest: float, highest: float, step: float) -> tuple[Matrix, Matrix]:
    world = _world()
    rough, times = world.dio(sound, RATE, f0_floor=lowest, f0_ceil=highest, frame_period=step * 1000)
    return world.stonemask(sound, rough, times, RATE), times


@cache
def _world() -> Any:
    """Imported when first needed; it complains about how it is packaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyworld

    return pyworld
