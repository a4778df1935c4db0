"""Logarithmic spectra on the mel scale, their cepstra, and stretching along frequency."""

from __future__ import annotations

from functools import cache

import numpy as np

from myna.audio.matching.vocoder import BINS, RATE, Matrix

BANDS = 96
"""Points of the mel scale, from 0 Hz to half of the rate."""
ORDER = 36
"""Cepstral coefficients, without the first one, which is the level."""
_KNEE = 0.85
"""Up to this share of the band frequencies are stretched evenly; the rest makes room."""


def mel(frequency: Matrix | float) -> Matrix:
    """S. S. Stevens' scale as D. O'Shaughnessy writes it (1987)."""
    return np.asarray(2595 * np.log10(1 + np.asarray(frequency) / 700))


def band_frequencies() -> Matrix:
    """Hz of the points of the mel scale, `[96]`."""
    return np.asarray(700 * (10 ** (np.linspace(0, mel(RATE / 2), BANDS) / 2595) - 1))


def to_bands(envelope: Matrix) -> Matrix:
    """`[n, 513]` on the frequency scale → `[n, 96]` on the mel scale."""
    return np.asarray(envelope @ _gathering().T)


def from_bands(bands: Matrix) -> Matrix:
    """`[n, 96]` on the mel scale → `[n, 513]` on the frequency scale."""
    return np.asarray(bands @ _spreading().T)


def cepstra(bands: Matrix) -> Matrix:
    """`[n, 96]` → `[n, 36]`: the shape of the spectrum, without its level."""
    return np.asarray(bands @ _cosines().T)


def from_cepstra(coefficients: Matrix) -> Matrix:
    """`[n, k]`, k ≤ 36 → `[n, 96]`, of level 0."""
    return np.asarray(coefficients @ _cosines()[: coefficients.shape[1]])


def held(bands: Matrix, limit: float) -> Matrix:
    """Spectra `[n, 96]` of which what is above `limit` Hz is unknown: there they go on as they were just below."""
    known = band_frequencies() <= limit
    edge = bands[:, known][:, -3:].mean(axis=1, keepdims=True)
    return np.where(known, bands, edge)


def stretched(rows: Matrix, factor: float, limit: float = RATE / 2) -> Matrix:
    """Spectra `[n, 513]` moved along frequency: what was at 1,000 Hz is at `factor` × 1,000 Hz.

    What is above `limit` Hz stays where it is, so that a sound of limited bandwidth keeps its band.
    """
    if factor == 1.0:
        return rows
    source = _unstretched(np.arange(BINS) / (BINS - 1), factor, limit / (RATE / 2)) * (BINS - 1)
    low = np.minimum(source.astype(int), BINS - 2)
    share = source - low
    return np.asarray(rows[:, low] * (1 - share) + rows[:, low + 1] * share)


def _unstretched(place: Matrix, factor: float, end: float) -> Matrix:
    """Where in the source (0 to 1) each place of the result comes from: straight to a knee, then to the end."""
    knee = _KNEE * end * min(1.0, factor)
    return np.interp(place, [0.0, knee, end, 1.0], [0.0, knee / factor, end, 1.0])


@cache
def _gathering() -> Matrix:
    """Means over the bins between neighbouring points, weighted by a triangle; interpolation where bins are sparse."""
    centers = band_frequencies()
    bins = np.linspace(0, RATE / 2, BINS)
    width = bins[1]
    lower = np.diff(centers, prepend=centers[0] - width)
    upper = np.diff(centers, append=centers[-1] + width)
    distance = bins[None, :] - centers[:, None]
    reach = np.where(distance < 0, np.maximum(lower, width)[:, None], np.maximum(upper, width)[:, None])
    weights = np.maximum(0.0, 1 - np.abs(distance) / reach)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@cache
def _spreading() -> Matrix:
    place = np.interp(np.linspace(0, RATE / 2, BINS), band_frequencies(), np.arange(BANDS))
    low = np.minimum(place.astype(int), BANDS - 2)
    rows = np.zeros((BINS, BANDS))
    rows[np.arange(BINS), low] = 1 - (place - low)
    rows[np.arange(BINS), low + 1] = place - low
    return rows


@cache
def _cosines() -> Matrix:
    """Rows 1 to 36 of the orthonormal cosine transform (DCT-II)."""
    orders = np.arange(1, ORDER + 1)[:, None]
    places = (np.arange(BANDS)[None, :] + 0.5) / BANDS
    return np.asarray(np.sqrt(2 / BANDS) * np.cos(np.pi * orders * places))
