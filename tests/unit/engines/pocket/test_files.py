"""Which files make a model of pocket-tts, and which voices they bring. Nothing is loaded for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.engines.pocket import PocketEngine
from myna.engines.pocket.files import LANGUAGES, find_models, some_models, stock_voices
from myna.errors import EngineUnavailable
from myna.models.catalogue import load
from myna.models.store import ModelStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
    return ModelStore(tmp_path / "models")


def add(store: ModelStore, name: str, *files: str) -> None:
    folder = store.folder.parent / "coming" / name
    for file in files or ("model.safetensors", "tokenizer.json", "voices/alba.safetensors"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(file)
    store.add(name, "pocket", folder)


def test_a_model_has_the_language_of_its_name(store: ModelStore) -> None:
    add(store, "pocket-english")
    add(store, "pocket-french-24l")
    english, french = find_models()
    assert (english.language, english.configuration) == ("en-US", "english")
    assert (french.language, french.configuration) == ("fr-FR", "french_24l")
    assert english.clones
    assert english.own_configuration is None


@pytest.mark.parametrize("name", [name for name, model in load().items() if model.engine == "pocket"])
def test_every_model_of_the_catalogue_is_understood(store: ModelStore, name: str) -> None:
    model = load()[name]
    add(store, name, *(file.path for file in model.files))
    (found,) = find_models()
    assert found.language.partition("-")[0] == model.languages[0]
    assert found.configuration in LANGUAGES
    assert found.clones is not name.endswith("-stock")
    assert len(found.voices) == sum(file.path.startswith("voices/") for file in model.files) > 0
    assert {voice.gender for voice in stock_voices((found,))} <= {"female", "male"}


def test_weights_without_cloning_are_told_by_their_name(store: ModelStore) -> None:
    add(
        store,
        "pocket-english-stock",
        "model-without-cloning.safetensors",
        "tokenizer.model",
        "embeddings/eve.safetensors",
    )
    (model,) = find_models()
    assert not model.clones
    assert model.configuration == "english"
    assert not PocketEngine.describe().cloning
    assert [voice.id for voice in stock_voices((model,))] == ["english.eve"]


def test_voices_speak_the_language_of_their_model(store: ModelStore) -> None:
    add(store, "pocket-english", "model.safetensors", "tokenizer.json", "voices/bill_boerst.safetensors")
    add(store, "pocket-german", "model.safetensors", "tokenizer.json", "voices/bill_boerst.safetensors")
    english, german = PocketEngine.voices()
    assert (english.id, english.language, english.gender) == ("english.bill-boerst", "en-US", "male")
    assert (german.id, german.language, german.name) == ("german.bill-boerst", "de-DE", "Bill Boerst (German)")
    assert german.settings == {"model": "pocket-german", "voice": "bill_boerst"}
    assert PocketEngine.describe().languages == ("de-DE", "en-US")


def test_a_language_in_both_of_its_models_has_each_voice_once(store: ModelStore) -> None:
    add(store, "pocket-english")
    add(store, "pocket-english-stock", "model-without-cloning.safetensors", "tokenizer.json", "voices/alba.safetensors")
    assert [voice.settings["model"] for voice in PocketEngine.voices()] == ["pocket-english"]


def test_a_voice_that_is_not_here_any_more(store: ModelStore) -> None:
    add(store, "pocket-english")
    (model,) = find_models()
    assert model.voice("alba").name == "alba.safetensors"
    with pytest.raises(EngineUnavailable, match="no voice `eve`"):
        model.voice("eve")


@pytest.mark.parametrize(
    ("name", "files", "reason"),
    [
        ("pocket-english", ("tokenizer.json",), "no weights"),
        ("pocket-english", ("model.safetensors",), "no tokenizer"),
        ("pocket-klingon", ("model.safetensors", "tokenizer.json"), "call it pocket-… with one of dutch, english"),
    ],
)
def test_what_is_missing_is_a_reason(store: ModelStore, name: str, files: tuple[str, ...], reason: str) -> None:
    add(store, name, *files)
    with pytest.raises(EngineUnavailable, match=reason):
        find_models()


def test_a_model_that_is_not_whole_does_not_keep_others_from_speaking(store: ModelStore) -> None:
    add(store, "pocket-dutch", "model.safetensors")
    add(store, "pocket-english")
    add(store, "pocket-klingon")
    assert [model.name for model in find_models()] == ["pocket-english"]


def test_without_a_model_it_says_which_command_brings_one(store: ModelStore) -> None:
    assert find_models() == ()
    with pytest.raises(EngineUnavailable, match="myna models pull pocket-english"):
        some_models()
    assert PocketEngine.describe().languages == tuple(sorted(LANGUAGES.values()))


def test_without_the_library_it_says_which_command_makes_an_environment(store: ModelStore) -> None:
    usable, reason = PocketEngine.available()
    assert not usable
    assert "myna engines install pocket" in reason
