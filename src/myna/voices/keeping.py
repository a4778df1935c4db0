"""Cloned voices in the database and the storage. A crash at any moment leaves a whole voice, or none that is seen."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn

import structlog

from myna.db.session import Database
from myna.errors import Conflict, MynaError, NotFound, TooManyVoices, Unavailable, VoiceNotFound
from myna.kit import clock
from myna.kit.finishing import to_the_end
from myna.storage.base import ObjectStorage
from myna.voices.files import Sound, remove_voice, store_voice
from myna.voices.repository import VoiceRepository, VoiceRow
from myna.voices.schemas import ClonedVoice, Removed

log = structlog.get_logger()

_SETTLED = timedelta(minutes=10)
"""How long the row of a deleted voice stays, for what still writes into its folder."""
_AT_ONCE = 200


class KeptVoices:
    """The row comes first, then the files; `ready_at` shows the voice. Deletion hides it first, then removes the files,
    and the row at last."""

    def __init__(self, database: Database, storage: ObjectStorage, most: int) -> None:
        """`most` is how many voices an account may have."""
        self._database = database
        self._storage = storage
        self._most = most

    async def find(self, account_id: str, voice_id: str) -> ClonedVoice | None:
        """One that was made with this id and is whole. Raises as `add` when there is one that cannot be had."""
        async with self._database.reading() as connection:
            row = await VoiceRepository(connection).find(voice_id)
        if row is None:
            return None
        _check_same(row, account_id)
        return row.voice if row.ready else None

    async def add(
        self, voice: ClonedVoice, reference: Sound, preview: Sound | None, prepared: Mapping[str, Any]
    ) -> ClonedVoice:
        """Keep a voice. The same id again goes on where a crash ended, and else changes nothing.

        Raises `TooManyVoices`, and `Conflict` when the voice of this id was deleted or is another account's.
        """
        try:
            whole = await self._announce(voice)
        except asyncio.CancelledError:
            await to_the_end(self._give_up(voice, stored=False))
            raise
        if whole:
            return whole
        try:
            await store_voice(self._storage, voice.folder, reference, preview, prepared)
            return await self._show(voice)
        except BaseException:
            await to_the_end(self._give_up(voice))
            raise

    async def list(self, account_id: str) -> builtins.list[ClonedVoice]:
        """The oldest first."""
        async with self._database.reading() as connection:
            return await VoiceRepository(connection).all_live(account_id)

    async def get(self, account_id: str, voice_id: str) -> ClonedVoice:
        """By id or record id. Raises `VoiceNotFound`."""
        async with self._database.reading() as connection:
            return await VoiceRepository(connection).live(account_id, voice_id) or _refuse(voice_id)

    async def change(self, account_id: str, voice_id: str, values: Mapping[str, Any]) -> ClonedVoice:
        """Raises `VoiceNotFound`."""
        async with self._database.transaction() as connection:
            voices = VoiceRepository(connection)
            voice = await voices.live(account_id, voice_id) or _refuse(voice_id)
            if values and not await voices.change(account_id, voice.id, {**values, "updated_at": clock.now()}):
                _refuse(voice_id)
            return await voices.live(account_id, voice.id) or _refuse(voice_id)

    async def delete(self, account_id: str, voice_id: str) -> tuple[ClonedVoice, Removed]:
        """Raises `VoiceNotFound`. Nobody sees the voice from now on; files that the storage does not let go of now are
        removed by `remove_deleted`."""
        async with self._database.transaction() as connection:
            voices = VoiceRepository(connection)
            voice = await voices.live(account_id, voice_id) or _refuse(voice_id)
            if not await voices.mark_deleted(voice.id, clock.now()):
                _refuse(voice_id)
        try:
            return voice, Removed(voice.id, await remove_voice(self._storage, voice))
        except MynaError as error:
            log.warning("voices.files_left", voice=voice.id, reason=error.message)
            return voice, Removed(voice.id, ())

    async def remove_deleted(self) -> int:
        """Remove what is left of deleted voices: files at once, rows when nobody can be writing any more.

        Returns how many voices are gone for good.
        """
        gone, settled = 0, clock.now() - _SETTLED
        async with self._database.reading() as connection:
            left = await VoiceRepository(connection).deleted(_AT_ONCE)
        for row in left:
            await remove_voice(self._storage, row.voice)
            if not row.ready or (row.deleted_at and row.deleted_at <= settled):
                await self._remove_row(row.voice.id)
                gone += 1
        return gone

    async def remove_unfinished(self, older_than: float) -> int:
        """Delete the voices that a process left half made `older_than` seconds ago. Returns how many."""
        now = clock.now()
        async with self._database.transaction() as connection:
            return await VoiceRepository(connection).mark_unfinished(now - clock.seconds(older_than), now)

    async def _announce(self, voice: ClonedVoice) -> ClonedVoice | None:
        """Take the place of the voice. Returns it when it is whole already."""
        async with self._database.transaction() as connection:
            voices = VoiceRepository(connection)
            if not await voices.lock_account(voice.account_id):
                raise NotFound
            if row := await voices.find(voice.id):
                _check_same(row, voice.account_id)
                if row.ready:
                    return row.voice
                await voices.touch(voice.id, clock.now())
                return None
            if await voices.count(voice.account_id) >= self._most:
                raise TooManyVoices(f"This account has {self._most} voices, which is the limit. Delete one first.")
            await voices.insert(voice)
        return None

    async def _show(self, voice: ClonedVoice) -> ClonedVoice:
        """Two that make the same voice at once both get the one that there is."""
        async with self._database.transaction() as connection:
            voices = VoiceRepository(connection)
            await voices.set_ready(voice.id, clock.now())
            whole = await voices.live(voice.account_id, voice.id)
        if whole is None:
            raise Unavailable("The voice was not stored in time. Send it again.")
        return whole

    async def _give_up(self, voice: ClonedVoice, *, stored: bool = True) -> None:
        """Leave nothing behind, unless another request has made the voice. What cannot be done now is left to
        housekeeping."""
        try:
            async with self._database.transaction() as connection:
                row = await VoiceRepository(connection).find(voice.id)
                if row.ready if row else not stored:
                    return
                await VoiceRepository(connection).mark_deleted(voice.id, clock.now())
            await remove_voice(self._storage, voice)
            await self._remove_row(voice.id)
        except MynaError as error:
            log.warning("voices.half_made_left", voice=voice.id, reason=error.message)

    async def _remove_row(self, voice_id: str) -> None:
        async with self._database.transaction() as connection:
            await VoiceRepository(connection).remove(voice_id)


def _check_same(row: VoiceRow, account_id: str) -> None:
    if row.deleted_at and not row.ready and row.voice.account_id == account_id:
        raise Unavailable("What an earlier try left of this voice is being removed. Try again.", retry_after=30)
    if row.deleted_at or row.voice.account_id != account_id:
        raise Conflict("The voice that this request made was deleted. Send a new request, with a new Idempotency-Key.")


def _refuse(voice_id: str) -> NoReturn:
    raise VoiceNotFound(f"There is no voice `{voice_id[:100]}`. `myna voices list` shows what there is.")
