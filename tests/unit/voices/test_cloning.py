"""What an account may do with voices, and what a server asks for before it keeps one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from myna.db.tables import voice_previews
from myna.errors import ConsentRequired, InvalidRequest, VoiceBlocked, VoiceNotFound
from myna.kit import clock
from myna.media.decode import pcm16
from myna.voices.schemas import NewVoice, VoiceChange
from tests.fixtures.cloning import Studio
from tests.fixtures.recordings import wav
from tests.fixtures.speech import ESPEAK_RATE, Speak

HEARD = np.arange(-2_000, 2_000, 7, dtype="<i2").tobytes()
"""A preview, as it was streamed."""
SENT_BACK = (pcm16(HEARD, 24_000).samples, 24_000)
"""The same, decoded from a file that a client sent."""


async def test_what_is_recorded(studio: Studio) -> None:
    kept = await studio.clone(
        studio.ada,
        " صقر ",
        description="A falcon",
        gender="male",
        age="middle",
        languages=("ar", "en"),
        dialects=("Najdi",),
        avatar_url="https://example.org/a.png",
        stability=0.7,
    )
    assert (kept.name, kept.description, kept.gender, kept.age) == ("صقر", "A falcon", "male", "middle")
    assert (kept.languages, kept.dialects, kept.avatar_url) == (("ar", "en"), ("najdi",), "https://example.org/a.png")
    assert (kept.stability, kept.similarity) == (0.7, 1.0)
    assert (kept.engine, kept.voice_format, kept.quality) == ("fake", "fake/1", "matched")
    assert (kept.account_id, kept.api, kept.consent_id) == (studio.ada.account.id, "native", None)
    assert (kept.affirmed_by, kept.affirmed_at) == (studio.ada.key.id, kept.created_at)
    assert kept.report == {"duration": 1.0, "language": None}
    assert not kept.preview_verified


async def test_the_operator_affirms_without_a_key(studio: Studio) -> None:
    made = await studio.cloning.create(studio.ada.account, studio.prepared(), NewVoice("Myna"), api="cli")
    assert (made.account_id, made.affirmed_by) == (studio.ada.account.id, None)


async def test_the_language_of_the_recording_is_that_of_the_voice(studio: Studio) -> None:
    told = await studio.clone(studio.ada, prepared=studio.prepared(language="de"))
    later = await studio.clone(studio.ada, language="fr")
    account_id = studio.ada.account.id
    assert (await studio.voices.get(told.id, account_id)).language == "de"
    assert (await studio.voices.get(later.id, account_id)).language == "fr"
    with pytest.raises(InvalidRequest):
        await studio.clone(studio.ada, language="no language")


@pytest.mark.parametrize("values", [{"name": ""}, {"stability": 2.0}, {"avatar_url": "ftp://example.org"}])
async def test_nothing_is_kept_of_what_is_refused(studio: Studio, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        await studio.clone(studio.ada, **values)
    assert await studio.files() == []
    assert await studio.cloning.list(studio.ada.account.id) == []


async def test_changes(studio: Studio) -> None:
    account_id = studio.ada.account.id
    kept = await studio.clone(studio.ada, gender="female", age="old", dialects=("najdi",))
    change = VoiceChange(name="New", languages=("en",), similarity=0.5, cleared=frozenset({"age"}))
    changed = await studio.cloning.update(account_id, kept.record_id, change)
    expected = replace(kept, name="New", languages=("en",), similarity=0.5, age=None, updated_at=changed.updated_at)
    assert changed == expected == await studio.cloning.get(account_id, kept.id)
    assert changed.updated_at > kept.updated_at
    assert await studio.cloning.update(account_id, kept.id, VoiceChange()) == changed
    with pytest.raises(InvalidRequest):
        await studio.cloning.update(account_id, kept.id, VoiceChange(name=" "))


async def test_voices_of_others_do_not_exist(studio: Studio) -> None:
    theirs, stranger = await studio.clone(studio.grace, "Parrot"), studio.ada.account.id
    refusals = set()
    for voice_id in (theirs.id, theirs.record_id):
        for attempt in (
            studio.cloning.get(stranger, voice_id),
            studio.cloning.update(stranger, voice_id, VoiceChange(name="Mine")),
            studio.cloning.delete(stranger, voice_id),
            studio.voices.get(voice_id, stranger),
            studio.voices.resolve("native", voice_id, stranger),
            studio.voices.resolve("openai", "Parrot", stranger),
        ):
            with pytest.raises(VoiceNotFound) as refused:
                await attempt
            refusals.add(refused.value.message.replace(voice_id, "…").replace("Parrot", "…"))
    assert len(refusals) == 1
    with pytest.raises(VoiceNotFound) as unknown:
        await studio.cloning.get(stranger, "…")
    assert refusals == {unknown.value.message}
    assert await studio.cloning.list(stranger) == []
    assert all(voice.kind == "stock" for voice in await studio.voices.list(stranger))
    assert await studio.cloning.get(studio.grace.account.id, theirs.id) == theirs


async def test_a_preview_made_here_says_how_the_voice_is_kept(studio: Studio) -> None:
    prepared = studio.prepared()
    await studio.cloning.remember_preview(studio.ada.account.id, HEARD, prepared, 0.4)
    kept = await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK)
    assert (kept.preview_verified, kept.similarity) == (True, 0.4)
    assert f"{kept.folder}/preview.wav" in await studio.files()
    told = await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK, similarity=0.9)
    assert (told.preview_verified, told.similarity) == (True, 0.9)


async def test_a_preview_that_was_made_twice_is_as_it_was_last(studio: Studio) -> None:
    prepared = studio.prepared()
    for similarity in (0.4, 0.6, None):
        await studio.cloning.remember_preview(studio.ada.account.id, HEARD, prepared, similarity)
    assert (await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK)).similarity == 1.0


async def test_any_other_preview_is_kept_and_not_verified(studio: Studio) -> None:
    prepared = studio.prepared()
    await studio.cloning.remember_preview(studio.grace.account.id, HEARD, prepared, 0.4)
    of_others = await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK)
    await studio.cloning.remember_preview(studio.ada.account.id, HEARD, studio.prepared("another recording"), 0.4)
    of_another = await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK)
    assert {(voice.preview_verified, voice.similarity) for voice in (of_others, of_another)} == {(False, 1.0)}


async def test_a_server_may_ask_for_its_own_previews(studio: Studio) -> None:
    strict, prepared = studio.service(verified_previews="on"), studio.prepared()
    for preview in (None, SENT_BACK):
        with pytest.raises(InvalidRequest, match="send it unchanged") as refused:
            await strict.create(studio.ada, prepared, NewVoice("Myna"), api="native", preview=preview)
        assert refused.value.field == "preview"
    await strict.remember_preview(studio.ada.account.id, HEARD, prepared, None)
    made = await strict.create(studio.ada, prepared, NewVoice("Myna"), api="native", preview=SENT_BACK)
    assert made.preview_verified


async def test_previews_are_forgotten_after_a_day(studio: Studio) -> None:
    prepared = studio.prepared()
    await studio.cloning.remember_preview(studio.ada.account.id, HEARD, prepared, 0.4)
    assert await studio.cloning.forget_previews() == 0
    async with studio.database.transaction() as connection:
        await connection.execute(update(voice_previews).values(expires_at=clock.now() - timedelta(seconds=1)))
    assert not (await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK)).preview_verified
    assert await studio.cloning.forget_previews() == 1
    assert await studio.cloning.forget_previews() == 0


async def test_what_is_known_of_previews_goes_with_the_voice(studio: Studio) -> None:
    prepared = studio.prepared()
    await studio.cloning.remember_preview(studio.ada.account.id, HEARD, prepared, 0.4)
    kept = await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK)
    await studio.cloning.delete(studio.ada.account.id, kept.id)
    assert await studio.cloning.forget_previews() == 0
    assert not (await studio.clone(studio.ada, prepared=prepared, preview=SENT_BACK)).preview_verified


async def test_a_server_may_ask_for_a_consent_recording(studio: Studio, espeak: Speak) -> None:
    strict = studio.service(consent="recording")
    with pytest.raises(ConsentRequired, match="consent_id"):
        await strict.create(studio.ada, studio.prepared(), NewVoice("Myna"), api="native")
    recording = wav(espeak("I agree that my voice may be used, today and on all other days.", "en-us"), ESPEAK_RATE)
    consent = await strict.add_consent(studio.ada, "Ada", "en", recording)
    theirs = await strict.add_consent(studio.grace, "Grace", "en", recording)
    refusals = set()
    for consent_id in ("cons_nothing", theirs.id):
        with pytest.raises(InvalidRequest) as refused:
            new = NewVoice("Myna", consent_id=consent_id)
            await strict.create(studio.ada, studio.prepared(), new, api="native")
        assert refused.value.field == "consent_id"
        refusals.add(refused.value.message.replace(consent_id, "…"))
    assert len(refusals) == 1
    new = NewVoice("Myna", consent_id=consent.id)
    kept = await strict.create(studio.ada, studio.prepared(), new, api="native")
    assert kept.consent_id == consent.id
    assert 0 < kept.report["consent_similarity"] <= 1


async def test_then_nobody_hears_a_preview_without_one(studio: Studio, brief: bytes) -> None:
    """A preview says whatever text one likes in the voice of the recording."""
    strict = studio.service(consent="recording")
    for caller in (studio.ada, studio.ada.account):
        with pytest.raises(ConsentRequired):
            await strict.prepare(caller, brief)
    theirs = await strict.add_consent(studio.grace, "Grace", "en", brief)
    with pytest.raises(InvalidRequest) as refused:
        await strict.prepare(studio.ada, brief, consent_id=theirs.id)
    assert refused.value.field == "consent_id"
    consent = await strict.add_consent(studio.ada, "Ada", "en", brief)
    assert (await strict.prepare(studio.ada, brief, consent_id=consent.id)).voice.settings
    assert (await strict.prepare(None, brief)).voice.settings, "the operator may listen"


async def test_a_blocked_voice_is_not_kept_even_if_it_was_prepared_before(studio: Studio, brief: bytes) -> None:
    blocked = await studio.cloning.block(brief, "Somebody", "asked for it")
    spoken = studio.prepared(embedding=blocked.embedding)
    with pytest.raises(VoiceBlocked):
        await studio.clone(studio.ada, prepared=spoken)
    await studio.cloning.unblock(blocked.id)
    assert (await studio.clone(studio.ada, prepared=spoken)).name == "Myna"
