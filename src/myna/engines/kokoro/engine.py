"""Speaks with Kokoro-82M (ONNX). Its phonemes come from espeak-ng, which is GPL-3: both live in this process alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from myna.audio.stretch import stretch
from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest, Word
from myna.engines.kokoro.chinese_japanese import read_with_misaki
from myna.engines.kokoro.files import find_model
from myna.engines.kokoro.model import FASTEST, SAMPLE_RATE, SLOWEST, Model, Spoken, Style
from myna.engines.kokoro.reading import Reader, Reading
from myna.engines.kokoro.voices import ENGINE, LOCALES, Locale, locale_of, spoken_here, spoken_locale, stock_voices
from myna.engines.needs import usable
from myna.errors import EngineFailed, EngineUnavailable, Unsupported

_CHUNK = SAMPLE_RATE // 2
_SENTENCE_PAUSE, _CLAUSE_PAUSE = 0.25, 0.1
"""Seconds of silence after a piece that ends with such a mark, at speed 1, as kokoro-onnx joins its pieces."""


class KokoroEngine(Engine):
    """54 voices in nine languages, and blends of them, at 24 kHz."""

    name: ClassVar[str] = ENGINE

    def __init__(self) -> None:
        """Loads the model, and speaks once, so that the first request does not wait for that."""
        self._model = Model(find_model())
        self._model.rehearse()
        self._reader = Reader(self._model.vocabulary)

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return usable(ENGINE, {"kokoro_onnx": "kokoro-onnx"}, find_model)

    @classmethod
    def describe(cls) -> Capabilities:
        return Capabilities(
            name=cls.name,
            description="Natural speech with Kokoro-82M, faster than it is heard on two cores.",
            version=_version(),
            licence="MIT (kokoro-onnx), Apache-2.0 (weights); reads with espeak-ng (GPL-3.0-or-later) in its process",
            languages=tuple(locale.tag for locale in spoken_here()),
            sample_rate=SAMPLE_RATE,
            streaming=True,
            word_timestamps=_has_timings(),
            blending=True,
            options=frozenset({"speed"}),
            max_characters=400,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return stock_voices(find_model().voice_names)

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        weights = _weights(request.voice_settings)
        locale = _locale(request.language, weights)
        style = self._model.style(weights)
        reading = self._read(request.text, locale)
        pieces = list(_pieces(reading))
        if not pieces:
            raise EngineFailed("There is nothing to say in this text.")
        done = 0
        for number, piece in enumerate(pieces, start=1):
            spoken = self._speak(piece, style, request.speed)
            asked = request.pause_after if number == len(pieces) else None
            pause = _own_pause(piece.symbols) / request.speed if asked is None else asked
            samples = np.concatenate([spoken.samples, np.zeros(round(pause * SAMPLE_RATE), np.float32)])
            yield from _chunks(samples, list(_words(piece, spoken, done)), done)
            done += len(samples)

    def interrupt(self) -> None:
        self._model.session.stop()

    def close(self) -> None:
        self._reader.close()

    def _read(self, text: str, locale: Locale) -> Reading:
        if locale.voice_file:
            return self._reader.read(text, locale.tag, locale.voice_file)
        return read_with_misaki(text, locale.tag, self._model.vocabulary, self._read_latin)

    def _read_latin(self, text: str) -> str:
        return self._reader.read(text, LOCALES[0].tag, LOCALES[0].voice_file).symbols

    def _speak(self, piece: Reading, style: Style, speed: float) -> Spoken:
        """Speeds that are not the network's are made of the nearest of its own, by stretching."""
        own = min(FASTEST, max(SLOWEST, speed))
        spoken = self._model.speak(piece.symbols, style, own)
        if own == speed:
            return spoken
        factor = speed / own
        return Spoken(stretch(spoken.samples, SAMPLE_RATE, factor), tuple(start / factor for start in spoken.starts))


def _version() -> str:
    try:
        return version("kokoro-onnx")
    except PackageNotFoundError:
        return "none"


def _has_timings() -> bool:
    try:
        return find_model().has_timings
    except EngineUnavailable:
        return False


def _weights(settings: Mapping[str, Any]) -> dict[str, float]:
    """Voice → weight, from `{"voice": name}` or `{"blend": {name: weight, …}}`. Raises `Unsupported`."""
    blend = settings.get("blend", {settings.get("voice", ""): 1.0})
    if not isinstance(blend, Mapping) or not blend:
        raise Unsupported("A blend of voices is an object of voices and their weights.")
    for name, weight in blend.items():
        if not isinstance(weight, int | float) or not (math.isfinite(weight) and weight > 0):
            raise Unsupported(f"The weight of the voice `{name}` in a blend is no number above 0.")
    return {str(name): float(weight) for name, weight in blend.items()}


def _locale(language: str, weights: Mapping[str, float]) -> Locale:
    """Of the voice with the most weight, unless the text is in another language."""
    locale = spoken_locale(language, locale_of(max(weights, key=lambda name: weights[name])))
    if locale is None:
        raise Unsupported(f"The engine `{ENGINE}` does not speak the language `{language}`.")
    return locale


def _pieces(reading: Reading) -> Iterator[Reading]:
    """What the network can speak at once, cut at marks where possible."""
    from kokoro_onnx.chunker import split_phonemes

    begin = 0
    for symbols in split_phonemes(reading.symbols):
        begin = reading.symbols.index(symbols, begin)
        end = begin + len(symbols)
        if any(symbol.isalpha() for symbol in symbols):
            here = (word for word in reading.words if begin <= word.symbol < end)
            yield Reading(symbols, tuple(type(word)(word.symbol - begin, word.position, word.length) for word in here))
        begin = end


def _own_pause(symbols: str) -> float:
    from kokoro_onnx.chunker import pause_after

    return float(pause_after(symbols, _SENTENCE_PAUSE, _CLAUSE_PAUSE))


def _words(piece: Reading, spoken: Spoken, done: int) -> Iterator[Word]:
    """When the words of a piece begin, in seconds from the start of the request's sound."""
    for word in piece.words:
        if word.symbol < len(spoken.starts):
            yield Word(word.position, word.length, done / SAMPLE_RATE + spoken.starts[word.symbol])


def _chunks(samples: Samples, words: list[Word], done: int) -> Iterator[AudioChunk]:
    """Half a second each, with the words that begin in it."""
    for begin in range(0, len(samples), _CHUNK):
        first, last = done + begin, done + min(begin + _CHUNK, len(samples))
        end = last if begin + _CHUNK < len(samples) else last + 1
        here = tuple(word for word in words if first <= word.start * SAMPLE_RATE < end)
        yield AudioChunk(samples[begin : begin + _CHUNK], SAMPLE_RATE, here)
