"""Speech, models and diacritics: https://docs.munsit.com/api-reference."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from myna.accounts.schemas import Caller
from myna.errors import InvalidRequest
from myna.http.idempotency import request_seed
from myna.http.munsit import mapping
from myna.http.munsit.access import authorized, read_json
from myna.http.munsit.models import choice_of, find_voice
from myna.http.munsit.schemas import (
    BODY_MESSAGES,
    RATE,
    DiacritizeBody,
    Diacritized,
    DiacritizedAnswer,
    Model,
    SpeechBody,
)
from myna.http.munsit.speaking import open_stream, raw_response, wav_response
from myna.http.streaming import SpeechResponse, opened
from myna.speech.stream import SpeechStream
from myna.speech.timing import Alignment

if TYPE_CHECKING:
    from myna.http.services import Services

NDJSON = "application/x-ndjson"


def speech_router(services: Services) -> APIRouter:
    router = APIRouter()

    # https://docs.munsit.com/api-reference/list-models
    @router.get("/api/v1/models")
    async def list_models(request: Request) -> list[Model]:
        await authorized(request, services)
        engines = [services.registry.describe(name) for name in services.registry.names]
        settings = services.settings
        return mapping.models(
            engines, free=settings.prices == "off" or not settings.munsit_millicredits_per_wallet_credit
        )

    # https://docs.munsit.com/api-reference/text-to-speech
    @router.post("/api/v1/text-to-speech/{model_id}", response_class=Response)
    async def speak(request: Request, model_id: str) -> Response:
        caller = await authorized(request, services)
        body = await read_json(request, SpeechBody, BODY_MESSAGES)
        stream = await _spoken(request, caller, body, model_id)
        rate = body.sample_rate or RATE
        return raw_response(stream, aiter(stream), rate) if body.streaming else wav_response(stream, rate)

    # https://docs.munsit.com/api-reference/text-to-speech-with-timestamps
    @router.post("/api/v1/text-to-speech/{model_id}/with-timestamps", response_class=Response)
    async def speak_with_timestamps(request: Request, model_id: str) -> Response:
        caller = await authorized(request, services)
        body = await read_json(request, SpeechBody, BODY_MESSAGES)
        stream = await _spoken(request, caller, body, model_id)
        headers = {"content-type": NDJSON, "cache-control": "no-cache"}
        return SpeechResponse(stream, _lines(stream), headers)

    @router.post("/api/v1/tashkil/diacritize")
    async def diacritize(request: Request) -> DiacritizedAnswer:
        await authorized(request, services)
        body = await read_json(request, DiacritizeBody, BODY_MESSAGES)
        if body.text is None or not body.text.strip():
            raise InvalidRequest("text is required", field="text")
        return DiacritizedAnswer(data=Diacritized(diacritized_text=await services.speech.diacritise(body.text)))

    async def _spoken(request: Request, caller: Caller, body: SpeechBody, model_id: str) -> SpeechStream:
        choice = choice_of(model_id, services.voices)
        _, voice_id = mapping.check_body(body)
        voice = await find_voice(services.voices, voice_id, choice, caller.account.id)
        seed = mapping.seed_of(mapping.stability_of(body.stability, voice), request_seed(request))
        speech = mapping.speech_request(body, voice, services.registry.describe(voice.engine), seed)
        return await opened(request, open_stream(request, services, caller, speech, voice))

    return router


async def _lines(stream: SpeechStream) -> AsyncIterator[bytes]:
    """The sound in lines of JSON, and in the last line when each character was said."""
    parts: list[Alignment] = []
    async with aclosing(stream.timed()) as blocks:
        async for block in blocks:
            if block.audio:
                yield _line({"audio_base64": base64.b64encode(block.audio).decode()})
            parts.append(block.alignment)
    whole = Alignment.joined(parts)
    alignment = {
        "characters": whole.characters,
        "character_start_times_seconds": [round(start, 4) for start in whole.starts],
        "character_end_times_seconds": [round(end, 4) for end in whole.ends],
    }
    yield _line({"alignment": alignment})


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
