"""Finding the voice that a request means."""

from __future__ import annotations

import pytest

from myna.engines.registry import EngineRegistry
from myna.errors import VoiceNotFound
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.service import VoiceService
from tests.fixtures.cloning import Studio

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


async def test_own_voices_are_found_by_id_record_id_and_name(studio: Studio) -> None:
    account_id = studio.ada.account.id
    kept = await studio.clone(studio.ada, "Élise")
    for name in (kept.id, kept.record_id, "Élise", "éLISE"):
        assert (await studio.voices.resolve("openai", name, account_id)).id == kept.id
    assert (await studio.voices.get(kept.record_id, account_id)).id == kept.id
    for name in ("Elise", "Élis", ""):
        with pytest.raises(VoiceNotFound):
            await studio.voices.resolve("openai", name, account_id)


async def test_a_vendors_name_wins_over_an_own_name_and_that_over_a_stock_name(studio: Studio) -> None:
    account_id = studio.ada.account.id
    stock = (await studio.voices.list(account_id))[0]
    own = {name: await studio.clone(studio.ada, name) for name in ("alloy", stock.name, stock.id)}
    assert (await studio.voices.resolve("openai", "alloy", account_id)).kind == "stock"
    assert (await studio.voices.resolve("native", "alloy", account_id)).id == own["alloy"].id
    assert (await studio.voices.resolve("openai", stock.name, account_id)).id == own[stock.name].id
    assert (await studio.voices.resolve("openai", stock.id, account_id)).id == own[stock.id].id
    assert await studio.voices.get(stock.id, account_id) == stock, "an id that was resolved stays what it was"
    assert await studio.voices.resolve("openai", stock.name, studio.grace.account.id) == stock


async def test_an_id_wins_over_a_name_and_of_two_names_the_oldest(studio: Studio) -> None:
    account_id = studio.ada.account.id
    first, second = await studio.clone(studio.ada, "Myna"), await studio.clone(studio.ada, "myna")
    await studio.clone(studio.ada, first.id)
    assert (await studio.voices.resolve("native", "MYNA", account_id)).id == first.id
    assert (await studio.voices.resolve("native", first.id, account_id)).id == first.id
    await studio.cloning.delete(account_id, first.id)
    assert (await studio.voices.resolve("native", "MYNA", account_id)).id == second.id


async def test_own_voices_come_first_in_the_list(studio: Studio) -> None:
    account_id = studio.ada.account.id
    german = await studio.clone(studio.ada, "Elster", languages=("de",), gender="female")
    arabic = await studio.clone(studio.ada, "Hudhud", languages=("ar",))
    listed = await studio.voices.list(account_id)
    assert [voice.id for voice in listed[:2]] == [german.id, arabic.id]
    assert {voice.kind for voice in listed[2:]} == {"stock"}
    women = await studio.voices.list(account_id, language="de", engine="fake", gender="female")
    assert [voice.id for voice in women if voice.kind == "cloned"] == [german.id]
    assert await studio.voices.list(account_id, engine="espeak") == []


async def test_defaults_are_stock_voices(studio: Studio) -> None:
    await studio.clone(studio.ada, languages=("de",))
    assert studio.voices.default("de").kind == "stock"
