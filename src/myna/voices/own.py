"""The cloned voices of an account, ready to speak."""

from __future__ import annotations

import json
from typing import Any

import structlog

from myna.db.session import Database
from myna.engines.base import Capabilities, Gender
from myna.engines.registry import EngineRegistry
from myna.errors import EngineUnavailable, NotFound
from myna.kit.cache import Cache
from myna.storage.base import ObjectStorage
from myna.voices.files import PREPARED, read_file
from myna.voices.languages import base_language, rank_of_accent
from myna.voices.repository import VoiceRepository
from myna.voices.schemas import ClonedVoice, Voice

log = structlog.get_logger()

_PREPARED_ENTRIES, _PREPARED_BYTES, _PREPARED_SECONDS = 64, 8_000_000, 900.0
"""Bytes of JSON, of which Python's numbers and lists take several times as much."""
_GENDERS: dict[str, Gender] = {"female": "female", "woman": "female", "male": "male", "man": "male"}


class OwnVoices:
    """Looks every voice up again each time, so that a deletion is in force at once on all nodes.

    What an engine has prepared never changes; it is kept in memory for the voices that speak.
    """

    def __init__(self, database: Database, storage: ObjectStorage, registry: EngineRegistry) -> None:
        self._database = database
        self._storage = storage
        self._registry = registry
        self._prepared: Cache[str, dict[str, Any]] = Cache(
            entries=_PREPARED_ENTRIES, weight=_PREPARED_BYTES, seconds=_PREPARED_SECONDS
        )

    async def find(self, account_id: str, voice_id: str) -> ClonedVoice | None:
        """By id or record id. None for an unknown, deleted or foreign one."""
        async with self._database.reading() as connection:
            return await VoiceRepository(connection).live(account_id, voice_id)

    async def named(self, account_id: str, name: str) -> ClonedVoice | None:
        """By id or record id, else by name, whatever the case; the oldest of that name."""
        async with self._database.reading() as connection:
            voices = VoiceRepository(connection)
            known = await voices.names(account_id)
            wanted = name.casefold()
            by_id = (voice.id for voice in known if name in (voice.id, voice.record_id))
            by_name = (voice.id for voice in known if voice.name.casefold() == wanted)
            found = next(by_id, None) or next(by_name, None)
            return None if found is None else await voices.live(account_id, found)

    async def list(self, account_id: str) -> list[ClonedVoice]:
        """The oldest first."""
        async with self._database.reading() as connection:
            return await VoiceRepository(connection).all_live(account_id)

    async def speaking(self, cloned: ClonedVoice) -> Voice | None:
        """The voice with what its engine needs; None when it was deleted a moment ago.

        Raises `EngineUnavailable` when the engine that it was made for is not here.
        """
        able = self._engine_of(cloned)
        settings = self._prepared.get(cloned.id)
        if settings is None:
            try:
                text = await read_file(self._storage, cloned, PREPARED)
            except NotFound:
                log.warning("voices.prepared_missing", voice=cloned.id)
                return None
            settings = json.loads(text)
            self._prepared.put(cloned.id, settings, len(text))
        return as_voice(cloned, able, settings)

    def described(self, cloned: ClonedVoice) -> Voice:
        """The voice without what its engine needs: to be shown, not to speak."""
        able = self._registry.describe(cloned.engine) if cloned.engine in self._registry.names else None
        return as_voice(cloned, able, {})

    def forget(self, voice_id: str) -> None:
        """Nothing of a deleted voice stays in the memory of this node."""
        self._prepared.forget(voice_id)

    def _engine_of(self, cloned: ClonedVoice) -> Capabilities:
        if cloned.engine in self._registry.names:
            able = self._registry.describe(cloned.engine)
            if able.cloning and able.voice_format == cloned.voice_format:
                return able
        raise EngineUnavailable(
            f"The voice `{cloned.name}` was made for the engine `{cloned.engine}` ({cloned.voice_format}), which this "
            "node does not have. No other engine speaks it: clone it again for one of `myna engines`."
        )


def as_voice(cloned: ClonedVoice, able: Capabilities | None, settings: dict[str, Any]) -> Voice:
    """`able` is what the voice's engine can do, None when it is not here."""
    return Voice(
        id=cloned.id,
        name=cloned.name,
        engine=cloned.engine,
        languages=spoken_languages(cloned.languages, cloned.report.get("language"), able),
        gender=_GENDERS.get((cloned.gender or "").lower(), "neutral"),
        description=cloned.description or "",
        kind="cloned",
        account_id=cloned.account_id,
        settings=settings,
        dialects=cloned.dialects,
        quality=cloned.quality,
        stability=cloned.stability,
        similarity=cloned.similarity,
    )


def spoken_languages(given: tuple[str, ...], reference: str | None, able: Capabilities | None) -> tuple[str, ...]:
    """What a voice speaks, its own language first: what was said of it, the language of its recording, English, and
    then what its engine speaks besides."""
    wanted = (*given, *([reference] if reference else []))
    if able is None:
        return wanted or ("en",)
    known = {base_language(tag) for tag in able.languages}
    own = [tag for tag in wanted if base_language(tag) in known]
    english = [tag for tag in able.languages if not own and base_language(tag) == "en"]
    usual = sorted(english, key=rank_of_accent)
    return tuple(dict.fromkeys((*own, *usual, *able.languages)))
