"""Dubs: send a film, follow the work, change single lines, fetch the results."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData

from myna.accounts.schemas import Caller
from myna.dubbing.schemas import Dub, DubFile
from myna.errors import InvalidRequest
from myna.http.idempotency import job_uuid
from myna.http.middleware import body_of
from myna.http.native import dub_mapping as mapping
from myna.http.native import dub_schemas as schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.parameters import CursorText, Limit, position
from myna.http.native.schemas import Listing, Page
from myna.kit import clock
from myna.media.inline import is_data_url
from myna.media.inline_film import part_film
from myna.settings import Settings
from myna.voices.choice import Choice

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
        async with _sent(request, services.settings) as sent:
            caller, options = caller_of(request), sent.options
            choice = services.voices.chosen(options.engine) if options.engine else None
            voices = await _voice_ids([options.voice, *options.voices.values()], caller, services, choice)
            dub = await services.dubbing.create(
                caller,
                mapping.dub_request(options, file_name=sent.file_name, url=sent.url, voices=voices),
                api="native",
                base_url=services.base_url(request),
                source=sent.pieces(),
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


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a client wants, and the film if it came along."""

    options: schemas.DubOptions
    film: IO[bytes] | None
    url: str | None = None
    file_name: str = ""

    def pieces(self) -> AsyncIterator[bytes] | None:
        return _pieces(self.film) if self.film else None


@asynccontextmanager
async def _sent(request: Request, settings: Settings) -> AsyncIterator[_Sent]:
    """What the client sent, in either way. A film in it is there as long as this lasts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    reading = _form if kind == "multipart/form-data" else _json
    try:
        async with reading(request, settings) as sent:
            yield sent
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None


@asynccontextmanager
async def _form(request: Request, _: Settings) -> AsyncIterator[_Sent]:
    async with request.form(max_fields=_MOST_FIELDS, max_files=1) as form:
        sent = schemas.DubForm.model_validate(_fields(form))
        if not sent.file.size:
            raise InvalidRequest("`file` is empty.", field="file")
        yield _Sent(sent, sent.file.file, file_name=sent.file.filename or "")


@asynccontextmanager
async def _json(request: Request, settings: Settings) -> AsyncIterator[_Sent]:
    """A film in it goes from the body to a file, a block at a time."""
    body = body_of(request.scope)
    with tempfile.TemporaryFile() as film:
        most = min(settings.max_inline_film_bytes, settings.max_dub_bytes)
        limits = {"max_bytes": most, "max_rest": settings.max_json_bytes}
        options = await asyncio.to_thread(part_film, body.file, film, **limits) if body else b""
        sent = schemas.DubBody.model_validate_json(options)
        if not is_data_url(sent.url):
            yield _Sent(sent, None, sent.url)
            return
        if not film.tell():
            raise InvalidRequest("This base64 is empty.", field="url")
        film.seek(0)
        yield _Sent(sent, film)


def _fields(form: FormData) -> dict[str, Any]:
    """A field that is there several times is a list."""
    values = {name: form.getlist(name) for name in form}
    return {name: found if len(found) > 1 else found[0] for name, found in values.items()}


async def _pieces(film: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(film.read, _PIECE):
        yield piece


async def _voice_ids(
    names: Iterable[str | None], caller: Caller, services: Services, choice: Choice | None = None
) -> dict[str, str]:
    """The id of each voice that is named, by name or by id. Raises `VoiceNotFound`, `VoiceOfOtherEngine`."""
    wanted, voices = sorted({name for name in names if name}), services.voices
    return {name: (await voices.resolve("native", name, caller.account.id, choice)).id for name in wanted}


def _with_links(dub: Dub, request: Request, services: Services) -> schemas.Dub:
    base_url = services.base_url(request)
    expires_at = clock.now() + clock.seconds(services.settings.link_seconds)

    def link(file: DubFile) -> tuple[str, datetime]:
        return services.links.download(base_url, file.object_key, file.file_name, expires_at), expires_at

    return mapping.dub(dub, link)
