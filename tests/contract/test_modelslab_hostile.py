"""ModelsLab: every field of every endpoint with every kind of nonsense. None of it breaks the server."""

from __future__ import annotations

import base64
import json

import pytest

from tests.fixtures.modelslab import Client

FAKES = "fake,fake-recognition,fake-translation"
NONSENSE = (
    "null", "true", "false", "0", "-1", "1.5", "1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 400, "9" * 4_000,
    '""', '" "', '"\\u0000"', '"\\ud800"', '"a\\ud800b"', '"\\ud83d\\udca5"', '"1e999"', '"nan"', f'"{3_000 * "x"}"',
    '"../../../etc/passwd"', '"%00"', '",,"', '"!!!"', '"javascript:alert(1)"', '"http://"', '"http://["',
    '"http://127.0.0.1:99999/x"', '"http://[::1]/x"', '"file:///etc/passwd"', '"data:"', '"data:audio/wav;base64,"',
    "[]", "{}", "[1]", '{"a": [null]}', "[" * 900 + "]" * 900,
)  # fmt: skip
NOWHERE = "http://127.0.0.1:1/film.mp4"
"""Where nobody answers."""
ENDPOINTS = {
    "v6/voice/create_dubbing": (
        {"init_video": NOWHERE, "output_lang": "es"},
        ("source_lang", "voice_id", "voice_model", "speed", "file_prefix", "base64", "seed", "webhook", "track_id",
         "num_speakers", "target_language"),
    ),
    "v6/voice/text_to_speech": (
        {"prompt": "Hello."},
        ("voice_id", "language", "speed", "emotion", "temp", "webhook", "track_id", "output_format", "base64", "seed"),
    ),
    "v6/voice/text_to_audio": (
        {"prompt": "Hello.", "init_audio": NOWHERE},
        ("voice_id", "language", "speed", "base64", "temp", "stream", "webhook", "track_id"),
    ),
    "v6/voice/speech_to_text": (
        {"init_audio": NOWHERE, "language": "en"},
        ("timestamp_level", "audio_url", "input_language", "webhook", "track_id", "base64"),
    ),
    "v6/voice/voice_upload": (
        {"name": "Anna", "init_audio": NOWHERE, "language": "english"},
        ("gender", "thumbnail", "base64"),
    ),
    "v6/voice/voice_list": ({"type": "manual"}, ()),
    "v6/voice/base64_to_url": ({"init_audio": base64.b64encode(b"RIFF").decode()}, ()),
    "v6/base64_to_url": ({"base64_string": base64.b64encode(b"RIFF").decode()}, ("init_audio", "init_image")),
    "v6/voice/fetch": ({"request_id": "1"}, ("fetch_id", "id")),
    "v6/processing/request_count": ({}, ()),
    "v6/voice/voice_cover": ({"init_audio": NOWHERE}, ("model_id",)),
}  # fmt: skip


@pytest.fixture(scope="module")
def fakes_server(make_module_server):
    return make_module_server(MYNA_ENGINES=FAKES, MYNA_RATE_LIMITS="off", MYNA_FETCH_ALLOW="127.0.0.0/8")


def sent(client, http, path, fields, name, value):
    """What comes back when one field is this JSON."""
    usual = {key: text for key, text in {"key": client.key, **fields}.items() if key != name}
    body = json.dumps(usual)[:-1] + (", " if usual else "") + f'"{name}": {value}}}'
    return http.post(f"{client.server.url}/api/{path}", content=body.encode())


def is_proper(answer):
    said = answer.json()
    if answer.status_code == 200:
        return said["status"] in ("success", "processing", "failed") and isinstance(said.get("output", []), list)
    return answer.status_code < 500 and said["status"] == "error" and isinstance(said["message"], str)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_nonsense_in_a_field_is_answered_and_never_breaks_anything(fakes_server, http, path):
    """Without credits, so that what can be read is not worked on."""
    client = Client(fakes_server, http, credits=0)
    fields, others = ENDPOINTS[path]
    for name in ("key", *fields, *others):
        for value in NONSENSE:
            answer = sent(client, http, path, fields, name, value)
            assert is_proper(answer), (name, value[:60], answer.status_code, answer.text)
    assert client.balance() == 0


@pytest.mark.parametrize("name", ["track_id", "voice_id", "language", "emotion", "temp", "seed"])
def test_what_is_kept_of_nonsense_breaks_nothing_either(fakes_server, http, name):
    client = Client(fakes_server, http)
    for value in NONSENSE:
        answer = sent(client, http, "v6/voice/text_to_speech", {"prompt": "Hi."}, name, value)
        assert is_proper(answer), (value[:60], answer.status_code, answer.text)
        if answer.status_code == 200:
            assert client.finished(answer.json()["id"])["status"] == "success"
