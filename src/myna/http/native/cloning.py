"""Cloning: look at a recording, hear a preview, keep the voice, take it elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response, UploadFile

from myna.accounts.schemas import Caller
from myna.errors import InvalidRequest, NotFound
from myna.http.idempotency import keep_under, request_seed, work_begins
from myna.http.native import forms, mapping, schemas
from myna.http.native.files import content_disposition
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.own_voices import as_own
from myna.http.streaming import SpeechResponse, opened
from myna.http.uploads import read_upload
from myna.voices.cloning import new_voice_id
from myna.voices.fields import checked_new
from myna.voices.files import PREVIEW, REFERENCE, Sound, previews_folder
from myna.voices.portable import ENDING, LARGEST_BESIDES, LONGEST_PREVIEW_SECONDS, pack, unpack

if TYPE_CHECKING:
    from myna.http.services import Services
    from myna.speech.stream import SpeechStream
    from myna.voices.schemas import PreparedVoice

_WAV_HEADER = 44
"""Bytes before the samples in a WAV file of ours."""


def cloning_router(services: Services) -> APIRouter:
    """What comes before a voice is kept."""
    router = APIRouter(tags=["voices"], route_class=keyed_route(services))

    @router.post("/myna/v1/voices/report")
    async def report_on_recording(request: Request, form: forms.Recording) -> schemas.IntakeReport:
        """What is in a recording, and whether a voice can be made of it. Nothing is kept. Free of charge."""
        recording = await read_upload(form.file, services.settings.max_reference_bytes)
        report = await services.cloning.examine(
            recording, transcript=form.transcript, language=form.language, caller=caller_of(request)
        )
        return schemas.IntakeReport.model_validate(report.as_json())

    @router.post("/myna/v1/voices/preview", response_class=Response, responses={200: {"content": _SOUND}})
    async def preview_voice(request: Request, form: forms.Preview) -> Response:
        """Speak in the voice of a recording, before it is kept. Costs what speech costs."""
        caller = caller_of(request)
        prepared = await _prepared(form, caller, services)
        work_begins(request)
        keep_under(request, previews_folder(caller.account.id, prepared.reference_hash))
        opening = services.speech.stream(
            caller,
            mapping.preview_request(form, prepared.voice),
            api="native",
            price_per_character=services.settings.openai_millicredits_per_character,
            base_url=services.base_url(request),
            voice=prepared.voice,
        )
        stream = await opened(request, opening)
        pieces = _remembered(stream, form, prepared, caller.account.id, services)
        return SpeechResponse(stream, pieces, {"content-type": stream.media_type, "cache-control": "no-store"})

    @router.post("/myna/v1/voices", status_code=201)
    async def create_voice(request: Request, response: Response, form: forms.NewVoice) -> schemas.OwnVoice:
        """Keep the voice of a recording. Free of charge."""
        caller = caller_of(request)
        _check_consent(form.consent)
        new = checked_new(mapping.new_voice(form))
        preview = await _heard(form.preview, caller, services) if form.preview else None
        prepared = await _prepared(form, caller, services)
        voice_id = new_voice_id(request_seed(request))
        made = await services.cloning.create(
            caller, prepared, new, api="native", voice_id=voice_id, preview=preview, language=form.language
        )
        response.headers["Location"] = f"/myna/v1/voices/{made.id}"
        return await as_own(made, request, services)

    return router


def portable_router(services: Services) -> APIRouter:
    """Voices as files."""
    router = APIRouter(tags=["voices"], route_class=keyed_route(services))

    @router.get("/myna/v1/voices/{voice_id}/export", response_class=Response, responses={200: {"content": _ZIP}})
    async def export_voice(request: Request, voice_id: str) -> Response:
        """A cloned voice as a file: its recording, its preview and what was said about it."""
        caller = caller_of(request)
        clone = await services.cloning.get(caller.account.id, voice_id)
        reference = await services.cloning.read_file(clone, REFERENCE)
        try:
            preview = await services.cloning.read_file(clone, PREVIEW)
        except NotFound:
            preview = None
        packed = await asyncio.to_thread(pack, clone, reference, preview)
        disposition = content_disposition(f"{clone.name}{ENDING}", inline=False)
        return Response(packed, media_type="application/zip", headers={"Content-Disposition": disposition})

    @router.post("/myna/v1/voices/import", status_code=201)
    async def import_voice(request: Request, response: Response, form: forms.Import) -> schemas.OwnVoice:
        """Keep a voice that was exported, here or on another server. It is made again from its recording."""
        caller = caller_of(request)
        _check_consent(form.consent)
        most = services.settings.max_reference_bytes
        file = await read_upload(form.file, 2 * most + LARGEST_BESIDES)
        portable = await asyncio.to_thread(unpack, file, max_sound_bytes=most)
        new = checked_new(mapping.imported_voice(form, portable))
        preview = await _decoded(portable.preview, caller, services) if portable.preview else None
        prepared = await services.cloning.prepare(
            caller,
            portable.reference,
            engine=form.engine,
            transcript=portable.transcript,
            language=portable.language,
            similarity=new.similarity,
            stability=new.stability,
            consent_id=new.consent_id,
        )
        voice_id = new_voice_id(request_seed(request))
        made = await services.cloning.create(caller, prepared, new, api="native", voice_id=voice_id, preview=preview)
        response.headers["Location"] = f"/myna/v1/voices/{made.id}"
        return await as_own(made, request, services)

    return router


_SOUND = {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}
_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}


async def _prepared(form: forms.PreviewForm | forms.NewVoiceForm, caller: Caller, services: Services) -> PreparedVoice:
    return await services.cloning.prepare(
        caller,
        await read_upload(form.file, services.settings.max_reference_bytes),
        engine=form.engine,
        transcript=form.transcript,
        language=form.language,
        similarity=form.similarity,
        stability=form.stability,
        consent_id=form.consent_id,
    )


def _check_consent(given: bool) -> None:
    if not given:
        raise InvalidRequest(
            "Send `consent=true` if you have the right to use this recording; without it no voice is made.",
            field="consent",
        )


async def _heard(file: UploadFile, caller: Caller, services: Services) -> Sound:
    sent = await read_upload(file, services.settings.max_reference_bytes, "preview")
    return await _decoded(sent, caller, services)


async def _decoded(sound: bytes, caller: Caller, services: Services) -> Sound:
    decoded = await services.cloning.read_preview(caller, sound, max_seconds=LONGEST_PREVIEW_SECONDS)
    return decoded.samples, decoded.sample_rate


async def _remembered(
    stream: SpeechStream, form: forms.PreviewForm, prepared: PreparedVoice, account_id: str, services: Services
) -> AsyncIterator[bytes]:
    """The stream. What was heard whole is known before the answer ends."""
    heard = bytearray()
    exact = form.format in ("wav", "pcm")
    async for piece in stream:
        yield piece
        if exact:
            heard += piece
    if exact:
        header = _WAV_HEADER if form.format == "wav" else 0
        await services.cloning.remember_preview(account_id, bytes(heard[header:]), prepared, form.similarity)
