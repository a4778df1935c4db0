"""Consents: recordings in which speakers agree to the use of their voices."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
import soundfile
from sqlalchemy import update

from myna.accounts.schemas import Caller
from myna.db.tables import voice_consents
from myna.errors import BodyTooLarge, Conflict, InvalidRequest, NotFound, ReferenceRefused, UnsupportedMedia
from myna.kit import clock
from myna.kit.pagination import Cursor
from myna.voices.schemas import Consent
from tests.fixtures.cloning import Studio
from tests.fixtures.recordings import wav
from tests.fixtures.speech import ESPEAK_RATE, Speak


@pytest.fixture(scope="module")
def agreement(espeak: Speak) -> bytes:
    return wav(espeak("I agree that my voice may be used for this.", "en-us"), ESPEAK_RATE)


async def add(studio: Studio, recording: bytes, caller: Caller | None = None, name: str = "Ada") -> Consent:
    return await studio.cloning.add_consent(caller or studio.ada, name, "en", recording, "audio/wav")


async def test_the_sound_is_kept_and_no_byte_of_the_file(studio: Studio, agreement: bytes) -> None:
    consent = await add(studio, agreement + b"a secret at the end of the file")
    assert (consent.name, consent.language, consent.affirmed_by) == ("Ada", "en", studio.ada.key.id)
    assert consent.id.startswith("cons_")
    assert await studio.files() == [f"consents/{studio.ada.account.id}/{consent.id}.flac"] == [consent.object_key]
    kept = await studio.storage.get(consent.object_key)
    assert b"secret" not in kept
    sound, rate = soundfile.read(io.BytesIO(kept))
    assert (len(sound) / rate, rate) == (pytest.approx(len(agreement) / 2 / ESPEAK_RATE, abs=0.01), ESPEAK_RATE)


async def test_the_operator_may_add_one(studio: Studio, agreement: bytes) -> None:
    consent = await studio.cloning.add_consent(studio.ada.account, "Ada", "en", agreement)
    assert consent.affirmed_by is None


async def test_get_rename_delete(studio: Studio, agreement: bytes) -> None:
    consent, account_id = await add(studio, agreement), studio.ada.account.id
    assert await studio.cloning.get_consent(account_id, consent.id) == consent
    renamed = await studio.cloning.rename_consent(account_id, consent.id, " Ada L. ")
    assert renamed.name == "Ada L."
    with pytest.raises(InvalidRequest):
        await studio.cloning.rename_consent(account_id, consent.id, "")
    await studio.cloning.delete_consent(account_id, consent.id)
    assert await studio.files() == []
    await assert_gone(studio, account_id, consent.id)


async def test_those_of_others_do_not_exist(studio: Studio, agreement: bytes) -> None:
    theirs = await add(studio, agreement, studio.grace)
    await assert_gone(studio, studio.ada.account.id, theirs.id)
    assert (await studio.cloning.list_consents(studio.ada.account.id)).items == []
    with pytest.raises(InvalidRequest):
        await studio.cloning.list_consents(studio.ada.account.id, after=theirs.id)
    assert await studio.cloning.get_consent(studio.grace.account.id, theirs.id) == theirs


async def assert_gone(studio: Studio, account_id: str, consent_id: str) -> None:
    for attempt in (
        studio.cloning.get_consent(account_id, consent_id),
        studio.cloning.rename_consent(account_id, consent_id, "Mine"),
        studio.cloning.delete_consent(account_id, consent_id),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_the_newest_come_first_page_by_page(studio: Studio, agreement: bytes) -> None:
    made = [await add(studio, agreement, name=name) for name in ("first", "second", "third")]
    account_id = studio.ada.account.id
    page = await studio.cloning.list_consents(account_id, limit=2)
    assert ([consent.name for consent in page.items], page.has_more) == (["third", "second"], True)
    last = page.items[-1]
    for after in (last.id, Cursor(last.created_at, last.id)):
        rest = await studio.cloning.list_consents(account_id, after=after, limit=2)
        assert (rest.items, rest.has_more) == ([made[0]], False)
    with pytest.raises(InvalidRequest) as refused:
        await studio.cloning.list_consents(account_id, after="cons_nothing")
    assert refused.value.field == "after"


async def test_the_same_id_is_the_same_consent(studio: Studio, agreement: bytes) -> None:
    made = [
        await studio.cloning.add_consent(studio.ada, "Ada", "en", agreement, consent_id="cons_of_a_request")
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert len(await studio.files()) == 1
    with pytest.raises(NotFound):
        await studio.cloning.add_consent(studio.grace, "Grace", "en", agreement, consent_id="cons_of_a_request")
    assert await studio.cloning.get_consent(studio.ada.account.id, made[0].id) == made[0]


@pytest.mark.parametrize(
    ("name", "language", "field"), [("", "en", "name"), ("x" * 101, "en", "name"), ("Ada", "the Queen's", "language")]
)
async def test_what_is_refused(studio: Studio, agreement: bytes, name: str, language: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await studio.cloning.add_consent(studio.ada, name, language, agreement)
    assert refused.value.field == field


async def test_recordings_that_are_refused(studio: Studio, agreement: bytes) -> None:
    with pytest.raises(UnsupportedMedia):
        await add(studio, b"no sound at all")
    with pytest.raises(UnsupportedMedia):
        await studio.cloning.add_consent(studio.ada, "Ada", "en", agreement, "text/plain")
    with pytest.raises(ReferenceRefused, match="Hardly anybody speaks"):
        await add(studio, wav(np.zeros(3 * ESPEAK_RATE, np.float32)))
    with pytest.raises(BodyTooLarge):
        await studio.service(max_reference_bytes=1_000).add_consent(studio.ada, "Ada", "en", agreement)
    with pytest.raises(UnsupportedMedia):
        await studio.service(max_reference_seconds=1.0).add_consent(studio.ada, "Ada", "en", agreement)
    assert await studio.files() == []


async def test_an_account_has_a_number_of_places(studio: Studio, agreement: bytes) -> None:
    small = studio.service(max_voices=1)
    consent = await small.add_consent(studio.ada, "Ada", "en", agreement)
    with pytest.raises(Conflict, match="Delete one first"):
        await small.add_consent(studio.ada, "Ada", "en", agreement)
    await small.delete_consent(studio.ada.account.id, consent.id)
    assert (await small.add_consent(studio.ada, "Ada", "en", agreement)).id != consent.id


async def test_also_when_many_come_at_once(studio: Studio, agreement: bytes) -> None:
    few = studio.service(max_voices=2, rate_limits="off")
    asked = (few.add_consent(studio.ada, f"Ada {number}", "en", agreement) for number in range(5))
    made = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["Conflict"] * 3 + ["Consent"] * 2
    assert len((await few.list_consents(studio.ada.account.id)).items) == 2
    twice = [few.add_consent(studio.grace, "Grace", "en", agreement, consent_id="cons_same") for _ in range(3)]
    assert {consent.id for consent in await asyncio.gather(*twice)} == {"cons_same"}


async def test_what_a_crash_leaves_is_not_seen_and_is_removed(studio: Studio, agreement: bytes) -> None:
    consent = await add(studio, agreement)
    async with studio.database.transaction() as connection:
        await connection.execute(update(voice_consents).values(deleted_at=clock.now()))
    await assert_gone(studio, studio.ada.account.id, consent.id)
    assert await studio.cloning.remove_deleted() == 0, "somebody may be writing"
    async with studio.database.transaction() as connection:
        await connection.execute(update(voice_consents).values(deleted_at=clock.now() - clock.seconds(3_600)))
    assert await studio.cloning.remove_deleted() == 1
    assert await studio.files() == []
    assert await studio.cloning.remove_deleted() == 0
