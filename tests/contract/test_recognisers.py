"""What every recogniser promises, asked of all that are available here: in this process, and through the host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache

import numpy as np
import pytest

from myna.audio.resample import resample
from myna.engines.base import Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.host import EngineHost
from myna.engines.recognition import RecognitionEngine, RecognitionRequest
from myna.engines.registry import EngineRegistry, load_engine
from myna.settings import Settings

REGISTRY = EngineRegistry.load(["fake-recognition", "sphinx"])
ALIGNING = [name for name in REGISTRY.recognisers if REGISTRY.describe_recogniser(name).alignment]
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


@pytest.fixture(scope="module", params=REGISTRY.recognisers)
def engine(request: pytest.FixtureRequest) -> Iterator[RecognitionEngine]:
    kind = load_engine(request.param)
    assert issubclass(kind, RecognitionEngine)
    made = kind()
    yield made
    made.close()


@pytest.fixture(params=REGISTRY.recognisers)
async def hosted(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, EngineHost]]:
    host = EngineHost(Settings(engine_processes=1), REGISTRY)
    yield request.param, host
    await host.close()


def test_it_describes_itself(engine: RecognitionEngine) -> None:
    able = type(engine).describe()
    assert type(engine).available() == (True, "")
    assert able.name == engine.name
    assert able.licence
    assert able.version
    assert len(set(able.languages)) == len(able.languages) > 0


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


@pytest.mark.parametrize("name", ALIGNING)
def test_a_known_text_is_found_word_for_word(name: str) -> None:
    engine = load_engine(name)()
    assert isinstance(engine, RecognitionEngine)
    found = engine.recognise(speech(), RATE, RecognitionRequest("en-US", TEXT)).words
    assert [word.text for word in found] == TEXT.split()
    assert found[0].start == pytest.approx(0.5, abs=0.15)
    assert len(speech()) / RATE - 1.2 < found[-1].end < len(speech()) / RATE - 0.3
    assert engine.recognise(np.zeros(1_600, np.float32), RATE, RecognitionRequest("en-US", TEXT)).words == ()
    engine.close()


async def test_through_the_host_it_hears_the_same(hosted: tuple[str, EngineHost]) -> None:
    name, host = hosted
    heard = await host.recognise(name, speech(), RATE, RecognitionRequest("en-US"))
    engine = load_engine(name)()
    assert isinstance(engine, RecognitionEngine)
    assert engine.recognise(speech(), RATE, RecognitionRequest("en-US")) == heard
    engine.close()
