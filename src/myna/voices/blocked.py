"""Speakers whom nobody may clone here: the operator's list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np

from myna.audio.speaker import Embedding, similarity, speaker_embedding
from myna.db.session import Database
from myna.errors import InvalidRequest, NotFound, VoiceBlocked
from myna.kit import clock, ids
from myna.settings import Settings
from myna.voices.fields import checked_name
from myna.voices.hearing import hear
from myna.voices.repository import BlockedRepository
from myna.voices.schemas import BlockedVoice

_REMEMBER_SECONDS = 3.0
"""Within this time, a change on one node is in force on all."""
_LONGEST_REASON = 1_000


class BlockedVoices:
    """Refuses recordings of speakers on the list. The list holds embeddings, no recordings."""

    def __init__(self, settings: Settings, database: Database, *, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self._known: list[tuple[BlockedVoice, Embedding]] = []
        self._known_until = float("-inf")

    async def block(self, recording: bytes, name: str, reason: str) -> BlockedVoice:
        """From now on, recordings of this speaker are refused. Raises `UnsupportedMedia`, `ReferenceRefused`."""
        name, reason = checked_name(name), reason.strip()
        if len(reason) > _LONGEST_REASON or "\0" in reason:
            raise InvalidRequest(f"A reason is text of at most {_LONGEST_REASON} characters.", field="reason")
        sound = await hear(recording, self._settings)
        embedding = await asyncio.to_thread(speaker_embedding, sound.samples, sound.sample_rate)
        blocked = BlockedVoice(
            ids.prefixed("block"), name, reason, tuple(float(number) for number in embedding), clock.now()
        )
        async with self._database.transaction() as connection:
            await BlockedRepository(connection).insert(blocked)
        self._known_until = float("-inf")
        return blocked

    async def all(self) -> list[BlockedVoice]:
        """The oldest first."""
        async with self._database.reading() as connection:
            return await BlockedRepository(connection).all()

    async def unblock(self, blocked_id: str) -> None:
        """Raises `NotFound`."""
        async with self._database.transaction() as connection:
            if not await BlockedRepository(connection).remove(blocked_id):
                raise NotFound("There is no blocked voice of this id. `myna voices blocked` shows what there is.")
        self._known_until = float("-inf")

    async def check(self, embedding: tuple[float, ...]) -> None:
        """Raises `VoiceBlocked` when a speaker on the list sounds like this one."""
        spoken = np.asarray(embedding, np.float32)
        limit = self._settings.blocked_voice_similarity
        if any(similarity(spoken, known) >= limit for _, known in await self._current()):
            raise VoiceBlocked

    async def _current(self) -> list[tuple[BlockedVoice, Embedding]]:
        if (asked_at := self._now()) >= self._known_until:
            self._known = [(blocked, np.asarray(blocked.embedding, np.float32)) for blocked in await self.all()]
            self._known_until = asked_at + _REMEMBER_SECONDS
        return self._known
