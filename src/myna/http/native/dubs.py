"""Dubs: send a film, follow the work, change single lines, fetch the results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from myna.accounts.schemas import Caller
from myna.dubbing.schemas import Dub, DubFile
from myna.errors import InvalidRequest
from myna.http.idempotency import job_uuid
from myna.http.native import dub_mapping as mapping
from myna.http.native import dub_schemas as schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.parameters import CursorText, Limit, position
from myna.http.native.schemas import Listing, Page
from myna.kit import clock
from myna.media.inline import decode_base64, is_data_url

if TYPE_CHECKING:
    from myna.http.services import Services

_PIECE = 1 << 20
_MOST_FIELDS = 100
_EITHER_WAY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": schemas.DubForm.model_json_schema()},
            "application/json": {"schema": schemas.DubBody.model_json_schema()},
        },
    }
}


def dubs_router(services: Services) -> APIRouter:
    """A dub as a whole."""
    router = APIRouter(tags=["dubs"], route_class=keyed_route(services))

    @router.post("/myna/v1/dubs", status_code=202, openapi_extra=_EITHER_WAY)
    async def create_dub(request: Request, response: Response) -> schemas.Dub:
        """Dub a film or a recording, sent as a form with a `file` or as JSON with a `url`, into one or more languages.

        What is wrong with the file or the request is said at once, and nothing is charged.
        """
        async with _sent(request) as options:
            caller = caller_of(request)
            source, url, file_name = _source(options, services)
            voices = await _voice_ids([options.voice, *options.voices.values()], caller, services)
            dub = await services.dubbing.create(
                caller,
                mapping.dub_request(options, file_name=file_name, url=url, voices=voices),
                api="native",
                base_url=services.base_url(request),
                source=source,
                job_id=job_uuid(request),
                name=options.name,
            )
        response.headers["Location"] = f"/myna/v1/dubs/{dub.id}"
        return _with_links(dub, request, services)

    @router.get("/myna/v1/dubs")
    async def list_dubs(request: Request, cursor: CursorText = None, limit: Limit = 50) -> Page[schemas.Dub]:
        """The dubs of the account, the newest first."""
        page = await services.dubbing.list(caller_of(request).account.id, after=position(cursor), limit=limit)
        data = [_with_links(dub, request, services) for dub in page.items]
        return Page(data=data, next_cursor=mapping.dub_cursor(page))

    @router.get("/myna/v1/dubs/{dub_id}")
    async def get_dub(request: Request, dub_id: str) -> schemas.Dub:
        """How far it is, what it is made of, and its files."""
        return _with_links(await services.dubbing.get(caller_of(request).account.id, dub_id), request, services)

    @router.post("/myna/v1/dubs/{dub_id}/cancel")
    async def cancel_dub(request: Request, dub_id: str) -> schemas.Dub:
        """Stop the work. Nothing is charged."""
        return _with_links(await services.dubbing.cancel(caller_of(request).account.id, dub_id), request, services)

    @router.delete("/myna/v1/dubs/{dub_id}", status_code=204)
    async def delete_dub(request: Request, dub_id: str) -> None:
        """Remove a dub with all its files. Work on it is canceled first."""
        await services.dubbing.delete(caller_of(request).account.id, dub_id)

    return router


def dub_lines_router(services: Services) -> APIRouter:
    """The lines of a dub."""
    router = APIRouter(tags=["dubs"], route_class=keyed_route(services))

    @router.get("/myna/v1/dubs/{dub_id}/lines")
    async def list_lines(request: Request, dub_id: str, language: str) -> Listing[schemas.DubLine]:
        """What is said in one language, when, by whom, and how it came to fit."""
        lines = await services.dubbing.lines(caller_of(request).account.id, dub_id, language)
        return Listing(data=[mapping.line(line) for line in lines])

    @router.patch("/myna/v1/dubs/{dub_id}/lines/{number}")
    async def change_line(request: Request, dub_id: str, number: int, body: schemas.LineBody) -> schemas.DubLine:
        """Change the text, speaker, voice or timing of a line. It is spoken anew by `redub`."""
        caller = caller_of(request)
        voices = await _voice_ids([body.voice], caller, services)
        change = mapping.line_edit(body, voices.get(body.voice or ""))
        return mapping.line(await services.dubbing.edit_line(caller, dub_id, body.language, number, change))

    @router.put("/myna/v1/dubs/{dub_id}/translations/{language}")
    async def send_script(
        request: Request, dub_id: str, language: str, body: schemas.ScriptBody
    ) -> Listing[schemas.DubLine]:
        """Send all lines of a language at once. Those that differ are spoken anew by `redub`."""
        lines = await services.dubbing.send_script(caller_of(request), dub_id, language, body.text)
        return Listing(data=[mapping.line(line) for line in lines])

    @router.patch("/myna/v1/dubs/{dub_id}/speakers/{speaker}")
    async def change_speaker(request: Request, dub_id: str, speaker: str, body: schemas.SpeakerBody) -> schemas.Dub:
        """Name a speaker, or give all their lines another voice, in one language or in all."""
        caller = caller_of(request)
        voices = await _voice_ids([body.voice], caller, services)
        voice_id = voices.get(body.voice or "")
        dub = await services.dubbing.edit_speaker(
            caller, dub_id, speaker, name=body.name, voice_id=voice_id, language=body.language
        )
        return _with_links(dub, request, services)

    @router.get("/myna/v1/dubs/{dub_id}/quote")
    async def quote(request: Request, dub_id: str) -> schemas.Quote:
        """What `redub` would cost now."""
        return mapping.quote(await services.dubbing.quote(caller_of(request).account.id, dub_id))

    @router.post("/myna/v1/dubs/{dub_id}/redub", status_code=202)
    async def redub(request: Request, dub_id: str) -> schemas.Dub:
        """Speak the changed lines anew; all others stay as they are. A dub that failed goes on where it stopped."""
        dub = await services.dubbing.redub(
            caller_of(request), dub_id, api="native", base_url=services.base_url(request), job_id=job_uuid(request)
        )
        return _with_links(dub, request, services)

    return router


@asynccontextmanager
async def _sent(request: Request) -> AsyncIterator[schemas.DubForm | schemas.DubBody]:
    """What the client sent, in either way. A file in it is there as long as this lasts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            async with request.form(max_fields=_MOST_FIELDS, max_files=1) as form:
                yield schemas.DubForm.model_validate(_fields(form))
        else:
            yield schemas.DubBody.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None


def _fields(form: FormData) -> dict[str, Any]:
    """A field that is there several times is a list."""
    values = {name: form.getlist(name) for name in form}
    return {name: found if len(found) > 1 else found[0] for name, found in values.items()}


def _source(
    options: schemas.DubForm | schemas.DubBody, services: Services
) -> tuple[bytes | AsyncIterator[bytes] | None, str | None, str]:
    """The file, or its address, and its name."""
    if isinstance(options, schemas.DubForm):
        if not options.file.size:
            raise InvalidRequest("`file` is empty.", field="file")
        return _pieces(options.file), None, options.file.filename or ""
    if is_data_url(options.url):
        return decode_base64(options.url, services.settings.max_dub_bytes, field="url"), None, ""
    return None, options.url, ""


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece


async def _voice_ids(names: Iterable[str | None], caller: Caller, services: Services) -> dict[str, str]:
    """The id of each voice that is named, by name or by id. Raises `VoiceNotFound`."""
    wanted = {name for name in names if name}
    return {name: (await services.voices.resolve("native", name, caller.account.id)).id for name in sorted(wanted)}


def _with_links(dub: Dub, request: Request, services: Services) -> schemas.Dub:
    base_url = services.base_url(request)
    expires_at = clock.now() + clock.seconds(services.settings.link_seconds)

    def link(file: DubFile) -> tuple[str, datetime]:
        return services.links.download(base_url, file.object_key, file.file_name, expires_at), expires_at

    return mapping.dub(dub, link)
