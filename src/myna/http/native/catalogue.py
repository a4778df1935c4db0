"""What this server offers: voices, engines, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response

from myna.engines.base import Gender
from myna.http.fingerprint import LONGEST_KEY
from myna.http.idempotency import MAX_KEPT_BYTES
from myna.http.limits import OPENAI_LONGEST_INPUT
from myna.http.native import mapping, schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.samples import voice_sample
from myna.media.formats import MEDIA_TYPES

if TYPE_CHECKING:
    from myna.http.services import Services


def catalogue_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["catalogue"], route_class=keyed_route(services))

    @router.get("/myna/v1/voices")
    async def list_voices(
        request: Request,
        language: Annotated[
            str | None, Query(max_length=35, description="BCP 47 tag, such as `en` or `en-GB`.")
        ] = None,
        engine: Annotated[str | None, Query(max_length=64)] = None,
        gender: Gender | None = None,
    ) -> schemas.Listing[schemas.Voice]:
        """Every voice that the account may use."""
        caller = caller_of(request)
        found = await services.voices.list(caller.account.id, language=language, engine=engine, gender=gender)
        return schemas.Listing(data=[mapping.voice(voice) for voice in found])

    @router.get("/myna/v1/voices/{voice_id}")
    async def get_voice(request: Request, voice_id: str) -> schemas.Voice:
        caller = caller_of(request)
        return mapping.voice(await services.voices.get(voice_id, caller.account.id))

    @router.get("/myna/v1/voices/{voice_id}/sample", response_class=Response, responses={200: {"content": _MP3}})
    async def get_sample(request: Request, voice_id: str) -> Response:
        """The voice says a sentence in its language. Free of charge."""
        caller = caller_of(request)
        voice = await services.voices.get(voice_id, caller.account.id)
        sample = await voice_sample(voice, services)
        return Response(sample, media_type=MEDIA_TYPES["mp3"], headers={"Cache-Control": "private, max-age=86400"})

    @router.get("/myna/v1/engines")
    async def list_engines() -> schemas.Listing[schemas.Engine]:
        """What speaks here, and what could."""
        registry = services.registry
        able = [mapping.engine(registry.describe(name)) for name in registry.names]
        missing = [
            schemas.Engine(name=name, available=False, reason=reason) for name, reason in registry.unavailable.items()
        ]
        return schemas.Listing(data=able + missing)

    return router


def limits_router(services: Services) -> APIRouter:
    """Open to all: clients may look before they have a key."""
    router = APIRouter(tags=["catalogue"])

    @router.get("/myna/v1/limits")
    async def get_limits() -> schemas.Limits:
        """What this server accepts at most. Needs no key."""
        settings = services.settings
        return schemas.Limits(
            max_json_bytes=settings.max_json_bytes,
            max_upload_bytes=settings.max_upload_bytes,
            max_text_characters=settings.max_text_characters,
            max_openai_input_characters=OPENAI_LONGEST_INPUT,
            max_queued_jobs=settings.max_queued_jobs,
            max_concurrent_streams=settings.max_concurrent_streams,
            max_webhook_endpoints=settings.max_webhook_endpoints,
            max_idempotency_key_characters=LONGEST_KEY,
            max_replayed_answer_bytes=MAX_KEPT_BYTES,
            link_seconds=settings.link_seconds,
            idempotency_hours=settings.idempotency_hours,
            upload_days=settings.upload_days,
            rate_limits=_policies(services),
        )

    return router


_MP3 = {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}}


def _policies(services: Services) -> list[schemas.RatePolicy]:
    limiter = services.limiter
    if not limiter.enabled:
        return []
    return [
        schemas.RatePolicy(name=policy.name, quota=policy.quota, window_seconds=policy.window, per=per)
        for policy, per in ((limiter.requests, "key"), (limiter.wrong_keys, "address"))
    ]
