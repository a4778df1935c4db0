"""Consents: recordings in which speakers agree to the use of their voices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from myna.http.idempotency import request_seed
from myna.http.native import forms, mapping, schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.parameters import CursorText, Limit, position
from myna.http.uploads import read_upload
from myna.kit import ids

if TYPE_CHECKING:
    from myna.http.services import Services


def consents_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["voices"], route_class=keyed_route(services))

    @router.post("/myna/v1/voice-consents", status_code=201)
    async def add_consent(request: Request, response: Response, form: forms.Consent) -> schemas.VoiceConsent:
        """Keep a recording in which a speaker agrees; a voice names it as `consent_id`. Free of charge."""
        caller = caller_of(request)
        recording = await read_upload(form.file, services.settings.max_reference_bytes)
        seed = request_seed(request)
        consent = await services.cloning.add_consent(
            caller,
            form.name,
            form.language,
            recording,
            consent_id=f"cons_{ids.derived_cuid('consent', seed)[1:]}" if seed else None,
        )
        response.headers["Location"] = f"/myna/v1/voice-consents/{consent.id}"
        return mapping.voice_consent(consent)

    @router.get("/myna/v1/voice-consents")
    async def list_consents(
        request: Request, cursor: CursorText = None, limit: Limit = 50
    ) -> schemas.Page[schemas.VoiceConsent]:
        caller = caller_of(request)
        page = await services.cloning.list_consents(caller.account.id, after=position(cursor), limit=limit)
        return mapping.consent_page(page)

    @router.get("/myna/v1/voice-consents/{consent_id}")
    async def get_consent(request: Request, consent_id: str) -> schemas.VoiceConsent:
        caller = caller_of(request)
        return mapping.voice_consent(await services.cloning.get_consent(caller.account.id, consent_id))

    @router.delete("/myna/v1/voice-consents/{consent_id}", status_code=204)
    async def delete_consent(request: Request, consent_id: str) -> None:
        """Remove the recording. Voices that were made with it stay."""
        caller = caller_of(request)
        await services.cloning.delete_consent(caller.account.id, consent_id)

    return router
