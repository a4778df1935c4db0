"""OpenAI's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from myna.accounts.schemas import Caller
from myna.errors import EngineNotFound, VoiceOfOtherEngine
from myna.http.auth import authorize
from myna.http.errors import install_error_handlers
from myna.http.idempotency import work_begins
from myna.http.openai import mapping, voices
from myna.http.openai.errors import ModelNotFound, error_response, refused
from myna.http.openai.schemas import Model, ModelList, SpeechBody, VoiceList
from myna.http.openai.streaming import audio_response, event_response
from myna.http.streaming import opened
from myna.kit.hops import HEADER, came_by
from myna.voices.schemas import Voice

if TYPE_CHECKING:
    from myna.http.services import Services

OWNED_PATHS = ("/v1/audio", "/v1/models", "/v1/content_provenance_checks")
RECORDINGS = {voices.CONSENTS: 1, voices.VOICES: 1}


def create_api(services: Services) -> FastAPI:
    """OpenAI's Audio API on our services."""
    app = FastAPI(title="OpenAI", openapi_url=None, redirect_slashes=False)
    install_error_handlers(app, error_response)
    app.add_middleware(_NoTrailingSlash)

    # https://platform.openai.com/docs/api-reference/audio/createSpeech
    @app.post("/v1/audio/speech", response_class=Response)
    async def create_speech(request: Request) -> Response:
        caller = await authorize(request, services)
        came_by(request.headers.get(HEADER, ""))
        body = await _read_speech(request)
        voice = await _find_voice(body, caller, services)
        work_begins(request)
        opening = services.speech.stream(
            caller,
            mapping.speech_request(body, voice),
            api="openai",
            price_per_character=services.settings.openai_millicredits_per_character,
            base_url=services.base_url(request),
        )
        stream = await opened(request, opening)
        answer = event_response(stream, body.input) if body.stream_format == "sse" else audio_response(stream)
        answer.headers["x-myna-engine"] = voice.engine
        return answer

    # https://platform.openai.com/docs/api-reference/models/list
    @app.get("/v1/models")
    async def list_models(request: Request) -> ModelList:
        await authorize(request, services)
        return mapping.model_list(_models(services))

    # https://platform.openai.com/docs/api-reference/models/retrieve
    @app.get("/v1/models/{model:path}")
    async def retrieve_model(request: Request, model: str) -> Model:
        await authorize(request, services)
        if model not in (*mapping.MODELS, *_models(services)):
            raise ModelNotFound(f"The model '{model}' does not exist.")
        return mapping.model(model)

    # Not OpenAI's: what other self-hosted servers answer here
    @app.get("/v1/audio/voices", response_model_exclude_none=True)
    async def list_voices(request: Request) -> VoiceList:
        caller = await authorize(request, services)
        return mapping.voice_list(await services.voices.list(caller.account.id))

    voices.add_routes(app, services)
    return app


def _models(services: Services) -> list[str]:
    """What may be named besides OpenAI's models: the engines that speak here, and the models of those with several."""
    return list(dict.fromkeys((*services.registry.names, *services.voices.models)))


async def _find_voice(body: SpeechBody, caller: Caller, services: Services) -> Voice:
    """Of the engine that the model names, if it names one. Raises `ModelNotFound`, `RefusedParameter`."""
    try:
        choice = None if body.model in mapping.MODELS else services.voices.choice(body.model)
    except EngineNotFound as error:
        raise mapping.model_not_here(body.model, error, _models(services)) from None
    try:
        return await services.voices.resolve(mapping.API, mapping.voice_name(body), caller.account.id, choice)
    except VoiceOfOtherEngine as error:
        raise mapping.other_engine(error, body) from None


async def _read_speech(request: Request) -> SpeechBody:
    try:
        body = SpeechBody.model_validate_json(await request.body())
    except ValidationError as error:
        raise refused(error) from None
    mapping.check_combination(body)
    return body


class _NoTrailingSlash:
    """`/v1/models/` is `/v1/models`: a redirect would lose the body of a POST in some clients."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope["path"] = scope["path"].rstrip("/") or "/"
        await self._app(scope, receive, send)
