"""Transcriptions for accounts: accept, charge, hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any, Protocol

import structlog

from myna.accounts.schemas import Caller
from myna.errors import Unavailable
from myna.jobs.schemas import Job, NewJob
from myna.jobs.service import JobService
from myna.settings import Settings
from myna.transcription.schemas import TranscriptionRequest
from myna.transcription.service import TranscriptionService
from myna.transcription.steps import SOURCE, price_of
from myna.transcription.workflow import transcription

log = structlog.get_logger()

QUEUE = "dubs"
"""Their queue: both are long, and nobody waits for them."""


class DurableWork(Protocol):
    """What the durable runtime does for this service."""

    async def enqueue(self, queue: str, workflow: Callable[[str], Coroutine[Any, Any, None]], job_id: str) -> None:
        """Leave the workflow of a job to whichever node is free, once."""
        ...


class TranscriptionOrders:
    """What an API asks for when it wants to know what is said in a recording."""

    def __init__(
        self, settings: Settings, jobs: JobService, transcription: TranscriptionService, work: DurableWork
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._transcription = transcription
        self._work = work

    async def create(
        self,
        caller: Caller,
        request: TranscriptionRequest,
        source: dict[str, str],
        *,
        api: str,
        base_url: str,
        job_id: str,
        details: dict[str, Any],
    ) -> Job:
        """Hold a price, record the job and leave it to the queue. The real price is held once the length is known.

        `source` is `{"url": …}` or `{"object_key": …}`. Raises what
        `TranscriptionService.check` raises, `InsufficientCredits`, `QueueFull`.
        """
        self._transcription.check(request.language, request.engine)
        job = await self._jobs.accept(
            NewJob(
                id=job_id,
                account_id=caller.account.id,
                key_id=caller.key.id,
                kind="transcription",
                api=api,
                request=asdict(request),
                price=price_of(self._settings.dub_estimate_seconds, self._settings),
                base_url=base_url,
                details={**details, SOURCE: source},
            )
        )
        try:
            await self._work.enqueue(QUEUE, transcription, job.id)
        except Unavailable as error:  # it is accepted all the same
            log.warning("transcription.begun_later", job=job.id, reason=error.message)
        return job

    async def wait(self, job_id: str, timeout: float) -> Job:
        """The finished job. Raises `TimeoutError` after `timeout` seconds; the job goes on."""
        async with asyncio.timeout(timeout):
            return await self._jobs.finished(job_id)

    async def resume_unstarted(self, older_than: float = 10.0) -> int:
        """Queue the jobs that were accepted by a process that died before it could do so."""
        jobs = await self._jobs.unstarted("transcription", older_than)
        for job in jobs:
            await self._work.enqueue(QUEUE, transcription, job.id)
        return len(jobs)
