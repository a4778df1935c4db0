"""What Whisper hears with tiny models, which are made to hear, to doubt and to go round in circles."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from myna.audio.resample import resample
from myna.engines.base import Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.recognition import RecognitionRequest
from myna.engines.whisper.engine import WhisperEngine
from myna.errors import EngineFailed, EngineUnavailable, InvalidRequest, Unsupported
from myna.models.store import ModelStore
from myna.settings import Settings
from tests.fixtures.checkpoints.whisper import Recipe, build

pytestmark = pytest.mark.skipif(not find_spec("faster_whisper"), reason="the extra `whisper` is not installed")

RATE = 16_000
RECIPES = {
    "plain": Recipe("hello world"),
    "spanish": Recipe("hola mundo", "es"),
    "english-only": Recipe("good day", multilingual=False),
    "endless": Recipe("hello world", repeats=True),
    "doubtful": Recipe("hello world", doubtful=True),
}


@cache
def speech() -> Samples:
    engine = EspeakEngine()
    voice = next(voice for voice in engine.voices() if voice.language == "en-US")
    text = "We were all away a year ago, and nobody saw it."
    chunks = list(engine.synthesize(SynthesisRequest(text, "en-US", voice.settings)))
    engine.close()
    return resample(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, RATE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    store, made = ModelStore(tmp_path_factory.mktemp("models")), tmp_path_factory.mktemp("made")
    for name, recipe in RECIPES.items():
        store.add(name, "whisper", build(made / name, recipe))
    return store


@pytest.fixture
def settings(store: ModelStore) -> Settings:
    return Settings(models_dir=store.folder, whisper_beam=1)


def heard(settings: Settings, model: str, language: str | None = "en", **request: object) -> list[str]:
    wanted = RecognitionRequest(language, model=model, **request)  # type: ignore[arg-type]
    return [word.text for word in WhisperEngine(settings).recognise(speech(), RATE, wanted).words]


def test_each_request_may_name_a_model(settings: Settings) -> None:
    assert heard(settings, "plain") == ["hello", "world"]
    assert heard(settings, "spanish") == ["hola", "mundo"]
    assert heard(settings, "english-only", "en-GB") == ["good", "day"]
    with pytest.raises(InvalidRequest, match="`other` is not here"):
        heard(settings, "other")
    with pytest.raises(Unsupported, match="only English"):
        heard(settings, "english-only", "es")


def test_the_language_is_found_out(settings: Settings) -> None:
    for model, language in {"plain": "en", "spanish": "es", "english-only": "en"}.items():
        found = WhisperEngine(settings).recognise(speech(), RATE, RecognitionRequest(model=model))
        assert found.language == language
        assert found.language_probability > 0.9


def test_times_and_doubts_are_plain_numbers(settings: Settings) -> None:
    words = WhisperEngine(settings).recognise(speech(), RATE, RecognitionRequest("en", model="plain")).words
    assert [(type(word.start), type(word.end), type(word.confidence)) for word in words] == [(float,) * 3] * 2
    assert words[0].end == pytest.approx(0.25, abs=0.05)
    assert words[1].end == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("beam", [1, 5])
def test_what_cannot_be_believed_is_no_word(store: ModelStore, beam: int) -> None:
    settings = Settings(models_dir=store.folder, whisper_beam=beam)
    assert heard(settings, "doubtful") == []
    assert heard(settings, "endless") == []


def test_words_to_listen_for_are_told_to_the_model(settings: Settings) -> None:
    assert heard(settings, "plain", vocabulary=("Myna", "Ada")) == ["hello", "world"]
    assert heard(settings, "plain", vocabulary=("well", "hello", "world", "again")) == ["hello", "world"]
    odd = (" ", "\ud800", "\0", "<|endoftext|>", "<|0.00|>", "x" * 5_000)
    assert heard(settings, "plain", vocabulary=odd) == ["hello", "world"]


def test_one_model_is_in_memory_at_a_time(settings: Settings) -> None:
    engine = WhisperEngine(settings)
    for model in ("plain", "spanish", "plain"):
        engine.recognise(speech(), RATE, RecognitionRequest("en", model=model))
        assert engine._loaded
        assert engine._loaded[0].name == model


def test_what_is_too_short_for_a_spectrum_is_silence(settings: Settings) -> None:
    assert WhisperEngine(settings).recognise(speech()[:100], RATE, RecognitionRequest()).language_probability == 0


def test_it_describes_what_is_here(store: ModelStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(store.folder))
    able = WhisperEngine.describe()
    assert able.detects_language
    assert set(able.models) == set(RECIPES)
    assert len(able.languages) == 100
    monkeypatch.setenv("MYNA_WHISPER_MODEL", "english-only")
    able = WhisperEngine.describe()
    assert (able.languages, able.models, able.detects_language) == (("en",), ("english-only",), False)
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path))
    monkeypatch.delenv("MYNA_WHISPER_MODEL")
    assert len(WhisperEngine.describe().languages) == 100
    assert WhisperEngine.available()[0] is False
    assert "myna models pull whisper-small" in WhisperEngine.available()[1]


@pytest.mark.parametrize("damaged", ["model.bin", "tokenizer.json"])
def test_a_model_that_is_damaged_is_named(damaged: str, store: ModelStore, tmp_path: Path) -> None:
    own = ModelStore(tmp_path / "models")
    folder = own.add("broken", "whisper", store.require("plain"))
    (folder / damaged).write_bytes(b"\0" * (folder / damaged).stat().st_size)
    with pytest.raises(EngineUnavailable, match=r"`broken` cannot be loaded.*myna models verify broken"):
        WhisperEngine(Settings(models_dir=own.folder))


def test_a_model_that_fails_at_its_work_is_named(store: ModelStore, tmp_path: Path) -> None:
    shutil.copytree(store.require("plain"), tmp_path / "made")
    (tmp_path / "made" / "config.json").write_text("[]")
    own = ModelStore(tmp_path / "models")
    own.add("odd", "whisper", tmp_path / "made")
    with pytest.raises(EngineFailed, match="`odd` failed"):
        heard(Settings(models_dir=own.folder), "odd")
