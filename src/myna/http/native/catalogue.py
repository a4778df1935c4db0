"""What this server offers: engines and limits. Voices are in voices.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from myna.engines.kinds import KINDS
from myna.http.fingerprint import LONGEST_KEY
from myna.http.idempotency import MAX_KEPT_BYTES
from myna.http.limits import OPENAI_LONGEST_INPUT
from myna.http.native import mapping, schemas
from myna.http.native.forms import LONGEST_PREVIEW
from myna.http.native.keyed import keyed_route

if TYPE_CHECKING:
    from myna.http.services import Services


def catalogue_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["catalogue"], route_class=keyed_route(services))

    @router.get("/myna/v1/engines")
    async def list_engines() -> schemas.Listing[schemas.Engine]:
        """What speaks, hears, translates, separates and denoises here, the preferred first; and what could."""
        registry, models = services.registry, services.voices.models
        able = [mapping.engine(registry.describe(name), models) for name in registry.names]
        able += [mapping.recogniser(registry.describe_recogniser(name)) for name in registry.recognisers]
        able += [mapping.translator(registry.describe_translator(name)) for name in registry.translators]
        able += [mapping.separator(registry.describe_separator(name)) for name in registry.separators]
        able += [mapping.denoiser(registry.describe_denoiser(name)) for name in registry.denoisers]
        missing = [
            schemas.Engine(name=name, kind=kind, available=False, reason=reason)
            for kind in KINDS
            for name, reason in registry.unavailable_of(kind).items()
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
            max_reference_bytes=settings.max_reference_bytes,
            min_reference_seconds=settings.min_reference_seconds,
            max_reference_seconds=settings.max_reference_seconds,
            max_voices=settings.max_voices,
            max_concurrent_clones=settings.max_concurrent_clones,
            max_dub_bytes=settings.max_dub_bytes,
            max_inline_film_bytes=min(settings.max_inline_film_bytes, settings.max_dub_bytes),
            max_dub_seconds=settings.max_dub_seconds,
            dub_fetch_seconds=settings.dub_fetch_seconds,
            max_video_width=settings.max_video_width,
            max_video_height=settings.max_video_height,
            max_frames_per_second=settings.max_frames_per_second,
            max_sound_tracks=settings.max_sound_tracks,
            max_preview_characters=LONGEST_PREVIEW,
            consent=settings.consent,
            verified_previews=settings.verified_previews == "on",
            max_idempotency_key_characters=LONGEST_KEY,
            max_replayed_answer_bytes=MAX_KEPT_BYTES,
            link_seconds=settings.link_seconds,
            idempotency_hours=settings.idempotency_hours,
            upload_days=settings.upload_days,
            rate_limits=_policies(services),
        )

    return router


def _policies(services: Services) -> list[schemas.RatePolicy]:
    limiter = services.limiter
    if not limiter.enabled:
        return []
    return [
        schemas.RatePolicy(name=policy.name, quota=policy.quota, window_seconds=policy.window, per=per)
        for policy, per in ((limiter.requests, "key"), (limiter.wrong_keys, "address"))
    ]
