"""What is characteristic of a voice, measured on what it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myna.audio.matching.spectrum import to_bands
from myna.audio.matching.vocoder import BINS, RATE, Frames, Matrix

_DEPTH = 3.0
"""Frames of which the level is this much (in units of ln 10, 10 dB) below the loud ones are pauses."""
_MOST_FRAMES = 400
"""Frames that stand for a voice where all are compared with all."""
_SEED = 1
_FLOOR = 7.2 * np.log(10)
"""72 dB below the loudest frequency there is no sound."""
_CERTAIN = 0.93
"""Share of the band that is free of the filters at its edge."""
_LEAST_BANDWIDTH = 3_000.0
_QUIET = 1e-3
"""Least share of noise that is told apart."""


@dataclass(frozen=True, slots=True)
class Melody:
    """Where the pitch of a voice lies and how far it moves; natural logarithms of Hz."""

    middle: float
    """Median."""
    spread: float
    """As a standard deviation, but measured by quantiles, which errors by an octave do not move."""


@dataclass(frozen=True, slots=True)
class Colour:
    """How a voice sounds, apart from its melody."""

    voiced: Matrix
    """Mean logarithmic spectrum of voiced frames on the mel scale, `[96]`."""
    unvoiced: Matrix
    """The same of unvoiced frames."""
    noise: Matrix
    """Mean logarithm of the share of noise in voiced frames, `[96]`."""


def audible(frames: Frames) -> NDArray[np.bool_]:
    """Which frames are speech, by their level."""
    level = np.log(np.exp(frames.envelope).mean(axis=1))
    return np.asarray(level > np.percentile(level, 95) - _DEPTH * np.log(10))


def voiced_seconds(frames: Frames) -> float:
    return float((audible(frames) & (frames.pitch > 0)).sum() * frames.step)


def melody(pitch: Matrix) -> Melody:
    """Of a contour in Hz, 0 where unvoiced, that is voiced somewhere."""
    low, middle, high = np.percentile(np.log(pitch[pitch > 0]), [10, 50, 90])
    return Melody(float(middle), float(max(high - low, 0.02) / 2.563))


def colour(frames: Frames) -> Colour:
    """Of frames of which some are voiced."""
    speech, voiced = audible(frames), frames.pitch > 0
    spoken = to_bands(frames.envelope)
    hissed = speech & ~voiced if (speech & ~voiced).sum() > 20 else speech
    noise = to_bands(np.log(np.maximum(frames.aperiodicity[speech & voiced], _QUIET)))
    return Colour(spoken[speech & voiced].mean(axis=0), spoken[hissed].mean(axis=0), noise.mean(axis=0))


def bandwidth(frames: Frames) -> float:
    """Hz up to which there is any sound; a recording at 16,000 samples per second has none above 8,000 Hz."""
    power = long_term(frames)
    reached = np.flatnonzero(power > power.max() - _FLOOR)
    return float(max(_LEAST_BANDWIDTH, _CERTAIN * reached[-1] * RATE / 2 / (BINS - 1)))


def long_term(frames: Frames) -> Matrix:
    """Logarithm of the mean power of the audible frames at each frequency, `[513]`."""
    return np.asarray(np.log(np.exp(frames.envelope[audible(frames)]).mean(axis=0)))


def sample_of(frames: Frames) -> Matrix:
    """The envelopes of up to 400 voiced frames, spread over all of them."""
    chosen = frames.envelope[audible(frames) & (frames.pitch > 0)]
    order = np.random.default_rng(_SEED).permutation(len(chosen))
    return np.asarray(chosen[order[:_MOST_FRAMES]])
