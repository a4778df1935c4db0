"""From a recording to a voice that can speak: decode, examine, refuse, prepare. Nothing is kept but in memory."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

from myna.accounts.schemas import Account, Caller, owner_of
from myna.audio.cleaning import Denoiser
from myna.engines.base import Capabilities, Samples
from myna.engines.forgiving import forgiving
from myna.engines.host import EngineHost
from myna.engines.naming import named
from myna.engines.registry import EngineRegistry
from myna.errors import (
    BodyTooLarge,
    EngineFailed,
    ReferenceRefused,
    Unsupported,
    UnsupportedMedia,
)
from myna.kit.cache import Cache
from myna.kit.sharing import SharedWork
from myna.media.decode import TOO_LONG
from myna.media.sandbox import decode_untrusted
from myna.settings import Settings
from myna.voices.blocked import BlockedVoices
from myna.voices.fields import checked_language, checked_share, checked_transcript
from myna.voices.files import digest
from myna.voices.intake import Intake, examine
from myna.voices.languages import base_language
from myna.voices.own import spoken_languages
from myna.voices.places import Places
from myna.voices.report import IntakeReport
from myna.voices.schemas import REFERENCE_VOICE, PreparedVoice, Voice

_KEPT_ENTRIES, _KEPT_BYTES, _KEPT_SECONDS = 32, 32_000_000, 900.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What makes two preparations the same."""

    account_id: str
    reference_hash: str
    engine: str
    transcript: str | None
    language: str | None


class Preparation:
    """Examines recordings and makes voices of them. Who asks twice, as for a preview and then for the voice, waits
    once."""

    def __init__(
        self,
        settings: Settings,
        engines: EngineHost,
        registry: EngineRegistry,
        blocked: BlockedVoices,
        places: Places,
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._registry = registry
        self._blocked = blocked
        self._places = places
        self._denoiser = Denoiser(engines, registry, settings.denoiser)
        self._kept: Cache[_Wanted, PreparedVoice] = Cache(
            entries=_KEPT_ENTRIES, weight=_KEPT_BYTES, seconds=_KEPT_SECONDS
        )
        self._running: SharedWork[_Wanted, PreparedVoice] = SharedWork()

    def engine(self, wanted: str | None = None, language: str | None = None) -> Capabilities:
        """The engine that clones: the one that is asked for, else the first that can and speaks the language of the
        recording, if that is known, else the first that can.

        Raises `EngineNotFound` and `Unsupported`.
        """
        if wanted is not None:
            with named("engine"):
                able = self._registry.describe(wanted)
            if not able.cloning:
                raise Unsupported(f"The engine `{wanted}` cannot clone voices.", field="engine")
            return able
        cloning = [able for able in map(self._registry.describe, self._registry.names) if able.cloning]
        if not cloning:
            raise Unsupported("No engine of this node can clone voices. `myna engines` shows what they do.")
        return next((able for able in cloning if language and _speaks(able, language)), cloning[0])

    async def examine(
        self, caller: Caller | Account | None, data: bytes, transcript: str | None, language: str | None
    ) -> IntakeReport:
        transcript, language = _checked(transcript, language)
        with self._places.taken(_account_of(caller)):
            return (await self._examined(data, transcript, language)).report

    async def prepare(
        self,
        caller: Caller | Account | None,
        data: bytes,
        *,
        engine: str | None,
        transcript: str | None,
        language: str | None,
        similarity: float | None,
        stability: float | None,
    ) -> PreparedVoice:
        similarity = None if similarity is None else checked_share(similarity, "similarity")
        stability = None if stability is None else checked_share(stability, "stability")
        transcript, language = _checked(transcript, language)
        able = self.engine(engine, language)
        self._check_size(data)
        reference_hash = await asyncio.to_thread(digest, data)
        wanted = _Wanted(_account_of(caller), reference_hash, able.name, transcript, language)
        prepared = self._kept.get(wanted)
        if prepared is None and isinstance(caller, Account):
            await self._places.free(wanted.account_id)
            prepared = self._kept.get(wanted)
        if prepared is None:
            prepared = await self._running.result(wanted, lambda: self._start(wanted, data, able))
        await self._blocked.check(prepared.embedding)
        return replace(prepared, voice=replace(prepared.voice, similarity=similarity, stability=stability))

    async def with_engine(self, prepared: PreparedVoice, engine: str) -> PreparedVoice:
        """The same recording, prepared by another engine."""
        able = self.engine(engine)
        settings = await self._settings_for(
            able, prepared.reference, prepared.sample_rate, prepared.transcript, prepared.language
        )
        voice = replace(_voice(able, settings, prepared.language), stability=prepared.voice.stability)
        return replace(prepared, voice=voice, capabilities=able)

    def forget(self, account_id: str, reference_hash: str) -> None:
        """Nothing that was made of this recording stays in memory."""
        for wanted in self._kept:
            if (wanted.account_id, wanted.reference_hash) == (account_id, reference_hash):
                self._kept.forget(wanted)

    def _start(self, wanted: _Wanted, data: bytes, able: Capabilities) -> asyncio.Task[PreparedVoice]:
        """Raises `RateLimited`."""
        self._places.enter(wanted.account_id)
        task = asyncio.create_task(self._prepare(wanted, data, able))
        task.add_done_callback(lambda _: self._places.leave(wanted.account_id))
        return task

    async def _prepare(self, wanted: _Wanted, data: bytes, able: Capabilities) -> PreparedVoice:
        try:
            intake = await self._examined(data, wanted.transcript, wanted.language)
        except UnsupportedMedia as error:
            if error.details.get("reason") != TOO_LONG:
                raise
            longest = self._settings.max_reference_seconds
            raise ReferenceRefused(
                f"The recording is longer than {longest:g} s. Cut it to the best 10 to 30 s."
            ) from None
        intake.report.refuse()
        embedding = tuple(float(number) for number in intake.embedding)
        await self._blocked.check(embedding)
        settings = await self._settings_for(
            able, intake.reference, intake.sample_rate, intake.transcript, wanted.language
        )
        prepared = PreparedVoice(
            voice=_voice(able, settings, wanted.language),
            reference=intake.reference.copy(),  # it may be a part of the whole recording, which need not stay
            sample_rate=intake.sample_rate,
            reference_hash=wanted.reference_hash,
            report=intake.report.as_json() | {"language": wanted.language},
            embedding=embedding,
            capabilities=able,
            transcript=intake.transcript,
            language=wanted.language,
        )
        self._kept.put(wanted, prepared, _weight(prepared))
        return prepared

    async def _examined(self, data: bytes, transcript: str | None, language: str | None) -> Intake:
        self._check_size(data)
        longest = self._settings.max_reference_seconds
        sound = await decode_untrusted(data, max_seconds=longest)
        return await asyncio.to_thread(
            examine,
            sound.samples,
            sound.sample_rate,
            transcript=transcript,
            language=language,
            minimum_seconds=self._settings.min_reference_seconds,
            maximum_seconds=longest,
            clean=self._denoiser.for_threads(),
        )

    async def _settings_for(
        self, able: Capabilities, reference: Samples, rate: int, transcript: str | None, language: str | None
    ) -> dict[str, Any]:
        """What the engine makes of a reference. An engine that crashes is asked again."""
        made = await forgiving(
            able.name, lambda: self._engines.prepare_voice(able.name, reference, rate, transcript, language)
        )
        if made.get("format") != able.voice_format:
            given = made.get("format")
            raise EngineFailed(f"The engine `{able.name}` made a voice of form `{given}`, not `{able.voice_format}`.")
        return made

    def _check_size(self, data: bytes) -> None:
        most = self._settings.max_reference_bytes
        if len(data) > most:
            raise BodyTooLarge(f"The recording has {len(data)} bytes; this server takes {most}. Send a shorter part.")


def _speaks(able: Capabilities, language: str) -> bool:
    return any(base_language(tag) == base_language(language) for tag in able.languages)


def _account_of(caller: Caller | Account | None) -> str:
    return "" if caller is None else owner_of(caller).id


def _checked(transcript: str | None, language: str | None) -> tuple[str | None, str | None]:
    return checked_transcript(transcript), checked_language(language) if language else None


def _voice(able: Capabilities, settings: dict[str, Any], language: str | None) -> Voice:
    return Voice(
        id=REFERENCE_VOICE,
        name="Preview",
        engine=able.name,
        languages=spoken_languages((), language, able),
        gender="neutral",
        kind="cloned",
        settings=settings,
        quality=able.clone_quality,
    )


def _weight(prepared: PreparedVoice) -> int:
    """Bytes, roughly: Python's numbers and lists take several times their length as JSON."""
    return prepared.reference.nbytes + 4 * len(json.dumps(prepared.voice.settings))
