"""Which engine speaks a dub for which a `voice_model` is sent."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest

from myna.engines.registry import GROUP, EngineRegistry
from myna.errors import InvalidRequest, VoiceOfOtherEngine
from myna.http.modelslab.voices import API, Chosen, engine_of, of_engine
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.service import VoiceService

CALLER: Any = SimpleNamespace(account=SimpleNamespace(id="account"))


def services(*names: str) -> Any:
    return SimpleNamespace(voices=VoiceService(VoiceCatalogue(EngineRegistry.load(names))))


@pytest.fixture(scope="module")
def here() -> Any:
    return services("espeak", "fake")


async def voiced(here: Any, name: str, model: str) -> str:
    """Who speaks a vendor's name when the model is sent."""
    chosen = Chosen(name, await here.voices.resolve(API, name, "account"))
    choice = engine_of(here, model, name)
    return (await of_engine(here, CALLER, chosen, choice) if choice else chosen).voice.id


@pytest.mark.parametrize("model", ["kokoro", "Kokoro ", "espeak"])
async def test_with_the_vendors_own_model_the_voice_decides(here: Any, model: str) -> None:
    assert await voiced(here, "am_michael", model) == (await here.voices.resolve(API, "am_michael", "account")).id


async def test_a_vendors_name_is_the_voice_that_the_named_engine_has_for_it(here: Any) -> None:
    assert {(await voiced(here, name, "fake")).partition(":")[0] for name in ("am_michael", "ff_siwis")} == {"fake"}
    assert await voiced(here, "fake:en-US.1", "fake") == "fake:en-US.1"


@pytest.mark.parametrize("kind", ["stock", "cloned"])
async def test_a_voice_of_another_engine_is_refused(here: Any, kind: Any) -> None:
    voice = replace(await here.voices.get("espeak:en-us.f3", "account"), kind=kind)
    choice = engine_of(here, "fake", voice.id)
    assert choice
    with pytest.raises(VoiceOfOtherEngine, match="spoken by `espeak`, not by `fake`"):
        await of_engine(here, CALLER, Chosen("en-us.f3" if kind == "stock" else "own_voice", voice), choice)


@pytest.mark.parametrize(
    ("model", "why"), [("nobody", "Model not found: nobody"), ("piper", "MYNA_ENGINES"), ("sphinx", "cannot speak")]
)
def test_a_model_that_is_not_here_is_refused(here: Any, model: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as caught:
        engine_of(here, model, None)
    assert caught.value.field == "voice_model"


def test_the_vendors_own_model_is_the_engine_of_its_name_where_that_is_here_and_no_voice_is_named() -> None:
    kokoro = EntryPoint("kokoro", "tests.fixtures.engines:AsKokoro", GROUP)
    here: Any = SimpleNamespace(voices=VoiceService(VoiceCatalogue(EngineRegistry({"kokoro": kokoro}))))
    choice = engine_of(here, "kokoro", None)
    assert choice
    assert choice.name == "kokoro"
    assert engine_of(here, "kokoro", "henry") is None
    assert engine_of(here, None, None) is None
    assert engine_of(services("fake"), "kokoro", None) is None
