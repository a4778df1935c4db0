"""Recordings of known words: what is heard in them, and where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from myna.audio.activity import Segment, speech_segments
from myna.audio.resample import resample
from myna.engines.base import Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.host import EngineHost
from myna.engines.recognition import HeardWord, Recognised, RecognitionRequest
from myna.engines.registry import GROUP, EngineRegistry
from myna.errors import EngineFailed, Unsupported
from myna.settings import Settings
from myna.transcription.schemas import ReadSound, TimedWord
from myna.transcription.service import TranscriptionService, _out_of_hush

RATE = 16_000
GAP = 0.9
PATIENCE = 10
"""Seconds; only so that a failure ends."""
ENGLISH = ("It was a bright cold day in April.", "The clocks were striking; we heard 13 of them.", "Nobody knew why.")
SPANISH = ("El barco salió del puerto por la mañana.", "Nadie sabía cuándo iba a volver.", "Todos miraban el mar.")


@dataclass(frozen=True)
class Spoken:
    """Lines one after the other, a pause between them."""

    samples: Samples
    words: tuple[tuple[tuple[str, float], ...], ...]
    """Of each line, each word that espeak announces, and when."""

    def read(self, start: float, end: float) -> Samples:
        return self.samples[max(0, round(start * RATE)) : round(end * RATE)]

    @property
    def segments(self) -> list[Segment]:
        return speech_segments(self.samples, RATE)


@cache
def spoken(lines: tuple[str, ...], language: str, voice: str) -> Spoken:
    """By espeak, another voice and pace than the ones that are used for comparison."""
    engine = EspeakEngine()
    settings = next(each.settings for each in engine.voices() if each.language == language and voice in each.id)
    pieces, words, at = [], [], 0.0
    for line in lines:
        chunks = list(engine.synthesize(SynthesisRequest(line, language, settings, speed=0.85, pause_after=0.0)))
        sound = resample(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, RATE)
        found = [(line[word.text_position :].split()[0], at + word.start) for chunk in chunks for word in chunk.words]
        words.append(tuple(found))
        pieces += [sound, np.zeros(round(GAP * RATE), np.float32)]
        at += (len(sound) + round(GAP * RATE)) / RATE
    engine.close()
    hiss = 3e-4 * np.random.default_rng(0).standard_normal(sum(len(piece) for piece in pieces))
    return Spoken((np.concatenate(pieces) + hiss).astype(np.float32), tuple(words))


def service_of(*names: str) -> tuple[TranscriptionService, EngineHost]:
    entries = {entry.name: entry for entry in entry_points(group=GROUP) if entry.name in names}
    registry = EngineRegistry(entries)
    host = EngineHost(Settings(engine_processes=1), registry)
    return TranscriptionService(host, registry), host


@pytest.fixture
async def embedded() -> AsyncIterator[TranscriptionService]:
    service, host = service_of("espeak", "sphinx")
    yield service
    await host.close()


@pytest.fixture
async def deaf() -> AsyncIterator[TranscriptionService]:
    service, host = service_of("espeak")
    yield service
    await host.close()


@pytest.fixture
async def pretending() -> AsyncIterator[TranscriptionService]:
    service, host = service_of("fake", "fake-recognition")
    yield service
    await host.close()


def errors(found: tuple[tuple[TimedWord, ...], ...], truth: Spoken) -> np.ndarray:
    """Seconds between where words are found and where they are."""
    gaps = []
    for line, known in zip(found, truth.words, strict=True):
        starts = {word.text: word.start for word in line}
        gaps += [abs(starts[text] - start) for text, start in known if text in starts]
    assert len(gaps) >= 10
    return np.array(gaps)


async def test_clear_english_is_heard_with_times(embedded: TranscriptionService, flite_sound: Samples) -> None:
    said: list[float] = []

    async def progress(done: float) -> None:
        said.append(done)

    read: ReadSound = lambda start, end: flite_sound[max(0, round(start * RATE)) : round(end * RATE)]  # noqa: E731
    segments = speech_segments(flite_sound, RATE)
    heard = await embedded.transcribe(read, RATE, language=None, segments=segments, progress=progress)
    assert heard.language.startswith("en")
    text = " ".join(word.text for word in heard.words)
    assert text.count("weather is very good today") >= 3
    assert all(before.start <= after.start for before, after in pairwise(heard.words))
    assert 0 <= heard.words[0].start < heard.words[-1].end <= len(flite_sound) / RATE + 0.1
    assert said == sorted(said)
    assert said[-1] == 1.0


@pytest.fixture(scope="module")
def flite_sound() -> Samples:
    """The same sentence four times, with pauses that make more than one stretch of it."""
    from myna.engines.flite import FliteEngine

    if not FliteEngine.available()[0]:
        pytest.skip("flite is not installed")
    engine = FliteEngine()
    voice = next(voice for voice in engine.voices() if voice.id == "rms")
    request = SynthesisRequest("The weather is very good today.", "en-US", voice.settings)
    once = np.concatenate([chunk.samples for chunk in engine.synthesize(request)])
    return np.concatenate([np.concatenate([once, np.zeros(3 * RATE, np.float32)])] * 4)


async def test_a_known_english_text_is_found_exactly(embedded: TranscriptionService) -> None:
    truth = spoken(ENGLISH, "en-US", "m7")
    found = await embedded.align(truth.read, RATE, ENGLISH, language="en-US", segments=truth.segments)
    assert [" ".join(word.text for word in line) for line in found] == list(ENGLISH)
    assert np.median(errors(found, truth)) < 0.04
    assert max(abs(line[0].start - known[0][1]) for line, known in zip(found, truth.words, strict=True)) < 0.1


async def test_a_known_text_of_another_language_is_found_by_a_reading(deaf: TranscriptionService) -> None:
    truth = spoken(SPANISH, "es-ES", "m7")
    found = await deaf.align(truth.read, RATE, SPANISH, language="es-ES", segments=truth.segments)
    assert [" ".join(word.text for word in line) for line in found] == list(SPANISH)
    assert np.median(errors(found, truth)) < 0.06
    assert max(abs(line[0].start - known[0][1]) for line, known in zip(found, truth.words, strict=True)) < 0.12
    words = [word for line in found for word in line]
    assert all(word.start <= word.end for word in words)
    assert all(before.start <= after.start for before, after in pairwise(words))


async def test_subtitles_are_found_about_their_time(embedded: TranscriptionService) -> None:
    truth = spoken(ENGLISH, "en-US", "m7")
    segments = truth.segments
    assert len(segments) == 3
    cues = [
        Cue(max(0.0, each.start - 0.15), each.end + 0.3, text) for each, text in zip(segments, ENGLISH, strict=True)
    ]
    found = await embedded.align_cues(truth.read, RATE, cues, language="en-US")
    assert np.median(errors(found, truth)) < 0.04


async def test_without_anybody_who_speaks_a_language_words_share_the_time(deaf: TranscriptionService) -> None:
    truth = spoken(SPANISH, "es-ES", "m7")
    segments = [Segment(1.0, 2.0), Segment(4.0, 5.0)]
    found = await deaf.align(truth.read, RATE, ["aaaa bbbb", "— cccc"], language="qaa", segments=segments)
    assert [len(line) for line in found] == [2, 2]
    assert found[0][0].start == pytest.approx(1.0)
    assert found[1][-1].end == pytest.approx(5.0)
    assert all(1.0 <= word.start <= word.end <= 5.0 for line in found for word in line)


async def test_lines_without_letters_and_sources_without_speech_have_times(deaf: TranscriptionService) -> None:
    truth = spoken(SPANISH, "es-ES", "m7")
    found = await deaf.align(truth.read, RATE, ["…", SPANISH[0], "— —"], language="es", segments=truth.segments)
    assert [len(line) for line in found] == [1, 8, 2]
    silent = await deaf.align(truth.read, RATE, ["Hola a todos"], language="es", segments=[])
    assert [word.start for word in silent[0]] == [0.0, 0.0, 0.0]


async def test_a_language_that_nobody_understands_is_refused_with_what_to_do(
    embedded: TranscriptionService, deaf: TranscriptionService
) -> None:
    truth = spoken(SPANISH, "es-ES", "m7")
    assert embedded.can("en-GB")
    assert embedded.can(None)
    assert not embedded.can("es")
    assert not deaf.can(None)
    for refused in (embedded.check, deaf.check):
        with pytest.raises(Unsupported, match="transcript") as caught:
            refused("es")
        assert caught.value.field == "source_language"
    with pytest.raises(Unsupported, match="`es`"):
        await embedded.transcribe(truth.read, RATE, language="es", segments=[Segment(0.0, 1.0)])


async def test_no_speech_is_no_words(embedded: TranscriptionService) -> None:
    heard = await embedded.transcribe(lambda *_: np.zeros(0, np.float32), RATE, language="en", segments=[])
    assert (heard.language, heard.words) == ("en", ())


def tone(start: float, end: float) -> Samples:
    """Loud in the first half of each second."""
    seconds = np.arange(round(max(0.0, start) * RATE), round(end * RATE)) / RATE
    return (0.3 * np.sin(2_000 * seconds) * (seconds % 1 < 0.5)).astype(np.float32)


async def test_an_engine_that_finds_the_language_out_is_asked_when_nobody_says_it(
    pretending: TranscriptionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_HEARD", "alpha beta")
    heard = await pretending.transcribe(tone, RATE, language=None, segments=[Segment(0.0, 3.6)])
    assert (heard.language, [word.text for word in heard.words]) == ("en-US", ["alpha", "beta", "alpha", "beta"])
    assert [round(word.start) for word in heard.words] == [0, 1, 2, 3]


async def test_a_crash_is_tried_once_more_and_a_failure_is_not_hidden(
    pretending: TranscriptionService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("FAKE_HEARD", "hear:crash-once=again alpha")
    heard = await pretending.transcribe(tone, RATE, language="en", segments=[Segment(0.0, 1.6)])
    assert [word.text for word in heard.words] == ["alpha", "alpha"]
    with pytest.raises(EngineFailed, match="no luck"):
        await pretending.align(tone, RATE, ["hear:fail=no_luck"], language="en-US", segments=[Segment(0.0, 1.6)])


class Meeting(EngineHost):
    """Hears nothing until as many pieces are there as it has processes."""

    def __init__(self, settings: Settings, registry: EngineRegistry) -> None:
        super().__init__(settings, registry)
        self._together = asyncio.Barrier(settings.engine_processes)

    async def recognise(
        self, engine: str, samples: Samples, sample_rate: int, request: RecognitionRequest
    ) -> Recognised:
        async with asyncio.timeout(PATIENCE):
            await self._together.wait()
        return Recognised("en-US", (HeardWord(engine, 0.1, 0.2),))


async def test_a_long_recording_is_with_all_processes_at_once() -> None:
    registry = EngineRegistry.load(["fake-recognition"])
    service = TranscriptionService(Meeting(Settings(engine_processes=9), registry), registry)
    parts = [Segment(10.0 * number, 10.0 * number + 1) for number in range(9)]
    heard = await service.transcribe(tone, RATE, language="en", segments=parts)
    assert [word.start for word in heard.words] == [max(0.0, part.start - 0.1) + 0.1 for part in parts]


async def test_what_is_heard_where_nobody_speaks_is_left_out(
    pretending: TranscriptionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_HEARD", "alpha beta gamma")
    parts = [Segment(0.0, 0.6), Segment(2.0, 2.6)]
    heard = await pretending.transcribe(tone, RATE, language="en", segments=parts)
    assert [word.text for word in heard.words] == ["alpha", "gamma"]


@dataclass(frozen=True)
class Cue:
    start: float
    end: float
    text: str


async def test_no_line_begins_in_the_hush_before_it(embedded: TranscriptionService) -> None:
    """An aligner likes to give the first word the silence, or the music, before it."""
    truth = spoken(ENGLISH, "en-US", "m7")
    hush = np.zeros(RATE, np.float32)
    time = np.arange(len(truth.samples) + RATE) / RATE
    music = sum(0.05 * np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.2, 329.6))
    film = (np.concatenate([hush, truth.samples]) + music).astype(np.float32)
    begins = [1.0 + line[0][1] for line in truth.words]
    spans = [Segment(start - 0.05, start + 1.5) for start in begins]
    shown = [Cue(span.start, span.end, text) for span, text in zip(spans, ENGLISH, strict=True)]
    read: ReadSound = lambda start, end: film[max(0, round(start * RATE)) : round(end * RATE)]  # noqa: E731
    found = await embedded.align_cues(read, RATE, shown, language="en-US")
    late = [line[0].start - start for line, start in zip(found, begins, strict=True)]
    assert all(-0.1 < each < 0.1 for each in late), late


def test_words_are_cut_out_of_hush() -> None:
    segments = [Segment(1.0, 2.0), Segment(3.0, 4.0)]
    line = [TimedWord("a", 0.7, 0.9), TimedWord("b", 0.9, 1.5), TimedWord("c", 1.5, 2.3), TimedWord("d", 2.3, 2.6)]
    cut = _out_of_hush(line, segments)
    assert [(word.start, word.end) for word in cut] == [(1.0, 1.0), (1.0, 1.5), (1.5, 2.0), (2.3, 2.6)]
    assert _out_of_hush([TimedWord("e", 2.5, 3.2)], segments) == [TimedWord("e", 3.0, 3.2)]
    assert _out_of_hush([TimedWord("f", 1.5, 3.5)], segments) == [TimedWord("f", 1.5, 3.5)]
    assert _out_of_hush([TimedWord("g", 5.0, 6.0)], segments) == [TimedWord("g", 5.0, 6.0)]


async def test_a_subtitle_of_which_nothing_is_heard_keeps_its_time(embedded: TranscriptionService) -> None:
    silence = np.zeros(4 * RATE, np.float32)
    read: ReadSound = lambda start, end: silence[max(0, round(start * RATE)) : round(end * RATE)]  # noqa: E731
    found = await embedded.align_cues(read, RATE, [Cue(1.0, 2.5, "Good morning.")], language="en")
    assert (found[0][0].start, found[0][-1].end) == (1.0, 2.5)
