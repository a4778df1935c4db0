"""Voices: those that the engines bring along, and those of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response

from myna.engines.base import Gender
from myna.http.native import mapping, schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.own_voices import as_own, own_by_id
from myna.http.samples import voice_sample
from myna.media.formats import MEDIA_TYPES

if TYPE_CHECKING:
    from myna.http.services import Services
    from myna.voices.schemas import Voice

AnyVoice = schemas.OwnVoice | schemas.Voice


def voices_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["voices"], route_class=keyed_route(services))

    @router.get("/myna/v1/voices")
    async def list_voices(
        request: Request,
        language: Annotated[
            str | None, Query(max_length=35, description="BCP 47 tag, such as `en` or `en-GB`.")
        ] = None,
        engine: Annotated[str | None, Query(max_length=64)] = None,
        gender: Gender | None = None,
    ) -> schemas.Listing[AnyVoice]:
        """Every voice that the account may use."""
        caller = caller_of(request)
        found = await services.voices.list(caller.account.id, language=language, engine=engine, gender=gender)
        return schemas.Listing(data=await _shown(found, request, services))

    @router.get("/myna/v1/voices/{voice_id}")
    async def get_voice(request: Request, voice_id: str) -> AnyVoice:
        """One voice. A cloned one is found by `record_id` too."""
        caller = caller_of(request)
        if ":" in voice_id:  # as in the ids of stock voices, and of no other
            return mapping.voice(await services.voices.get(voice_id, caller.account.id))
        return await as_own(await services.cloning.get(caller.account.id, voice_id), request, services)

    @router.patch("/myna/v1/voices/{voice_id}")
    async def change_voice(request: Request, voice_id: str, body: schemas.VoiceChange) -> schemas.OwnVoice:
        """Say something else about a cloned voice, or speak with it differently. Its recording stays."""
        caller = caller_of(request)
        changed = await services.cloning.update(caller.account.id, voice_id, mapping.voice_change(body))
        return await as_own(changed, request, services)

    @router.delete("/myna/v1/voices/{voice_id}")
    async def delete_voice(request: Request, voice_id: str) -> schemas.DeletedVoice:
        """Remove a cloned voice and all that was kept of it. Speech that was made with it stays."""
        caller = caller_of(request)
        return mapping.deleted_voice(await services.cloning.delete(caller.account.id, voice_id))

    @router.get("/myna/v1/voices/{voice_id}/sample", response_class=Response, responses={200: {"content": _MP3}})
    async def get_sample(request: Request, voice_id: str) -> Response:
        """The voice says a sentence in its language. Free of charge."""
        caller = caller_of(request)
        voice = await services.voices.get(voice_id, caller.account.id)
        sample = await voice_sample(voice, services)
        age = "max-age=86400" if voice.kind == "stock" else "no-cache"
        return Response(sample, media_type=MEDIA_TYPES["mp3"], headers={"Cache-Control": f"private, {age}"})

    return router


_MP3 = {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}}


def _has_own(voices: list[Voice]) -> bool:
    return any(voice.kind == "cloned" for voice in voices)


async def _shown(voices: list[Voice], request: Request, services: Services) -> list[AnyVoice]:
    """In the order given. Of the account's own voices, all that is known."""
    own = await own_by_id(caller_of(request).account.id, request, services) if _has_own(voices) else {}
    stock_or_own = (own.get(voice.id) if voice.kind == "cloned" else mapping.voice(voice) for voice in voices)
    return [voice for voice in stock_or_own if voice is not None]
