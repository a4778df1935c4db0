"""Finding the voice that a request means."""

from __future__ import annotations

import pytest

from myna.engines.registry import EngineRegistry
from myna.errors import VoiceNotFound
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.service import VoiceService

ACCOUNT = "account"


@pytest.fixture(scope="module")
def voices() -> VoiceService:
    return VoiceService(VoiceCatalogue(EngineRegistry.load(["espeak", "fake"])))


async def test_get(voices: VoiceService) -> None:
    assert (await voices.get("espeak:de.f1", ACCOUNT)).language == "de"
    with pytest.raises(VoiceNotFound, match="`nobody`"):
        await voices.get("nobody", ACCOUNT)


async def test_resolve_a_vendors_name(voices: VoiceService) -> None:
    for api, name in [("openai", "alloy"), ("magichour", "Lorde"), ("stablecog", "c_en_6")]:
        alias = next(alias for alias in voices.aliases(api) if alias.name == name)
        assert (await voices.resolve(api, name, ACCOUNT)).id == alias.voice_id


async def test_resolve_our_own_ids_and_names(voices: VoiceService) -> None:
    voice = await voices.get("espeak:en-gb.f3", ACCOUNT)
    assert await voices.resolve("openai", voice.id, ACCOUNT) == voice
    assert await voices.resolve("native", voice.name.lower(), ACCOUNT) == voice


@pytest.mark.parametrize(
    ("api", "name"), [("openai", "Lorde"), ("magichour", "alloy"), ("native", "alloy"), ("openai", "")]
)
async def test_a_name_of_another_vendor_is_not_found(voices: VoiceService, api: str, name: str) -> None:
    with pytest.raises(VoiceNotFound):
        await voices.resolve(api, name, ACCOUNT)


async def test_list(voices: VoiceService) -> None:
    everything = await voices.list(ACCOUNT)
    assert everything[0].engine == "espeak"
    assert {voice.engine for voice in everything} == {"espeak", "fake"}
    english = await voices.list(ACCOUNT, language="en", engine="espeak", gender="female")
    assert english
    assert {(voice.language.split("-")[0], voice.engine, voice.gender) for voice in english} == {
        ("en", "espeak", "female")
    }
    assert {voice.language for voice in await voices.list(ACCOUNT, language="pt-br")} == {"pt-BR"}
    assert await voices.list(ACCOUNT, language="xx") == []


async def test_default(voices: VoiceService) -> None:
    assert voices.default("fr").language == "fr-FR"
    assert voices.default("fr") in voices.defaults()
    with pytest.raises(VoiceNotFound, match="`xx`"):
        voices.default("xx")
