from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from myna.http.magichour.errors import first_fault
from myna.http.magichour.schemas import UploadUrlsBody, VoiceGeneratorBody


def body(**changes):
    style = {"prompt": "Hello", "voice_name": "Morgan Freeman", **changes.pop("style", {})}
    return json.dumps({"style": style, **changes}).encode()


@pytest.mark.parametrize(
    "sent",
    [
        body(),
        body(name=None),
        body(name="Mine"),
        body(name=""),
        body(extra={"nested": [1]}, style={"speed": 1.2}),
        body(style={"prompt": "x" * 1_000}),
        body(style={"prompt": "😀" * 1_000}),
        body(style={"prompt": " "}),
    ],
)
def test_valid_bodies(sent):
    parsed = VoiceGeneratorBody.model_validate_json(sent)
    assert parsed.style.voice_name == "Morgan Freeman"


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        (b"{}", "style", "required"),
        (b'{"style":null}', "style", "object"),
        (b'{"style":{"voice_name":"x"}}', "style.prompt", "required"),
        (b'{"style":{"prompt":"x"}}', "style.voice_name", "required"),
        (body(style={"prompt": ""}), "style.prompt", "at least 1 character"),
        (body(style={"prompt": "x" * 1_001}), "style.prompt", "at most 1000 characters"),
        (body(style={"prompt": 7}), "style.prompt", "valid string"),
        (body(style={"prompt": None}), "style.prompt", "valid string"),
        (body(style={"prompt": "a\0b"}), "style.prompt", "U+0000"),
        (body(style={"voice_name": ["x"]}), "style.voice_name", "valid string"),
        (body(name=7), "name", "valid string"),
        (body(name="x" * 501), "name", "at most 500 characters"),
        (b"[]", None, "must be a JSON object"),
        (b'"text"', None, "must be a JSON object"),
        (b"null", None, "must be a JSON object"),
        (b'{"style":', None, "not valid JSON"),
        (b"\xff\xfe{}", None, "not valid JSON"),
        (b'{"style":{"prompt":"\\ud800","voice_name":"x"}}', None, "not valid JSON"),
        (b"[" * 100_000, None, "not valid JSON"),
    ],
)
def test_invalid_bodies_name_the_field(sent, field, words):
    with pytest.raises(ValidationError) as caught:
        VoiceGeneratorBody.model_validate_json(sent)
    error = first_fault(caught.value)
    assert error.field == field
    assert words in error.message
    assert error.message.startswith(field or "The request body")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": {}}, "items"),
        ({"items": [{"type": "audio"}]}, "items[0].extension"),
        ({"items": [{"type": "audio", "extension": "wav"}, {"type": "text", "extension": "txt"}]}, "items[1].type"),
        ({"items": [{"type": "audio", "extension": ".wav"}]}, "items[0].extension"),
        ({"items": [{"type": "audio", "extension": "WAV"}]}, "items[0].extension"),
        ({"items": [{"type": "audio", "extension": "wav\n"}]}, "items[0].extension"),
        ({"items": [{"type": "audio", "extension": ""}]}, "items[0].extension"),
        ({"items": [{"type": "audio", "extension": "wav"}] * 1_001}, "items"),
    ],
)
def test_invalid_uploads_name_the_field(sent, field):
    with pytest.raises(ValidationError) as caught:
        UploadUrlsBody.model_validate_json(json.dumps(sent))
    assert first_fault(caught.value).field == field
