"""pocket-tts itself, on tiny models, in the environment that scripts/prepare-torch makes."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.engines.base import AudioChunk, Engine, SynthesisRequest
from myna.engines.registry import EngineRegistry
from myna.errors import EngineFailed, EngineUnavailable, MynaError, ReferenceRefused, Unsupported
from myna.models.store import ModelStore
from tests.fixtures.elsewhere import built_with_torch, make_engine, torch_python, torch_pythons
from tests.fixtures.sound import joined, seconds

pytestmark = pytest.mark.skipif(
    torch_python() is None, reason="there is no environment with torch: scripts/prepare-torch"
)

ALBA = {"model": "pocket-english", "voice": "alba"}
RATE = 16_000
WARBLE = (0.3 * np.sin(2 * np.pi * 150 * np.arange(4 * RATE) / RATE)).astype(np.float32)
OTHER_ENCODER = """
import sys
from safetensors.numpy import load_file, save_file
tensors = load_file(sys.argv[1])
name = next(name for name in tensors if name.startswith("mimi.encoder."))
save_file({**tensors, name: tensors[name] * 1.5}, sys.argv[1])
"""


def make_pocket() -> Engine:
    return make_engine("pocket", EngineRegistry.load(["pocket"], torch_pythons("pocket")))


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """With English and French."""
    store = ModelStore(tmp_path_factory.mktemp("models"))
    for name in ("pocket-english", "pocket-french"):
        store.add(name, "pocket", built_with_torch("pocket"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MYNA_MODELS_DIR", str(store.folder))
        engine = make_pocket()
        engine.describe()
        yield engine
        engine.close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """Empty."""
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
    return ModelStore(tmp_path / "models")


@pytest.fixture
def coming(tmp_path: Path) -> Path:
    """A tiny model that a test may change before it adds it."""
    return Path(shutil.copytree(built_with_torch("pocket"), tmp_path / "coming"))


def speak(engine: Engine, text: str, settings: dict[str, Any], language: str = "en-US") -> list[AudioChunk]:
    return list(engine.synthesize(SynthesisRequest(text, language, settings)))


def test_it_is_asked_where_its_libraries_are(pocket: Engine) -> None:
    able = pocket.describe()
    assert pocket.available() == (True, "")
    assert able.version.startswith("4.")
    assert able.languages == ("en-US", "fr-FR")
    assert "speed" in able.options
    assert [voice.id for voice in pocket.voices()] == ["english.alba", "french.alba"]


def test_a_clone_speaks_every_language_that_is_here(pocket: Engine) -> None:
    voice = pocket.prepare_voice(WARBLE, RATE, None, "fr-FR")
    assert voice["model"] == "pocket-french"
    assert len(json.dumps(voice)) < 20_000
    assert seconds(speak(pocket, "Il fait beau.", voice, "fr-FR")) > 0.5
    assert seconds(speak(pocket, "The weather is fine.", voice)) > 0.5
    with pytest.raises(Unsupported, match="speaks `de-DE`"):
        speak(pocket, "Das Wetter ist gut.", voice, "de-DE")


def test_recordings_make_different_voices(pocket: Engine) -> None:
    low, again = (pocket.prepare_voice(WARBLE, RATE) for _ in range(2))
    assert low == again
    assert low["latents"] != pocket.prepare_voice(WARBLE[::2], RATE)["latents"]


def test_the_first_sound_comes_long_before_the_last(pocket: Engine) -> None:
    chunks = speak(pocket, "Well, the boat sailed over the wide river. " * 4, ALBA)
    assert len(chunks) > 10
    assert len(chunks[0].samples) / chunks[0].sample_rate < 0.5


def test_the_sound_does_not_depend_on_what_was_said_before(pocket: Engine) -> None:
    alone = joined(speak(pocket, "The weather is fine.", ALBA))
    speak(pocket, "Something else entirely.", ALBA)
    cut_off = pocket.synthesize(SynthesisRequest("Cut off. " * 50, "en-US", ALBA))
    next(cut_off)
    cut_off.close()  # type: ignore[attr-defined]
    again = joined(speak(pocket, "The weather is fine.", ALBA))
    assert np.allclose(alone, again, atol=1e-3)  # frames are decoded one by one or together, which rounds otherwise


@pytest.mark.parametrize(
    ("settings", "language", "kind", "message"),
    [
        ({"model": "pocket-klingon", "voice": "alba"}, "en-US", EngineUnavailable, "not here any more"),
        ({"model": "pocket-english", "voice": "eve"}, "en-US", EngineUnavailable, "no voice `eve`"),
        (ALBA, "fr-FR", Unsupported, "speaks `en-US`, not `fr-FR`"),
        ({"format": "match/1"}, "en-US", Unsupported, "no voice that the engine `pocket` has made"),
        ({"format": "pocket/1", "latents": "!"}, "en-US", EngineUnavailable, "cannot be read"),
    ],
)
def test_voices_that_cannot_be_used(
    pocket: Engine, settings: dict[str, Any], language: str, kind: type[MynaError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        speak(pocket, "Hello there.", settings, language)
    assert seconds(speak(pocket, "Hello there.", ALBA)) > 0.3


def test_nothing_to_hear_and_nothing_to_say(pocket: Engine) -> None:
    with pytest.raises(ReferenceRefused, match="shorter"):
        pocket.prepare_voice(WARBLE[: RATE // 2], RATE)
    with pytest.raises(EngineFailed, match="nothing to say"):
        speak(pocket, " ", ALBA)


def test_a_voice_from_before_a_model_with_another_encoder_says_so(
    pocket: Engine, store: ModelStore, coming: Path
) -> None:
    old = pocket.prepare_voice(WARBLE, RATE)
    store.add("pocket-english", "pocket", coming)
    python = torch_python()
    assert python
    subprocess.run([python, "-c", OTHER_ENCODER, coming / "model.safetensors"], check=True)
    store.add("pocket-german", "pocket", coming)
    engine = make_pocket()
    try:
        assert seconds(speak(engine, "The weather is fine.", old)) > 0.5
        with pytest.raises(Unsupported, match="before the model `pocket-german` was here"):
            speak(engine, "Das Wetter ist gut.", old, "de-DE")
        new = engine.prepare_voice(WARBLE, RATE)
        assert seconds(speak(engine, "Das Wetter ist gut.", new, "de-DE")) > 0.5
    finally:
        engine.close()
    assert len(new["latents"]) > 1.5 * len(old["latents"])


def test_models_that_cannot_clone_say_so(store: ModelStore, coming: Path) -> None:
    (coming / "model.safetensors").rename(coming / "model-without-cloning.safetensors")
    store.add("pocket-english-stock", "pocket", coming)
    engine = make_pocket()
    try:
        with pytest.raises(Unsupported, match="cannot clone"):
            engine.prepare_voice(WARBLE, RATE)
        assert seconds(speak(engine, "Fine weather.", {"model": "pocket-english-stock", "voice": "alba"})) > 0.3
    finally:
        engine.close()


BROKEN = {
    "pocket-english-words": ("tokenizer.json", b"{}", "`pocket-english-words` cannot be loaded"),
    "pocket-english-weights": ("model.safetensors", b"not a model", "`pocket-english-weights` cannot be loaded"),
    "pocket-english-pickle": ("model.safetensors", pickle.dumps([0.0] * 100), "`pocket-english-pickle` cannot be"),
    "pocket-english-form": ("tiny.yaml", b"flow_lm: {}\nmimi: {}\n", "tiny.yaml is no configuration"),
    "pocket-english-mine": ("tiny.yaml", None, "no configuration `english_mine`"),
    "pocket-english-voice": ("voices/alba.safetensors", b"noise", "alba.safetensors of `pocket-english-voice` cannot"),
}
"""Model → the file of it that is not as it was, what is in its place, and how that is named."""


def break_file(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def test_what_is_broken_is_named_and_does_not_keep_other_voices_from_speaking(
    store: ModelStore, coming: Path, tmp_path: Path
) -> None:
    (coming / "voices" / "adam.safetensors").write_bytes(b"noise")
    store.add("pocket-english", "pocket", coming)
    for name, (file, content, _) in BROKEN.items():
        broken = Path(shutil.copytree(built_with_torch("pocket"), tmp_path / name))
        break_file(broken / file, content)
        store.add(name, "pocket", broken)
    engine = make_pocket()
    try:
        for name, (_, _, message) in BROKEN.items():
            with pytest.raises(EngineUnavailable, match=message):
                speak(engine, "Hello there.", {"model": name, "voice": "alba"})
            assert seconds(speak(engine, "Fine weather.", ALBA)) > 0.3
    finally:
        engine.close()


def test_nothing_but_a_broken_model_is_named(store: ModelStore, coming: Path) -> None:
    break_file(coming / "model.safetensors", b"not a model")
    store.add("pocket-dutch", "pocket", coming)
    engine = make_pocket()
    try:
        with pytest.raises(EngineUnavailable, match="`pocket-dutch` cannot be loaded"):
            speak(engine, "Mooi weer.", {"model": "pocket-dutch", "voice": "alba"}, "nl-NL")
    finally:
        engine.close()
