"""Cloned voices in the database and the storage: whole, or not to be seen, whatever fails on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update

from myna.db.tables import voices as voices_table
from myna.errors import Conflict, MynaError, TooManyVoices, Unavailable, VoiceNotFound
from myna.kit import clock
from myna.kit.finishing import all_finished
from myna.storage.base import ObjectStorage
from myna.voices.cloning import new_voice_id
from myna.voices.schemas import NewVoice
from tests.fixtures.cloning import Studio

FILES = {"reference.flac", "prepared.json"}


class WeakStorage:
    """Fails where it is told to: at putting or at deleting files of this name."""

    def __init__(self, storage: ObjectStorage, *, put: str = "nothing", delete: str = "nothing") -> None:
        self._storage = storage
        self._put = put
        self._delete = delete

    async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
        if self._put in key:
            raise Unavailable("The storage is away.")
        return await self._storage.put(key, data)

    async def delete(self, *keys: str) -> None:
        if any(self._delete in key for key in keys):
            raise Unavailable("The storage is away.")
        await self._storage.delete(*keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


async def half_made(studio: Studio, voice_id: str) -> None:
    """What a process leaves that was killed between the files and the end."""
    kept = await studio.clone(studio.ada, voice_id=voice_id)
    async with studio.database.transaction() as connection:
        await connection.execute(update(voices_table).where(voices_table.c.id == kept.id).values(ready_at=None))
    await studio.storage.delete(f"{kept.folder}/prepared.json")


async def test_a_voice_is_row_and_files(studio: Studio) -> None:
    kept = await studio.clone(studio.ada)
    assert await studio.files() == [f"{kept.folder}/prepared.json", f"{kept.folder}/reference.flac"]
    assert await studio.cloning.get(studio.ada.account.id, kept.id) == kept
    assert await studio.cloning.get(studio.ada.account.id, kept.record_id) == kept
    assert await studio.cloning.list(studio.ada.account.id) == [kept]


async def test_the_oldest_come_first(studio: Studio) -> None:
    made = [await studio.clone(studio.ada, name) for name in ("Robin", "Ada", "Myna")]
    assert await studio.cloning.list(studio.ada.account.id) == made


async def test_the_same_id_is_the_same_voice(studio: Studio) -> None:
    voice_id = new_voice_id("a request")
    assert voice_id == new_voice_id("a request") != new_voice_id("another")
    assert new_voice_id(None) != new_voice_id(None)
    first = await studio.clone(studio.ada, voice_id=voice_id)
    again = await studio.clone(studio.ada, "Another name", voice_id=voice_id, prepared=studio.prepared("other"))
    assert again == first
    assert await studio.rows() == 1


async def test_at_once_too(studio: Studio) -> None:
    voice_id = new_voice_id(None)
    made = await asyncio.gather(*(studio.clone(studio.ada, voice_id=voice_id) for _ in range(5)))
    assert len({voice.created_at for voice in made}) == 1
    assert len(await studio.cloning.list(studio.ada.account.id)) == 1
    assert (await studio.voices.get(voice_id, studio.ada.account.id)).settings["format"] == "fake/1"


async def test_an_id_of_somebody_else_is_refused_like_that_of_a_deleted_voice(studio: Studio) -> None:
    theirs, mine = await studio.clone(studio.grace), await studio.clone(studio.ada)
    await studio.cloning.delete(studio.ada.account.id, mine.id)
    refusals = []
    for voice_id in (theirs.id, mine.id):
        with pytest.raises(Conflict) as refused:
            await studio.clone(studio.ada, voice_id=voice_id)
        refusals.append(refused.value.message)
    assert refusals[0] == refusals[1]
    assert await studio.cloning.get(studio.grace.account.id, theirs.id) == theirs


async def test_a_half_made_voice_is_not_there(studio: Studio) -> None:
    voice_id = new_voice_id(None)
    await half_made(studio, voice_id)
    account_id = studio.ada.account.id
    assert await studio.cloning.list(account_id) == []
    for attempt in (
        studio.cloning.get(account_id, voice_id),
        studio.voices.get(voice_id, account_id),
        studio.cloning.delete(account_id, voice_id),
        studio.voices.resolve("native", "myna", account_id),
    ):
        with pytest.raises(VoiceNotFound):
            await attempt


async def test_the_same_request_makes_a_half_made_voice_whole(studio: Studio) -> None:
    voice_id = new_voice_id(None)
    await half_made(studio, voice_id)
    await studio.grow_old()
    made = await studio.clone(studio.ada, voice_id=voice_id)
    assert await studio.cloning.remove_unfinished() == 0
    assert await studio.cloning.list(studio.ada.account.id) == [made]
    assert {key.rsplit("/", 1)[1] for key in await studio.files()} == FILES


async def test_a_voice_that_somebody_makes_is_left_alone(studio: Studio) -> None:
    await half_made(studio, new_voice_id(None))
    assert await studio.cloning.remove_unfinished() == 0
    assert await studio.cloning.remove_unfinished(older_than=0) == 1


async def test_what_nobody_goes_on_with_is_removed(studio: Studio) -> None:
    voice_id = new_voice_id(None)
    await half_made(studio, voice_id)
    await studio.grow_old()
    assert await studio.cloning.remove_unfinished() == 1
    with pytest.raises(Unavailable, match="Try again"):
        await studio.clone(studio.ada, voice_id=voice_id)
    assert await studio.cloning.remove_deleted() == 1
    assert (await studio.rows(), await studio.files()) == (0, [])
    assert (await studio.clone(studio.ada, voice_id=voice_id)).id == voice_id


@pytest.mark.parametrize("name", ["reference.flac", "prepared.json"])
async def test_what_cannot_be_stored_leaves_nothing(studio: Studio, name: str) -> None:
    voice_id = new_voice_id(None)
    weak = studio.service(WeakStorage(studio.storage, put=name))
    with pytest.raises(Unavailable):
        await weak.create(studio.ada, studio.prepared(), NewVoice("Myna"), api="native", voice_id=voice_id)
    assert (await studio.rows(), await studio.files()) == (0, [])
    assert (await studio.clone(studio.ada, voice_id=voice_id)).id == voice_id


async def test_a_storage_that_is_quite_away_leaves_work_for_later(studio: Studio) -> None:
    weak = studio.service(WeakStorage(studio.storage, put="prepared", delete="voices/"))
    with pytest.raises(Unavailable):
        await weak.create(studio.ada, studio.prepared(), NewVoice("Myna"), api="native")
    assert (await studio.rows(), len(await studio.files())) == (1, 1)
    assert await studio.cloning.remove_deleted() == 1
    assert (await studio.rows(), await studio.files()) == (0, [])


async def test_a_request_that_is_canceled_leaves_nothing(studio: Studio) -> None:
    class Slow(WeakStorage):
        async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
            size = await super().put(key, data)
            began.set()
            await asyncio.sleep(30 if "prepared" in key else 0)
            return size

    began = asyncio.Event()
    slow = studio.service(Slow(studio.storage))
    making = asyncio.create_task(slow.create(studio.ada, studio.prepared(), NewVoice("Myna"), api="native"))
    await began.wait()
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert (await studio.rows(), await studio.files()) == (0, [])


async def test_a_request_that_is_canceled_at_any_moment_leaves_a_whole_voice_or_nothing(studio: Studio) -> None:
    for number in range(40):
        making = asyncio.create_task(
            studio.cloning.create(studio.ada, studio.prepared(), NewVoice(f"Myna {number}"), api="native")
        )
        await asyncio.sleep(number / 3_000)
        making.cancel()
        await asyncio.wait({making})
    await all_finished(10)
    voices = await studio.cloning.list(studio.ada.account.id)
    assert await studio.rows() == len(voices)
    assert await studio.files() == sorted(f"{voice.folder}/{name}" for voice in voices for name in FILES)


async def test_a_file_that_cannot_be_stored_waits_for_the_others_on_their_way(studio: Studio) -> None:
    class Slow(WeakStorage):
        async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
            if "reference" in key:
                await asyncio.sleep(0.05)
            return await super().put(key, data)

    service = studio.service(Slow(studio.storage, put="prepared"))
    with pytest.raises(Unavailable):
        await service.create(studio.ada, studio.prepared(), NewVoice("Myna"), api="native")
    await asyncio.sleep(0.1)
    assert (await studio.rows(), await studio.files()) == (0, [])


async def test_an_account_has_a_number_of_places(studio: Studio) -> None:
    small = studio.service(max_voices=2)

    async def make(**values: Any) -> str:
        made = await small.create(studio.ada, studio.prepared(), NewVoice("Myna"), api="native", **values)
        return made.id

    outcomes = await asyncio.gather(*(make() for _ in range(5)), return_exceptions=True)
    made = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(made) == 2
    assert {type(outcome) for outcome in outcomes if not isinstance(outcome, str)} == {TooManyVoices}
    assert await make(voice_id=made[0]) == made[0], "a repeated request needs no further place"
    await small.create(studio.grace, studio.prepared(), NewVoice("Myna"), api="native")
    await small.delete(studio.ada.account.id, made[0])
    assert await make() not in made


async def test_deleting_says_what_it_removed(studio: Studio) -> None:
    account_id = studio.ada.account.id
    kept = await studio.clone(studio.ada, preview=(studio.prepared().reference, 16_000))
    await studio.voices.get(kept.id, account_id)
    await studio.storage.put(f"{kept.folder}/sample.mp3", b"sample")
    removed = await studio.cloning.delete(account_id, kept.record_id)
    assert removed.voice_id == kept.id
    assert removed.files == ("prepared.json", "preview.wav", "reference.flac", "sample.mp3")
    assert await studio.files() == []
    for attempt in (studio.cloning.delete(account_id, kept.id), studio.voices.get(kept.id, account_id)):
        with pytest.raises(VoiceNotFound):
            await attempt


async def test_the_row_goes_when_nobody_can_be_writing(studio: Studio) -> None:
    account_id = studio.ada.account.id
    kept = await studio.clone(studio.ada)
    other = await studio.clone(studio.ada)
    await studio.cloning.delete(account_id, kept.id)
    await studio.storage.put(f"{kept.folder}/sample.mp3", b"of somebody who was slow")
    assert await studio.cloning.remove_deleted() == 0
    assert not [key for key in await studio.files() if kept.id in key]
    await studio.grow_old()
    assert await studio.cloning.remove_deleted() == 1
    assert [voice.id for voice in await studio.cloning.list(account_id)] == [other.id]
    assert await studio.rows() == 1


async def test_deleting_while_the_storage_is_away(studio: Studio) -> None:
    kept = await studio.clone(studio.ada)
    weak = studio.service(WeakStorage(studio.storage, delete="voices/"))
    assert (await weak.delete(studio.ada.account.id, kept.id)).files == ()
    with pytest.raises(VoiceNotFound):
        await studio.voices.get(kept.id, studio.ada.account.id)
    with pytest.raises(MynaError):
        await weak.remove_deleted()
    await studio.grow_old()
    assert await studio.cloning.remove_deleted() == 1
    assert (await studio.rows(), await studio.files()) == (0, [])


async def test_of_two_deletions_one_finds_the_voice(studio: Studio) -> None:
    kept = await studio.clone(studio.ada)
    attempts = (studio.cloning.delete(studio.ada.account.id, kept.id) for _ in range(4))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(outcome, VoiceNotFound) for outcome in outcomes) == 3


async def test_a_voice_that_is_deleted_while_it_is_made_is_not_shown(studio: Studio) -> None:
    class Interrupted(WeakStorage):
        async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
            await studio.grow_old()
            await studio.cloning.remove_unfinished()
            return await super().put(key, data)

    slow = studio.service(Interrupted(studio.storage))
    with pytest.raises(Unavailable, match="Send it again"):
        await slow.create(studio.ada, studio.prepared(), NewVoice("Myna"), api="native")
    assert (await studio.rows(), await studio.files()) == (0, [])


async def test_no_voice_for_an_account_that_is_gone(studio: Studio) -> None:
    stranger = await studio.caller("Stranger")
    account = type(stranger.account)("nobody", "Nobody", "user", False, clock.now())
    with pytest.raises(MynaError):
        await studio.cloning.create(account, studio.prepared(), NewVoice("Myna"), api="native")
    assert await studio.rows() == 0
