"""OpenAI's custom voices and the consents that they need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request

from myna.errors import NotFound, ReferenceRefused, UnsupportedMedia
from myna.http.auth import authorize
from myna.http.idempotency import request_seed, work_begins
from myna.http.openai import mapping
from myna.http.openai.errors import RefusedParameter, refused
from myna.http.openai.forms import fields, read_form, recording
from myna.http.openai.schemas import (
    ConsentForm,
    CustomVoice,
    DeletedVoice,
    DeletedVoiceConsent,
    VoiceConsent,
    VoiceConsentList,
    VoiceConsentName,
    VoiceForm,
)
from myna.kit import ids
from myna.voices.cloning import new_voice_id
from myna.voices.schemas import NewVoice

if TYPE_CHECKING:
    from myna.http.services import Services
    from myna.voices.schemas import Consent

CONSENTS = "/v1/audio/voice_consents"
VOICES = "/v1/audio/voices"
DEFAULT_LIMIT, MOST_LIMIT = 20, 100


def add_routes(app: FastAPI, services: Services) -> None:
    _add_consents(app, services)
    _add_voices(app, services)


def _add_consents(app: FastAPI, services: Services) -> None:
    # https://platform.openai.com/docs/api-reference/audio/createVoiceConsent
    @app.post(CONSENTS)
    async def create_consent(request: Request) -> VoiceConsent:
        caller = await authorize(request, services)
        async with read_form(request) as form:
            new, sound = fields(form, ConsentForm), await recording(form, "recording")
        work_begins(request)
        with _refused_as("recording"):
            consent = await services.cloning.add_consent(
                caller, new.name, new.language, sound.data, sound.media_type, consent_id=_consent_id(request)
            )
        return mapping.consent(consent)

    # https://platform.openai.com/docs/api-reference/audio/listVoiceConsents
    @app.get(CONSENTS)
    async def list_consents(request: Request) -> VoiceConsentList:
        caller = await authorize(request, services)
        after, limit = request.query_params.get("after") or None, _limit(request.query_params.get("limit"))
        return mapping.consent_list(await services.cloning.list_consents(caller.account.id, after=after, limit=limit))

    # https://platform.openai.com/docs/api-reference/audio/getVoiceConsent
    @app.get(CONSENTS + "/{consent_id}")
    async def retrieve_consent(request: Request, consent_id: str) -> VoiceConsent:
        caller = await authorize(request, services)
        return mapping.consent(await services.cloning.get_consent(caller.account.id, consent_id))

    # https://platform.openai.com/docs/api-reference/audio/updateVoiceConsent
    @app.post(CONSENTS + "/{consent_id}")
    async def rename_consent(request: Request, consent_id: str) -> VoiceConsent:
        caller = await authorize(request, services)
        try:
            body = VoiceConsentName.model_validate_json(await request.body())
        except ValidationError as error:
            raise refused(error) from None
        work_begins(request)
        return mapping.consent(await services.cloning.rename_consent(caller.account.id, consent_id, body.name))

    # https://platform.openai.com/docs/api-reference/audio/deleteVoiceConsent
    @app.delete(CONSENTS + "/{consent_id}")
    async def delete_consent(request: Request, consent_id: str) -> DeletedVoiceConsent:
        caller = await authorize(request, services)
        await services.cloning.delete_consent(caller.account.id, consent_id)
        return DeletedVoiceConsent(id=consent_id)


def _add_voices(app: FastAPI, services: Services) -> None:
    # https://platform.openai.com/docs/api-reference/audio/createVoice
    @app.post(VOICES)
    async def create_voice(request: Request) -> CustomVoice:
        caller = await authorize(request, services)
        await _refuse_json(request)
        async with read_form(request) as form:
            _check_type(form.get("type"))
            new, sound = fields(form, VoiceForm), await recording(form, "audio_sample")
        consent = await _consent(services, caller.account.id, new.consent)
        work_begins(request)
        with _refused_as("audio_sample"):
            prepared = await services.cloning.prepare(
                caller, sound.data, language=consent.language, consent_id=consent.id
            )
            voice = await services.cloning.create(
                caller,
                prepared,
                NewVoice(name=new.name, consent_id=consent.id),
                api=mapping.API,
                voice_id=new_voice_id(request_seed(request)),
            )
        return mapping.custom_voice(voice)

    # https://platform.openai.com/docs/api-reference/audio/deleteVoice
    @app.delete(VOICES + "/{voice_id}")
    async def delete_voice(request: Request, voice_id: str) -> DeletedVoice:
        caller = await authorize(request, services)
        try:
            removed = await services.cloning.delete(caller.account.id, voice_id)
        except NotFound:
            raise NotFound(f"No custom voice with id '{voice_id[:100]}'.") from None
        return DeletedVoice(id=removed.voice_id)


@contextmanager
def _refused_as(field: str) -> Iterator[None]:
    """What is wrong with a recording is wrong with the parameter that brought it."""
    try:
        yield
    except (UnsupportedMedia, ReferenceRefused) as error:
        raise RefusedParameter(error.message, field=field, reason=error.code) from None


async def _refuse_json(request: Request) -> None:
    """Only a voice from a description can be asked for in JSON."""
    if "json" in request.headers.get("content-type", "").lower():
        with suppress(ValueError, RecursionError):
            body = json.loads(await request.body())
            _check_type(body.get("type") if isinstance(body, dict) else None)


def _check_type(given: object) -> None:
    if given in (None, "audio_sample"):
        return
    if given == "prompt":
        message = "Voices from a description are not offered here. Send a recording, with 'type' = 'audio_sample'."
    else:
        message = "Invalid 'type': it must be 'audio_sample'."
    raise RefusedParameter(message, field="type", reason="invalid_value")


def _consent_id(request: Request) -> str | None:
    seed = request_seed(request)
    return None if seed is None else f"cons_{ids.derived_cuid('consent', seed)[1:]}"


async def _consent(services: Services, account_id: str, consent_id: str) -> Consent:
    try:
        return await services.cloning.get_consent(account_id, consent_id)
    except NotFound:
        raise RefusedParameter(
            f"Invalid 'consent': there is no consent '{consent_id[:100]}'. Make one with POST {CONSENTS}.",
            field="consent",
            reason="consent_not_found",
        ) from None


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_LIMIT
    if not (given.isascii() and given.isdecimal() and 1 <= int(given[:4]) <= MOST_LIMIT and len(given) <= 3):
        raise RefusedParameter(
            f"Invalid 'limit': it must be a whole number from 1 to {MOST_LIMIT}.", field="limit", reason="invalid_value"
        )
    return int(given)
