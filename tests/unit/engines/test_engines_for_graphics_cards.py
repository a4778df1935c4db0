"""Chatterbox and Qwen3-TTS at their boundary: torch, safetensors and the files are real, the library is a stand-in.

The libraries are gigabytes with their models; tests/fixtures/standins has what the engines touch of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.engines.base import AudioChunk, Engine, SynthesisRequest
from myna.engines.chatterbox import ChatterboxEngine
from myna.engines.host import EngineHost
from myna.engines.qwen import QwenEngine
from myna.engines.registry import EngineRegistry
from myna.engines.tensors import missing_device
from myna.errors import EngineUnavailable, MynaError, ReferenceRefused, Unsupported
from myna.models.store import ModelStore
from myna.settings import Settings
from tests.fixtures.elsewhere import make_engine, torch_python
from tests.fixtures.environments import make_environment
from tests.fixtures.sound import joined, seconds

STANDINS = Path(__file__).parents[2] / "fixtures" / "standins"
NAMES = ("chatterbox", "qwen-tts")
RATE = 16_000
HUM = (0.3 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)).astype(np.float32)
SAVE = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from chatterbox import mtl_tts
chatterbox, *qwen = map(Path, sys.argv[1:])
save_file(mtl_tts.T3(mtl_tts.T3Config()).state_dict(), chatterbox / "t3_mtl23ls_v2.safetensors")
save_file(mtl_tts.VoiceEncoder().state_dict(), chatterbox / "ve.safetensors")
learned = {name: tensor for name, tensor in mtl_tts.S3Gen().state_dict().items() if name != "window"}
save_file(learned, chatterbox / "s3gen.safetensors")
for folder in qwen:
    for part in (folder, folder / "speech_tokenizer"):
        save_file({"other": torch.ones(2)}, part / "model.safetensors")
"""
LANGUAGES = {"chinese": 1, "english": 2, "beijing_dialect": 3}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With torch, and the stand-ins."""
    if (with_torch := torch_python()) is None:
        pytest.skip("there is no environment with torch: scripts/prepare-torch")
    (packages,) = with_torch.parents[1].glob("lib/python*/site-packages")
    return make_environment(tmp_path_factory.mktemp("graphics") / "env", libraries=(), paths=(STANDINS, packages))


@pytest.fixture(scope="module")
def models(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of each model."""
    folder = tmp_path_factory.mktemp("files")
    chatterbox, base, custom = (folder / name for name in ("chatterbox", "qwen-tts-base", "qwen-tts-custom"))
    chatterbox.mkdir()
    (chatterbox / "grapheme_mtl_merged_expanded_v1.json").write_text("{}")
    (chatterbox / "Cangjie5_TC.json").write_text("[]")
    for path, kind, speakers in ((base, "base", {}), (custom, "custom_voice", {"Ryan": 1, "Uncle_Fu": 2})):
        (path / "speech_tokenizer").mkdir(parents=True)
        (path / "speech_tokenizer" / "config.json").write_text("{}")
        talker = {"codec_language_id": LANGUAGES, "spk_id": speakers}
        (path / "config.json").write_text(json.dumps({"tts_model_type": kind, "talker_config": talker}))
    subprocess.run([python, "-c", SAVE, chatterbox, base, custom], check=True)
    return folder


@pytest.fixture(scope="module")
def store(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStore]:
    store = ModelStore(tmp_path_factory.mktemp("models"))
    for path in models.iterdir():
        store.add(path.name, "chatterbox" if path.name == "chatterbox" else "qwen-tts", path)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MYNA_MODELS_DIR", str(store.folder))
        environment.setenv("MYNA_ENGINE_DEVICES", json.dumps(dict.fromkeys(NAMES, "cpu")))
        yield store


def make(name: str, python: Path) -> Engine:
    return make_engine(name, EngineRegistry.load([name], {name: python}))


@pytest.fixture(scope="module", params=NAMES)
def engine(request: pytest.FixtureRequest, python: Path, store: ModelStore) -> Iterator[Engine]:
    made = make(request.param, python)
    made.describe()
    yield made
    made.close()


def speak(
    engine: Engine, text: str, settings: dict[str, Any], language: str = "en-GB", **more: Any
) -> list[AudioChunk]:
    return list(engine.synthesize(SynthesisRequest(text, language, settings, **more)))


def pitch(chunks: list[AudioChunk]) -> float:
    sound = joined(chunks)
    return float(np.count_nonzero(np.diff(np.signbit(sound)))) / 2 / seconds(chunks)


def test_a_voice_is_made_kept_as_json_and_spoken_with(engine: Engine) -> None:
    voice = json.loads(json.dumps(engine.prepare_voice(HUM, RATE, "What was said.", "en")))
    assert voice["format"] == engine.describe().voice_format
    assert len(json.dumps(voice)) < 20_000
    chunks = speak(engine, "One two three four five six.", voice, pause_after=0.5)
    assert seconds(chunks) == pytest.approx(6 * 8 / 25 + 0.5)
    assert pitch(chunks[:2]) == pytest.approx(200, rel=0.05)
    assert max(len(chunk.samples) for chunk in chunks) <= 12_000


def test_temperature_and_seed(engine: Engine) -> None:
    voice = engine.prepare_voice(HUM, RATE)
    steady = [joined(speak(engine, "One two.", voice, seed=seed)) for seed in (1, 2)]
    lively = [joined(speak(engine, "One two.", voice, seed=seed, temperature=1.0)) for seed in (1, 1, 2)]
    assert np.array_equal(*steady)
    assert np.array_equal(*lively[:2])
    assert not np.array_equal(lively[1], lively[2])


@pytest.mark.parametrize("name", NAMES)
async def test_a_long_sentence_shows_signs_of_life_and_can_be_stopped(
    name: str, python: Path, store: ModelStore
) -> None:
    """What is stopped would go on for hours; the process survives it, and with it the model."""
    settings = Settings(engine_processes=1, engine_silence_seconds=3)
    host = EngineHost(settings, EngineRegistry.load([name], {name: python}))
    try:
        voice = await host.prepare_voice(name, HUM, RATE)
        stream = host.stream(name, SynthesisRequest("slowly " * 100_000, "en", voice))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2), contextlib.aclosing(stream):
                await anext(stream)
        chunks = await host.synthesize(name, SynthesisRequest("slowly " * 12, "en", voice))  # takes 5 seconds
        assert seconds(chunks) == pytest.approx(12 * 8 / 25)
        assert not host.counters[name].restarts
    finally:
        await host.close()


def test_languages(engine: Engine) -> None:
    voice = engine.prepare_voice(HUM, RATE)
    with pytest.raises(Unsupported, match="does not speak `xx`"):
        speak(engine, "One.", voice, "xx")
    other = "nb" if engine.name == "chatterbox" else "zh-TW"
    assert seconds(speak(engine, "One two.", voice, other)) > 0.5


def test_what_cannot_be_used_is_refused(engine: Engine) -> None:
    with pytest.raises(ReferenceRefused, match="silent"):
        engine.prepare_voice(np.zeros(2 * RATE, np.float32), RATE)
    voice = engine.prepare_voice(HUM, RATE)
    with pytest.raises(Unsupported, match="no voice that the engine"):
        speak(engine, "One.", voice | {"format": "match/1"})
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        speak(engine, "One.", voice | {"tensors": "!"})


def test_the_library_is_told_where_it_can_compute(engine: Engine) -> None:
    assert engine.describe().device == "cpu"
    assert engine.available() == (True, "")


def test_stock_voices_of_qwen(python: Path, store: ModelStore) -> None:
    engine = make("qwen-tts", python)
    try:
        ryan, fu = engine.voices()
        assert (ryan.id, fu.id, fu.name) == ("custom.ryan", "custom.uncle-fu", "Uncle Fu (qwen-tts-custom)")
        assert engine.describe().languages == ("en-US", "zh-CN")
        assert pitch(speak(engine, "One two three.", dict(fu.settings))) == pytest.approx(90, rel=0.05)
        with pytest.raises(EngineUnavailable, match="is not here"):
            speak(engine, "One.", {"model": "qwen-tts-gone", "speaker": "Ryan"})
    finally:
        engine.close()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("MYNA_ENGINE_DEVICES", json.dumps(dict.fromkeys(NAMES, "cpu")))
    return ModelStore(tmp_path / "models")


def reason(name: str, python: Path) -> str:
    return EngineRegistry.load([name], {name: python}).unavailable[name]


def test_without_models_there_is_a_command_that_brings_them(python: Path, empty: ModelStore) -> None:
    for name in NAMES:
        assert f"myna models pull {name}" in reason(name, python)


def test_without_the_library_there_is_a_command_that_installs_it() -> None:
    for engine in (ChatterboxEngine, QwenEngine):
        usable, why = engine.available()
        assert not usable
        assert f"myna engines install {engine.name}" in why
        assert engine.describe().languages


def test_without_a_graphics_card_it_says_how_to_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYNA_ENGINE_DEVICES", raising=False)
    monkeypatch.setattr("myna.engines.tensors._NVIDIA", (Path("/nowhere"),))
    why = missing_device("chatterbox", "cuda")
    assert """MYNA_ENGINE_DEVICES='{"chatterbox": "cpu"}'""" in why
    monkeypatch.setenv("MYNA_ENGINE_DEVICES", '{"chatterbox": "cpu"}')
    assert missing_device("chatterbox", "cuda") == ""


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        ("chatterbox", "ve.safetensors", None, "no file ve.safetensors"),
        ("qwen-tts-base", "config.json", "{}", "is not one of Qwen3-TTS"),
        ("qwen-tts-base", "config.json", '{"tts_model_type": "voice_design", "talker_config": {"codec_language_id": '
         '{"english": 1}, "spk_id": {}}}', "of the type voice_design"),
        ("qwen-tts-base", "speech_tokenizer/model.safetensors", None, "qwen-tts-base/speech_tokenizer needs"),
    ],
)  # fmt: skip
def test_models_that_are_not_whole(
    python: Path, models: Path, empty: ModelStore, name: str, file: str, content: str | None, message: str
) -> None:
    engine = "chatterbox" if name == "chatterbox" else "qwen-tts"
    coming = Path(shutil.copytree(models / name, empty.folder.parent / "coming"))
    (coming / file).unlink() if content is None else (coming / file).write_text(content)
    empty.add(name, engine, coming)
    assert message in reason(engine, python)


def test_a_model_that_cannot_be_used_does_not_keep_others_from_speaking(models: Path, empty: ModelStore) -> None:
    coming = Path(shutil.copytree(models / "qwen-tts-custom", empty.folder.parent / "coming"))
    empty.add("qwen-tts-custom", "qwen-tts", coming)
    (coming / "config.json").write_text('{"tts_model_type": "voice_design"}')
    empty.add("qwen-tts-design", "qwen-tts", coming)
    assert [voice.id for voice in QwenEngine.voices()] == ["custom.ryan", "custom.uncle-fu"]


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("chatterbox", "s3gen.safetensors", "`chatterbox` cannot be loaded"),
        ("chatterbox", "ve.safetensors", "ve.safetensors lacks 2 weights, such as bias"),
        ("qwen-tts-base", "model.safetensors", "`qwen-tts-base` cannot be loaded"),
    ],
)
def test_broken_weights_are_named(
    python: Path, models: Path, empty: ModelStore, name: str, file: str, message: str
) -> None:
    engine_name = "chatterbox" if name == "chatterbox" else "qwen-tts"
    coming = Path(shutil.copytree(models / name, empty.folder.parent / "coming"))
    other = models / "qwen-tts-base" / "model.safetensors"
    (coming / file).write_bytes(other.read_bytes() if "lacks" in message else b"noise")
    empty.add(name, engine_name, coming)
    engine = make(engine_name, python)
    try:
        with pytest.raises(MynaError, match=message):
            speak(engine, "One.", {})
    finally:
        engine.close()
