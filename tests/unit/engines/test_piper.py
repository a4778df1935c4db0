"""Piper through the real piper-tts: voices of several models, speakers, rates, variation, broken files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from myna.engines.base import AudioChunk, SynthesisRequest
from myna.engines.piper import PiperEngine
from myna.errors import EngineFailed, EngineUnavailable, Unsupported
from myna.models.store import ModelStore
from tests.fixtures.sound import joined, pitch, seconds

pytest.importorskip("piper")

from tests.fixtures.checkpoints import piper as checkpoint

MakeModel = Callable[..., Path]
TEXT = "The small boat sailed over the wide river."


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
    return ModelStore.here()


@pytest.fixture
def make_model(store: ModelStore, tmp_path: Path) -> MakeModel:
    """Puts a voice into the store; returns its folder there."""

    def make(model: str = "piper-en-tiny", **options: str | int) -> Path:
        source = checkpoint.build(tmp_path / f"source-{model}", **options)  # type: ignore[arg-type]
        return store.add(model, "piper", source)

    return make


@pytest.fixture
def engine() -> Iterator[PiperEngine]:
    made = PiperEngine()
    yield made
    made.close()


def speak(engine: PiperEngine, voice: str, text: str = TEXT, **changes: object) -> list[AudioChunk]:
    found = next(known for known in PiperEngine.voices() if known.id == voice)
    request = {"language": found.language, "voice_settings": found.settings, **changes}
    return list(engine.synthesize(SynthesisRequest(text, **request)))  # type: ignore[arg-type]


def test_all_models_are_voices_of_one_engine(make_model: MakeModel) -> None:
    make_model(speakers=2)
    make_model("piper-de-tiny", name="de_DE-tiny-low", language="de_DE", rate=16_000)
    make_model("own", name="voice", language="pt_BR")
    assert [(voice.id, voice.language) for voice in PiperEngine.voices()] == [
        ("own", "pt-BR"),
        ("de-de-tiny-low", "de-DE"),
        ("en-us-tiny-medium.speaker0", "en-US"),
        ("en-us-tiny-medium.speaker1", "en-US"),
    ]
    assert set(PiperEngine.describe().languages) == {"pt-BR", "de-DE", "en-US"}


def test_a_voice_of_another_rate_is_brought_to_that_of_the_engine(make_model: MakeModel, engine: PiperEngine) -> None:
    make_model()
    make_model("low", name="en_US-tiny-low", rate=16_000)
    plain, brought = (joined(speak(engine, f"en-us-tiny-{quality}")) for quality in ("medium", "low"))
    assert len(brought) == pytest.approx(len(plain), rel=0.02)
    assert np.abs(brought).max() <= 1.0
    assert pitch(brought, 22_050) == pytest.approx(pitch(plain, 22_050), rel=0.02)


def test_speakers_differ(make_model: MakeModel, engine: PiperEngine) -> None:
    make_model(speakers=2)
    first, second = (joined(speak(engine, f"en-us-tiny-medium.speaker{number}")) for number in (0, 1))
    assert first.shape == second.shape
    assert not np.array_equal(first, second)


def test_temperature_decides_how_much_it_varies(make_model: MakeModel, engine: PiperEngine) -> None:
    make_model()
    steady = [seconds(speak(engine, "en-us-tiny-medium")) for _ in range(2)]
    lively = {seconds(speak(engine, "en-us-tiny-medium", temperature=1.0)) for _ in range(8)}
    assert steady[0] == steady[1]
    assert len(lively) > 1


def test_a_voice_speaks_its_own_language_only(make_model: MakeModel, engine: PiperEngine) -> None:
    make_model()
    assert seconds(speak(engine, "en-us-tiny-medium", language="en-GB")) > 1
    with pytest.raises(Unsupported, match="`en-US` only, not `de`"):
        speak(engine, "en-us-tiny-medium", language="de")


def test_brackets_are_no_phonemes(make_model: MakeModel, engine: PiperEngine) -> None:
    make_model()
    assert seconds(speak(engine, "en-us-tiny-medium", "[[aaaa]]")) > 0.3


@pytest.mark.parametrize("text", ["...", "\u200b"])
def test_text_without_words_ends(make_model: MakeModel, engine: PiperEngine, text: str) -> None:
    make_model()
    with contextlib.suppress(EngineFailed):
        assert seconds(speak(engine, "en-us-tiny-medium", text)) < 5


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, Unsupported),
        ({"model": "piper-en-tiny", "file": "other.onnx"}, EngineUnavailable),
        ({"model": "nobody", "file": "a.onnx"}, EngineUnavailable),
        ({"model": "piper-en-tiny", "file": "en_US-tiny-medium.onnx", "speaker": 7}, Unsupported),
    ],
)
def test_voices_that_are_none_are_refused(
    make_model: MakeModel, engine: PiperEngine, settings: dict[str, object], error: type[Exception]
) -> None:
    make_model(speakers=2)
    with pytest.raises(error):
        list(engine.synthesize(SynthesisRequest(TEXT, "en-US", settings)))


def test_without_voices_it_says_how_to_bring_one(store: ModelStore) -> None:
    usable, reason = PiperEngine.available()
    assert not usable
    assert "myna models" in reason
    assert PiperEngine.voices() == ()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"audio": {"sample_rate": "x"}, "espeak": {"voice": "en"}}'])
def test_a_voice_with_a_broken_description_is_none(make_model: MakeModel, store: ModelStore, content: str) -> None:
    folder = make_model()
    (folder / "en_US-tiny-medium.onnx.json").write_text(content)
    store.add("piper-en-tiny", "piper", folder.rename(folder.with_name("damaged")))
    assert PiperEngine.voices() == ()
    assert not PiperEngine.available()[0]


@pytest.mark.parametrize("kind", ["pinyin", "thai", "unknown"])
def test_voices_that_would_have_to_download_something_are_left_out(
    make_model: MakeModel, store: ModelStore, kind: str
) -> None:
    folder = make_model()
    path = folder / "en_US-tiny-medium.onnx.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"phoneme_type": kind}))
    store.add("piper-en-tiny", "piper", folder.rename(folder.with_name("other")))
    assert PiperEngine.voices() == ()


def test_a_broken_network_is_unavailable(make_model: MakeModel, store: ModelStore, engine: PiperEngine) -> None:
    folder = make_model()
    (folder / "en_US-tiny-medium.onnx").write_bytes(b"<html>not found</html>")
    store.add("piper-en-tiny", "piper", folder.rename(folder.with_name("damaged")))
    with pytest.raises(EngineUnavailable, match="myna models verify piper-en-tiny"):
        speak(engine, "en-us-tiny-medium")


def test_the_first_voice_is_loaded_before_it_is_asked_for(make_model: MakeModel, store: ModelStore) -> None:
    folder = make_model()
    started = PiperEngine()
    assert [path.stem for path in started._loaded] == ["en_US-tiny-medium"]
    started.close()
    (folder / "en_US-tiny-medium.onnx").write_bytes(b"broken")
    store.add("piper-en-tiny", "piper", folder.rename(folder.with_name("damaged")))
    assert PiperEngine()._loaded == {}


def test_only_the_last_voices_stay_loaded(make_model: MakeModel, engine: PiperEngine) -> None:
    for number in range(6):
        make_model(f"voice{number}", name=f"en_US-v{number}-low")
        speak(engine, f"en-us-v{number}-low", "Hello.")
    assert [path.stem for path in engine._loaded] == ["en_US-v2-low", "en_US-v3-low", "en_US-v4-low", "en_US-v5-low"]
