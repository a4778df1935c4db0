"""What every recogniser promises, asked of all that are available here: in this process, and through the host.

Whisper hears with a tiny model, which takes all speech for the same two words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from myna.audio.resample import resample
from myna.engines.base import Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.host import EngineHost
from myna.engines.recognition import RecognitionEngine, RecognitionRequest
from myna.engines.registry import EngineRegistry, load_engine
from myna.errors import Unsupported
from myna.settings import Settings

NAMES = ("fake-recognition", "sphinx", "whisper")
ALIGNING = ("fake-recognition", "sphinx")
TEXT = "We were all away a year ago, and nobody saw the 3 old boats."
RATE = 16_000


@cache
def speech(rate: int = RATE) -> Samples:
    engine = EspeakEngine()
    voice = next(voice for voice in engine.voices() if voice.language == "en-US")
    chunks = list(engine.synthesize(SynthesisRequest(TEXT, "en-US", voice.settings)))
    engine.close()
    sound = resample(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, rate)
    return np.pad(sound, rate // 2)


@pytest.fixture(scope="module", autouse=True)
def models(language_models: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MYNA_MODELS_DIR", str(language_models))
        environment.setenv("MYNA_ENGINE_THREADS", "1")  # several would wait for each other more than they compute
        yield


def found(name: str) -> type[RecognitionEngine]:
    kind = load_engine(name)
    assert issubclass(kind, RecognitionEngine)
    usable, reason = kind.available()
    if not usable:
        pytest.skip(reason)
    return kind


@pytest.fixture(scope="module", params=NAMES)
def engine(request: pytest.FixtureRequest, models: None) -> Iterator[RecognitionEngine]:
    made = found(request.param)()
    yield made
    made.close()


@pytest.fixture(params=NAMES)
async def hosted(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, EngineHost]]:
    found(request.param)
    host = EngineHost(Settings(engine_processes=1), EngineRegistry.load([request.param]))
    yield request.param, host
    await host.close()


def test_it_describes_itself(engine: RecognitionEngine) -> None:
    able = type(engine).describe()
    assert type(engine).available() == (True, "")
    assert able.name == engine.name
    assert able.licence
    assert able.version
    assert len(set(able.languages)) == len(able.languages) > 0
    assert (able.name in ALIGNING) == able.alignment


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_words_come_in_order_within_the_sound(engine: RecognitionEngine, rate: int) -> None:
    heard = engine.recognise(speech(rate), rate, RecognitionRequest("en-US"))
    assert heard.language == "en-US"
    assert heard.words
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    for word in heard.words:
        assert word.text.strip()
        assert 0 <= word.start <= word.end <= len(speech(rate)) / rate
        assert 0 <= word.confidence <= 1


def test_the_same_sound_has_the_same_words_whatever_was_heard_between(engine: RecognitionEngine) -> None:
    first = engine.recognise(speech(), RATE, RecognitionRequest("en-US"))
    engine.recognise(np.random.default_rng(0).standard_normal(RATE).astype(np.float32), RATE, RecognitionRequest("en"))
    assert engine.recognise(speech(), RATE, RecognitionRequest("en-US")) == first


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05, 2.0])
def test_silence_has_no_words(engine: RecognitionEngine, seconds: float) -> None:
    silence = np.zeros(round(seconds * RATE), np.float32)
    assert engine.recognise(silence, RATE, RecognitionRequest("en-US")).words == ()


@pytest.mark.parametrize("kind", ["noise", "music", "a click"])
def test_what_is_no_speech_has_no_words_where_whisper_listens(engine: RecognitionEngine, kind: str) -> None:
    if engine.name != "whisper":
        pytest.skip("it hears words in noise")
    assert engine.recognise(not_speech(kind), RATE, RecognitionRequest("en-US")).words == ()
    assert engine.recognise(not_speech(kind), RATE, RecognitionRequest()).language_probability == 0


def not_speech(kind: str) -> Samples:
    seconds = np.arange(3 * RATE) / RATE
    if kind == "noise":
        return (0.1 * np.random.default_rng(0).standard_normal(len(seconds))).astype(np.float32)
    if kind == "music":
        chord = sum(np.sin(2 * np.pi * pitch * seconds) for pitch in (220.0, 277.2, 329.6, 440.0))
        return (0.1 * chord * (1 + 0.2 * np.sin(2 * np.pi * 2 * seconds))).astype(np.float32)
    return np.where(np.arange(len(seconds)) == RATE, 1.0, 0.0).astype(np.float32)


def test_a_language_is_found_out_where_it_is_promised(engine: RecognitionEngine) -> None:
    able = type(engine).describe()
    heard = engine.recognise(speech(), RATE, RecognitionRequest())
    assert heard.words
    assert heard.language.partition("-")[0] == "en"
    assert 0 < heard.language_probability <= 1
    if able.detects_language:
        assert heard.language in able.languages


def test_words_that_may_be_said_do_no_harm(engine: RecognitionEngine) -> None:
    request = RecognitionRequest("en-US", vocabulary=("Myna", "Ada Lovelace"))
    plain = engine.recognise(speech(), RATE, RecognitionRequest("en-US"))
    assert engine.recognise(speech(), RATE, request).words == plain.words


def test_a_language_that_nobody_speaks_is_refused(engine: RecognitionEngine) -> None:
    if engine.name == "fake-recognition":
        pytest.skip("it counts sounds in any language")
    with pytest.raises(Unsupported, match="tlh"):
        engine.recognise(speech(), RATE, RecognitionRequest("tlh"))


def test_a_known_text_is_refused_by_those_that_do_not_look_for_it(engine: RecognitionEngine) -> None:
    if engine.name in ALIGNING:
        pytest.skip("it looks for it")
    with pytest.raises(Unsupported, match="known text"):
        engine.recognise(speech(), RATE, RecognitionRequest("en-US", TEXT))


@pytest.mark.parametrize("name", ALIGNING)
def test_a_known_text_is_found_word_for_word(name: str) -> None:
    engine = load_engine(name)()
    assert isinstance(engine, RecognitionEngine)
    heard = engine.recognise(speech(), RATE, RecognitionRequest("en-US", TEXT)).words
    assert [word.text for word in heard] == TEXT.split()
    assert heard[0].start == pytest.approx(0.5, abs=0.15)
    assert len(speech()) / RATE - 1.2 < heard[-1].end < len(speech()) / RATE - 0.3
    assert engine.recognise(np.zeros(1_600, np.float32), RATE, RecognitionRequest("en-US", TEXT)).words == ()
    engine.close()


async def test_through_the_host_it_hears_the_same_also_after_a_canceled_request(
    hosted: tuple[str, EngineHost],
) -> None:
    name, host = hosted
    await host.warm(name)
    canceled = asyncio.create_task(host.recognise(name, np.tile(speech(), 5), RATE, RecognitionRequest("en-US")))
    while not host.counters[name].running:
        await asyncio.sleep(0.001)
    canceled.cancel()
    heard = await host.recognise(name, speech(), RATE, RecognitionRequest("en-US"))
    engine = load_engine(name)()
    assert isinstance(engine, RecognitionEngine)
    assert engine.recognise(speech(), RATE, RecognitionRequest("en-US")) == heard
    engine.close()
