"""How much longer or shorter a vocal tract is: the factor by which frequencies must be stretched."""

from __future__ import annotations

import numpy as np

from myna.audio.matching.spectrum import band_frequencies, stretched, to_bands
from myna.audio.matching.vocoder import Matrix

SHORTEST, LONGEST = 0.92, 1.09
"""Stretching further costs words. From awb to slt, a factor of 1.15 raised the share that is misheard from 0.31 to
0.44, one of 1.07 to 0.38, for a likeness of 0.76 and 0.72; a factor of 0.79 made 81 % of the words unintelligible."""
_LOWEST, _HIGHEST = 150.0, 5_500.0
"""Hz between which resonances tell speakers apart."""
_ORDER = 12
_ROUGH_STEP, _STEP = 0.03, 0.01


def stretch_between(source: Matrix, target: Matrix) -> float:
    """The factor, 0.92 to 1.09, that brings the spectra of one voice nearest to those of another.

    Both are logarithmic envelopes of voiced frames, `[n, 513]`, of about the same sounds in any order. The distance is
    that of each frame from its nearest neighbour in the other set (Chamfer), without what the means differ by: what is
    alike are the vowels of both, wherever in the recording they are.
    """
    goal = _shapes(target)

    def best(factors: Matrix) -> float:
        return float(min(factors, key=lambda factor: _distance(_shapes(stretched(source, factor)), goal)))

    rough = best(np.arange(SHORTEST, LONGEST + _STEP, _ROUGH_STEP))
    near = np.clip(rough + _STEP * np.arange(-2, 3), SHORTEST, LONGEST)
    return round(best(near), 2)


def _shapes(envelopes: Matrix) -> Matrix:
    frequencies = band_frequencies()
    bands = to_bands(envelopes)[:, (frequencies > _LOWEST) & (frequencies < _HIGHEST)]
    places = (np.arange(bands.shape[1]) + 0.5) / bands.shape[1]
    shapes = bands @ np.cos(np.pi * np.arange(1, _ORDER + 1)[:, None] * places).T / np.sqrt(bands.shape[1] / 2)
    return np.asarray(shapes - shapes.mean(axis=0))


def _distance(first: Matrix, second: Matrix) -> float:
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None, :] - 2 * first @ second.T
    distances = np.sqrt(np.maximum(squares, 0.0))
    return float(distances.min(axis=0).mean() + distances.min(axis=1).mean())
