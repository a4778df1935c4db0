"""How near one voice is to another, and how well it is understood.

The engine itself uses none of this, except the speaker embedding, by which it chooses between bases.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from myna.audio.matching.vocoder import RATE, analyse, synthesise
from myna.audio.resample import resample
from myna.audio.speaker import similarity, speaker_embedding
from myna.engines.base import Samples

_RECOGNISER_RATE = 16_000
_WINDOW = 1024
_LOWEST, _HIGHEST, _BANDS = 100.0, 7_500.0, 30
_LEVEL, _NOISE = 0.07, 0.00056
"""Speech at −23 dBFS and noise at −65 dBFS: digital silence spoils the recogniser's features."""
_SILENCE = 1e-4
"""Windows with less than this share of the loudest one's energy are pauses."""


def pitch_median(sound: Samples) -> float:
    """Hz, by Harvest; the engine uses DIO."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyworld
    pitch, _ = pyworld.harvest(np.asarray(resample(sound, RATE, 16_000), np.float64), 16_000, frame_period=10.0)
    return float(np.median(pitch[pitch > 0]))


def spectral_distance(first: Samples, second: Samples) -> float:
    """dB: the root mean square difference of the long-term mean spectra in 30 mel bands, levels aside."""
    return float(np.sqrt(((_long_term(first) - _long_term(second)) ** 2).mean()))


def likeness(sounds: Sequence[Samples], reference: Samples) -> float:
    """Mean cosine of the speaker embeddings of some sounds and of the reference."""
    goal = speaker_embedding(reference, RATE)
    return float(np.mean([similarity(speaker_embedding(sound, RATE), goal) for sound in sounds]))


def resynthesised(sound: Samples) -> Samples:
    return synthesise(analyse(sound))


class Listener:
    """pocketsphinx, American English."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=_RECOGNISER_RATE, loglevel="FATAL")

    def word_errors(self, texts: Sequence[str], sounds: Sequence[Samples]) -> float:
        """Errors for each word that was said."""
        said = [_words(text) for text in texts]
        errors = sum(_edits(words, self._heard(sound)) for words, sound in zip(said, sounds, strict=True))
        return errors / sum(map(len, said))

    def _heard(self, sound: Samples) -> list[str]:
        speech = resample(sound, RATE, _RECOGNISER_RATE)
        silence = np.zeros(_RECOGNISER_RATE // 4, np.float32)
        level = float(np.sqrt((speech**2).mean()))
        padded = np.concatenate([silence, speech * (_LEVEL / max(level, 1e-6)), silence])
        padded = np.clip(padded + _NOISE * np.random.default_rng(1).standard_normal(len(padded)), -1.0, 1.0)
        self._decoder.start_utt()
        self._decoder.process_raw((padded * 32_767).astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return _words(found.hypstr) if found else []


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", re.sub(r"\(\d+\)", "", text.lower()))


def _edits(said: list[str], heard: list[str]) -> int:
    """Levenshtein distance in words."""
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(said, start=1):
        before, costs[0] = costs[0], row
        for column, other in enumerate(heard, start=1):
            best = min(costs[column] + 1, costs[column - 1] + 1, before + (word != other))
            before, costs[column] = costs[column], best
    return costs[-1]


def _long_term(sound: Samples) -> NDArray[np.float64]:
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::256] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(windows)) ** 2
    energy = power.sum(axis=1)
    mean = power[energy > _SILENCE * energy.max()].mean(axis=0)
    levels = 10 * np.log10(_filters() @ mean + 1e-9)
    return np.asarray(levels - levels.mean())


def _filters() -> NDArray[np.float64]:
    """Triangles, `[30, 513]`, each of sum 1."""
    points = np.linspace(2595 * np.log10(1 + _LOWEST / 700), 2595 * np.log10(1 + _HIGHEST / 700), _BANDS + 2)
    edges = 700 * (10 ** (points / 2595) - 1)
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.clip(np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)), 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
