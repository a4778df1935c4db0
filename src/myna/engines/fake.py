"""Deterministic tones that behave like speech, for tests and trials. Used only when `MYNA_ENGINES` names it.

The sound lasts 60 ms per character, divided by the speed. A word is a group of syllables, a space or a punctuation mark
is quiet, and the pitch follows the voice. Commands in the text make the engine misbehave at the place where they stand:

    fake:crash              the process ends
    fake:crash-once=TOKEN   the process ends the first time; a marker in the temporary folder remembers the token
    fake:hang               nothing more comes
    fake:nan                a chunk of not-a-number
    fake:rate               a chunk at half the sample rate
    fake:fail=MESSAGE       EngineFailed with the message (`_` stands for a space)
    fake:pause=SECONDS      silence
    fake:grow=MEGABYTES     the process keeps that much more memory
    fake:empty              no sound at all, wherever it stands
    fake:silence            all of the sound is zero, wherever it stands
    fake:slow=SECONDS       the whole text takes that much longer to speak, wherever it stands
    fake:garble=SEED        every second word is not heard while the seed is lower, wherever it stands

The commands themselves are not spoken. A value may be left out; `slow`, `pause` and `grow` then take 1.

A voice made from a recording has the median pitch of that recording, and `similarity` takes it from 150 Hz there.
Commands in the transcript of the recording act while the voice is made: `crash`, `crash-once`, `hang`, `fail` and
`grow` as above, and besides

    fake:refuse=MESSAGE     ReferenceRefused with the message
    fake:form=NAME          the voice says that it is of this form
    fake:slow=SECONDS       it takes that much longer
"""

from __future__ import annotations

import math
import os
import random
import re
import time
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, cast

import numpy as np

from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest, Word
from myna.engines.fake_commands import Command, misbehave, parse
from myna.errors import ReferenceRefused

SAMPLE_RATE = 24_000
SECONDS_PER_CHARACTER = 0.06
VOICE_FORMAT = "fake/1"
_OWN_FREQUENCY = 150.0
_PITCHES = (60, 500)
_FRAME_SECONDS = 0.04
_CHUNK_SECONDS = 0.2
_SYLLABLE_SECONDS = 0.2
_LONGEST_SLEEP = 0.1
"""Seconds; a slow engine still notices soon that it is canceled."""
_HARMONICS = 12
_PEAK = 0.35
_VOICES_PER_LANGUAGE = {
    "en-US": 240,
    "en-GB": 60,
    **dict.fromkeys(("ar-SA", "ar-EG", "ar-AE", "de-DE", "es-ES", "es-MX", "fr-FR", "hi-IN", "it-IT"), 20),
    **dict.fromkeys(("ja-JP", "ko-KR", "pt-BR", "pt-PT", "ru-RU", "tr-TR", "zh-CN"), 20),
}


class FakeEngine(Engine):
    """Tones whose length follows the text."""

    name: ClassVar[str] = "fake"

    def __init__(self) -> None:
        self._kept: list[bytearray] = []

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> Capabilities:
        return Capabilities(
            name=cls.name,
            description="Deterministic tones for tests; no speech.",
            version="1",
            licence="Apache-2.0",
            languages=tuple(_VOICES_PER_LANGUAGE),
            sample_rate=SAMPLE_RATE,
            streaming=True,
            word_timestamps=True,
            cloning=True,
            voice_format=VOICE_FORMAT,
            clone_quality="matched",
            dialects=("ar-AE", "ar-EG", "ar-SA"),
            options=frozenset({"speed", "temperature", "seed", "similarity"}),
            max_characters=5_000,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return _voices()

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        text, commands = parse(request.text)
        named = {command.name: command for command in commands}
        if "empty" in named:
            return
        tone = _Tone(text, request, 0.0 if "silence" in named else _PEAK)
        if "garble" in named and request.seed < named["garble"].number():
            tone.garble()
        slow = named["slow"].number() if "slow" in named else 0.0
        start = 0
        for command in commands:
            end = tone.sample_of(command.position)
            yield from tone.chunks(start, end, slow)
            start = end
            yield from self._obey(command, end)
        yield from tone.chunks(start, tone.length, slow)
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * SAMPLE_RATE), np.float32), SAMPLE_RATE)

    def prepare_voice(
        self, reference: Samples, sample_rate: int, transcript: str | None = None, language: str | None = None
    ) -> dict[str, Any]:
        _, commands = parse(transcript or "")
        named = {command.name: command for command in commands}
        for command in commands:
            list(self._obey(command, 0))
        if refuse := named.get("refuse"):
            raise ReferenceRefused(refuse.value.replace("_", " ") or "The fake engine was told to refuse.")
        if slow := named.get("slow"):
            time.sleep(slow.number())
        pitch = _median_pitch(reference, sample_rate)
        if pitch is None:
            raise ReferenceRefused("There is no voice in this recording. Record somebody who speaks.")
        form = named["form"].value if "form" in named else VOICE_FORMAT
        return {"format": form, "frequency": round(pitch, 2), "tilt": 1.0}

    def _obey(self, command: Command, at: int) -> Iterator[AudioChunk]:
        match command.name:
            case "nan":
                yield AudioChunk(np.full(2_400, np.nan, np.float32), SAMPLE_RATE)
            case "rate":
                yield AudioChunk(np.zeros(1_200, np.float32), SAMPLE_RATE // 2)
            case "pause":
                yield AudioChunk(np.zeros(round(command.number() * SAMPLE_RATE), np.float32), SAMPLE_RATE)
            case "grow":
                self._kept.append(bytearray(os.urandom(1024) * round(command.number() * 1024)))
            case _:
                misbehave(command)


def _median_pitch(samples: Samples, rate: int) -> float | None:
    """Hz, of the loud frames that repeat; None when there are none."""
    step = round(_FRAME_SECONDS * rate)
    frames = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    energies = (frames**2).sum(axis=1)
    loud = frames[(energies > 0) & (energies >= np.median(energies))] if len(frames) else frames
    spectra = np.abs(np.fft.rfft(loud, 2 * step, axis=1)) ** 2
    likeness = np.fft.irfft(spectra, axis=1)
    shortest, longest = rate // _PITCHES[1], min(rate // _PITCHES[0], step - 1)
    lags = shortest + likeness[:, shortest:longest].argmax(axis=1)
    repeats = np.take_along_axis(likeness, lags[:, None], axis=1)[:, 0] > 0.4 * likeness[:, 0]
    return float(rate / np.median(lags[repeats])) if repeats.any() else None


class _Tone:
    """The sound of one text: any stretch of it can be computed on its own, so no state and no waiting."""

    def __init__(self, text: str, request: SynthesisRequest, peak: float) -> None:
        settings: dict[str, Any] = dict(request.voice_settings)
        self._text = text
        self._peak = peak
        self._frequency = float(settings.get("frequency", _OWN_FREQUENCY))
        if settings.get("format") == VOICE_FORMAT:
            self._frequency = _OWN_FREQUENCY * (self._frequency / _OWN_FREQUENCY) ** request.similarity
        self._weights = _harmonic_weights(float(settings.get("tilt", 1.0)))
        self._character = SECONDS_PER_CHARACTER / max(0.1, request.speed)
        self._syllable = _SYLLABLE_SECONDS / max(0.1, request.speed)
        self._gains = np.array([0.0, *(float(letter.isalnum()) for letter in text), 0.0], np.float32)
        self.length = self.sample_of(len(text))
        self._spoken_words = list(re.finditer(r"\S*\w\S*", text))
        self._word_samples = [self.sample_of(match.start()) for match in self._spoken_words]
        chance = random.Random(f"{request.seed}/{text}")
        depth = 0.0 if request.temperature <= 0 else min(1.0, request.temperature) * 0.12
        self._bends = [
            (depth * chance.uniform(0.3, 1.0), chance.uniform(0.3, 2.5), chance.uniform(0, 6.28)) for _ in range(3)
        ]

    def garble(self) -> None:
        """Leave out every second word."""
        for match in self._spoken_words[1::2]:
            self._gains[match.start() + 1 : match.end() + 1] = 0.0

    def sample_of(self, position: int) -> int:
        """The sample at which the character at this index begins."""
        return round(position * self._character * SAMPLE_RATE)

    def chunks(self, start: int, end: int, slow: float) -> Iterator[AudioChunk]:
        """The sound from sample `start` to `end`; the whole text takes `slow` seconds longer than it needs."""
        step = round(_CHUNK_SECONDS * SAMPLE_RATE)
        if slow:
            step = min(step, max(1, self.length // max(20, round(slow / _LONGEST_SLEEP))))
        for begin in range(start, end, step):
            finish = min(end, begin + step)
            if slow:
                time.sleep(slow * (finish - begin) / self.length)
            yield AudioChunk(self._sound(begin, finish), SAMPLE_RATE, self._words(begin, finish))

    def _sound(self, start: int, end: int) -> Samples:
        seconds = np.arange(start, end, dtype=np.float64) / SAMPLE_RATE
        turns = seconds.copy()
        for depth, rate, phase in self._bends:
            turns -= depth / (2 * np.pi * rate) * np.cos(2 * np.pi * rate * seconds + phase)
        phase_angle = (2 * np.pi * self._frequency * turns) % (2 * np.pi)
        sound = _harmonics(phase_angle.astype(np.float32), self._weights)
        letters = np.arange(-0.5, len(self._text) + 1) * self._character
        gain = np.interp(seconds, letters, self._gains) * (0.25 + 0.75 * np.sin(np.pi * seconds / self._syllable) ** 2)
        return (sound * gain * self._peak).astype(np.float32)

    def _words(self, start: int, end: int) -> tuple[Word, ...]:
        first, last = bisect_left(self._word_samples, start), bisect_left(self._word_samples, end)
        return tuple(
            Word(match.start(), match.end() - match.start(), match.start() * self._character)
            for match in self._spoken_words[first:last]
        )


def _harmonic_weights(tilt: float) -> list[float]:
    """Falling with frequency, with two bumps like the formants of a vowel; they add up to 1."""
    raw = [
        (1.0 + 2.0 * math.exp(-((number - 4) ** 2) / 2) + math.exp(-((number - 9) ** 2) / 3)) / number**tilt
        for number in range(1, _HARMONICS + 1)
    ]
    return [weight / sum(raw) for weight in raw]


def _harmonics(angle: Samples, weights: list[float]) -> Samples:
    """The weighted sum of sin(k·angle), by sin(k·a) = 2·cos(a)·sin((k−1)·a) − sin((k−2)·a)."""
    twice_cosine = 2 * np.cos(angle)
    before, current = np.zeros_like(angle), np.sin(angle)
    total = weights[0] * current
    for weight in weights[1:]:
        before, current = current, twice_cosine * current - before
        total += weight * current
    return cast(Samples, total)


@cache
def _voices() -> tuple[StockVoice, ...]:
    return tuple(
        _voice(language, number) for language, count in _VOICES_PER_LANGUAGE.items() for number in range(1, count + 1)
    )


def _voice(language: str, number: int) -> StockVoice:
    """Odd numbers are female (165 Hz and up), even ones male (80 Hz and up); neighbours are well apart."""
    place = number * 0.618034 % 1.0
    frequency = 165 + 110 * place if number % 2 else 80 + 80 * place
    return StockVoice(
        id=f"{language}.{number}",
        name=f"Fake {language} {number}",
        language=language,
        gender="female" if number % 2 else "male",
        description="A test tone.",
        settings={"frequency": round(frequency, 2), "tilt": round(0.6 + 0.8 * (number * 0.414214 % 1.0), 2)},
    )
