"""Cloned voices: from a recording to a voice of an account, and what the operator asks for on the way."""

from __future__ import annotations

import asyncio
import builtins
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from myna.accounts.schemas import Account, Caller, key_of, owner_of
from myna.audio.speaker import similarity as likeness
from myna.db.session import Database
from myna.engines.base import Capabilities
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import ConsentRequired, InvalidRequest, NotFound, Unsupported
from myna.kit import clock, ids
from myna.kit.pagination import Cursor, Page
from myna.media.decode import Decoded
from myna.media.sandbox import decode_untrusted
from myna.settings import Settings
from myna.storage.base import ObjectStorage
from myna.voices.blocked import BlockedVoices
from myna.voices.consents import Consents
from myna.voices.fields import checked_change, checked_language, checked_new
from myna.voices.files import Sound, digest, read_file, sixteen_bits
from myna.voices.keeping import KeptVoices
from myna.voices.places import Places
from myna.voices.preparing import Preparation
from myna.voices.report import IntakeReport
from myna.voices.repository import Preview, PreviewRepository
from myna.voices.schemas import BlockedVoice, ClonedVoice, Consent, NewVoice, PreparedVoice, Removed, VoiceChange
from myna.voices.service import VoiceService

_REMEMBER_PREVIEW = timedelta(hours=24)


def new_voice_id(seed: str | None) -> str:
    """`voice_` and 24 characters: random ones, or always the same ones for a request that may be repeated."""
    return ids.prefixed("voice") if seed is None else f"voice_{ids.derived_cuid('voice', seed)[1:]}"


class CloningService:
    """Makes voices of recordings and keeps them for accounts."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        storage: ObjectStorage,
        engines: EngineHost,
        registry: EngineRegistry,
        voices: VoiceService,
    ) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage
        self._voices = voices
        self._blocked = BlockedVoices(settings, database)
        self._places = Places(settings)
        self._consents = Consents(settings, database, storage, self._places)
        self._preparation = Preparation(settings, engines, registry, self._blocked, self._places)
        self._kept = KeptVoices(database, storage, settings.max_voices)

    def engine(self, wanted: str | None = None) -> Capabilities:
        """The engine that clones: the one that is asked for, else the first that can.

        Raises `EngineNotFound`, and `Unsupported` when it, or none, clones.
        """
        return self._preparation.engine(self._named(wanted))

    async def examine(
        self,
        data: bytes,
        *,
        transcript: str | None = None,
        language: str | None = None,
        caller: Caller | Account | None = None,
    ) -> IntakeReport:
        """What is in a recording. Never raises for a poor one: the report says so.

        Raises `BodyTooLarge`, `UnsupportedMedia`, and `RateLimited` when the caller has too many under way.
        """
        return await self._preparation.examine(caller, data, transcript, language)

    async def prepare(
        self,
        caller: Caller | Account | None,
        data: bytes,
        *,
        engine: str | None = None,
        transcript: str | None = None,
        language: str | None = None,
        similarity: float | None = None,
        stability: float | None = None,
        consent_id: str | None = None,
    ) -> PreparedVoice:
        """A voice that can speak, of a recording. Nothing is kept but in memory, for a quarter of an hour.

        `transcript` is what is said in the whole recording. The holder of a key who has too many under way is refused;
        work for an account waits its turn. Without a caller it is the operator who listens, and no consent is asked
        for. Raises `ConsentRequired`, `BodyTooLarge`, `UnsupportedMedia`, `ReferenceRefused`, `VoiceBlocked`,
        `RateLimited`, and what `engine` and engines raise.
        """
        if caller is not None:
            await self._consent(owner_of(caller).id, consent_id)
        return await self._preparation.prepare(
            caller,
            data,
            engine=self._named(engine),
            transcript=transcript,
            language=language,
            similarity=similarity,
            stability=stability,
        )

    async def read_preview(self, caller: Caller, data: bytes, *, max_seconds: float) -> Decoded:
        """What was heard of a voice, as a client sends it back.

        Raises `UnsupportedMedia`, and `RateLimited` when the caller has too many recordings under way.
        """
        with self._places.taken(caller.account.id):
            return await decode_untrusted(data, max_seconds=max_seconds)

    async def remember_preview(
        self, account_id: str, samples_pcm16: bytes, prepared: PreparedVoice, similarity: float | None
    ) -> None:
        """Know a preview again for a day. `samples_pcm16` are all its samples: 16 bits, little-endian, mono."""
        now, sound_hash = clock.now(), await asyncio.to_thread(digest, samples_pcm16)
        preview = Preview(prepared.capabilities.name, 1.0 if similarity is None else similarity)
        async with self._database.transaction() as connection:
            await PreviewRepository(connection).keep(
                account_id,
                sound_hash,
                prepared.reference_hash,
                preview,
                at=now,
                expires_at=now + _REMEMBER_PREVIEW,
            )

    async def create(
        self,
        caller: Caller | Account,
        prepared: PreparedVoice,
        new: NewVoice,
        *,
        api: str,
        voice_id: str | None = None,
        preview: Sound | None = None,
        language: str | None = None,
    ) -> ClonedVoice:
        """Keep a voice, for who affirms the right to use the recording: the holder of the key, or the operator.

        `preview` is what was heard of it, as `decode_untrusted` gave it; when it was made here, the voice is kept as
        it was heard. `language` is that of the recording when `prepare` was not told. The same `voice_id` again is the
        same voice. Raises `InvalidRequest`, `ConsentRequired`, `VoiceBlocked`, `TooManyVoices`.
        """
        account_id = owner_of(caller).id
        new, voice_id = checked_new(new), voice_id or new_voice_id(None)
        if made := await self._kept.find(account_id, voice_id):
            return made
        report = await self._checked(account_id, prepared, new)
        heard = await self._known_preview(account_id, prepared, preview)
        if heard and heard.engine != prepared.capabilities.name:
            prepared = await self._preparation.with_engine(prepared, heard.engine)
        if new.similarity is None:
            new = replace(new, similarity=heard.similarity if heard else 1.0)
        report |= {"language": checked_language(language) if language else prepared.language}
        voice = _described(caller, prepared, new, report, api=api, voice_id=voice_id, verified=heard is not None)
        reference = (prepared.reference, prepared.sample_rate)
        return await self._kept.add(voice, reference, preview, prepared.voice.settings)

    async def list(self, account_id: str) -> builtins.list[ClonedVoice]:
        """The oldest first."""
        return await self._kept.list(account_id)

    async def get(self, account_id: str, voice_id: str) -> ClonedVoice:
        """By id or record id. Raises `VoiceNotFound`, also for a deleted voice and for that of another account."""
        return await self._kept.get(account_id, voice_id)

    async def update(self, account_id: str, voice_id: str, change: VoiceChange) -> ClonedVoice:
        """Raises `InvalidRequest`, `VoiceNotFound`."""
        return await self._kept.change(account_id, voice_id, checked_change(change))

    async def delete(self, account_id: str, voice_id: str) -> Removed:
        """Remove a voice and all that was made of its recording. Raises `VoiceNotFound`."""
        voice, removed = await self._kept.delete(account_id, voice_id)
        self._voices.forget(voice.id)
        self._preparation.forget(account_id, voice.reference_hash)
        await self._forget_previews_of(voice)
        return removed

    async def read_file(self, voice: ClonedVoice, name: str) -> bytes:
        """`reference.flac` or `preview.wav` of a voice. Raises `NotFound` when it has none."""
        return await read_file(self._storage, voice, name)

    async def remove_deleted(self) -> int:
        """Remove what is left of deleted voices and consents. Returns how many are gone for good."""
        return await self._kept.remove_deleted() + await self._consents.remove_deleted()

    async def remove_unfinished(self, older_than: float = 600.0) -> int:
        """Delete the voices that a process left half made `older_than` seconds ago. Returns how many."""
        return await self._kept.remove_unfinished(older_than)

    async def forget_previews(self) -> int:
        """Forget the previews that are too old to be known again. Returns how many."""
        async with self._database.transaction() as connection:
            return await PreviewRepository(connection).forget(clock.now())

    async def add_consent(
        self,
        caller: Caller | Account,
        name: str,
        language: str,
        recording: bytes,
        media_type: str = "",
        *,
        consent_id: str | None = None,
    ) -> Consent:
        """Keep a recording in which a speaker agrees. The same `consent_id` again is the same consent.

        Raises `InvalidRequest`, `BodyTooLarge`, `UnsupportedMedia`, `ReferenceRefused` when hardly anybody speaks in
        it, and `Conflict` when the account has too many.
        """
        return await self._consents.add(caller, name, language, recording, media_type, consent_id)

    async def list_consents(
        self, account_id: str, *, after: Cursor | str | None = None, limit: int = 50
    ) -> Page[Consent]:
        """The newest first. `after` is the id of the last one of the page before, or its position."""
        return await self._consents.list(account_id, after, limit)

    async def get_consent(self, account_id: str, consent_id: str) -> Consent:
        """Raises `NotFound`, also for that of another account."""
        return await self._consents.get(account_id, consent_id)

    async def rename_consent(self, account_id: str, consent_id: str, name: str) -> Consent:
        """Raises `InvalidRequest`, `NotFound`."""
        return await self._consents.rename(account_id, consent_id, name)

    async def delete_consent(self, account_id: str, consent_id: str) -> None:
        """Remove the recording. Voices that were made with it stay, and keep its id as a record. Raises `NotFound`."""
        await self._consents.delete(account_id, consent_id)

    async def block(self, recording: bytes, name: str, reason: str) -> BlockedVoice:
        """Refuse recordings of this speaker from now on. Raises `UnsupportedMedia`, `ReferenceRefused`."""
        return await self._blocked.block(recording, name, reason)

    async def list_blocked(self) -> builtins.list[BlockedVoice]:
        """The oldest first."""
        return await self._blocked.all()

    async def unblock(self, blocked_id: str) -> None:
        """Raises `NotFound`."""
        await self._blocked.unblock(blocked_id)

    def _named(self, engine: str | None) -> str | None:
        """Raises `EngineNotFound`, and `Unsupported` for a model of an engine that has several."""
        choice = self._voices.chosen(engine) if engine else None
        if choice and choice.model:
            raise Unsupported(
                f"A voice is made for an engine, not for one of its models: name `{choice.engine}`.", field="engine"
            )
        return choice.engine if choice else None

    async def _checked(self, account_id: str, prepared: PreparedVoice, new: NewVoice) -> dict[str, Any]:
        """The report on the recording, when the rules of this server allow a voice of it."""
        await self._blocked.check(prepared.embedding)
        report = dict(prepared.report)
        consent = await self._consent(account_id, new.consent_id)
        if consent is None:
            return report
        try:
            spoken = await self._consents.embedding(consent)
        except NotFound as error:
            raise InvalidRequest(error.message, field="consent_id") from None
        reference = np.asarray(prepared.embedding, np.float32)
        return report | {"consent_similarity": round(likeness(reference, spoken), 4)}

    async def _consent(self, account_id: str, consent_id: str | None) -> Consent | None:
        """The consent recording that is named. Raises `ConsentRequired` when this server asks for one."""
        if consent_id is None:
            if self._settings.consent == "recording":
                raise ConsentRequired
            return None
        try:
            return await self._consents.get(account_id, consent_id)
        except NotFound as error:
            raise InvalidRequest(error.message, field="consent_id") from None

    async def _known_preview(self, account_id: str, prepared: PreparedVoice, preview: Sound | None) -> Preview | None:
        """How the preview was made, when that was here and of this recording."""
        known = None
        if preview is not None:
            sound_hash = await asyncio.to_thread(lambda: digest(sixteen_bits(preview[0])))
            async with self._database.reading() as connection:
                known = await PreviewRepository(connection).find(
                    account_id, sound_hash, prepared.reference_hash, clock.now()
                )
        if known is None and self._settings.verified_previews == "on":
            raise InvalidRequest(
                "This server keeps a voice only with a preview that it made of the same recording within a day. Make "
                "one, and send it unchanged: as WAV or FLAC, not as MP3.",
                field="preview",
            )
        return known

    async def _forget_previews_of(self, voice: ClonedVoice) -> None:
        async with self._database.transaction() as connection:
            await PreviewRepository(connection).forget_of(voice.account_id, voice.reference_hash)


def _described(
    caller: Caller | Account,
    prepared: PreparedVoice,
    new: NewVoice,
    report: dict[str, Any],
    *,
    api: str,
    voice_id: str,
    verified: bool,
) -> ClonedVoice:
    now, able = clock.now(), prepared.capabilities
    return ClonedVoice(
        id=voice_id,
        record_id=ids.derived_uuid("voice", voice_id),
        account_id=owner_of(caller).id,
        api=api,
        name=new.name,
        description=new.description,
        gender=new.gender,
        age=new.age,
        languages=new.languages,
        dialects=new.dialects,
        avatar_url=new.avatar_url,
        stability=new.stability,
        similarity=1.0 if new.similarity is None else new.similarity,
        engine=able.name,
        voice_format=able.voice_format,
        quality=able.clone_quality,
        reference_hash=prepared.reference_hash,
        transcript=prepared.transcript,
        report=report,
        preview_verified=verified,
        consent_id=new.consent_id,
        affirmed_by=key_of(caller),
        affirmed_at=now,
        created_at=now,
        updated_at=now,
    )
