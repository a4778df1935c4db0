from __future__ import annotations

import base64
import json

import pytest

from myna.http.openai import mapping
from myna.http.openai.schemas import SpeechBody, VoiceReference
from myna.voices.schemas import Voice

VOICE = Voice(id="fake:en-US.1", name="One", engine="fake", languages=("en-US",), gender="female")


def body(**fields):
    return SpeechBody(**{"model": "tts-1", "input": "Hello", "voice": "alloy", **fields})


def test_a_voice_by_name_or_by_id():
    assert mapping.voice_name(body()) == "alloy"
    assert mapping.voice_name(body(voice=VoiceReference(id="voice_1"))) == "voice_1"


def test_defaults():
    request = mapping.speech_request(body(), VOICE)
    assert (request.text, request.voice_id, request.speed) == ("Hello", "fake:en-US.1", 1.0)
    assert (request.format, request.sample_rate) == ("mp3", 24_000)


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_formats_and_speed(format):
    request = mapping.speech_request(body(response_format=format, speed=0.25), VOICE)
    assert (request.format, request.speed, request.sample_rate) == (format, 0.25, 24_000)


def test_models():
    found = mapping.model_list(["espeak"]).model_dump()
    assert found["object"] == "list"
    assert [entry["id"] for entry in found["data"]][-1] == "espeak"
    assert all(set(entry) == {"id", "object", "created", "owned_by"} for entry in found["data"])


def test_voices():
    found = mapping.voice_list([VOICE]).voices
    assert len(found) == 14
    assert (found[0].id, found[-1].id, found[-1].name) == ("alloy", "fake:en-US.1", "One")


@pytest.mark.parametrize(("text", "seconds", "spent", "made"), [("", 0.0, 0, 0), ("Hello", 1.01, 2, 21)])
def test_usage(text, seconds, spent, made):
    used = mapping.usage(text, seconds)
    assert (used.input_tokens, used.output_tokens, used.total_tokens) == (spent, made, spent + made)


def event(raw):
    assert raw.startswith(b"data: ")
    assert raw.endswith(b"\n\n")
    return json.loads(raw.removeprefix(b"data: "))


def test_events():
    delta = event(mapping.delta_event(b"\x00\xff" * 1000))
    assert delta["type"] == "speech.audio.delta"
    assert base64.b64decode(delta["audio"]) == b"\x00\xff" * 1000
    done = event(mapping.done_event(mapping.usage("Hello", 1)))
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 2, "output_tokens": 20, "total_tokens": 22},
    }
    failed = event(mapping.error_event(b'{"error":{"message":"m"}}'))
    assert failed == {"type": "error", "error": {"message": "m"}}
