"""Speaks with espeak-ng: every language it knows, without any model. GPL-3, so it lives in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import ClassVar

import numpy as np

from myna.engines.base import AudioChunk, Capabilities, Engine, StockVoice, SynthesisRequest, Word
from myna.engines.espeak import arabic, japanese
from myna.engines.espeak.languages import LANGUAGES, Language, find_language
from myna.engines.espeak.library import SAMPLE_RATE, Library, SpokenClause
from myna.engines.espeak.prosody import Clause, clauses, deliveries, has_something_to_say, without_commands
from myna.engines.espeak.voices import stock_voices
from myna.errors import EngineFailed, Unsupported

_CHUNK = SAMPLE_RATE // 2
_AUDIBLE = 1e-3
_NOTHING = "There is nothing to say in this text."


class EspeakEngine(Engine):
    """espeak-ng 1.52 from the package `espeakng-loader`."""

    name: ClassVar[str] = "espeak"

    def __init__(self) -> None:
        self._library = Library()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if find_spec("espeakng_loader") is None:
            return False, "the package `espeakng-loader` is not installed"
        return True, ""

    @classmethod
    def describe(cls) -> Capabilities:
        return Capabilities(
            name=cls.name,
            description="Synthetic speech in all languages of espeak-ng, without any model.",
            version="1.52.0",
            licence="GPL-3.0-or-later (espeak-ng, in a process of its own)",
            languages=tuple(language.tag for language in LANGUAGES),
            sample_rate=SAMPLE_RATE,
            streaming=True,
            word_timestamps=True,
            diacritics="needed",
            options=frozenset({"speed", "temperature", "seed"}),
            max_characters=5_000,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return stock_voices()

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        language = _spoken_language(request)
        settings = request.voice_settings
        self._library.select(language.path, settings.get("variant", ""), settings.get("recipe", ""))
        reading = _reading(request.text, language)
        if not has_something_to_say(reading.text):
            raise EngineFailed(_NOTHING)
        yield from self._speak(reading, request)

    def _speak(self, reading: japanese.Reading, request: SynthesisRequest) -> Iterator[AudioChunk]:
        parts = list(clauses(reading.text))
        done, audible = 0, False
        for number, (clause, delivery) in enumerate(zip(parts, deliveries(request), strict=False), start=1):
            is_last = number == len(parts)
            own_pause = not is_last or request.pause_after is None
            spoken = self._library.speak(clause.text, delivery, end_pause=own_pause)
            audible = audible or bool(np.abs(spoken.samples).max(initial=0.0) > _AUDIBLE)
            if is_last and not audible:
                raise EngineFailed(_NOTHING)
            yield from _chunks(spoken, _words(spoken, clause, reading, done))
            done += len(spoken.samples)
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * SAMPLE_RATE), np.float32), SAMPLE_RATE)

    def close(self) -> None:
        self._library.close()


def _spoken_language(request: SynthesisRequest) -> Language:
    """The voice's own language or accent, unless the text is in another language: any voice can speak them all."""
    path = request.voice_settings.get("language")
    own = next((language for language in LANGUAGES if language.path == path), None)
    if not request.language and own:
        return own
    wanted = find_language(request.language)
    if wanted is None:
        raise Unsupported(f"The engine `espeak` does not speak the language `{request.language}`.")
    return own if own and _primary(own.tag) == _primary(wanted.tag) else wanted


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()


def _reading(text: str, language: Language) -> japanese.Reading:
    spoken = without_commands(text)
    if language.path == "jpx/ja":
        return japanese.read(spoken)
    if language.path == "sem/ar":
        said = arabic.spoken(spoken)
        return japanese.Reading(said.text, tuple(said.starts), tuple(said.ends))
    return japanese.unchanged(spoken)


def _words(spoken: SpokenClause, clause: Clause, reading: japanese.Reading, done: int) -> list[tuple[int, Word]]:
    """The clause's words and their samples in it; one for each place, though a number has several events."""
    words: list[tuple[int, Word]] = []
    free = 0
    for event in spoken.words:
        first = clause.position + event.position
        last = min(first + max(1, event.length), len(reading.starts)) - 1
        if first <= last and reading.starts[first] >= free and not reading.text[first].isspace():
            start, free = reading.starts[first], reading.ends[last]
            words.append((event.sample, Word(start, free - start, (done + event.sample) / SAMPLE_RATE)))
    return words


def _chunks(spoken: SpokenClause, words: list[tuple[int, Word]]) -> Iterator[AudioChunk]:
    """The clause in pieces of half a second, each with the words that begin in it."""
    for begin in range(0, len(spoken.samples), _CHUNK):
        end = begin + _CHUNK
        here = tuple(word for sample, word in words if begin <= sample < end)
        yield AudioChunk(spoken.samples[begin:end], SAMPLE_RATE, here)
