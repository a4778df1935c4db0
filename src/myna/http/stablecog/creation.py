"""Making a voiceover while the client waits: check, wait for a turn, charge, speak, answer."""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import Request

from myna.accounts.schemas import Caller
from myna.credits.schemas import MILLI
from myna.errors import AccountBanned, Conflict, VoiceNotFound
from myna.http.idempotency import job_uuid
from myna.http.services import Services
from myna.http.stablecog import mapping
from myna.http.stablecog.errors import UNKNOWN_ERROR, StablecogError
from myna.http.stablecog.gate import Gate
from myna.http.stablecog.links import link_maker
from myna.http.stablecog.schemas import CreateBody, Created
from myna.http.stablecog.speakers import Models, Speaker
from myna.http.streaming import client_leaves
from myna.jobs.schemas import Job
from myna.kit import clock, ids
from myna.voices.languages import base_language


class Creation:
    """`POST /v1/audio/voiceover/create`."""

    def __init__(self, services: Services, models: Models) -> None:
        self._services = services
        self._models = models
        self._gate = Gate()
        self._timeout = services.settings.stablecog_timeout_seconds

    async def create(self, request: Request, caller: Caller) -> Created:
        """The finished voiceover. Raises errors in the order in which Stablecog looks for them."""
        body = CreateBody.decode(await request.body())
        if caller.account.banned:
            raise AccountBanned
        is_admin = caller.account.role == "admin"
        own = await self._own_speaker(body.speaker_id, caller)
        order = mapping.read_order(body, self._models, own, checked=not is_admin)
        if is_admin:
            return await self._make(request, caller, order, body.was_auto_submitted)
        async with self._gate.entered(caller.account.id, lambda: client_leaves(request.receive)):
            return await self._make(request, caller, order, body.was_auto_submitted)

    async def _own_speaker(self, speaker_id: str | None, caller: Caller) -> Speaker | None:
        """The caller's own voice of this id, when it is none of the models' speakers."""
        if speaker_id is None or self._models.speaker(speaker_id) is not None:
            return None
        try:
            voice = await self._services.voices.resolve(mapping.API, speaker_id, caller.account.id)
        except VoiceNotFound:
            return None
        return Speaker(speaker_id, voice.name, base_language(voice.language), voice.id)

    async def _make(self, request: Request, caller: Caller, order: mapping.Order, submitted: bool) -> Created:
        job, balance = await self._accept(request, caller, order, submitted)
        await self._services.speech.start(job, interactive=True)
        job = await self._finished(job)
        settings = mapping.read_settings(job.details["output"]["settings"])
        if job.status != "succeeded":
            raise StablecogError(500, job.error_message or UNKNOWN_ERROR, settings)
        output = (await self._services.outputs.of_job(job.id))[0]
        return mapping.created(output, settings, balance, link_maker(self._services, request))

    async def _accept(self, request: Request, caller: Caller, order: mapping.Order, submitted: bool) -> tuple[Job, int]:
        """The job, and the balance right after its price was taken: one transaction, so that nothing comes between."""
        services, settings = self._services, self._services.settings
        price = mapping.cost(order.prompt, settings.stablecog_credits_per_character) * MILLI
        job_id, base_url = job_uuid(request), services.base_url(request)
        speech_request = mapping.speech_request(order)
        await services.speech.check(caller, speech_request)
        async with services.database.transaction():
            free = mapping.is_free_user(await services.credits.list_credits(caller.account.id))
            job = await services.speech.accept(
                caller,
                speech_request,
                api=mapping.API,
                price=price if settings.prices == "on" else 0,
                base_url=base_url,
                job_id=job_id,
                details={"output": mapping.output_details(order.settings, ids.new_uuid(), free or submitted)},
                checked=True,
            )
            return job, await services.credits.balance(caller.account.id)

    async def _finished(self, job: Job) -> Job:
        """The job when it has ended. As at Stablecog, the time it may take begins anew when the work starts."""
        speech, jobs = self._services.speech, self._services.jobs
        with suppress(TimeoutError):
            return await speech.wait(job.id, self._timeout)
        job = await jobs.get(job.account_id, job.id)
        if (left := self._seconds_left(job)) > 0:
            with suppress(TimeoutError):
                return await speech.wait(job.id, left)
        return await self._stopped(job)

    def _seconds_left(self, job: Job) -> float:
        return self._timeout - (clock.now() - job.started_at).total_seconds() if job.started_at else 0.0

    async def _stopped(self, job: Job) -> Job:
        """Stop it and give the credits back; unless it has ended at this very moment."""
        try:
            await self._services.speech.cancel(job.account_id, job.id)
        except Conflict:
            return await self._services.jobs.get(job.account_id, job.id)
        raise StablecogError(500, "TIMEOUT")
