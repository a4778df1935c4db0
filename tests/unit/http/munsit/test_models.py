from __future__ import annotations

import pytest

from myna.engines.registry import EngineRegistry
from myna.errors import InvalidRequest
from myna.http.munsit.models import choice_of, find_voice
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.service import VoiceService


@pytest.fixture(scope="module")
def voices():
    return VoiceService(VoiceCatalogue(EngineRegistry.load(["fake", "espeak"])))


async def spoken_by(voices, voice_id, model_id):
    return (await find_voice(voices, voice_id, choice_of(model_id, voices), "account")).engine


async def test_a_model_may_name_the_engine_of_the_voice_only(voices):
    assert await spoken_by(voices, "fake:en-US.1", "fake") == "fake"
    assert await spoken_by(voices, "espeak:de.f1", "faseeh-mini-v1-preview") == "espeak"
    with pytest.raises(InvalidRequest, match="spoken by the model fake, not by espeak"):
        await spoken_by(voices, "fake:en-US.1", "espeak")


async def test_the_vendors_ids_are_spoken_by_the_engine_that_a_model_names(voices):
    for model, engine in [("faseeh-v1-preview", "fake"), ("fake", "fake"), ("espeak", "espeak")]:
        assert await spoken_by(voices, "ar-hijazi-female-1", model) == engine


@pytest.mark.parametrize("model", ["nobody", "kokoro", "sphinx", "whisper-tiny", "piper-en-us-joe", ""])
def test_what_cannot_speak_here_is_no_model(voices, model):
    with pytest.raises(InvalidRequest, match=f"Model not found: {model}"):
        choice_of(model, voices)
