"""Jobs: ask for speech, and see how the work goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response

from myna.errors import NotFound
from myna.http.idempotency import job_uuid
from myna.http.native import mapping, schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.outputs import outputs_of
from myna.http.native.parameters import CursorText, Limit, position
from myna.jobs.schemas import Job, JobKind, JobStatus
from myna.speech.wishes import check_wishes

if TYPE_CHECKING:
    from myna.http.services import Services


def jobs_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["jobs"], route_class=keyed_route(services))

    @router.post("/myna/v1/speech", status_code=202)
    async def create_speech(request: Request, response: Response, body: schemas.SpeechBody) -> schemas.Job:
        """Speak a text. The answer is a job; its outputs appear when it has succeeded."""
        caller = caller_of(request)
        choice = services.voices.chosen(body.engine) if body.engine else None
        voice = await services.voices.resolve("native", body.voice, caller.account.id, choice)
        wanted = mapping.speech_request(body, voice)
        check_wishes(wanted, services.registry.describe(voice.engine))
        job = await services.speech.accept(
            caller,
            wanted,
            api="native",
            price=mapping.price(body.text, services.settings),
            base_url=services.base_url(request),
            job_id=job_uuid(request),
            name=body.name,
        )
        await services.speech.start(job, interactive=False)
        response.headers["Location"] = f"/myna/v1/jobs/{job.id}"
        return mapping.job(job)

    @router.get("/myna/v1/jobs")
    async def list_jobs(
        request: Request,
        cursor: CursorText = None,
        limit: Limit = 50,
        status: JobStatus | None = None,
        kind: JobKind | None = None,
        api: Annotated[str | None, Query(max_length=32)] = None,
    ) -> schemas.Page[schemas.Job]:
        """All jobs of the account, whichever API they came through, the newest first."""
        caller = caller_of(request)
        page = await services.jobs.list(
            caller.account.id, before=position(cursor), limit=limit, status=status, kind=kind, api=api
        )
        return mapping.job_page(page)

    @router.get("/myna/v1/jobs/{job_id}")
    async def get_job(request: Request, job_id: str) -> schemas.JobWithOutputs:
        """One job, with what it has made."""
        caller = caller_of(request)
        job = await _live_job(caller.account.id, job_id, services)
        return mapping.job_with_outputs(job, await outputs_of(job, request, services))

    @router.post("/myna/v1/jobs/{job_id}/cancel")
    async def cancel_job(request: Request, job_id: str) -> schemas.Job:
        """Stop a job that is queued or running. Nothing is charged."""
        caller = caller_of(request)
        await _live_job(caller.account.id, job_id, services)
        return mapping.job(await services.jobs.cancel(caller.account.id, job_id))

    @router.delete("/myna/v1/jobs/{job_id}", status_code=204)
    async def delete_job(request: Request, job_id: str) -> None:
        """Forget a job and delete its outputs. A job that is not finished is canceled first."""
        caller = caller_of(request)
        job = await _live_job(caller.account.id, job_id, services)
        if not job.finished:
            await services.jobs.cancel(caller.account.id, job_id)
        made = [output.id for output in await services.outputs.of_job(job_id)]
        await services.outputs.delete(caller.account.id, made)
        await services.jobs.delete(caller.account.id, job_id)

    return router


async def _live_job(account_id: str, job_id: str, services: Services) -> Job:
    job = await services.jobs.get(account_id, job_id)
    if job.deleted_at is not None:
        raise NotFound
    return job
