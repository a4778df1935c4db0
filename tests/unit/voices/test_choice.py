"""Which engine speaks when one is named."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest

from myna.engines.base import Capabilities, StockVoice
from myna.engines.registry import GROUP, EngineRegistry
from myna.errors import EngineNotFound, VoiceNotFound, VoiceOfOtherEngine
from myna.models.store import ModelStore
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.choice import Choice
from myna.voices.service import VoiceService
from myna.voices.slots import slots
from tests.fixtures.cloning import Studio
from tests.fixtures.engines import Plain

ACCOUNT = "account"


class OneModelEach(Plain):
    """Has a model for each of its voices, as Piper has."""

    name: ClassVar[str] = "models"

    @classmethod
    def describe(cls) -> Capabilities:
        return replace(super().describe(), cloning=False)

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        tags = {"ada": "en-US", "bo": "en-GB", "cy": "fr-FR"}
        return tuple(StockVoice(name, name.title(), tag, settings={"model": f"m-{name}"}) for name, tag in tags.items())


def service(*names: str, bindings: dict[str, str] | None = None) -> VoiceService:
    return VoiceService(VoiceCatalogue(EngineRegistry.load(names), bindings))


@pytest.fixture(scope="module")
def voices() -> VoiceService:
    return service("espeak", "fake")


@pytest.fixture(scope="module")
def models() -> VoiceService:
    entries = {
        "espeak": EntryPoint("espeak", "myna.engines.espeak:EspeakEngine", GROUP),
        "models": EntryPoint("models", f"{__name__}:OneModelEach", GROUP),
    }
    return VoiceService(VoiceCatalogue(EngineRegistry(entries)))


async def test_a_vendors_name_is_a_voice_of_the_engine_that_is_named(voices: VoiceService) -> None:
    spoken = {
        engine: [(await voices.resolve(slot.api, slot.key, ACCOUNT, Choice(engine))).id for slot in slots()]
        for engine in ("espeak", "fake")
    }
    for engine, ids in spoken.items():
        assert all(voice.startswith(f"{engine}:") for voice in ids)
        assert len(set(ids)) == len(slots()), "each name has a voice of its own"
    alone = service("fake")
    assert spoken["fake"] == [(await alone.resolve(slot.api, slot.key, ACCOUNT)).id for slot in slots()]
    preferred = [(await voices.resolve(slot.api, slot.key, ACCOUNT)).id for slot in slots()]
    assert preferred == spoken["espeak"]


async def test_a_voice_of_another_engine_is_an_error_that_names_both(voices: VoiceService) -> None:
    stock = await voices.get("espeak:de.f1", ACCOUNT)
    for name in (stock.id, "de.f1", stock.name):
        assert await voices.resolve("native", name, ACCOUNT, Choice("espeak")) == stock
        with pytest.raises(VoiceOfOtherEngine, match=r"is spoken by `espeak`, not by `fake`. Name a voice of `fake`"):
            await voices.resolve("openai", name, ACCOUNT, Choice("fake"))
    with pytest.raises(VoiceNotFound, match=r"no voice `nobody` of `fake`.*--engine fake"):
        await voices.resolve("openai", "nobody", ACCOUNT, Choice("fake"))


async def test_a_name_that_two_engines_have_is_found_in_the_one_that_is_named() -> None:
    entries = {name: EntryPoint(name, f"tests.fixtures.engines:{name.title()}", GROUP) for name in ("plain", "mute")}
    both = VoiceService(VoiceCatalogue(EngineRegistry(entries)))
    assert (await both.resolve("native", "Only", ACCOUNT)).id == "plain:only"
    assert (await both.resolve("native", "Only", ACCOUNT, Choice("mute"))).id == "mute:only"


async def test_a_name_that_the_operator_bound_stays_with_its_voice() -> None:
    bound = service("espeak", "fake", bindings={"openai:alloy": "fake:en-US.1", "openai:ours": "fake:en-US.2"})
    assert (await bound.resolve("openai", "alloy", ACCOUNT, Choice("fake"))).id == "fake:en-US.1"
    assert (await bound.resolve("openai", "ours", ACCOUNT, Choice("fake"))).id == "fake:en-US.2"
    for name in ("alloy", "ours"):
        with pytest.raises(VoiceOfOtherEngine, match=f"`{name}` is the voice `fake:en-US.*not by `espeak`"):
            await bound.resolve("openai", name, ACCOUNT, Choice("espeak"))


async def test_a_clone_is_spoken_by_its_engine_only(studio: Studio) -> None:
    account_id = studio.ada.account.id
    kept = await studio.clone(studio.ada, "Elster")
    assert (await studio.voices.resolve("openai", "elster", account_id, Choice("fake"))).settings
    mismatch = f"`Elster` is the voice `{kept.id}`.*spoken by `fake`, not by `espeak`"
    with pytest.raises(VoiceOfOtherEngine, match=mismatch):
        await studio.voices.resolve("openai", "Elster", account_id, Choice("espeak"))


def test_an_engine_is_named_by_its_name_or_by_a_model(models: VoiceService) -> None:
    assert models.choice("espeak") == Choice("espeak")
    assert models.chosen("m-bo") == Choice("models", "m-bo")
    assert models.choice("gpt-4o-mini-tts") is None
    assert models.models == dict.fromkeys(("m-ada", "m-bo", "m-cy"), "models")
    with pytest.raises(EngineNotFound, match="no engine or model `kokorro`"):
        models.chosen("kokorro")


async def test_a_model_has_its_own_voices_only(models: VoiceService) -> None:
    assert (await models.resolve("openai", "alloy", ACCOUNT, Choice("models", "m-bo"))).id == "models:bo"
    assert (await models.resolve("openai", "bo", ACCOUNT, Choice("models", "m-bo"))).id == "models:bo"
    with pytest.raises(VoiceOfOtherEngine, match="spoken by `m-ada`, not by `m-bo`"):
        await models.resolve("openai", "ada", ACCOUNT, Choice("models", "m-bo"))
    with pytest.raises(VoiceOfOtherEngine, match=r"`m-cy` has no voice for `alloy` \(`en`\)"):
        await models.resolve("openai", "alloy", ACCOUNT, Choice("models", "m-cy"))
    assert models.default("fr", Choice("models", "m-cy")).id == "models:cy"
    with pytest.raises(VoiceNotFound, match="`m-cy` has no voice for `en`"):
        models.default("en", Choice("models", "m-cy"))


def test_a_model_of_an_engine_that_has_one_is_named_for_it(
    models: VoiceService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path))
    store = ModelStore(tmp_path)
    (file := tmp_path / "weights.onnx").write_bytes(b"x")
    assert models.choice("our-voice") is None
    for name, engine in (("our-voice", "espeak"), ("late", "models"), ("ears", "whisper")):
        store.add(name, engine, file)
    assert models.choice("our-voice") == Choice("espeak")
    with pytest.raises(EngineNotFound, match="`late` came after this server was started"):
        models.choice("late")
    with pytest.raises(EngineNotFound, match="`whisper` cannot be used here"):
        models.choice("ears")
    store.add("other", "espeak", file)
    with pytest.raises(EngineNotFound, match="has `our-voice` and `other`"):
        models.choice("our-voice")


@pytest.mark.parametrize("name", ["Fake", "FAKE"])
def test_capitals_name_the_same_engine(voices: VoiceService, name: str) -> None:
    assert voices.choice(name) == Choice("fake")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("fake", "`MYNA_ENGINES` does not name it"),
        ("sphinx", "cannot speak; it can hear"),
        ("whisper-tiny", "cannot speak; it is for recognition"),
        ("piper-en-us-joe", "myna models pull piper-en-us-joe"),
        ("qwen-tts-0.6b-base", "myna models pull qwen-tts-0.6b-base"),
    ],
)
def test_what_is_known_and_not_here_says_what_to_do(
    name: str, remedy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path))
    with pytest.raises(EngineNotFound, match=remedy):
        service("espeak").choice(name)
