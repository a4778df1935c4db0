"""The vendor's own models, and engines of this server by the names that they have here."""

from __future__ import annotations

from contextlib import suppress

from myna.errors import EngineNotFound, InvalidRequest, VoiceOfOtherEngine
from myna.http.munsit.errors import ModelNotFound
from myna.http.munsit.mapping import API, MODELS
from myna.voices.choice import Choice
from myna.voices.schemas import Voice
from myna.voices.service import VoiceService


def choice_of(model_id: str, voices: VoiceService) -> Choice | None:
    """The engine that a model names; None for the vendor's own models. Raises `ModelNotFound`."""
    if model_id in MODELS:
        return None
    with suppress(EngineNotFound):
        if choice := voices.choice(model_id):
            return choice
    raise ModelNotFound(f"Model not found: {model_id[:100]}")


async def find_voice(voices: VoiceService, voice_id: str, choice: Choice | None, account_id: str) -> Voice:
    """No voice is ever spoken by another engine than its own. Raises `InvalidRequest`, and as `VoiceService.get`."""
    try:
        return await voices.resolve(API, voice_id, account_id, choice)
    except VoiceOfOtherEngine as error:
        message = f"This voice is spoken by the model {error.details['engine']}, not by {choice and choice.name}"
        raise InvalidRequest(message, field="model_id") from None
