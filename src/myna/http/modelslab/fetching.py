"""How far a request is, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from myna.accounts.schemas import Caller
from myna.errors import NotFound, RateLimited
from myna.http.limits import Policy
from myna.http.modelslab import mapping
from myna.http.modelslab.access import asking
from myna.http.modelslab.answers import addresses
from myna.jobs.schemas import Job

if TYPE_CHECKING:
    from myna.http.services import Services

_COUNTS = Policy("modelslab-request-count", 30, 60)
"""As documented, per key."""


class Fetching:
    """Answers those who wait."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def fetch(self, request: Request, number: str = "") -> dict[str, Any]:
        """https://docs.modelslab.com/voice-cloning/fetch-voice : always 200, whatever has become of the request."""
        caller, fields = await asking(request, self._services)
        wanted = mapping.read_number(number or fields.text("request_id", "fetch_id", "id") or "")
        job = None if wanted is None else await self._find(caller, wanted)
        state = await self._state(request, job) if job else None
        return state or mapping.not_found(wanted)

    async def request_count(self, request: Request) -> dict[str, Any]:
        """https://docs.modelslab.com/account-api/request-count"""
        caller, _ = await asking(request, self._services)
        allowed, _, wait = self._services.limiter.allow(_COUNTS, caller.key.id)
        if not allowed:
            raise RateLimited(f"Maximum {_COUNTS.quota} of these requests per minute allowed.", retry_after=wait)
        count = await self._services.jobs.active(caller.account.id, mapping.API)
        words = "request is" if count == 1 else "requests are"
        return {"status": "success", "processing_count": count, "message": f"{count} {words} being processed"}

    async def _find(self, caller: Caller, number: int) -> Job | None:
        try:
            job = await self._services.jobs.get(caller.account.id, mapping.job_id_of(number))
        except NotFound:
            return None
        return job if job.api == mapping.API and job.deleted_at is None else None

    async def _state(self, request: Request, job: Job) -> dict[str, Any] | None:
        """None when what it made was deleted: a success always has a link."""
        where = addresses(request, self._services)
        if job.status == "succeeded":
            outputs = await self._services.outputs.of_job(job.id)
            return mapping.succeeded(job, outputs, where) if outputs else None
        if job.finished:
            return mapping.failed(job)
        return mapping.still_processing(job, where.fetch(job.details["number"]), mapping.eta(job))
