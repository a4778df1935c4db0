"""Finding the project that a client means."""

from __future__ import annotations

from myna.accounts.schemas import Caller
from myna.errors import NotFound
from myna.http.magichour import mapping
from myna.http.services import Services
from myna.jobs.schemas import Job


async def find_project(services: Services, project_id: str, caller: Caller) -> Job:
    """Also a deleted one. Raises `NotFound`, also for projects of other accounts and of other APIs."""
    if not mapping.is_project_id(project_id):
        raise NotFound
    job = await services.jobs.get(caller.account.id, project_id)
    if job.api != mapping.API:
        raise NotFound
    return job
