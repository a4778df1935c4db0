"""The steps of the speech workflow. Each may run again after a crash, and then does no harm."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any

import structlog

from myna.audio.waveform import waveform
from myna.db.session import Database
from myna.errors import Canceled
from myna.jobs.schemas import Job
from myna.jobs.service import JobService
from myna.kit import ids
from myna.kit.beneficiary import work_for
from myna.media.encode import encode
from myna.media.formats import MEDIA_TYPES
from myna.outputs.schemas import NewOutput
from myna.outputs.service import OutputService
from myna.speech.references import DETAIL, References
from myna.speech.rendering import Renderer
from myna.speech.schemas import Recording, SpeechRequest
from myna.speech.verification import VERIFICATION
from myna.storage.base import ObjectStorage
from myna.voices.schemas import Voice
from myna.voices.service import VoiceService

log = structlog.get_logger()

SECONDS_BETWEEN_REPORTS = 0.5


class SpeechSteps:
    """What one speech job needs, in the order in which it is needed."""

    def __init__(
        self,
        *,
        node_id: str,
        database: Database,
        storage: ObjectStorage,
        jobs: JobService,
        outputs: OutputService,
        voices: VoiceService,
        renderer: Renderer,
        references: References,
    ) -> None:
        self._node_id = node_id
        self._database = database
        self._storage = storage
        self._jobs = jobs
        self._outputs = outputs
        self._voices = voices
        self._renderer = renderer
        self._references = references

    async def render(self, job_id: str) -> dict[str, Any]:
        """Speak, finish, encode and store. Returns the facts of the output to record."""
        job = await self._jobs.start(job_id, self._node_id)
        work_for(job.account_id, on_a_job=True)
        request = SpeechRequest(**job.request)
        voice = await self._voice(job, request)
        script = self._renderer.prepare(request, voice)
        recording = await self._renderer.render(request, script, _Reporter(self._jobs, job))
        data, levels = await asyncio.gather(
            asyncio.to_thread(encode, recording.samples, recording.sample_rate, request.format),
            asyncio.to_thread(waveform, recording.samples),
        )
        output = _describe(job, request, recording, levels, len(data))
        await self._storage.put(output.object_key, data)
        return asdict(output)

    async def _voice(self, job: Job, request: SpeechRequest) -> Voice:
        if DETAIL in job.details:
            return await self._references.voice(job)
        return await self._voices.get(request.voice_id, job.account_id)

    async def publish(self, job_id: str, facts: dict[str, Any]) -> None:
        """Record the output, charge, and tell, all in one transaction. A job that was canceled leaves no file."""
        output = NewOutput(**{**facts, "waveform": tuple(facts["waveform"])})
        try:
            async with self._database.transaction():
                job = await self._jobs.succeed(job_id)
                await self._outputs.record(job, output)
        except Canceled:
            await self._storage.delete(output.object_key)
            await self.forget(job_id)
        else:
            await self._references.forget(job)

    async def give_up(self, job_id: str, code: str, message: str) -> None:
        """The job failed: nothing is charged."""
        await self._references.forget(await self._jobs.fail(job_id, code, message))

    async def forget(self, job_id: str) -> None:
        """The job was canceled: what was kept for its work goes."""
        if job := await self._jobs.find(job_id):
            await self._references.forget(job)


class _Reporter:
    """Progress now and then, and the end of the work when the job was canceled."""

    def __init__(self, jobs: JobService, job: Job) -> None:
        self._jobs = jobs
        self._job = job
        self._reported_at = time.monotonic()

    async def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._reported_at < SECONDS_BETWEEN_REPORTS:
            return
        self._reported_at = time.monotonic()
        current = await self._jobs.find(self._job.id)
        if current is None or current.status == "canceled":
            raise Canceled
        await self._jobs.report(self._job.id, "speaking", done / total)


def _describe(
    job: Job, request: SpeechRequest, recording: Recording, levels: tuple[float, ...], size: int
) -> NewOutput:
    wanted = job.details.get("output", {})
    output_id = wanted.get("id") or ids.derived_uuid(job.id, "output")
    settings = wanted.get("settings") or job.request
    if recording.verification:
        settings = settings | {VERIFICATION: recording.verification.as_json()}
    return NewOutput(
        id=output_id,
        object_key=f"outputs/{job.account_id}/{output_id}.{request.format}",
        file_name=wanted.get("file_name") or f"{output_id}.{request.format}",
        media_type=MEDIA_TYPES[request.format],
        size=size,
        duration=recording.duration,
        sample_rate=recording.sample_rate,
        waveform=levels,
        text=request.text,
        settings=settings,
        was_auto_submitted=bool(wanted.get("was_auto_submitted")),
    )
