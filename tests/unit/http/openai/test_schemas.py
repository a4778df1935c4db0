from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from myna.http.openai.errors import refused
from myna.http.openai.mapping import check_combination
from myna.http.openai.schemas import SpeechBody, VoiceReference

LEAST = {"model": "tts-1", "input": "Hello", "voice": "alloy"}


def parse(**fields):
    body = {name: value for name, value in {**LEAST, **fields}.items() if value is not ...}
    return SpeechBody.model_validate_json(json.dumps(body))


def refusal(**fields):
    with pytest.raises(ValidationError) as caught:
        parse(**fields)
    error = refused(caught.value)
    return error.field, error.reason


def test_the_least():
    body = parse()
    assert (body.model, body.input, body.voice) == ("tts-1", "Hello", "alloy")
    assert body.response_format is body.speed is body.stream_format is None


@pytest.mark.parametrize(
    "fields",
    [
        {"voice": {"id": "voice_1234"}},
        {"model": "anything at all"},
        {"input": "x" * 4096},
        {"input": "😀" * 4096},
        {"speed": 0.25},
        {"speed": 4},
        {"speed": None, "instructions": None, "response_format": None},
        {"instructions": "x" * 4096},
        {"stream_format": "sse"},
        {"unknown": [1, 2], "extra_body": {}},
        *({"response_format": name} for name in ("mp3", "opus", "aac", "flac", "wav", "pcm")),
    ],
)
def test_accepted(fields):
    parse(**fields)


def test_a_voice_by_id():
    assert parse(voice={"id": "voice_1"}).voice == VoiceReference(id="voice_1")


@pytest.mark.parametrize(
    ("fields", "parameter", "reason"),
    [
        ({"model": ...}, "model", "missing_required_parameter"),
        ({"input": ...}, "input", "missing_required_parameter"),
        ({"voice": ...}, "voice", "missing_required_parameter"),
        ({"voice": {}}, "voice.id", "missing_required_parameter"),
        ({"voice": {"id": "a", "name": "b"}}, "voice.name", "unknown_parameter"),
        ({"voice": {"id": 3}}, "voice.id", "invalid_type"),
        ({"voice": 3}, "voice", "invalid_type"),
        ({"voice": ""}, "voice", "string_below_min_length"),
        ({"input": ""}, "input", "string_below_min_length"),
        ({"input": "x" * 4097}, "input", "string_above_max_length"),
        ({"input": 3}, "input", "invalid_type"),
        ({"input": None}, "input", "invalid_type"),
        ({"model": None}, "model", "invalid_type"),
        ({"speed": 0.24}, "speed", "decimal_below_min_value"),
        ({"speed": 4.01}, "speed", "decimal_above_max_value"),
        ({"speed": "1"}, "speed", "invalid_type"),
        ({"speed": True}, "speed", "invalid_type"),
        ({"speed": float("nan")}, "speed", "invalid_type"),
        ({"speed": float("inf")}, "speed", "invalid_type"),
        ({"response_format": "ogg"}, "response_format", "invalid_value"),
        ({"stream_format": "websocket"}, "stream_format", "invalid_value"),
        ({"instructions": "x" * 4097}, "instructions", "string_above_max_length"),
    ],
)
def test_refused(fields, parameter, reason):
    assert refusal(**fields) == (parameter, reason)


@pytest.mark.parametrize("raw", [b"", b"{", b"nonsense", b'{"model": "\xff"}', b'{"input": "\\ud800"}'])
def test_not_json(raw):
    with pytest.raises(ValidationError) as caught:
        SpeechBody.model_validate_json(raw)
    assert refused(caught.value).reason == "invalid_json"


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"text"', b"3"])
def test_not_an_object(raw):
    with pytest.raises(ValidationError) as caught:
        SpeechBody.model_validate_json(raw)
    error = refused(caught.value)
    assert (error.field, error.reason) == (None, "invalid_type")


def test_events_need_a_newer_model():
    check_combination(parse(model="gpt-4o-mini-tts", stream_format="sse"))
    check_combination(parse(model="tts-1", stream_format="audio"))
    for model in ("tts-1", "tts-1-hd", "tts-1-1106"):
        with pytest.raises(Exception, match="not supported") as caught:
            check_combination(parse(model=model, stream_format="sse"))
        assert caught.value.field == "stream_format"
