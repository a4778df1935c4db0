"""What those who ordered work are answered: the result when it is there soon, else where it will be."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from myna.http.context import context_of
from myna.http.modelslab import mapping
from myna.jobs.schemas import Job
from myna.kit import clock

if TYPE_CHECKING:
    from myna.http.services import Services


def addresses(request: Request, services: Services) -> mapping.Addresses:
    """As this client sees them."""
    expires_at = clock.now() + timedelta(seconds=services.settings.link_seconds)
    return mapping.Addresses(services.links, services.base_url(request), context_of(request.scope).prefix, expires_at)


async def answer_soon(
    request: Request, services: Services, job: Job, ended: Awaitable[Job], *, extension: str, family: str = "voice"
) -> dict[str, Any]:
    """`ended` is the job when it has ended, or raises `TimeoutError`. Raises what a failed job is at once."""
    where = addresses(request, services)
    try:
        job = await ended
    except TimeoutError:
        future = where.file(mapping.future_key(job, extension), job.details["output"]["file_name"])
        return mapping.processing(job, [future], where.fetch(job.details["number"], family), mapping.eta(job))
    if job.status != "succeeded":
        raise mapping.failure(job)
    return mapping.succeeded(job, await services.outputs.of_job(job.id), where)
