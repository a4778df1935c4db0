"""Cloned voices, their previews, consents and blocked speakers in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.statements import insert, row_of
from myna.db.tables import accounts, blocked_voices, voice_consents, voice_previews, voices
from myna.kit.pagination import Cursor
from myna.voices.schemas import BlockedVoice, ClonedVoice, Consent

_VOICE_FIELDS = [field.name for field in fields(ClonedVoice)]
_VOICE_COLUMNS = [voices.c[name] for name in _VOICE_FIELDS]
_CONSENT_COLUMNS = [voice_consents.c[field.name] for field in fields(Consent)]
_BLOCKED_COLUMNS = [blocked_voices.c[field.name] for field in fields(BlockedVoice)]
_OLDEST_FIRST = (voices.c.created_at, voices.c.id)
_LIVE = and_(voices.c.ready_at.is_not(None), voices.c.deleted_at.is_(None))


@dataclass(frozen=True, slots=True)
class VoiceRow:
    """A voice in whatever state it is."""

    voice: ClonedVoice
    ready: bool
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class VoiceName:
    """By what a voice is called."""

    id: str
    record_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Preview:
    """How a preview was made."""

    engine: str
    similarity: float


class VoiceRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_account(self, account_id: str) -> bool:
        """Until the end of the transaction, nobody else changes what counts per account. False: there is none."""
        return await _lock_account(self._connection, account_id)

    async def insert(self, voice: ClonedVoice) -> None:
        """It is not ready yet."""
        values = {name: getattr(voice, name) for name in _VOICE_FIELDS}
        values |= {"languages": list(voice.languages), "dialects": list(voice.dialects), "report": dict(voice.report)}
        await self._connection.execute(insert(self._connection, voices).values(values))

    async def find(self, voice_id: str) -> VoiceRow | None:
        """Also one that is not ready or deleted, whoever owns it."""
        row = (await self._connection.execute(_rows().where(voices.c.id == voice_id))).mappings().first()
        return None if row is None else _row(row)

    async def live(self, account_id: str, voice_id: str) -> ClonedVoice | None:
        """By id or record id."""
        statement = select(*_VOICE_COLUMNS).where(
            voices.c.account_id == account_id, _LIVE, or_(voices.c.id == voice_id, voices.c.record_id == voice_id)
        )
        row = (await self._connection.execute(statement)).mappings().first()
        return None if row is None else _voice(row)

    async def all_live(self, account_id: str) -> list[ClonedVoice]:
        """The oldest first."""
        statement = select(*_VOICE_COLUMNS).where(voices.c.account_id == account_id, _LIVE).order_by(*_OLDEST_FIRST)
        return [_voice(row) for row in (await self._connection.execute(statement)).mappings()]

    async def names(self, account_id: str) -> list[VoiceName]:
        """The oldest first."""
        columns = (voices.c.id, voices.c.record_id, voices.c.name)
        statement = select(*columns).where(voices.c.account_id == account_id, _LIVE).order_by(*_OLDEST_FIRST)
        return [VoiceName(*row) for row in await self._connection.execute(statement)]

    async def count(self, account_id: str) -> int:
        """Also those that are being made."""
        statement = select(func.count()).where(voices.c.account_id == account_id, voices.c.deleted_at.is_(None))
        return int((await self._connection.execute(statement)).scalar_one())

    async def touch(self, voice_id: str, at: datetime) -> None:
        """Somebody goes on with a voice that is not ready."""
        await self._connection.execute(update(voices).where(voices.c.id == voice_id).values(updated_at=at))

    async def set_ready(self, voice_id: str, at: datetime) -> bool:
        """False when it is ready already, or deleted."""
        statement = (
            update(voices)
            .where(voices.c.id == voice_id, voices.c.ready_at.is_(None), voices.c.deleted_at.is_(None))
            .values(ready_at=at)
        )
        return (await self._connection.execute(statement)).rowcount == 1

    async def change(self, account_id: str, voice_id: str, values: Mapping[str, Any]) -> bool:
        """False when there is no such voice."""
        statement = update(voices).where(voices.c.id == voice_id, voices.c.account_id == account_id, _LIVE)
        return (await self._connection.execute(statement.values(dict(values)))).rowcount == 1

    async def mark_deleted(self, voice_id: str, at: datetime) -> bool:
        """False when it is deleted already. Also marks one that is not ready."""
        statement = (
            update(voices)
            .where(voices.c.id == voice_id, voices.c.deleted_at.is_(None))
            .values(deleted_at=at, updated_at=at)
        )
        return (await self._connection.execute(statement)).rowcount == 1

    async def mark_unfinished(self, before: datetime, at: datetime) -> int:
        """Delete the voices that nobody has gone on making since a moment. Returns how many."""
        statement = (
            update(voices)
            .where(voices.c.ready_at.is_(None), voices.c.deleted_at.is_(None), voices.c.updated_at < before)
            .values(deleted_at=at, updated_at=at)
        )
        return (await self._connection.execute(statement)).rowcount

    async def deleted(self, limit: int) -> list[VoiceRow]:
        """Deleted and still in the table, the oldest first."""
        statement = _rows().where(voices.c.deleted_at.is_not(None)).order_by(voices.c.deleted_at, voices.c.id)
        return [_row(row) for row in (await self._connection.execute(statement.limit(limit))).mappings()]

    async def remove(self, voice_id: str) -> None:
        """The row of a deleted voice goes."""
        statement = delete(voices).where(voices.c.id == voice_id, voices.c.deleted_at.is_not(None))
        await self._connection.execute(statement)


class PreviewRepository:
    """Which previews were made here. Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(
        self,
        account_id: str,
        sound_hash: str,
        reference_hash: str,
        preview: Preview,
        *,
        at: datetime,
        expires_at: datetime,
    ) -> None:
        """The same sound again replaces what was known of it."""
        facts = {"reference_hash": reference_hash, "expires_at": expires_at, "created_at": at} | row_of(preview)
        added = insert(self._connection, voice_previews).values(account_id=account_id, sound_hash=sound_hash, **facts)
        statement = added.on_conflict_do_update(index_elements=["account_id", "sound_hash"], set_=facts)
        await self._connection.execute(statement)

    async def find(self, account_id: str, sound_hash: str, reference_hash: str, now: datetime) -> Preview | None:
        statement = select(voice_previews.c.engine, voice_previews.c.similarity).where(
            voice_previews.c.account_id == account_id,
            voice_previews.c.sound_hash == sound_hash,
            voice_previews.c.reference_hash == reference_hash,
            voice_previews.c.expires_at > now,
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else Preview(row.engine, row.similarity)

    async def forget(self, before: datetime) -> int:
        """Remove what expired before a moment. Returns how many."""
        statement = delete(voice_previews).where(voice_previews.c.expires_at < before)
        return (await self._connection.execute(statement)).rowcount

    async def forget_of(self, account_id: str, reference_hash: str) -> None:
        """Remove what is known of previews of a recording."""
        statement = delete(voice_previews).where(
            voice_previews.c.account_id == account_id, voice_previews.c.reference_hash == reference_hash
        )
        await self._connection.execute(statement)


class ConsentRepository:
    """Works on one connection, in its transaction. A consent whose recording is not stored yet counts as deleted."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_account(self, account_id: str) -> bool:
        """Until the end of the transaction, nobody else changes what counts per account. False: there is none."""
        return await _lock_account(self._connection, account_id)

    async def announce(self, consent: Consent, recording_hash: str) -> None:
        """It counts as deleted until `set_ready`. One of this id that is not ready goes on."""
        values = row_of(consent) | {"recording_hash": recording_hash, "deleted_at": consent.created_at}
        added = insert(self._connection, voice_consents).values(values)
        table = voice_consents.c
        statement = added.on_conflict_do_update(
            index_elements=["id"],
            set_={"deleted_at": consent.created_at},
            where=and_(table.account_id == consent.account_id, table.deleted_at.is_not(None)),
        )
        await self._connection.execute(statement)

    async def set_ready(self, consent: Consent) -> None:
        table = voice_consents.c
        statement = update(voice_consents).where(table.id == consent.id, table.account_id == consent.account_id)
        await self._connection.execute(statement.values(deleted_at=None))

    async def live(self, account_id: str, consent_id: str) -> Consent | None:
        statement = select(*_CONSENT_COLUMNS).where(
            voice_consents.c.id == consent_id,
            voice_consents.c.account_id == account_id,
            voice_consents.c.deleted_at.is_(None),
        )
        row = (await self._connection.execute(statement)).mappings().first()
        return None if row is None else Consent(**row)

    async def page(self, account_id: str, after: Cursor | None, limit: int) -> list[Consent]:
        """The newest first."""
        table = voice_consents.c
        statement = select(*_CONSENT_COLUMNS).where(table.account_id == account_id, table.deleted_at.is_(None))
        if after is not None:
            earlier = and_(table.created_at == after.created_at, table.id < after.id)
            statement = statement.where(or_(table.created_at < after.created_at, earlier))
        ordered = statement.order_by(table.created_at.desc(), table.id.desc()).limit(limit)
        return [Consent(**row) for row in (await self._connection.execute(ordered)).mappings()]

    async def count(self, account_id: str) -> int:
        table = voice_consents.c
        statement = select(func.count()).where(table.account_id == account_id, table.deleted_at.is_(None))
        return int((await self._connection.execute(statement)).scalar_one())

    async def rename(self, account_id: str, consent_id: str, name: str) -> bool:
        """False when there is no such consent."""
        statement = (
            update(voice_consents)
            .where(
                voice_consents.c.id == consent_id,
                voice_consents.c.account_id == account_id,
                voice_consents.c.deleted_at.is_(None),
            )
            .values(name=name)
        )
        return (await self._connection.execute(statement)).rowcount == 1

    async def mark_deleted(self, consent_id: str, at: datetime) -> bool:
        """False when it is deleted already."""
        table = voice_consents.c
        statement = update(voice_consents).where(table.id == consent_id, table.deleted_at.is_(None))
        return (await self._connection.execute(statement.values(deleted_at=at))).rowcount == 1

    async def deleted(self, before: datetime, limit: int) -> list[Consent]:
        """Deleted, or left half stored, before a moment."""
        statement = select(*_CONSENT_COLUMNS).where(voice_consents.c.deleted_at < before)
        rows = await self._connection.execute(statement.order_by(voice_consents.c.deleted_at).limit(limit))
        return [Consent(**row) for row in rows.mappings()]

    async def remove(self, consent_id: str) -> None:
        """The row of a deleted consent goes."""
        statement = delete(voice_consents).where(
            voice_consents.c.id == consent_id, voice_consents.c.deleted_at.is_not(None)
        )
        await self._connection.execute(statement)


class BlockedRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, blocked: BlockedVoice) -> None:
        values = row_of(blocked) | {"embedding": list(blocked.embedding)}
        await self._connection.execute(insert(self._connection, blocked_voices).values(values))

    async def all(self) -> list[BlockedVoice]:
        """The oldest first."""
        statement = select(*_BLOCKED_COLUMNS).order_by(blocked_voices.c.created_at, blocked_voices.c.id)
        rows = (await self._connection.execute(statement)).mappings()
        return [BlockedVoice(**{**row, "embedding": tuple(row["embedding"])}) for row in rows]

    async def remove(self, blocked_id: str) -> bool:
        """False when there is none."""
        statement = delete(blocked_voices).where(blocked_voices.c.id == blocked_id)
        return (await self._connection.execute(statement)).rowcount == 1


async def _lock_account(connection: AsyncConnection, account_id: str) -> bool:
    statement = select(accounts.c.id).where(accounts.c.id == account_id).with_for_update()
    return (await connection.execute(statement)).first() is not None


def _rows() -> Select[Any]:
    return select(*_VOICE_COLUMNS, voices.c.ready_at, voices.c.deleted_at)


def _row(row: RowMapping) -> VoiceRow:
    return VoiceRow(_voice(row), ready=row["ready_at"] is not None, deleted_at=row["deleted_at"])


def _voice(row: RowMapping) -> ClonedVoice:
    values = {name: row[name] for name in _VOICE_FIELDS}
    return ClonedVoice(**{**values, "languages": tuple(values["languages"]), "dialects": tuple(values["dialects"])})
