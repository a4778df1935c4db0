"""Consents: recordings in which speakers agree to the use of their voices."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import NoReturn

import structlog

from myna.accounts.schemas import Account, Caller, key_of, owner_of
from myna.audio.speaker import Embedding, speaker_embedding
from myna.db.session import Database
from myna.errors import Conflict, InvalidRequest, MynaError, NotFound, UnsupportedMedia
from myna.kit import clock, ids
from myna.kit.pagination import Cursor, Page
from myna.media.encode import encode
from myna.media.sandbox import decode_untrusted
from myna.settings import Settings
from myna.storage.base import ObjectStorage
from myna.voices.fields import checked_language, checked_name
from myna.voices.files import digest
from myna.voices.hearing import hear
from myna.voices.places import Places
from myna.voices.repository import ConsentRepository
from myna.voices.schemas import Consent

log = structlog.get_logger()

_SOUND_TYPES = ("audio/", "video/", "application/octet-stream", "application/ogg")
_AT_ONCE = 200
_HALF_STORED = timedelta(minutes=10)
"""A consent that was not stored by then never will be."""


class Consents:
    """The consents of accounts. The row comes first, then the file; only then anybody sees it."""

    def __init__(self, settings: Settings, database: Database, storage: ObjectStorage, places: Places) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage
        self._places = places

    async def add(
        self,
        caller: Caller | Account,
        name: str,
        language: str,
        recording: bytes,
        media_type: str,
        consent_id: str | None,
    ) -> Consent:
        """Keep a recording. The same `consent_id` again is the same consent.

        Raises `InvalidRequest`, `UnsupportedMedia`, `ReferenceRefused` when hardly anybody speaks in it, `Conflict`
        when the account has too many, and `RateLimited` when it has too many recordings under way.
        """
        account_id = owner_of(caller).id
        name, language = checked_name(name), checked_language(language)
        if media_type and not media_type.lower().startswith(_SOUND_TYPES):
            raise UnsupportedMedia(reason=f"The part says that it is {media_type[:80]}.")
        if consent_id and (kept := await self._find(account_id, consent_id)):
            return kept
        with self._places.taken(account_id):
            sound = await hear(recording, self._settings)
        consent_id = consent_id or ids.prefixed("cons")
        consent = Consent(
            id=consent_id,
            account_id=account_id,
            name=name,
            language=language,
            object_key=f"consents/{account_id}/{consent_id}.flac",
            affirmed_by=key_of(caller),
            created_at=clock.now(),
        )
        await self._announce(consent, digest(recording))
        file = await asyncio.to_thread(encode, sound.samples, sound.sample_rate, "flac")
        await self._storage.put(consent.object_key, file)
        return await self._show(consent)

    async def list(self, account_id: str, after: Cursor | str | None, limit: int) -> Page[Consent]:
        """The newest first. `after` is the id of the last one of the page before, or its position."""
        async with self._database.reading() as connection:
            consents = ConsentRepository(connection)
            if isinstance(after, str):
                last = await consents.live(account_id, after)
                if last is None:
                    raise InvalidRequest("There is no consent of this id to go on after.", field="after")
                after = Cursor(last.created_at, last.id)
            found = await consents.page(account_id, after, limit + 1)
        return Page(found[:limit], has_more=len(found) > limit)

    async def get(self, account_id: str, consent_id: str) -> Consent:
        """Raises `NotFound`, also for that of another account."""
        return await self._find(account_id, consent_id) or _refuse(consent_id)

    async def rename(self, account_id: str, consent_id: str, name: str) -> Consent:
        """Raises `NotFound`."""
        name = checked_name(name)
        async with self._database.transaction() as connection:
            if not await ConsentRepository(connection).rename(account_id, consent_id, name):
                _refuse(consent_id)
        return await self.get(account_id, consent_id)

    async def delete(self, account_id: str, consent_id: str) -> None:
        """Remove the recording. Voices that were made with it stay, and keep its id as a record."""
        async with self._database.transaction() as connection:
            consents = ConsentRepository(connection)
            consent = await consents.live(account_id, consent_id)
            if consent is None or not await consents.mark_deleted(consent_id, clock.now()):
                _refuse(consent_id)
        try:
            await self._storage.delete(consent.object_key)
        except MynaError as error:
            log.warning("voices.consent_file_left", consent=consent_id, reason=error.message)

    async def embedding(self, consent: Consent) -> Embedding:
        """Who speaks in it. Raises `NotFound` when the recording is gone."""
        sound = await decode_untrusted(
            await self._storage.get(consent.object_key), max_seconds=self._settings.max_reference_seconds + 1
        )
        return await asyncio.to_thread(speaker_embedding, sound.samples, sound.sample_rate)

    async def remove_deleted(self) -> int:
        """Remove what is left of deleted consents, and of those that were never stored whole. Returns how many."""
        async with self._database.reading() as connection:
            left = await ConsentRepository(connection).deleted(clock.now() - _HALF_STORED, _AT_ONCE)
        for consent in left:
            await self._storage.delete(consent.object_key)
            async with self._database.transaction() as connection:
                await ConsentRepository(connection).remove(consent.id)
        return len(left)

    async def _find(self, account_id: str, consent_id: str) -> Consent | None:
        async with self._database.reading() as connection:
            return await ConsentRepository(connection).live(account_id, consent_id)

    async def _announce(self, consent: Consent, recording_hash: str) -> None:
        async with self._database.transaction() as connection:
            consents = ConsentRepository(connection)
            await self._check_room(consents, consent.account_id)
            await consents.announce(consent, recording_hash)

    async def _show(self, consent: Consent) -> Consent:
        """Several may have been stored at once; those that find no room any more are removed by housekeeping."""
        async with self._database.transaction() as connection:
            consents = ConsentRepository(connection)
            if shown := await consents.live(consent.account_id, consent.id):
                return shown
            await self._check_room(consents, consent.account_id)
            await consents.set_ready(consent)
            return await consents.live(consent.account_id, consent.id) or _refuse(consent.id)

    async def _check_room(self, consents: ConsentRepository, account_id: str) -> None:
        """Raises `Conflict` when the account has as many as it may have. Holds until the transaction ends."""
        limit = self._settings.max_voices
        if not await consents.lock_account(account_id):
            raise NotFound
        if await consents.count(account_id) >= limit:
            raise Conflict(f"This account has {limit} consents, which is the limit. Delete one first.")


def _refuse(consent_id: str) -> NoReturn:
    raise NotFound(f"There is no consent `{consent_id[:100]}`.")
