"""Finds the transform between two voices, on what both of them say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from myna.audio.matching.alignment import aligned
from myna.audio.matching.regression import Regression, enough, fit_regression, predicted_change
from myna.audio.matching.spectrum import BANDS, cepstra, from_cepstra, held, stretched, to_bands
from myna.audio.matching.statistics import audible, bandwidth, colour, long_term, sample_of
from myna.audio.matching.stretch import stretch_between
from myna.audio.matching.transform import Transform, transformed
from myna.audio.matching.vocoder import Frames, Matrix

_SMOOTH = 24
"""Cepstral coefficients of a difference of colours: finer detail is chance."""
_MOST_CHANGE = 4.0
"""Of a band, in natural logarithm of power: 17 dB."""
_MOST_REST = 2.0
_ROUNDS = 2
_MOST_NOISE = 1.2
_LEAST_VARIANCE, _MOST_VARIANCE = 0.9, 1.12
"""Of each cepstral coefficient. Exaggerated shapes are misheard: from awb to slt, 0.8 to 1.25 cost 3 words in 100."""
_HELPS = 0.87
"""A regression is kept when it leaves less than this share of the distance between unseen frames. From rms to a deep
espeak voice 0.88 was left, and 1.8 times the words were misheard; from rms to slt 0.83, and no more than before."""
_HELD_OUT = 5
"""One block of frames in five is held out."""
_BLOCK = 100


@dataclass(frozen=True, slots=True)
class Worth:
    """How far unseen frames of the target are from the source's, in dB of the spectrum."""

    without: float
    """After the transform that knows no words."""
    with_regression: float


def fit(source: Frames, target: Frames) -> Transform:
    """The transform that needs no words: stretching, colour, noise, variance, level. Both have voiced
    frames; every 10 ms is enough."""
    stretch = stretch_between(sample_of(source), sample_of(target))
    source_band = bandwidth(source)
    moved = replace(
        source,
        envelope=stretched(source.envelope, stretch, source_band),
        aperiodicity=stretched(source.aperiodicity, stretch, source_band),
    )
    band = min(source_band, bandwidth(target))
    own, other = colour(moved), colour(target)
    shapes, goal = (cepstra(held(to_bands(sample_of(frames)), band)) for frames in (moved, target))
    noise = other.noise - own.noise
    found = Transform(
        stretch=stretch,
        source_band=source_band,
        band=band,
        voiced=_limited(_smooth(other.voiced - own.voiced, band), _MOST_CHANGE),
        unvoiced=_limited(_smooth(other.unvoiced - own.unvoiced, band), _MOST_CHANGE),
        noise=_limited(_smooth(noise, band) + noise.mean(), _MOST_NOISE),
        center=shapes.mean(axis=0),
        variance=np.clip(goal.std(axis=0) / shapes.std(axis=0), _LEAST_VARIANCE, _MOST_VARIANCE),
        rest=np.zeros(BANDS),
    )
    return _finished(found, source, target)


def _finished(transform: Transform, source: Frames, target: Frames) -> Transform:
    """The transform with what is left of the difference in mean power, and with the gain that keeps the loudness."""
    goal = to_bands(long_term(target)[None, :])[0]
    for _ in range(_ROUNDS):
        reached = to_bands(long_term(transformed(source, transform))[None, :])[0]
        rest = transform.rest + _smooth(goal - reached, transform.band)
        transform = replace(transform, rest=_limited(rest, _MOST_REST))
    speech = audible(source)
    before, after = (
        np.log(np.exp(frames.envelope[speech]).mean()) for frames in (source, transformed(source, transform))
    )
    return replace(transform, gain=transform.gain + float(before - after))


def fit_aligned(source: Frames, target: Frames, transform: Transform) -> tuple[Transform, Worth] | None:
    """The transform with a regression, when source and target say the same words, and what it is worth.

    None when there is too little speech, or when the regression does not help on frames that it has not seen.
    """
    first, second = (_speech(frames, transform.band) for frames in (transformed(source, transform), target))
    if not enough(min(len(first), len(second))):
        return None
    left, right, _ = aligned(*(_normalised(rows[:, :16]) for rows in (first, second)))
    own, other = first[left], second[right]
    unseen = (np.arange(len(own)) // _BLOCK) % _HELD_OUT == _HELD_OUT - 1
    if not enough(int((~unseen).sum())):
        return None
    trial = fit_regression(own[~unseen], other[~unseen])
    worth = Worth(_distance(own[unseen], other[unseen]), _distance(_applied(trial, own[unseen]), other[unseen]))
    if worth.with_regression > _HELPS * worth.without:
        return None
    learned = replace(transform, regression=fit_regression(own, other))
    return _finished(learned, source, target), worth


def _smooth(change: Matrix, band: float) -> Matrix:
    """A difference of mean spectra `[96]` without its level and its fine detail, held beyond `band` Hz."""
    return np.asarray(from_cepstra(cepstra(held(change[None, :], band))[:, :_SMOOTH])[0])


def _limited(change: Matrix, most: float) -> Matrix:
    return np.asarray(np.clip(change, -most, most))


def _speech(frames: Frames, band: float) -> Matrix:
    """Cepstra of the audible frames."""
    return cepstra(held(to_bands(frames.envelope[audible(frames)]), band))


def _normalised(rows: Matrix) -> Matrix:
    return np.asarray((rows - rows.mean(axis=0)) / rows.std(axis=0).mean())


def _applied(regression: Regression, shapes: Matrix) -> Matrix:
    return shapes + cepstra(predicted_change(regression, shapes))


def _distance(first: Matrix, second: Matrix) -> float:
    """Root mean square difference of two spectra in dB, over frames."""
    squares = ((first - second) ** 2).sum(axis=1) / BANDS
    return float(np.mean(np.sqrt(squares)) * 10 / np.log(10))
