"""Consents and custom voices with OpenAI's official Python client, unmodified."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import openai
import pytest

from tests.e2e.test_openai_sdk import Sdk
from tests.fixtures.recordings import median_pitch

pytestmark = pytest.mark.sdk


@pytest.fixture
def sdk(server):
    made = Sdk(server)
    yield made
    made.client.close()


@pytest.fixture
def recording(tmp_path: Path, high_voice: bytes) -> Path:
    path = tmp_path / "recording.wav"
    path.write_bytes(high_voice)
    return path


def test_from_consent_to_speech_and_back(sdk, recording, high_voice):
    consents, voices = sdk.client.audio.voice_consents, sdk.client.audio.voices
    consent = consents.create(name="Ada agrees", language="en-US", recording=recording)
    assert (consent.object, consent.name, consent.language) == ("audio.voice_consent", "Ada agrees", "en-US")
    assert consents.retrieve(consent.id) == consent
    assert consents.update(consent.id, name="Ada agreed").name == "Ada agreed"
    assert [found.id for found in consents.list()] == [consent.id]

    voice = voices.create(name="Ada", audio_sample=recording, consent=consent.id)
    assert (voice.object, voice.name, voice.type, voice.prompt) == ("audio.voice", "Ada", "audio_sample", None)
    text = "This is what I sound like when somebody else writes the words."
    by_object = sdk.speak(voice={"id": voice.id}, input=text, response_format="wav")
    assert by_object == sdk.speak(voice=voice.id, input=text, response_format="wav")
    assert median_pitch(by_object) == pytest.approx(median_pitch(high_voice), rel=0.08)

    deleted = voices.delete(voice.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (voice.id, True, "audio.voice.deleted")
    with pytest.raises(openai.NotFoundError):
        voices.delete(voice.id)
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.speak(voice={"id": voice.id})
    assert (caught.value.param, caught.value.code) == ("voice", "voice_not_found")
    assert consents.retrieve(consent.id).name == "Ada agreed"
    assert consents.delete(consent.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        consents.retrieve(consent.id)


def test_all_pages_of_the_list(sdk, recording):
    made = [
        sdk.client.audio.voice_consents.create(name=f"{number}", language="en", recording=recording).id
        for number in range(3)
    ]
    assert [consent.id for consent in sdk.client.audio.voice_consents.list(limit=1)] == made[::-1]
    assert sdk.requests == 3 + 3


def test_a_voice_from_a_description_is_refused(sdk):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.client.audio.voices.create(name="Captain", type="prompt", prompt="An old captain")
    assert sdk.requests == 1
    assert caught.value.param == "type"
    assert "description are not offered" in caught.value.message


@pytest.mark.parametrize(
    ("recording", "status"),
    [(("voice.txt", io.BytesIO(b"text"), "text/plain"), 400), (("voice.wav", io.BytesIO(b"text"), "audio/wav"), 400)],
)
def test_what_is_no_recording_is_said_once(sdk, recording, status):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.client.audio.voice_consents.create(name="x", language="en", recording=recording)
    assert (caught.value.status_code, caught.value.param) == (status, "recording")
    assert sdk.requests == 1


async def test_the_asynchronous_client(server, high_voice):
    key = await asyncio.to_thread(server.new_key)
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{server.url}/openai/v1") as client:
        sound = ("ada.wav", high_voice)
        consent = await client.audio.voice_consents.create(name="Ada agrees", language="en", recording=sound)
        voice = await client.audio.voices.create(name="Ada", audio_sample=sound, consent=consent.id)
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice=voice.id, input="Hello there, how are you?", response_format="wav"
        ) as answer:
            assert (await answer.read()).startswith(b"RIFF")


def test_an_idempotency_key_makes_one_voice(sdk, recording):
    headers = {"Idempotency-Key": "one voice"}
    consent = sdk.client.audio.voice_consents.create(name="Ada agrees", language="en", recording=recording)
    made = [
        sdk.client.audio.voices.create(name="Ada", audio_sample=recording, consent=consent.id, extra_headers=headers).id
        for _ in range(2)
    ]
    assert made[0] == made[1]
