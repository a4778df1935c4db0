"""Cuts a stream of sound into pieces that can be worked on one by one, and joins the results without a seam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from myna.audio.matching.vocoder import RATE
from myna.engines.base import Samples

_CONTEXT = RATE // 12
"""Samples on both sides of a piece that are worked on as well and then thrown away."""
_FADE = RATE // 200
"""Samples on both sides of a cut over which one piece gives way to the next."""
_QUIET_WINDOW = RATE // 50
_FIRST = (round(0.4 * RATE), round(1.2 * RATE))
_OTHERS = (round(1.0 * RATE), round(2.5 * RATE))
"""The shortest and the longest piece; the first one is short, so that something is heard soon."""
_NEARLY = 1.5
"""A place is as quiet as the quietest when its level is at most this much higher; the last such place is taken."""

Work = Callable[[Samples], Samples]
"""Returns as many samples as it is given."""


class PieceByPiece:
    """Does some work on a sound that comes in chunks; gives back the same number of samples."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._before = np.zeros(0, np.float32)
        """Sound before the piece, already given back."""
        self._waiting = np.zeros(0, np.float32)
        self._fading = np.zeros(0, np.float32)
        """The end of the last result, around the cut."""
        self._first = True

    def process(self, samples: Samples) -> Samples:
        """What is ready after this chunk; it may be empty."""
        self._waiting = np.concatenate([self._waiting, samples])
        shortest, longest = _FIRST if self._first else _OTHERS
        if len(self._waiting) < longest + _CONTEXT:
            return np.zeros(0, np.float32)
        return self._piece(_quiet_place(self._waiting, shortest, longest))

    def finish(self) -> Samples:
        """The rest."""
        return self._piece(len(self._waiting))

    def _piece(self, cut: int) -> Samples:
        last = cut == len(self._waiting)
        lead = len(self._before)
        made = self._work(np.concatenate([self._before, self._waiting[: cut + _CONTEXT]]))
        fading = min(lead, _FADE) if len(self._fading) else 0
        made = made[lead - fading : lead + cut + (0 if last else _FADE)]
        shared = len(self._fading)
        made[:shared] = _crossfaded(self._fading, made[:shared])
        self._fading = made[:0] if last else made[len(made) - 2 * _FADE :].copy()
        self._before = self._waiting[max(0, cut - _CONTEXT) : cut]
        self._waiting = self._waiting[cut:]
        self._first = False
        return made if last else made[: len(made) - 2 * _FADE]


def _quiet_place(samples: Samples, shortest: int, longest: int) -> int:
    """Where it is quietest, between two lengths; the last place when there are several."""
    energy = np.cumsum(np.concatenate([[0.0], samples[: longest + _QUIET_WINDOW].astype(np.float64) ** 2]))
    centers = np.arange(shortest, longest, _QUIET_WINDOW // 4)
    half = _QUIET_WINDOW // 2
    levels = np.sqrt(np.maximum(energy[centers + half] - energy[centers - half], 0.0) / _QUIET_WINDOW)
    return int(centers[np.flatnonzero(levels <= _NEARLY * levels.min() + 1e-5)[-1]])


def _crossfaded(first: Samples, second: Samples) -> Samples:
    share = (np.arange(len(first), dtype=np.float32) + 0.5) / max(1, len(first))
    return np.asarray(first * (1 - share) + second * share, np.float32)
