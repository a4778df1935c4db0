"""Outputs: the files that jobs made."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request

from myna.errors import NotFound
from myna.http.native import mapping, schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.parameters import CursorText, Limit, position
from myna.jobs.schemas import Job
from myna.kit import clock
from myna.outputs.schemas import Order, Output

if TYPE_CHECKING:
    from myna.http.services import Services


def outputs_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["outputs"], route_class=keyed_route(services))

    @router.get("/myna/v1/outputs")
    async def list_outputs(
        request: Request,
        where: Annotated[schemas.OutputQuery, Query()],
        cursor: CursorText = None,
        limit: Limit = 50,
        order: Order = "desc",
    ) -> schemas.Page[schemas.Output]:
        """The outputs of the account, the newest first."""
        caller = caller_of(request)
        after = position(cursor)
        page = await services.outputs.list(
            caller.account.id,
            mapping.output_filter(where),
            after=after.created_at if after else None,
            limit=limit,
            order=order,
        )
        data = [_with_link(output, request, services) for output in page.items]
        return schemas.Page(data=data, next_cursor=mapping.output_cursor(page))

    @router.get("/myna/v1/outputs/{output_id}")
    async def get_output(request: Request, output_id: str) -> schemas.Output:
        caller = caller_of(request)
        return _with_link(await services.outputs.get(caller.account.id, output_id), request, services)

    @router.get("/myna/v1/outputs/{output_id}/link")
    async def link_output(request: Request, output_id: str) -> schemas.Link:
        """A fresh download link."""
        caller = caller_of(request)
        output = await services.outputs.get(caller.account.id, output_id)
        url, expires_at = _link(output, request, services)
        return schemas.Link(url=url, expires_at=expires_at)

    @router.patch("/myna/v1/outputs/{output_id}")
    async def change_output(request: Request, output_id: str, body: schemas.OutputChange) -> schemas.Output:
        """Mark or unmark as a favourite."""
        caller = caller_of(request)
        output = await services.outputs.set_favorite(caller.account.id, output_id, body.favorite)
        return _with_link(output, request, services)

    @router.delete("/myna/v1/outputs/{output_id}", status_code=204)
    async def delete_output(request: Request, output_id: str) -> None:
        """Delete the file. Its links stop working at once."""
        caller = caller_of(request)
        if not await services.outputs.delete(caller.account.id, [output_id]):
            raise NotFound

    return router


async def outputs_of(job: Job, request: Request, services: Services) -> list[schemas.Output]:
    """What a job has made, with links."""
    return [_with_link(output, request, services) for output in await services.outputs.of_job(job.id)]


def _with_link(output: Output, request: Request, services: Services) -> schemas.Output:
    return mapping.output(output, *_link(output, request, services))


def _link(output: Output, request: Request, services: Services) -> tuple[str, datetime]:
    expires_at = clock.now() + clock.seconds(services.settings.link_seconds)
    url = services.links.download(services.base_url(request), output.object_key, output.file_name, expires_at)
    return url, expires_at
