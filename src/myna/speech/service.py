"""Text to speech for accounts: accept, charge, speak, stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol

import structlog

from myna.accounts.schemas import Caller
from myna.audio.gain import StreamGain
from myna.db.session import Database
from myna.errors import (
    Canceled,
    Conflict,
    EngineCrashed,
    InvalidRequest,
    RateLimited,
    TextTooLong,
    Unavailable,
)
from myna.jobs.schemas import Job, NewJob
from myna.jobs.service import JobService
from myna.kit import ids
from myna.kit.finishing import now_or_later, to_the_end
from myna.media.encode import StreamEncoder, WholeFileEncoder, encode
from myna.settings import Settings
from myna.speech.rendering import Renderer
from myna.speech.samples import sample_text
from myna.speech.schemas import SpeechRequest
from myna.speech.script import Script
from myna.speech.stream import SpeechStream
from myna.speech.text import diacritise
from myna.speech.workflow import speech
from myna.voices.schemas import Voice
from myna.voices.service import VoiceService

log = structlog.get_logger()

QUEUE = "speech"


class DurableWork(Protocol):
    """What the durable runtime does for this service."""

    async def begin(self, workflow: Callable[[str], Coroutine[Any, Any, None]], job_id: str) -> asyncio.Task[None]:
        """Start the workflow of a job in this process, once. The result ends with it."""
        ...

    async def enqueue(self, queue: str, workflow: Callable[[str], Coroutine[Any, Any, None]], job_id: str) -> None:
        """Leave the workflow of a job to whichever node is free, once."""
        ...


class SpeechService:
    """Everything that an API asks for in matters of speech."""

    def __init__(
        self,
        *,
        node_id: str,
        settings: Settings,
        database: Database,
        jobs: JobService,
        voices: VoiceService,
        renderer: Renderer,
        work: DurableWork,
    ) -> None:
        self._node_id = node_id
        self._settings = settings
        self._database = database
        self._jobs = jobs
        self._voices = voices
        self.renderer = renderer
        self._work = work
        self._running: dict[str, asyncio.Task[None]] = {}
        self._streams: Counter[str] = Counter()

    async def check(self, caller: Caller, request: SpeechRequest, voice: Voice | None = None) -> None:
        """Raises whatever is wrong with a request, spoken with `voice` when it is given: one that is not kept."""
        self._check_text(request.text)
        voice = voice or await self._voices.get(request.voice_id, caller.account.id)
        await asyncio.to_thread(self.renderer.prepare, request, voice)

    async def accept(  # noqa: PLR0913 - the facts of one job, by name
        self,
        caller: Caller,
        request: SpeechRequest,
        *,
        api: str,
        price: int,
        base_url: str,
        job_id: str | None = None,
        name: str = "",
        details: dict[str, Any] | None = None,
        checked: bool = False,
    ) -> Job:
        """Check the request, hold its price (milli-credits) and record the job. Nothing is charged on refusal.

        A caller that surrounds this with a transaction checks before, so that no other writer waits for it.
        """
        if not checked:
            await self.check(caller, request)
        new = self._new_job(caller, request, api, price, base_url, job_id, name, details)
        return await self._jobs.accept(new)

    async def start(self, job: Job, *, interactive: bool) -> None:
        """Begin at once in this process when somebody waits for it or a place is free, else leave it to the queue.

        While durable work is away, a job that somebody waits for is canceled, and this raises `Unavailable`; any other
        is begun later.
        """
        try:
            await self._begin(job, interactive)
        except Unavailable as error:
            if interactive:
                with contextlib.suppress(Conflict):  # it has ended meanwhile
                    await to_the_end(self._jobs.cancel(job.account_id, job.id))
                raise
            log.warning("speech.begun_later", job=job.id, reason=error.message)

    async def wait(self, job_id: str, timeout: float) -> Job:
        """The finished job. Raises `TimeoutError` after `timeout` seconds; the job goes on."""
        async with asyncio.timeout(timeout):
            if running := self._running.get(job_id):
                await asyncio.shield(running)
            return await self._jobs.finished(job_id)

    async def cancel(self, account_id: str, job_id: str) -> Job:
        """Stop a job that is queued or running: its workflow sees it before its next piece. Nothing is charged."""
        return await self._jobs.cancel(account_id, job_id)

    async def stream(
        self,
        caller: Caller,
        request: SpeechRequest,
        *,
        api: str,
        price_per_character: int,
        base_url: str,
        job_id: str | None = None,
        voice: Voice | None = None,
    ) -> SpeechStream:
        """Speak while the client listens, with `voice` when it is given: one that is not kept, as in a preview.

        Returns when the first sound is ready, so every error up to there is a proper answer. The price of the whole
        text is held; what was spoken is charged when the stream ends, however it ends.
        """
        self._check_text(request.text)
        voice = voice or await self._voices.get(request.voice_id, caller.account.id)
        script = await asyncio.to_thread(self.renderer.prepare, request, voice, eager=True)
        price = len(request.text) * price_per_character
        new = self._new_job(caller, request, api, price, base_url, job_id, "", {"stream": True})
        settlement = _Settlement(self._jobs, new, on_end=lambda: self._leave_stream(new.account_id))
        stream = self._open_stream(request, script, settlement)
        self._enter_stream(caller.account.id)
        await stream.begin(self._accept_and_start(new))
        return stream

    async def sample(self, voice: Voice) -> bytes:
        """The voice says a sentence in its language, as mp3. Free of charge."""
        request = SpeechRequest(text=sample_text(voice.language), voice_id=voice.id)
        script = await asyncio.to_thread(self.renderer.prepare, request, voice)
        recording = await self.renderer.render(request, script)
        return await asyncio.to_thread(encode, recording.samples, recording.sample_rate, request.format)

    async def diacritise(self, text: str) -> str:
        """Arabic with its vowel marks; those that are there stay, and nothing else changes. Free of charge.

        Raises `TextTooLong`, and `Unavailable` when the model is missing.
        """
        self._check_text(text)
        return await asyncio.to_thread(diacritise, text)

    async def on_node_dead(self, node_id: str) -> None:
        """Streams die with their node and their connection: they fail, and nothing is charged."""
        for job in await self._jobs.stranded([node_id]):
            await self._jobs.fail(job.id, EngineCrashed.code, "The node that spoke this stream stopped.")

    async def resume_unstarted(self, older_than: float = 10.0) -> int:
        """Queue the jobs that were accepted by a process that died before it could start them."""
        jobs = await self._jobs.unstarted("speech", older_than)
        for job in jobs:
            await self._work.enqueue(QUEUE, speech, job.id)
        return len(jobs)

    async def _begin(self, job: Job, interactive: bool) -> None:
        if self._settings.work and (interactive or len(self._running) < self._settings.worker_concurrency):
            running = await self._work.begin(speech, job.id)
            self._running[job.id] = running
            running.add_done_callback(lambda _: self._running.pop(job.id, None))
        else:
            await self._work.enqueue(QUEUE, speech, job.id)

    def _check_text(self, text: str) -> None:
        if not text:
            raise InvalidRequest("The text is empty.", field="text")
        if "\0" in text:
            raise InvalidRequest("The character U+0000 is not text.", field="text")
        if len(text) > self._settings.max_text_characters:
            limit = self._settings.max_text_characters
            raise TextTooLong(f"The text has {len(text)} characters; this server takes {limit}.", field="text")

    def _new_job(
        self,
        caller: Caller,
        request: SpeechRequest,
        api: str,
        price: int,
        base_url: str,
        job_id: str | None,
        name: str,
        details: dict[str, Any] | None,
    ) -> NewJob:
        return NewJob(
            id=job_id or ids.new_uuid(),
            account_id=caller.account.id,
            key_id=caller.key.id,
            kind="speech",
            api=api,
            request=request.as_json(),
            price=price if self._settings.prices == "on" else 0,
            name=name,
            base_url=base_url,
            details=details or {},
        )

    def _open_stream(self, request: SpeechRequest, script: Script, settlement: _Settlement) -> SpeechStream:
        rate = request.sample_rate or script.sample_rate

        def encoder(at_once: bool) -> StreamEncoder | WholeFileEncoder:
            whole = request.format == "flac" or (at_once and request.format != "pcm")
            return WholeFileEncoder(request.format, rate) if whole else StreamEncoder(request.format, rate)

        return SpeechStream(
            renderer=self.renderer,
            script=script,
            encoder=encoder,
            gain=StreamGain(request.loudness, script.sample_rate),
            sample_rate=rate,
            format=request.format,
            settle=settlement,
            check=self.renderer.check_of(request, script, stream=True),
        )

    async def _accept_and_start(self, new: NewJob) -> None:
        async with self._database.transaction():
            await self._jobs.accept(new)
            await self._jobs.start(new.id, self._node_id)

    def _enter_stream(self, account_id: str) -> None:
        limit = self._settings.max_concurrent_streams
        if self._settings.rate_limits == "on" and self._streams[account_id] >= limit:
            raise RateLimited(f"This account has {limit} streams running, which is the limit.", retry_after=1)
        self._streams[account_id] += 1

    def _leave_stream(self, account_id: str) -> None:
        self._streams[account_id] -= 1
        if self._streams[account_id] <= 0:
            del self._streams[account_id]


class _Settlement:
    """The end of a stream, once, whoever is canceled: charge what was spoken, or nothing when it failed. Nobody else
    ends a stream while its node lives, so a database that is away is waited for.
    """

    def __init__(self, jobs: JobService, new: NewJob, on_end: Callable[[], None]) -> None:
        self._jobs = jobs
        self._new = new
        self._on_end = on_end
        self._ended = False
        self._began = time.monotonic()

    async def complete(self, share: float) -> None:
        """`share` of the text was spoken, 0 to 1."""
        if self.end():
            await to_the_end(now_or_later(partial(self._charge, share)))

    async def fail(self, code: str, message: str) -> None:
        if self.end():
            await to_the_end(now_or_later(partial(self._jobs.fail, self._new.id, code, message)))

    async def _charge(self, share: float) -> None:
        with contextlib.suppress(Canceled):  # the job was ended from outside, and given back
            await self._jobs.succeed(self._new.id, charge=round(self._new.price * share))

    def end(self) -> bool:
        """True the first time."""
        if self._ended:
            return False
        self._ended = True
        self._on_end()
        log.debug("speech.stream_ended", job=self._new.id, seconds=round(time.monotonic() - self._began, 3))
        return True
