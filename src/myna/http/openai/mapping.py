"""OpenAI's words in ours, and back."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable

from myna.errors import EngineNotFound, VoiceOfOtherEngine
from myna.http.openai.errors import ModelNotFound, RefusedParameter
from myna.http.openai.schemas import (
    CustomVoice,
    ListedVoice,
    Model,
    ModelList,
    SpeechBody,
    Usage,
    VoiceConsent,
    VoiceConsentList,
    VoiceList,
    VoiceReference,
)
from myna.kit.pagination import Page
from myna.speech.schemas import SpeechRequest
from myna.voices.schemas import ClonedVoice, Consent, Voice

API = "openai"
VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
"""OpenAI's names. With these, and with names that nobody here knows, the voice decides which engine speaks."""
SAMPLE_RATE = 24_000
"""Hz of everything that OpenAI's speech endpoint sends."""
CREATED = 1_763_683_200
"""Unix time that all models carry: 21 November 2025, from when this API is served."""
OWNER = "myna"
_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_SECOND = 20


def voice_name(body: SpeechBody) -> str:
    return body.voice.id if isinstance(body.voice, VoiceReference) else body.voice


def check_combination(body: SpeechBody) -> None:
    """Raises what depends on two fields together."""
    if body.stream_format == "sse" and body.model.startswith("tts-1"):
        raise RefusedParameter(
            f"Server-sent events are not supported by '{body.model}'.", field="stream_format", reason="invalid_value"
        )


def model_not_here(name: str, error: EngineNotFound, names: Iterable[str]) -> ModelNotFound:
    """A model of which this server knows that it cannot speak here. `names` are those that can."""
    listed = ", ".join(f"'{known}'" for known in (*MODELS, *names))
    why = error.message.rstrip(".")
    return ModelNotFound(f"The model '{name[:64]}' cannot be used: {why}. The models of this server: {listed}.")


def other_engine(error: VoiceOfOtherEngine, body: SpeechBody) -> RefusedParameter:
    """A voice that the model cannot speak with."""
    return RefusedParameter(
        f"The voice '{voice_name(body)[:100]}' cannot be spoken by the model '{body.model}': {error.message} With the "
        f"model '{MODELS[0]}' the voice decides; GET /v1/audio/voices lists all voices.",
        field="voice",
        reason="invalid_value",
    )


def speech_request(body: SpeechBody, voice: Voice) -> SpeechRequest:
    return SpeechRequest(
        text=body.input,
        voice_id=voice.id,
        speed=1.0 if body.speed is None else body.speed,
        format=body.response_format or "mp3",
        sample_rate=SAMPLE_RATE,
    )


def model(name: str) -> Model:
    return Model(id=name, created=CREATED, owned_by=OWNER)


def model_list(engines: Iterable[str]) -> ModelList:
    return ModelList(data=[model(name) for name in (*MODELS, *engines)])


def voice_list(voices: Iterable[Voice]) -> VoiceList:
    """OpenAI's own names first, then every voice of this server."""
    own = [
        ListedVoice(id=voice.id, name=voice.name, languages=list(voice.languages), gender=voice.gender)
        for voice in voices
    ]
    return VoiceList(voices=[ListedVoice(id=name, name=name) for name in VOICES] + own)


def consent(found: Consent) -> VoiceConsent:
    return VoiceConsent(
        id=found.id, name=found.name, language=found.language, created_at=int(found.created_at.timestamp())
    )


def consent_list(page: Page[Consent]) -> VoiceConsentList:
    listed = [consent(found) for found in page.items]
    return VoiceConsentList(
        data=listed,
        first_id=listed[0].id if listed else None,
        last_id=listed[-1].id if listed else None,
        has_more=page.has_more,
    )


def custom_voice(voice: ClonedVoice) -> CustomVoice:
    return CustomVoice(id=voice.id, name=voice.name, created_at=int(voice.created_at.timestamp()))


def usage(text: str, seconds: float) -> Usage:
    """Estimated tokens: four characters of text, or a twentieth of a second of sound, make one."""
    spent = math.ceil(len(text) / _CHARACTERS_PER_TOKEN)
    made = math.ceil(seconds * _TOKENS_PER_SECOND)
    return Usage(input_tokens=spent, output_tokens=made, total_tokens=spent + made)


def delta_event(audio: bytes) -> bytes:
    encoded = base64.b64encode(audio).decode()
    return f'data: {{"type":"speech.audio.delta","audio":"{encoded}"}}\n\n'.encode()


def done_event(spent: Usage) -> bytes:
    return _event({"type": "speech.audio.done", "usage": spent.model_dump()})


def error_event(body: bytes) -> bytes:
    """A failure in the middle of a stream; `body` is the error body that a request would have got."""
    return _event({"type": "error", **json.loads(body)})


def _event(value: object) -> bytes:
    return f"data: {json.dumps(value, separators=(',', ':'))}\n\n".encode()
