"""The cloned voices of an account, ready to speak."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from myna.db.tables import voices as voices_table
from myna.engines.espeak import EspeakEngine
from myna.engines.registry import EngineRegistry
from myna.errors import EngineUnavailable, VoiceNotFound
from myna.voices.own import OwnVoices, as_voice, spoken_languages
from myna.voices.schemas import VoiceChange
from tests.fixtures.cloning import Studio

ABLE = EngineRegistry.load(["fake"]).describe("fake")


@pytest.mark.parametrize(
    ("given", "reference", "first"),
    [
        ((), None, "en-US"),
        (("ar", "en"), None, "ar"),
        ((), "de", "de"),
        (("fr",), "de", "fr"),
        (("sv",), None, "en-US"),
        (("sv", "de-AT"), "en", "de-AT"),
    ],
)
def test_the_own_language_comes_first(given: tuple[str, ...], reference: str | None, first: str) -> None:
    languages = spoken_languages(given, reference, ABLE)
    assert languages[0] == first
    assert set(ABLE.languages) <= set(languages)
    assert "sv" not in languages, "what the engine does not speak"
    assert len(set(languages)) == len(languages)


def test_english_before_the_first_language_of_an_engine() -> None:
    able = replace(ABLE, languages=("ar-EG", "en-GB", "de"))
    assert spoken_languages((), None, able) == ("en-GB", "ar-EG", "de")
    assert spoken_languages((), None, replace(able, languages=("ar-EG", "de"))) == ("ar-EG", "de")


def test_the_usual_english_before_all_others() -> None:
    able = replace(ABLE, languages=("en-029", "en-GB", "en-US", "en-gb-scotland"))
    assert spoken_languages((), None, able) == ("en-US", "en-GB", "en-029", "en-gb-scotland")
    assert spoken_languages((), None, EspeakEngine.describe())[0].lower() == "en-us"


def test_without_the_engine_what_was_said_remains() -> None:
    assert spoken_languages(("ar",), "en", None) == ("ar", "en")
    assert spoken_languages((), None, None) == ("en",)


async def test_a_voice_has_what_was_kept(studio: Studio) -> None:
    kept = await studio.clone(
        studio.ada, gender="Woman", languages=("de",), dialects=("najdi",), stability=0.25, similarity=0.5
    )
    voice = await studio.voices.get(kept.id, studio.ada.account.id)
    assert (voice.kind, voice.account_id, voice.engine, voice.quality) == (
        "cloned",
        studio.ada.account.id,
        "fake",
        "matched",
    )
    assert (voice.gender, voice.language, voice.dialects) == ("female", "de", ("najdi",))
    assert (voice.stability, voice.similarity) == (0.25, 0.5)
    assert voice.settings == {"format": "fake/1", "frequency": 200.0, "tilt": 1.0}


async def test_a_change_is_in_force_at_once_although_settings_stay_in_memory(studio: Studio) -> None:
    account_id = studio.ada.account.id
    kept = await studio.clone(studio.ada)
    assert (await studio.voices.get(kept.id, account_id)).name == "Myna"
    await studio.storage.put(f"{kept.folder}/prepared.json", b"{}")
    await studio.cloning.update(account_id, kept.id, VoiceChange(name="Starling", stability=0.9))
    voice = await studio.voices.get(kept.id, account_id)
    assert (voice.name, voice.stability, voice.settings["frequency"]) == ("Starling", 0.9, 200.0)


async def test_a_voice_is_spoken_by_its_own_engine_alone(studio: Studio) -> None:
    account_id = studio.ada.account.id
    kept = await studio.clone(studio.ada)
    for values in ({"engine": "other"}, {"voice_format": "fake/0"}):
        async with studio.database.transaction() as connection:
            await connection.execute(update(voices_table).values(engine="fake", voice_format="fake/1"))
            await connection.execute(update(voices_table).values(**values))
        with pytest.raises(EngineUnavailable, match="No other engine speaks it"):
            await studio.voices.get(kept.id, account_id)
        with pytest.raises(EngineUnavailable):
            await studio.voices.resolve("native", "myna", account_id)
        assert (await studio.voices.list(account_id))[0].id == kept.id, "its owner still sees it"


async def test_a_voice_whose_files_are_gone_is_gone(studio: Studio) -> None:
    kept = await studio.clone(studio.ada)
    await studio.storage.delete(f"{kept.folder}/prepared.json")
    with pytest.raises(VoiceNotFound):
        await studio.voices.get(kept.id, studio.ada.account.id)


async def test_what_an_engine_prepared_is_read_once(studio: Studio, tmp_path: Path) -> None:
    kept = await studio.clone(studio.ada)
    own = OwnVoices(studio.database, studio.storage, studio.registry)
    await studio.storage.put(f"{kept.folder}/prepared.json", json.dumps({"format": "fake/1", "frequency": 99}).encode())
    first = await own.speaking(kept)
    await studio.storage.delete(f"{kept.folder}/prepared.json")
    assert first is not None
    assert await own.speaking(kept) == first
    own.forget(kept.id)
    assert await own.speaking(kept) is None


@pytest.mark.parametrize(
    ("said", "meant"), [("female", "female"), ("MAN", "male"), ("unsure", "neutral"), (None, "neutral")]
)
async def test_genders(studio: Studio, said: str | None, meant: str) -> None:
    assert as_voice(await studio.clone(studio.ada, gender=said), ABLE, {}).gender == meant
