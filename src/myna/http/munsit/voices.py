"""Voices: heard before they are kept, kept, listed, changed, deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from myna.accounts.schemas import Caller
from myna.engines.base import Samples
from myna.errors import (
    Forbidden,
    InsufficientCredits,
    InvalidRequest,
    MynaError,
    NotFound,
    UnsupportedMedia,
    VoiceNotFound,
)
from myna.http.context import context_of
from myna.http.idempotency import job_uuid, keep_under, request_seed
from myna.http.munsit import mapping
from myna.http.munsit.access import addresses, authorized, read_json
from myna.http.munsit.errors import PreviewFailed
from myna.http.munsit.forms import Recording, parse_number, read_form, read_recording
from myna.http.munsit.models import choice_of
from myna.http.munsit.schemas import CHANGE_MESSAGES, STABILITY, ChangeBody, Voice
from myna.http.munsit.speaking import check_balance, open_stream, raw_response, remembered
from myna.http.samples import voice_sample
from myna.http.streaming import opened
from myna.media.decode import pcm16
from myna.media.formats import MEDIA_TYPES
from myna.voices.cloning import new_voice_id
from myna.voices.fields import checked_new
from myna.voices.files import previews_folder
from myna.voices.schemas import PreparedVoice

if TYPE_CHECKING:
    from myna.http.services import Services

log = structlog.get_logger("myna.http")

LONGEST_PREVIEW_SECONDS = 300.0
"""Of the sound that is sent back as the preview: 500 characters and all pauses last less, however slowly spoken."""
MOST_VOICES = 1_000
"""Voices in one page of the list."""


def voices_router(services: Services) -> APIRouter:
    router = APIRouter()
    cloning = _Cloning(services)
    catalogue = _Catalogue(services)

    # https://docs.munsit.com/api-reference/voice-preview
    @router.post("/api/v1/voices/preview", response_class=Response)
    async def preview_voice(request: Request) -> Response:
        return await cloning.preview(request, await authorized(request, services))

    # https://docs.munsit.com/api-reference/voice-clone
    @router.post("/api/v1/voices/clone")
    async def clone_voice(request: Request) -> Voice:
        return await cloning.clone(request, await authorized(request, services))

    # https://docs.munsit.com/api-reference/list-voices
    @router.get("/api/v1/voices")
    async def list_voices(request: Request) -> JSONResponse:
        return await catalogue.listed(request, await authorized(request, services))

    # The rest is not documented by the vendor.
    @router.get("/api/v1/voices/{voice_id}")
    async def get_voice(request: Request, voice_id: str) -> Voice:
        caller = await authorized(request, services)
        return await catalogue.get(request, caller, voice_id)

    @router.patch("/api/v1/voices/{voice_id}")
    async def change_voice(request: Request, voice_id: str) -> Voice:
        caller = await authorized(request, services)
        change = mapping.voice_change(await read_json(request, ChangeBody, CHANGE_MESSAGES))
        async with catalogue.own(caller, voice_id):
            changed = await services.cloning.update(caller.account.id, voice_id, change)
        return mapping.cloned_voice(changed, addresses(request, services))

    @router.delete("/api/v1/voices/{voice_id}", status_code=204)
    async def delete_voice(request: Request, voice_id: str) -> Response:
        caller = await authorized(request, services)
        async with catalogue.own(caller, voice_id):
            await services.cloning.delete(caller.account.id, voice_id)
        return Response(status_code=204)

    @router.get("/api/v1/voices/{voice_id}/sample", response_class=Response)
    async def get_sample(request: Request, voice_id: str) -> Response:
        return await catalogue.sample(await authorized(request, services), voice_id)

    return router


class _Cloning:
    """From a recording to a voice, in two requests that know nothing of each other."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def preview(self, request: Request, caller: Caller) -> Response:
        async with read_form(request) as form:
            wanted = mapping.read_preview(form)
            engine = self._engine(wanted.model_id)
            recording = await read_recording(form, "file", self._services.settings.max_reference_bytes)
        try:
            await check_balance(self._services, caller, len(wanted.text))
            prepared = await self._prepared(caller, recording, engine, wanted.consent_id, similarity=wanted.similarity)
            keep_under(request, previews_folder(caller.account.id, prepared.reference_hash))
            speech = mapping.preview_request(wanted, mapping.seed_of(STABILITY, request_seed(request)))
            opening = open_stream(request, self._services, caller, speech, prepared.voice)
            stream = await opened(request, opening)
        except InsufficientCredits as error:
            raise InsufficientCredits from error  # the vendor names no amounts here
        except Exception as error:
            raise _preview_failure(error) from error

        async def keep(samples: bytes) -> None:
            try:
                await self._services.cloning.remember_preview(caller.account.id, samples, prepared, wanted.similarity)
            except Exception:
                log.exception("munsit.preview_not_remembered")

        return raw_response(stream, remembered(stream, keep), wanted.sample_rate)

    async def clone(self, request: Request, caller: Caller) -> Voice:
        limit = self._services.settings.max_reference_bytes
        async with read_form(request) as form:
            for name in ("voice_file", "reference_audio_file"):
                form.check_present(name)
                form.file(name)
            new, model_id = mapping.read_new_voice(form)
            new = checked_new(new)
            engine = self._engine(model_id)
            preview = await read_recording(form, "voice_file", limit)
            reference = await read_recording(form, "reference_audio_file", limit)
        heard = await self._heard(caller, preview)
        prepared = await self._prepared(caller, reference, engine, new.consent_id, stability=new.stability)
        voice_id = new_voice_id(job_uuid(request))
        made = await self._services.cloning.create(
            caller, prepared, new, api=mapping.API, voice_id=voice_id, preview=heard
        )
        return mapping.cloned_voice(made, addresses(request, self._services))

    def _engine(self, model_id: str) -> str | None:
        choice = choice_of(model_id, self._services.voices)
        return choice.engine if choice else None

    async def _prepared(
        self,
        caller: Caller,
        recording: Recording,
        engine: str | None,
        consent_id: str | None,
        *,
        similarity: float | None = None,
        stability: float | None = None,
    ) -> PreparedVoice:
        try:
            return await self._services.cloning.prepare(
                caller,
                recording.data,
                engine=engine,
                similarity=similarity,
                stability=stability,
                consent_id=consent_id,
            )
        except UnsupportedMedia as error:
            raise recording.refusal(error) from None

    async def _heard(self, caller: Caller, preview: Recording) -> tuple[Samples, int]:
        """The preview as it was sent back: with a header, or as the raw samples that it came as."""
        try:
            if preview.raw_rate is not None:
                decoded = pcm16(preview.data, preview.raw_rate)
            else:
                decoded = await self._services.cloning.read_preview(
                    caller, preview.data, max_seconds=LONGEST_PREVIEW_SECONDS
                )
        except UnsupportedMedia as error:
            raise preview.refusal(error) from None
        if len(decoded.samples) > LONGEST_PREVIEW_SECONDS * decoded.sample_rate:
            raise InvalidRequest(f"{preview.name} may last {LONGEST_PREVIEW_SECONDS:g} seconds", field=preview.name)
        return decoded.samples, decoded.sample_rate


def _preview_failure(error: Exception) -> MynaError:
    """What the client can do something about stays what it is."""
    if isinstance(error, MynaError) and error.status != 500:
        return error
    log.error("munsit.preview_failed", exc_info=error)
    return PreviewFailed()


class _Catalogue:
    """The voices that an account may use: its own, then those of this server."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def listed(self, request: Request, caller: Caller) -> JSONResponse:
        own = await self._services.cloning.list(caller.account.id)
        where = addresses(request, self._services)
        placed = [(mapping.place_of_clone(voice), mapping.cloned_voice(voice, where)) for voice in own]
        stock = await self._stock(caller, where)
        placed += [(mapping.place_of_stock(number), voice) for number, voice in enumerate(stock)]
        page, link = _page(request, placed)
        return JSONResponse([voice.model_dump() for voice in page], headers={"Link": link} if link else None)

    async def get(self, request: Request, caller: Caller, voice_id: str) -> Voice:
        """Raises `VoiceNotFound`."""
        where = addresses(request, self._services)
        try:
            return mapping.cloned_voice(await self._services.cloning.get(caller.account.id, voice_id), where)
        except VoiceNotFound:
            found = await self._services.voices.resolve(mapping.API, voice_id, caller.account.id)
        if found.kind == "cloned":
            raise VoiceNotFound
        alias = next((alias for alias in self._services.voices.aliases(mapping.API) if alias.key == voice_id), None)
        return mapping.stock_voice(found, where, alias)

    @asynccontextmanager
    async def own(self, caller: Caller, voice_id: str) -> AsyncIterator[None]:
        """What is done inside is for voices of one's own. Those of the server are refused with `Forbidden`."""
        try:
            yield
        except VoiceNotFound:
            found = await self._services.voices.resolve(mapping.API, voice_id, caller.account.id)
            if found.kind == "stock":
                raise Forbidden("This voice belongs to the server and cannot be changed or deleted") from None
            raise

    async def sample(self, caller: Caller, voice_id: str) -> Response:
        """The preview of a voice of one's own, else a sentence in its language."""
        try:
            own = await self._services.cloning.get(caller.account.id, voice_id)
            content = await self._services.cloning.read_file(own, "preview.wav")
            return _sound(content, MEDIA_TYPES["wav"])
        except NotFound:
            voice = await self._services.voices.resolve(mapping.API, voice_id, caller.account.id)
        return _sound(await voice_sample(voice, self._services), MEDIA_TYPES["mp3"])

    async def _stock(self, caller: Caller, where: mapping.Addresses) -> list[Voice]:
        """Steady: the vendor's own ids, which speak Arabic, then one voice for each language."""
        voices, account_id = self._services.voices, caller.account.id
        named = [
            mapping.stock_voice(await voices.get(alias.voice_id, account_id), where, alias)
            for alias in voices.aliases(mapping.API)
        ]
        return named + [mapping.stock_voice(voice, where) for voice in voices.defaults()]


def _sound(content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


def _page(request: Request, placed: Sequence[tuple[mapping.Place, Voice]]) -> tuple[list[Voice], str | None]:
    """What the query asks for of a list, and the link to what follows."""
    query = request.query_params
    if "cursor" in query:
        after = mapping.decode_place(query["cursor"])
        placed = [(place, voice) for place, voice in placed if place > after]
    limit = parse_number(query.get("limit", str(MOST_VOICES)))
    if not (1 <= limit <= MOST_VOICES and limit.is_integer()):
        raise InvalidRequest(f"limit must be an integer between 1 and {MOST_VOICES}", field="limit")
    page, rest = placed[: int(limit)], placed[int(limit) :]
    voices = [voice for _, voice in page]
    if not rest:
        return voices, None
    following = urlencode({"limit": int(limit), "cursor": mapping.encode_place(page[-1][0])})
    return voices, f'<{context_of(request.scope).prefix}{request.url.path}?{following}>; rel="next"'
