"""Voices that are made for one job: from the recording that it names, prepared once, forgotten with the job.

Of such a voice nothing is kept but its prepared form, `jobs/{job}/prepared.json`, so that a job whose node dies goes on
without preparing it again. It is removed when the job ends; housekeeping removes what a dead node left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import structlog

from myna.accounts.service import AccountService
from myna.engines.registry import EngineRegistry
from myna.errors import BodyTooLarge, MynaError, NotFound
from myna.jobs.schemas import Job
from myna.jobs.service import JobService
from myna.media.fetch import Fetcher
from myna.settings import Settings
from myna.storage.base import ObjectStorage
from myna.voices.cloning import CloningService
from myna.voices.schemas import Voice

log = structlog.get_logger()

FOLDER = "jobs/"
DETAIL = "reference"
"""The detail of a job that says where its recording is: `{"url": …}` or `{"object_key": …}`."""


class References:
    """The voices of jobs that bring their own recording."""

    def __init__(
        self,
        settings: Settings,
        storage: ObjectStorage,
        jobs: JobService,
        registry: EngineRegistry,
        fetcher: Fetcher,
        cloning: CloningService,
        accounts: AccountService,
    ) -> None:
        self._storage = storage
        self._jobs = jobs
        self._registry = registry
        self._fetcher = fetcher
        self._cloning = cloning
        self._accounts = accounts
        self._max_bytes = settings.max_reference_bytes

    async def voice(self, job: Job) -> Voice:
        """The voice of a job, prepared unless that was done before.

        Raises `NotFound` when the recording is gone, `BodyTooLarge`, what fetching raises, and what is wrong with the
        recording: `UnsupportedMedia`, `ReferenceRefused`, `VoiceBlocked`, or with having no consent: `ConsentRequired`.
        """
        if kept := await self._kept(job.id):
            return kept
        recording = await self._recording(job.details[DETAIL])
        owner = await self._accounts.get_account(job.account_id)
        prepared = await self._cloning.prepare(owner, recording)
        await self._storage.put(_key(job.id), json.dumps(asdict(prepared.voice)).encode())
        return prepared.voice

    async def forget(self, job: Job) -> None:
        """The job has ended. While the storage is away this is left to `remove_left`."""
        if DETAIL not in job.details:
            return
        try:
            await self._storage.delete(_key(job.id))
        except MynaError as error:
            log.warning("speech.reference_left", job=job.id, reason=error.message)

    async def remove_left(self) -> int:
        """Remove what jobs that have ended left. Returns how many files."""
        left = []
        async for found in self._storage.list(FOLDER):
            job = await self._jobs.find(found.key.split("/")[1])
            if job is None or job.finished:
                left.append(found.key)
        if left:
            await self._storage.delete(*left)
        return len(left)

    async def _kept(self, job_id: str) -> Voice | None:
        """As it was prepared before, when an engine of this node can still speak it."""
        try:
            voice = _read(json.loads(await self._storage.get(_key(job_id))))
        except NotFound:
            return None
        if voice.engine not in self._registry.names:
            return None
        wanted = self._registry.describe(voice.engine).voice_format
        return voice if voice.settings.get("format") == wanted else None

    async def _recording(self, where: Mapping[str, str]) -> bytes:
        if url := where.get("url"):
            return await self._fetcher.fetch(url)
        try:
            stored = await self._storage.head(where["object_key"])
            if stored.size > self._max_bytes:
                raise BodyTooLarge(f"The recording has {stored.size} bytes; this server takes {self._max_bytes}.")
            return await self._storage.get(stored.key)
        except NotFound:
            raise NotFound("The recording to clone is gone from this server. Send it again.") from None


def _key(job_id: str) -> str:
    return f"{FOLDER}{job_id}/prepared.json"


def _read(document: dict[str, Any]) -> Voice:
    tuples = {name: tuple(document[name]) for name in ("languages", "dialects")}
    return Voice(**{**document, **tuples})
