"""The engine `match`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from myna.audio.matching.statistics import Melody
from myna.audio.matching.transform import moved_pitch, transformed
from myna.audio.matching.vocoder import RATE, analyse, synthesise
from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest, Word
from myna.engines.espeak import EspeakEngine
from myna.engines.match.bases import Bases
from myna.engines.match.pieces import PieceByPiece
from myna.engines.match.preparing import Preparation
from myna.engines.match.voice import FORMAT, Match, MatchedVoice, from_settings, to_settings
from myna.kit.cache import Cache

_CHUNK = RATE // 2
_KEPT_VOICES, _KEPT_SECONDS = 32, 900.0
_STEADY_WIDTH, _LIVELY_WIDTH = 0.8, 1.3
"""How wide the melody is at stability 1 and at stability 0."""
_KNEE, _CEILING = 0.85, 0.99
"""Samples above the knee are bent towards the ceiling."""


class MatchEngine(Engine):
    """Speaks with a base voice and moves its pitch, vocal tract and spectrum to those of a recording."""

    name: ClassVar[str] = "match"

    def __init__(self, excluded: frozenset[str] = frozenset()) -> None:
        """`excluded`: ids of bases, such as `flite:slt`, that no new voice is built on."""
        self._bases = Bases()
        self._preparation = Preparation(self._bases, excluded)
        self._voices: Cache[str, MatchedVoice] = Cache(entries=_KEPT_VOICES, weight=_KEPT_VOICES, seconds=_KEPT_SECONDS)

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if find_spec("pyworld") is None:
            return False, "the package `pyworld` is not installed"
        return EspeakEngine.available()

    @classmethod
    def describe(cls) -> Capabilities:
        able = EspeakEngine.describe()
        return Capabilities(
            name=cls.name,
            description="Voices matched to a recording with the WORLD vocoder, without any model.",
            version="1",
            licence="Apache-2.0; WORLD: modified BSD; speaks through espeak-ng (GPL-3.0-or-later) and flite (BSD-like)",
            languages=able.languages,
            sample_rate=RATE,
            streaming=True,
            word_timestamps=True,
            cloning=True,
            voice_format=FORMAT,
            clone_quality="matched",
            diacritics=able.diacritics,
            options=frozenset({"speed", "temperature", "seed", "stability", "similarity"}),
            max_characters=able.max_characters,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return ()

    def prepare_voice(
        self, reference: Samples, sample_rate: int, transcript: str | None = None, language: str | None = None
    ) -> dict[str, Any]:
        return to_settings(self._preparation.prepare(reference, sample_rate, transcript, language))

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        voice = self._voice(request.voice_settings)
        match = voice.match(request.language)
        parts = _Parts()
        pieces = PieceByPiece(self._work(voice, match, request))
        for samples, words in self._bases.speak(match.base, _for_base(request, voice)):
            parts.expect(words)
            yield from parts.take(pieces.process(samples))
        yield from parts.take(pieces.finish())
        yield from parts.rest()
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * RATE), np.float32), RATE)

    def close(self) -> None:
        self._bases.close()

    def _work(self, voice: MatchedVoice, match: Match, request: SynthesisRequest) -> Any:
        """What is done to each piece of the base's sound."""
        similarity = min(1.0, max(0.0, request.similarity))
        width = _width(request.stability)
        source = self._melody(match, request.language)

        def work(samples: Samples) -> Samples:
            if similarity == 0.0 and width == 1.0:
                return samples.copy()
            frames = analyse(samples, *_range(source))
            changed = transformed(frames, match.transform, similarity)
            pitch = moved_pitch(frames.pitch, source, voice.melody, similarity, width)
            return _bent(_of_length(synthesise(dataclasses.replace(changed, pitch=pitch)), len(samples)))

        return work

    def _melody(self, match: Match, language: str) -> Melody:
        """Of the base in the language of the text."""
        same = not language or _primary(language) == _primary(match.language)
        return match.melody if same else self._preparation.melody(match.base, language)

    def _voice(self, settings: Mapping[str, Any]) -> MatchedVoice:
        """Read once for each content."""
        key = hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode()).hexdigest()
        voice = self._voices.get(key)
        if voice is None:
            voice = from_settings(settings)
            self._voices.put(key, voice)
        return voice


class _Parts:
    """The sound in chunks of half a second at most, each with the words that begin in it."""

    def __init__(self) -> None:
        self._words: deque[Word] = deque()
        self._done = 0

    def expect(self, words: tuple[Word, ...]) -> None:
        self._words.extend(words)

    def take(self, samples: Samples) -> Iterator[AudioChunk]:
        for begin in range(0, len(samples), _CHUNK):
            part = samples[begin : begin + _CHUNK]
            self._done += len(part)
            yield AudioChunk(part, RATE, tuple(self._begun()))

    def rest(self) -> Iterator[AudioChunk]:
        """Nothing may be left over; but a word that begins at the very end still has its place."""
        if self._words:
            yield AudioChunk(np.zeros(1, np.float32), RATE, tuple(self._words))

    def _begun(self) -> Iterator[Word]:
        while self._words and round(self._words[0].start * RATE) < self._done:
            yield self._words.popleft()


def _for_base(request: SynthesisRequest, voice: MatchedVoice) -> SynthesisRequest:
    temperature = request.temperature if request.stability is None else 1.0 - _within(request.stability)
    return dataclasses.replace(
        request,
        language=request.language or voice.language,
        temperature=temperature,
        pause_after=None if request.pause_after is None else 0.0,
    )


def _width(stability: float | None) -> float:
    if stability is None:
        return 1.0
    return _LIVELY_WIDTH + (_STEADY_WIDTH - _LIVELY_WIDTH) * _within(stability)


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))


def _range(melody: Melody) -> tuple[float, float]:
    """Hz between which the base's pitch is looked for."""
    middle = float(np.exp(melody.middle))
    return max(60.0, 0.5 * middle), min(650.0, 2.3 * middle)


def _of_length(samples: Samples, length: int) -> Samples:
    return samples[:length] if len(samples) >= length else np.pad(samples, (0, length - len(samples)))


def _bent(samples: Samples) -> Samples:
    """Peaks are bent smoothly, not cut."""
    level = np.abs(samples)
    room = _CEILING - _KNEE
    bent = np.sign(samples) * (_KNEE + room * np.tanh((level - _KNEE) / room))
    return np.where(level > _KNEE, bent, samples).astype(np.float32)


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
