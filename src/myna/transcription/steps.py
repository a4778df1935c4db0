"""The steps of the transcription workflow. Each may run again after a crash, and then does no harm."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from myna.audio.activity import Segment, speech_segments
from myna.db.session import Database
from myna.engines.base import Samples
from myna.errors import Canceled, MynaError, NotFound
from myna.jobs.schemas import Job
from myna.jobs.service import JobService
from myna.kit import ids
from myna.kit.beneficiary import work_for
from myna.kit.threads import run_in_thread
from myna.media.extract import extract_sound
from myna.media.fetch import Fetcher
from myna.media.probe import MediaLimits, probe_untrusted
from myna.media.soundfiles import SoundReader
from myna.outputs.schemas import NewOutput
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.storage.base import ObjectStorage
from myna.transcription.lines import split_lines
from myna.transcription.schemas import TimedWord, TranscriptionRequest
from myna.transcription.service import TranscriptionService

log = structlog.get_logger()

RATE = 16_000
SOURCE = "source"
"""The detail of a job that says where its recording is: `{"url": …}` or `{"object_key": …}`."""
_STRETCH_SECONDS = 120.0
"""So much sound is looked through at once."""
_EXTRACT_SECONDS = 600.0
_FOLDER = "hearing"
_WAVEFORM = 50


class TranscriptionSteps:
    """What one transcription needs, in the order in which it is needed."""

    def __init__(
        self,
        *,
        node_id: str,
        settings: Settings,
        database: Database,
        storage: ObjectStorage,
        jobs: JobService,
        outputs: OutputService,
        fetcher: Fetcher,
        transcription: TranscriptionService,
    ) -> None:
        self._node_id = node_id
        self._settings = settings
        self._database = database
        self._storage = storage
        self._jobs = jobs
        self._outputs = outputs
        self._fetcher = fetcher
        self._transcription = transcription
        self._folder = settings.data_dir.absolute() / _FOLDER

    async def hear(self, job_id: str) -> dict[str, Any]:
        """Fetch, listen, and store the text. Returns the facts of the output to record."""
        job = await self._jobs.start(job_id, self._node_id)
        work_for(job.account_id, on_a_job=True)
        request = TranscriptionRequest(**job.request)
        async with self._place(job.id) as folder:
            sound = folder / "sound.flac"
            seconds = await self._sound(job, folder / "source", sound)
            await self._jobs.reprice(job.id, price_of(seconds, self._settings))
            words, language = await self._words(job, sound, request)
        text = written(words, request.timestamps)
        output = _describe(job, text, seconds, language)
        await self._storage.put(output.object_key, text.encode())
        return asdict(output)

    async def publish(self, job_id: str, facts: dict[str, Any]) -> None:
        """Record the output, charge, and tell, all in one transaction. A job that was canceled leaves no file."""
        output = NewOutput(**{**facts, "waveform": tuple(facts["waveform"])})
        try:
            async with self._database.transaction():
                await self._outputs.record(await self._jobs.succeed(job_id), output)
        except Canceled:
            await self.forget(job_id)
        else:
            await self._forget_local(job_id)

    async def give_up(self, job_id: str, code: str, message: str) -> None:
        """The job failed: nothing is charged, and no file stays."""
        await self._jobs.fail(job_id, code, message)
        await self.forget(job_id)

    async def forget(self, job_id: str) -> None:
        """The job has ended without success. A process that died after it had stored the text has left it."""
        await self._forget_local(job_id)
        job = await self._jobs.find(job_id)
        if job is None or job.status == "succeeded":
            return
        try:
            await self._storage.delete(_place_of_text(job)[1])
        except MynaError as error:
            log.warning("transcription.text_left", job=job_id, reason=error.message)

    async def remove_left(self) -> int:
        """Remove what processes that died left on this node of jobs that have ended. Returns how many there were."""
        folders = await run_in_thread(lambda: list(self._folder.glob("*")))
        jobs = [await self._jobs.find(folder.name) for folder in folders]
        ended = [folder for folder, job in zip(folders, jobs, strict=True) if job is None or job.finished]
        for folder in ended:
            await self._forget_local(folder.name)
        return len(ended)

    @asynccontextmanager
    async def _place(self, job_id: str) -> AsyncIterator[Path]:
        """A folder for one run of a job; another process may be taken for dead, and still be at work on the same."""
        folder = self._folder / job_id / ids.new_uuid()
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            await run_in_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _forget_local(self, job_id: str) -> None:
        await run_in_thread(shutil.rmtree, self._folder / job_id, ignore_errors=True)

    async def _sound(self, job: Job, source: Path, sound: Path) -> float:
        """The recording as mono sound on disk; returns its length in seconds."""
        await self._receive(job.details[SOURCE], source)
        limits = MediaLimits.from_settings(self._settings)
        await probe_untrusted(source, limits=limits)
        return await extract_sound(
            source, sound, sample_rate=RATE, mono=True, max_seconds=limits.max_seconds, timeout=_EXTRACT_SECONDS
        )

    async def _receive(self, where: dict[str, str], path: Path) -> None:
        """Raises what fetching raises, and `NotFound` when the recording is gone."""
        if url := where.get("url"):
            limit, seconds = self._settings.max_dub_bytes, self._settings.dub_fetch_seconds
            await self._fetcher.fetch_to(url, path, max_bytes=limit, seconds=seconds)
            return
        try:
            with path.open("wb") as file:
                async for piece in self._storage.stream(where["object_key"]):
                    await run_in_thread(file.write, piece)
        except NotFound:
            raise NotFound("The recording is gone from this server. Send it again.") from None

    async def _words(self, job: Job, path: Path, request: TranscriptionRequest) -> tuple[tuple[TimedWord, ...], str]:
        async def report(done: float) -> None:
            current = await self._jobs.find(job.id)
            if current is None or current.status == "canceled":
                raise Canceled
            await self._jobs.report(job.id, "listening", done)

        def read(start: float, end: float) -> Samples:
            with SoundReader(path) as sound:
                return sound.read(round(start * RATE), round((end - start) * RATE))[:, 0]

        segments = await run_in_thread(lambda: list(_segments(path)))
        if not segments:
            return (), request.language or "und"
        heard = await self._transcription.transcribe(
            read, RATE, language=request.language, segments=segments, progress=report, engine=request.engine
        )
        return heard.words, heard.language


def price_of(seconds: float, settings: Settings) -> int:
    """Milli-credits, rounded up; 0 where everything is free."""
    if settings.prices != "on":
        return 0
    return math.ceil(seconds * settings.transcription_millicredits_per_second)


def written(words: Iterable[TimedWord], timestamps: str | None) -> str:
    """The text; with timestamps JSON, for each word or sentence what is said, and from when to when in seconds."""
    words = tuple(words)
    lines = split_lines(words, ())
    if timestamps is None:
        return "\n".join(line.text for line in lines) + "\n" if lines else ""
    parts = words if timestamps == "word" else lines
    timed = [{"text": part.text, "start": round(part.start, 3), "end": round(part.end, 3)} for part in parts]
    return json.dumps(timed, ensure_ascii=False)


def _segments(path: Path) -> Iterator[Segment]:
    """Where somebody speaks, in a file of any length."""
    with SoundReader(path) as sound:
        begun = 0.0
        for block in sound.blocks(round(_STRETCH_SECONDS * RATE)):
            for found in speech_segments(block[:, 0], RATE):
                yield Segment(begun + found.start, begun + found.end)
            begun += len(block) / RATE


def _place_of_text(job: Job) -> tuple[str, str]:
    """The id of the output, and where its text lies."""
    output_id = str(job.details.get("output", {}).get("id") or ids.derived_uuid(job.id, "output"))
    return output_id, f"outputs/{job.account_id}/{output_id}.txt"


def _describe(job: Job, text: str, seconds: float, language: str) -> NewOutput:
    wanted = job.details.get("output", {})
    output_id, object_key = _place_of_text(job)
    return NewOutput(
        id=output_id,
        object_key=object_key,
        file_name=wanted.get("file_name") or f"{output_id}.txt",
        media_type="text/plain; charset=utf-8",
        size=len(text.encode()),
        duration=seconds,
        sample_rate=RATE,
        waveform=(0.0,) * _WAVEFORM,
        text=text,
        settings={**wanted.get("settings", {}), "language": language, "duration": round(seconds, 3)},
    )
