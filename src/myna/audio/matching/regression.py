"""Learns from two voices that say the same words how the spectrum of one follows from that of the other.

Frames are aligned by dynamic time warping; a mixture of eight diagonal clusters divides the source's sounds, and each
has a ridge regression of its own (after Y. Stylianou, O. Cappé, E. Moulines, "Continuous probabilistic transform for
voice conversion", 1998). Its worth is measured on frames that it has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myna.audio.matching.spectrum import from_cepstra
from myna.audio.matching.vocoder import Matrix

USED = 28
"""Cepstral coefficients that are predicted; the finer ones stay."""
_CLUSTERS = 8
_ROUNDS = 15
_RIDGE = 3.0
"""Times the number of frames of a cluster, of spectra in units of their standard deviation. From rms to slt, 0.5 was
hardly more alike than 2 (0.89, 0.88), and a quarter more words were misheard."""
_TRUST = 0.4
"""Share of the predicted change that is made. From rms to slt, 0.8 was more alike (0.88) and three times as many words
were misheard as of the base; with 0.4 the likeness is 0.81, and hardly more words are misheard."""
_LEAST_VARIANCE, _MOST_VARIANCE = 0.7, 1.8
_LEAST_FRAMES = 600
_SEED = 1


@dataclass(frozen=True, slots=True)
class Regression:
    """Eight clusters and their linear maps, in units of the source's standard deviation."""

    mean: Matrix
    """Of the source, `[28]`."""
    scale: Matrix
    """Its standard deviation, `[28]`."""
    weights: Matrix
    """`[8]`"""
    centers: Matrix
    """`[8, 28]`"""
    variances: Matrix
    """`[8, 28]`"""
    maps: Matrix
    """From a frame with a 1 appended to its change, `[8, 29, 28]`."""
    average: Matrix
    """Mean prediction, around which its variance is made up, `[28]`."""
    variance: Matrix
    """Factor that gives the prediction the variance of the target, 0.7 to 1.8, `[28]`."""


def predicted_change(regression: Regression, shapes: Matrix) -> Matrix:
    """Cepstra `[n, 36]` → what to add to their spectra, `[n, 96]`."""
    own = shapes[:, :USED]
    wanted = own + _prediction(regression, own)
    wanted = regression.average + (wanted - regression.average) * regression.variance
    return _TRUST * from_cepstra(wanted - own)


def fit_regression(source: Matrix, target: Matrix) -> Regression:
    """From aligned cepstra `[n, 36]` of both voices; n is at least 600."""
    own, other = source[:, :USED], target[:, :USED]
    mean, scale = own.mean(axis=0), own.std(axis=0) + 1e-6
    units = (own - mean) / scale
    weights, centers, variances = _clusters(units)
    shares = _shares(units, weights, centers, variances)
    inputs = np.hstack([units, np.ones((len(units), 1))])
    maps = np.stack([_ridge(inputs, other - own, shares[:, index]) for index in range(len(weights))])
    plain = Regression(mean, scale, weights, centers, variances, maps, np.zeros(USED), np.ones(USED))
    wanted = own + _prediction(plain, own)
    factor = np.clip(other.std(axis=0) / (wanted.std(axis=0) + 1e-6), _LEAST_VARIANCE, _MOST_VARIANCE)
    return Regression(mean, scale, weights, centers, variances, maps, wanted.mean(axis=0), factor)


def enough(frames: int) -> bool:
    """Whether a regression can be learned from so many aligned frames."""
    return frames >= _LEAST_FRAMES


def _prediction(regression: Regression, own: Matrix) -> Matrix:
    units = np.clip((own - regression.mean) / regression.scale, -4.0, 4.0)
    shares = _shares(units, regression.weights, regression.centers, regression.variances)
    inputs = np.hstack([units, np.ones((len(units), 1))])
    return np.asarray(np.einsum("nk,ni,kio->no", shares, inputs, regression.maps, optimize=True))


def _ridge(inputs: Matrix, outputs: Matrix, shares: Matrix) -> Matrix:
    weighted = inputs * shares[:, None]
    penalty = _RIDGE * shares.sum() * np.eye(inputs.shape[1])
    penalty[-1, -1] = 1e-6
    return np.asarray(np.linalg.solve(weighted.T @ inputs + penalty, weighted.T @ outputs))


def _clusters(units: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Expectation and maximisation, from centers that lie far apart (k-means++)."""
    centers = _far_apart(units)
    variances = np.ones_like(centers)
    weights = np.full(_CLUSTERS, 1 / _CLUSTERS)
    for _ in range(_ROUNDS):
        shares = _shares(units, weights, centers, variances)
        sizes = shares.sum(axis=0) + 1e-9
        weights = sizes / sizes.sum()
        centers = shares.T @ units / sizes[:, None]
        variances = np.maximum(shares.T @ units**2 / sizes[:, None] - centers**2, 0.05)
    return weights, centers, variances


def _far_apart(units: Matrix) -> Matrix:
    chance = np.random.default_rng(_SEED)
    centers = [units[chance.integers(len(units))]]
    distances: NDArray[np.float64] = np.full(len(units), np.inf)
    for _ in range(_CLUSTERS - 1):
        distances = np.minimum(distances, ((units - centers[-1]) ** 2).sum(axis=1))
        centers.append(units[chance.choice(len(units), p=distances / distances.sum())])
    return np.array(centers)


def _shares(units: Matrix, weights: Matrix, centers: Matrix, variances: Matrix) -> Matrix:
    """How much each frame belongs to each cluster, `[n, 8]`."""
    precision = 1 / variances
    squares = units**2 @ precision.T - 2 * units @ (centers * precision).T + (centers**2 * precision).sum(axis=1)
    logs = np.log(weights + 1e-12) - 0.5 * (squares + np.log(variances).sum(axis=1))
    logs -= logs.max(axis=1, keepdims=True)
    shares = np.exp(logs)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
