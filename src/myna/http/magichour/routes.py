"""Magic Hour's audio endpoints: https://docs.magichour.ai/api-reference."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import BaseModel, ValidationError

from myna.accounts.schemas import Caller
from myna.errors import AccountBanned, Conflict, InvalidRequest, VoiceNotFound
from myna.http import auth
from myna.http.errors import install_error_handlers
from myna.http.idempotency import job_cuid
from myna.http.magichour import cloning, mapping
from myna.http.magichour.errors import error_response, first_fault
from myna.http.magichour.projects import find_project
from myna.http.magichour.schemas import (
    AccountDetails,
    AudioProject,
    Created,
    ImageProject,
    UploadUrls,
    UploadUrlsBody,
    VoiceClonerBody,
    VoiceGeneratorBody,
)
from myna.http.services import Services
from myna.kit import clock
from myna.voices.schemas import Voice

OWNED_PATHS = (
    "/v1/ai-voice-generator",
    "/v1/ai-voice-cloner",
    "/v1/audio-projects",
    "/v1/image-projects",
    "/v1/files",
    "/v1/account",
)

Body = TypeVar("Body", bound=BaseModel)

router = APIRouter()


def create_api(services: Services) -> FastAPI:
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.services = services
    app.include_router(router)
    install_error_handlers(app, error_response)
    return app


def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


async def _caller(request: Request) -> Caller:
    """Reading is never throttled: the clients poll twice a second for each project."""
    caller = await auth.authenticate(request, _services(request))
    if caller.account.banned:
        raise AccountBanned
    return caller


async def _throttled_caller(request: Request) -> Caller:
    return await auth.authorize(request, _services(request))


def _read(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """Reads the body after the key was checked; FastAPI would do it before. Any Content-Type is fine."""

    async def read(request: Request) -> Body:
        content = await request.body()
        if not content.strip():
            raise InvalidRequest("Missing request body")
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            raise first_fault(error) from None

    return read


# The key is checked before the body is read, so the caller stands before the body in every signature.
Asking = Annotated[Caller, Depends(_caller)]
Ordering = Annotated[Caller, Depends(_throttled_caller)]
Parts = Annotated[Services, Depends(_services)]
VoiceGeneratorInput = Annotated[VoiceGeneratorBody, Depends(_read(VoiceGeneratorBody))]
VoiceClonerInput = Annotated[VoiceClonerBody, Depends(_read(VoiceClonerBody))]
UploadUrlsInput = Annotated[UploadUrlsBody, Depends(_read(UploadUrlsBody))]


@router.post("/v1/ai-voice-generator")
async def create_voice(request: Request, caller: Ordering, body: VoiceGeneratorInput, services: Parts) -> Created:
    """https://docs.magichour.ai/api-reference/audio/ai-voice-generator"""
    voice = await _find_voice(services, body.style.voice_name, caller)
    job_id = job_cuid(request)
    job = await services.speech.accept(
        caller,
        mapping.speech_request(body, voice.id),
        api=mapping.API,
        price=mapping.price(body.style.prompt, services.settings.magichour_characters_per_credit),
        base_url=services.base_url(request),
        job_id=job_id,
        name=mapping.project_name(body, clock.now()),
        details=mapping.speech_details(body, job_id),
    )
    await services.speech.start(job, interactive=False)
    return mapping.created(job)


@router.post("/v1/ai-voice-cloner")
async def clone_voice(request: Request, caller: Ordering, body: VoiceClonerInput, services: Parts) -> Created:
    """https://docs.magichour.ai/api-reference/audio/ai-voice-cloner"""
    cloning.check_policy(services)
    base_url = services.base_url(request)
    source = await cloning.find_source(services, body, caller, base_url)
    with cloning.unable_to_clone():
        voice = cloning.voice_to_come(services)
        speech_request = mapping.speech_request(body, voice.id)
        await services.speech.check(caller, speech_request, voice)
    job_id = job_cuid(request)
    job = await services.speech.accept(
        caller,
        speech_request,
        api=mapping.API,
        price=mapping.price(body.style.prompt, services.settings.magichour_characters_per_credit),
        base_url=base_url,
        job_id=job_id,
        name=mapping.project_name(body, clock.now()),
        details=mapping.clone_details(body, job_id, source),
        checked=True,
    )
    await services.speech.start(job, interactive=False)
    return mapping.created(job)


@router.get("/v1/audio-projects/{project_id}")
async def get_audio_project(request: Request, caller: Asking, project_id: str, services: Parts) -> AudioProject:
    """https://docs.magichour.ai/api-reference/audio-projects/get-audio-details"""
    job = await find_project(services, project_id, caller)
    return mapping.audio_project(job, await services.outputs.of_job(job.id), _addresses(request, services))


@router.get("/v1/image-projects/{project_id}")
async def get_image_project(request: Request, caller: Asking, project_id: str, services: Parts) -> ImageProject:
    """The Node client's `generate()` asks here for its audio projects."""
    return mapping.image_project(await get_audio_project(request, caller, project_id, services))


@router.delete("/v1/audio-projects/{project_id}", status_code=204)
async def delete_audio_project(caller: Asking, project_id: str, services: Parts) -> Response:
    """https://docs.magichour.ai/api-reference/audio-projects/delete-audio

    Work that has not ended is stopped first, and then costs nothing.
    """
    job = await find_project(services, project_id, caller)
    with suppress(Conflict):
        await services.speech.cancel(caller.account.id, job.id)
    made = await services.outputs.of_job(job.id)
    await services.outputs.delete(caller.account.id, [output.id for output in made])
    await services.jobs.delete(caller.account.id, job.id)
    return Response(status_code=204)


@router.post("/v1/files/upload-urls")
async def create_upload_urls(request: Request, caller: Ordering, body: UploadUrlsInput, services: Parts) -> UploadUrls:
    """https://docs.magichour.ai/api-reference/files/generate-asset-upload-urls"""
    paths = [mapping.new_file_path(item) for item in body.items]
    addresses = _addresses(request, services)
    return UploadUrls(items=[addresses.upload(caller.account.id, path) for path in paths])


@router.get("/v1/account")
async def get_account(caller: Asking, services: Parts) -> AccountDetails:
    """https://docs.magichour.ai/api-reference/account"""
    return mapping.account_details(caller.account.id, await services.credits.balance(caller.account.id))


async def _find_voice(services: Services, label: str, caller: Caller) -> Voice:
    try:
        return await services.voices.resolve(mapping.API, label, caller.account.id)
    except VoiceNotFound:
        field = "style.voice_name"
        raise InvalidRequest(f"{field}: '{label}' is not a voice of this server", field=field) from None


def _addresses(request: Request, services: Services) -> mapping.Addresses:
    expires_at = clock.now() + timedelta(seconds=services.settings.link_seconds)
    return mapping.Addresses(services.links, services.base_url(request), expires_at)
